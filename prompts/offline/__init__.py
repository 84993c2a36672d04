"""Offline: a chat model and an encoder made of plain lexical methods, for machines without a model."""
