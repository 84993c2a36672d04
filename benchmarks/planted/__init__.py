"""The study of planted worlds: which claims about RecNet hold on data whose structure is known."""
