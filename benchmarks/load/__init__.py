"""A load generator for TF Serving's API: `python -m benchmarks.load`. No TensorFlow."""
