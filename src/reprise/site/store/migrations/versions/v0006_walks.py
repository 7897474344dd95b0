"""Lists are walks along indices: labels have what their papers are ordered by, and archives are labels."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ORDERS = (["state", "day", "votes", "heat"], ["state", "heat"], ["state", "votes", "heat"])
_WALKS = [
    *(("labels", ["kind", "value", *columns, "paper_id"]) for columns in _ORDERS),
    *(("papers", [*columns, "id"]) for columns in _ORDERS),
]
_BEFORE = {
    "ix_papers_day_votes": ["day", "votes"],
    "ix_papers_state_heat": ["state", "heat"],
    "ix_papers_state_day": ["state", "day"],
}
_COPY = "set state = new.state, day = new.day, votes = new.votes, heat = new.heat where paper_id = new.id"
_SQLITE = f"""create trigger labels_ranked after update of state, day, votes, heat on papers
    when old.state is not new.state or old.day is not new.day or old.votes is not new.votes or old.heat is not new.heat
    begin
        update labels {_COPY};
    end"""
_POSTGRESQL = (
    f"""create function labels_ranked() returns trigger language plpgsql as $$ begin
        update labels {_COPY};
        return null;
    end $$""",
    """create trigger labels_ranked after update of state, day, votes, heat on papers for each row
        when ((old.state, old.day, old.votes, old.heat) is distinct from (new.state, new.day, new.votes, new.heat))
        execute function labels_ranked()""",
)


def upgrade() -> None:
    """Make the labels anew, with their papers' ranks, and the indices."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("create table labels_before as select paper_id, kind, value from labels")
    op.drop_table("labels")
    op.create_table(
        "labels",
        *_key(),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("heat", sa.Double(), nullable=False),
        *_constraints(),
        sqlite_with_rowid=False,
    )
    archive = "split_part(value, '.', 1)" if postgresql else "substr(value, 1, instr(value || '.', '.') - 1)"
    op.execute(
        f"""insert into labels (paper_id, kind, value, state, day, votes, heat)
        select paper_id, kind, value, state, day, votes, heat from (
            select paper_id, kind, value from labels_before
            union select paper_id, 'archive', {archive} from labels_before where kind = 'category'
        ) labelled join papers on papers.id = labelled.paper_id"""
    )
    op.drop_table("labels_before")
    for name in _BEFORE:
        op.drop_index(name, "papers")
    for table, columns in _WALKS:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns, unique=False)
    op.create_index(
        "ix_papers_runs", "papers", ["runs"], sqlite_where=sa.text("runs = 1"), postgresql_where=sa.text("runs")
    )
    for statement in _POSTGRESQL if postgresql else (_SQLITE,):
        op.execute(statement)


def downgrade() -> None:
    """Take the ranks and the archives away."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute("drop trigger labels_ranked on papers" if postgresql else "drop trigger labels_ranked")
    if postgresql:
        op.execute("drop function labels_ranked()")
    op.drop_index("ix_papers_runs", "papers")
    for table, columns in _WALKS:
        op.drop_index(f"ix_{table}_{'_'.join(columns)}", table)
    for name, columns in _BEFORE.items():
        op.create_index(name, "papers", columns, unique=False)
    op.execute("create table labels_before as select paper_id, kind, value from labels where kind <> 'archive'")
    op.drop_table("labels")
    op.create_table("labels", *_key(), *_constraints())
    op.execute("insert into labels (paper_id, kind, value) select paper_id, kind, value from labels_before")
    op.drop_table("labels_before")
    op.create_index("ix_labels_kind_value_paper_id", "labels", ["kind", "value", "paper_id"], unique=False)


def _key() -> tuple[sa.Column, ...]:
    return (
        sa.Column("paper_id", IDENTITY, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
    )


def _constraints() -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_labels_paper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", "kind", "value", name=op.f("pk_labels")),
    )
