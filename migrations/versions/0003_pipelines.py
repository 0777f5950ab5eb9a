"""Pipelines as SQL functions: create, run, drop."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
