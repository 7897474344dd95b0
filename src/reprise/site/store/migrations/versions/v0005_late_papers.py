"""A subscription knows the last paper it has seen, so that those which come late under an earlier day are sent too."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the number; what is there already counts as seen."""
    op.add_column("subscriptions", sa.Column("seen", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("update subscriptions set seen = (select coalesce(max(id), 0) from papers)")


def downgrade() -> None:
    """Take it away."""
    op.drop_column("subscriptions", "seen")
