"""The store: one file a concern, plain functions over a connection.

Every function takes an open connection and a network id; the caller owns the transaction.
"""
