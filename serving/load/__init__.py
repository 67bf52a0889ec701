"""A load generator for TF Serving's API: `python -m serving.load`. No TensorFlow."""
