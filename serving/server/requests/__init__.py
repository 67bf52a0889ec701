"""What a request does, whichever transport brought it."""
