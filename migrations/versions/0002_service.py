"""The way to the inference service: where it is, and a body in plpython3u or with dblink."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]
