"""The type of the regions that the rows of a collection have."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
