"""The graphs' state types and contexts, one file a graph."""
