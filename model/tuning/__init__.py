"""Tuning: which settings of a training do best on this data?"""
