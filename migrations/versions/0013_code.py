"""Functions become code that is applied by its hash; the catalogue holds names in place of OIDs."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
