"""The names of the columns that hold an input, for each collection."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
