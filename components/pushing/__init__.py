"""What leaves the pipeline, under which number, and what of it is live."""
