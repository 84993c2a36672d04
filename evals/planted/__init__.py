"""Planted worlds: made-up data sets whose communities and drift are known."""
