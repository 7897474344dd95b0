"""Words are counted; PostgreSQL reads them as SQLite does: without the accents of Latin letters, parted at signs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Those that JSON is written with stay: they part words anyway.
_SIGNS = "!#$%&''()*+-./:;<=>?@^_`|~‐‑‒–—―‘’“”…·"
_FOLDED = rf"""create function folded(given text) returns text language sql immutable strict parallel safe as $$
    select translate(
        case when octet_length(given) = char_length(given) then given
            else normalize(regexp_replace(normalize(given, NFD), '([A-Za-z])[\u0300-\u036f]+', '\1', 'g'), NFC) end,
        '{_SIGNS}', repeat(' ', {len(_SIGNS) - 1})
    )
$$"""
_WORDS = """alter table papers add column words tsvector generated always as (
    setweight(to_tsvector('english', {title}), 'A')
    || setweight(jsonb_to_tsvector('simple', {authors}, '["string"]'), 'B')
    || setweight(to_tsvector('english', {summary}), 'C')
    || setweight(to_tsvector('english', {abstract}), 'D')
) stored"""
_INDEX = "create index ix_papers_words on papers using gin (words)"
_COLUMNS = ("title", "authors", "summary", "abstract")
_AS_THEY_ARE = {name: name for name in _COLUMNS}
_READ = {name: f"folded({name})" for name in _COLUMNS} | {"authors": "folded(authors::text)::jsonb"}


def upgrade() -> None:
    """Make room for counts, and read all words anew."""
    op.create_table(
        "vocabulary",
        sa.Column("word", sa.String(length=32), nullable=False),
        sa.Column("initial", sa.String(length=1), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("papers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_vocabulary")),
    )
    op.create_index("ix_vocabulary_initial_length_papers", "vocabulary", ["initial", "length", "papers"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        _run(_FOLDED)
        _read_anew(_READ)


def downgrade() -> None:
    """Read all words as before, and count none."""
    op.drop_table("vocabulary")
    op.execute("delete from bookmarks where source = 'vocabulary'")
    if op.get_bind().dialect.name == "postgresql":
        _read_anew(_AS_THEY_ARE)
        op.execute("drop function folded(text)")


def _read_anew(columns: dict[str, str]) -> None:
    op.execute("alter table papers drop column words")
    _run(_WORDS.format(**columns))
    op.execute(_INDEX)


def _run(statement: str) -> None:
    op.execute(sa.text(statement.replace(":", "\\:")))
