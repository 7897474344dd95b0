"""The database's history, one step a file; Alembic applies them."""
