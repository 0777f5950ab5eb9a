"""What scripts for AnalyticDB use: distances between vectors and real[], and the access method ann."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
