"""Evaluation: data sets, candidates, metrics, statistics, methods and tables."""
