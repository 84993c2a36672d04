"""The paper's Tables 2 to 5.

`design` has the rows of each table, `experiment` runs one, `tables` writes it. Networks are
trained by `jobs`; their results are stored by `results` and shared between tables.
"""
