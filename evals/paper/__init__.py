"""Experiments: the tables of the paper, on shared networks, with what they cost and prove."""
