"""The nodes of the pipeline, in order, and what they depend on."""
