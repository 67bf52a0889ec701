"""What a training runs on: devices of one host, or several hosts."""
