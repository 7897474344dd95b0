"""A comment can be changed, and says when it was."""

import sqlalchemy as sa
from alembic import op

from reprise.site.store.types import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the time; no comment has been changed yet."""
    op.add_column("comments", sa.Column("edited", UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("comments", "edited")
