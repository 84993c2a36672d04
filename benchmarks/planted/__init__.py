"""The study of planted worlds: which claims about the mechanism hold."""
