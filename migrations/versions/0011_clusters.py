"""Clusters that keep their ids."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
