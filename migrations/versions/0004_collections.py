"""Collections and their index as SQL functions."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
