"""Prompts: one module each, the one way to call a model (`llm`), and the offline model."""
