"""The database: embedded server, connections, migrations, locks, checkpoints."""
