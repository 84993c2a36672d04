"""Commands: the part of the command line that needs no data set."""
