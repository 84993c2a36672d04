"""A chat model and an encoder of plain lexical methods, for machines without a model."""
