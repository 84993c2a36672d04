"""Commands that read data sets or rank: `load`, `dataset`, `evaluate`, `demo`, `paper`."""
