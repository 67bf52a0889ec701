"""How accurate is it, on which data, trained in which way, beside a linear model?"""
