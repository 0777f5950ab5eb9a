"""How a search is done: planned, and corrected on the way."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
