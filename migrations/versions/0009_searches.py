"""Searches that keep the recall they are asked for, and say how."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
