"""How fast? Each measurement side by side with what it is compared to."""
