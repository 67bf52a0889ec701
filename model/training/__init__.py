"""How the classifier is trained: data, devices, loss, steps and what is kept."""
