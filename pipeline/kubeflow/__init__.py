"""The same pipeline on Kubeflow: compiled, submitted, and run step by step."""
