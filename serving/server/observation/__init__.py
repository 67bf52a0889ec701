"""What a server says about itself: metrics, access log, request log."""
