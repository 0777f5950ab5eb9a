-- How a search is done, and why. Internal: this type is dropped and created with the functions.
CREATE TYPE open_analytic._plan AS (
    kind text,
    why text,
    goal float8,
    rows float8,
    estimated float8,
    sampled float8,
    matches float8,
    ef integer,
    taken float8,
    tuples float8,
    ranks integer[],
    needed float8[],
    efforts integer[],
    first_ms float8[],
    all_ms float8[],
    exact_ms float8,
    index_ms float8,
    try_ms float8,
    calibrated_at timestamptz,
    unit_ms float8,
    distance_ms float8,
    indexed oid,
    within text
);
COMMENT ON TYPE open_analytic._plan IS 'How a search is done, and why';
