"""Which of a model's weights are trained, and what is added to it for that."""
