"""The wide branch: a linear model of word pieces and pairs, beside the encoder."""
