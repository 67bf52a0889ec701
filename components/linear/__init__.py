"""What does a linear model reach on the same rows?"""
