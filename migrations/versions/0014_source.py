"""A collection keeps where each of its pictures comes from."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
