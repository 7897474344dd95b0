"""The first tables, and the words of papers made searchable."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from reprise.site.store.types import UtcDateTime, Vector

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(JSONB(), "postgresql")

_COLUMNS = "title, abstract, summary, authors"
_OLD = "old.title, old.abstract, old.summary, old.authors"
_NEW = "new.title, new.abstract, new.summary, new.authors"
_WORDS_SQLITE = (
    f"""create virtual table paper_words using fts5(
        {_COLUMNS}, content='papers', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
    )""",
    f"""create trigger paper_words_added after insert on papers begin
        insert into paper_words(rowid, {_COLUMNS}) values (new.id, {_NEW});
    end""",
    f"""create trigger paper_words_removed after delete on papers begin
        insert into paper_words(paper_words, rowid, {_COLUMNS}) values ('delete', old.id, {_OLD});
    end""",
    f"""create trigger paper_words_changed after update of {_COLUMNS} on papers begin
        insert into paper_words(paper_words, rowid, {_COLUMNS}) values ('delete', old.id, {_OLD});
        insert into paper_words(rowid, {_COLUMNS}) values (new.id, {_NEW});
    end""",
)
_WORDS_POSTGRESQL = (
    """alter table papers add column words tsvector generated always as (
        setweight(to_tsvector('english', title), 'A')
        || setweight(jsonb_to_tsvector('simple', authors, '["string"]'), 'B')
        || setweight(to_tsvector('english', summary), 'C')
        || setweight(to_tsvector('english', abstract), 'D')
    ) stored""",
    "create index ix_papers_words on papers using gin (words)",
    "create index ix_embeddings_vector on embeddings using hnsw (vector halfvec_ip_ops)",
)


def upgrade() -> None:
    """Make the tables."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute("create extension if not exists vector")
    op.create_table(
        "accounts",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email", name=op.f("uq_accounts_email")),
    )
    op.create_table(
        "bookmarks",
        sa.Column("source", sa.String(length=96), nullable=False),
        sa.Column("state", JSON, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_bookmarks")),
    )
    op.create_table(
        "login_tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
        sa.Column("used", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_tokens")),
    )
    op.create_index(op.f("ix_login_tokens_email"), "login_tokens", ["email"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("headers", JSON, nullable=False),
        sa.Column("message_id", sa.String(length=160), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("claimed", UtcDateTime(), nullable=True),
        sa.Column("sent", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index(op.f("ix_outbox_due"), "outbox", ["due"], unique=False)
    op.create_table(
        "papers",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("arxiv", sa.String(length=32), nullable=True),
        sa.Column("slug", sa.String(length=64), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("authors", JSON, nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("updated", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("primary_category", sa.String(length=32), nullable=False),
        sa.Column("family", sa.String(length=32), nullable=False),
        sa.Column("runs", sa.Boolean(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("views", sa.Integer(), nullable=False),
        sa.Column("comments", sa.Integer(), nullable=False),
        sa.Column("heat", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_papers")),
        sa.UniqueConstraint("arxiv", name=op.f("uq_papers_arxiv")),
        sa.UniqueConstraint("slug", name=op.f("uq_papers_slug")),
    )
    op.create_index("ix_papers_day_votes", "papers", ["day", "votes"], unique=False)
    op.create_index(op.f("ix_papers_family"), "papers", ["family"], unique=False)
    op.create_index(op.f("ix_papers_link"), "papers", ["link"], unique=False)
    op.create_index(op.f("ix_papers_primary_category"), "papers", ["primary_category"], unique=False)
    op.create_index("ix_papers_state_day", "papers", ["state", "day"], unique=False)
    op.create_index("ix_papers_state_heat", "papers", ["state", "heat"], unique=False)
    op.create_table(
        "subscriptions",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("frequency", sa.String(length=8), nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("confirmed", UtcDateTime(), nullable=True),
        sa.Column("sent_through", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint(
            "email", "frequency", "scope", "query", name=op.f("uq_subscriptions_email_frequency_scope_query")
        ),
    )
    op.create_index(op.f("ix_subscriptions_email"), "subscriptions", ["email"], unique=False)
    op.create_table(
        "authorships",
        sa.Column("account_id", IDENTITY, nullable=False),
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("decided_by", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_authorships_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_authorships_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "paper_id", name=op.f("pk_authorships")),
    )
    op.create_index(op.f("ix_authorships_paper_id"), "authorships", ["paper_id"], unique=False)
    op.create_index(op.f("ix_authorships_state"), "authorships", ["state"], unique=False)
    op.create_table(
        "comments",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("account_id", IDENTITY, nullable=True),
        sa.Column("parent_id", IDENTITY, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_comments_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_comments_paper_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent_id"], ["comments.id"], name=op.f("fk_comments_parent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index(op.f("ix_comments_account_id"), "comments", ["account_id"], unique=False)
    op.create_index(op.f("ix_comments_paper_id"), "comments", ["paper_id"], unique=False)
    op.create_index(op.f("ix_comments_parent_id"), "comments", ["parent_id"], unique=False)
    op.create_table(
        "embeddings",
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("vector", Vector(), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_embeddings_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", name=op.f("pk_embeddings")),
    )
    op.create_table(
        "labels",
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_labels_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", "kind", "value", name=op.f("pk_labels")),
    )
    op.create_index("ix_labels_kind_value_paper_id", "labels", ["kind", "value", "paper_id"], unique=False)
    op.create_table(
        "lists",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("account_id", IDENTITY, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_lists_account_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lists")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_lists_account_id_name")),
    )
    op.create_index(op.f("ix_lists_account_id"), "lists", ["account_id"], unique=False)
    op.create_table(
        "login_sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", IDENTITY, nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_login_sessions_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_sessions")),
    )
    op.create_index(op.f("ix_login_sessions_account_id"), "login_sessions", ["account_id"], unique=False)
    op.create_table(
        "notes",
        sa.Column("account_id", IDENTITY, nullable=False),
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_notes_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_notes_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "paper_id", name=op.f("pk_notes")),
    )
    op.create_index(op.f("ix_notes_paper_id"), "notes", ["paper_id"], unique=False)
    op.create_table(
        "reads",
        sa.Column("account_id", IDENTITY, nullable=False),
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_reads_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_reads_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "paper_id", name=op.f("pk_reads")),
    )
    op.create_index(op.f("ix_reads_paper_id"), "reads", ["paper_id"], unique=False)
    op.create_table(
        "saved_searches",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("account_id", IDENTITY, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_saved_searches_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_saved_searches_account_id_name")),
    )
    op.create_index(op.f("ix_saved_searches_account_id"), "saved_searches", ["account_id"], unique=False)
    op.create_table(
        "submissions",
        sa.Column("id", IDENTITY, nullable=False),
        sa.Column("account_id", IDENTITY, nullable=True),
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("decided", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_submissions_account_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_submissions_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
    )
    op.create_index(op.f("ix_submissions_account_id"), "submissions", ["account_id"], unique=False)
    op.create_index(op.f("ix_submissions_paper_id"), "submissions", ["paper_id"], unique=False)
    op.create_index(op.f("ix_submissions_state"), "submissions", ["state"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("claim", sa.String(length=96), nullable=False),
        sa.Column("scale", sa.String(length=12), nullable=False),
        sa.Column("verdict", sa.String(length=24), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_verdicts_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", "claim", "scale", name=op.f("pk_verdicts")),
    )
    op.create_table(
        "views",
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_views_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", "day", name=op.f("pk_views")),
    )
    op.create_table(
        "votes",
        sa.Column("account_id", IDENTITY, nullable=False),
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_votes_account_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_votes_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "paper_id", name=op.f("pk_votes")),
    )
    op.create_index(op.f("ix_votes_paper_id"), "votes", ["paper_id"], unique=False)
    op.create_table(
        "listed",
        sa.Column("list_id", IDENTITY, nullable=False),
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name=op.f("fk_listed_list_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_listed_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("list_id", "paper_id", name=op.f("pk_listed")),
    )
    op.create_index(op.f("ix_listed_paper_id"), "listed", ["paper_id"], unique=False)

    for statement in _WORDS_POSTGRESQL if postgresql else _WORDS_SQLITE:
        op.execute(sa.text(statement.replace(":", "\\:")))


def downgrade() -> None:
    """Take everything away: before this there is nothing."""
    connection = op.get_bind()
    made = sa.MetaData()
    made.reflect(connection, only=lambda name, _: name != "alembic_version" and not name.startswith("paper_words"))
    if connection.dialect.name == "sqlite":
        for trigger in ("added", "removed", "changed"):
            op.execute(f"drop trigger paper_words_{trigger}")
        op.execute("drop table paper_words")
    made.drop_all(connection)
