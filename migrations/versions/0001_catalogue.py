"""The extension, the roles, the catalogue of pipelines and collections, and who may do what."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
