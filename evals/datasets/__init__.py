"""Data sets: the `DatasetReader` protocol, one file a format, and the registry of all of them."""
