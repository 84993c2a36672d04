"""Baselines: the `Ranker` protocol, one file a ranker, and the registry of all of them."""
