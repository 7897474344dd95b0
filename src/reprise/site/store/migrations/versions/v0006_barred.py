"""Addresses that are barred from logging in."""

import sqlalchemy as sa
from alembic import op

from reprise.site.store.types import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "barred",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_barred")),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("barred")
