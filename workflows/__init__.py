"""Workflows: the state machines, the training driver, the façade and the command line."""
