"""JSON as TF Serving reads and writes it."""
