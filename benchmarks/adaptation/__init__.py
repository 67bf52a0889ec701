"""Which way of fine-tuning is worth what: all of them on one data set, side by side."""
