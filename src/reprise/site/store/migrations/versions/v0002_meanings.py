"""A paper whose text changes waits to be encoded again; digests of meanings are read without their vectors."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQLITE = """create trigger embeddings_stale after update of title, abstract, summary on papers
    when old.title is not new.title or old.abstract is not new.abstract or old.summary is not new.summary begin
        update embeddings set digest = '' where paper_id = new.id;
    end"""
_POSTGRESQL = (
    """create function embeddings_stale() returns trigger language plpgsql as $$ begin
        update embeddings set digest = '' where paper_id = new.id;
        return null;
    end $$""",
    """create trigger embeddings_stale after update of title, abstract, summary on papers for each row
        when ((old.title, old.abstract, old.summary) is distinct from (new.title, new.abstract, new.summary))
        execute function embeddings_stale()""",
)


def upgrade() -> None:
    """Add the index and the trigger."""
    op.create_index("ix_embeddings_digest_paper_id", "embeddings", ["digest", "paper_id"], unique=False)
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else (_SQLITE,):
        op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    """Take both away."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("drop trigger embeddings_stale on papers" if postgresql else "drop trigger embeddings_stale")
    if postgresql:
        op.execute("drop function embeddings_stale()")
    op.drop_index("ix_embeddings_digest_paper_id", "embeddings")
