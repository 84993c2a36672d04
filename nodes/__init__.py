"""Nodes: what the graphs do, one file a concern."""
