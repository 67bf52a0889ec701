"""One run on this machine, from a file to what was pushed."""
