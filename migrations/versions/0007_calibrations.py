"""What is known of the index of a collection, and how well searches did."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
