"""State: domain types, settings, Postgres and the store."""
