"""What a server's request logs become: warm-up files, and data for skew checks."""
