"""Alembic's entry: runs the steps on the connection that `reprise.site.store.engine.migrate` gives."""

from alembic import context

from reprise.site.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
