"""Prompts: templates, replies, the one way to call a model, and the offline model."""
