"""Near duplicates, and the nearest neighbours of every row."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
