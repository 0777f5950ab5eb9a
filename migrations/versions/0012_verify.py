"""Verification: distances with the false accept rates that were measured on labelled pairs."""

from pathlib import Path

from alembic import context, op

revision = "0012"
down_revision = "0011"

PRESETS = Path(__file__).parents[2] / "pipelines"  # beside migrations, in a checkout and in the wheel

# What this package ships. A definition is known by its hash, so a table never changes its meaning; a newer measurement
# is loaded by a newer revision the same way.
LOAD = """
INSERT INTO open_analytic.preset_rates AS p
SELECT * FROM jsonb_populate_record(NULL::open_analytic.preset_rates, $rates${table}$rates$)
ON CONFLICT (hash, metric) DO UPDATE SET same_pairs = excluded.same_pairs, different_pairs = excluded.different_pairs,
    source = excluded.source, measured_at = excluded.measured_at, rates = excluded.rates;
"""


def upgrade() -> None:
    op.run_file(__file__, "up")  # type: ignore[attr-defined]
    for file in sorted(PRESETS.glob("*.rates.json")):
        _run(LOAD.replace("{table}", file.read_text(encoding="utf-8").strip()))


def downgrade() -> None:
    op.run_file(__file__, "down")  # type: ignore[attr-defined]


def _run(statement: str) -> None:
    """As it stands, online and in a printed script: the same as ``run_file`` does with a file."""
    if context.is_offline_mode():
        op.get_context().impl.static_output(statement)
    else:
        op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})
