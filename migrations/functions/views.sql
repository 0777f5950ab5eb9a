CREATE OR REPLACE VIEW open_analytic.current_pipelines AS
SELECT DISTINCT ON (name)
    name, version, input, output, dim, created_at, hash, many, definition
FROM open_analytic.pipelines
WHERE dropped_at IS NULL
ORDER BY name, version DESC;
COMMENT ON VIEW open_analytic.current_pipelines IS
    'The pipelines that can be run, each in its newest version';

CREATE OR REPLACE VIEW open_analytic.search_quality AS
SELECT
    a.schema_name,
    a.table_name,
    a.plan,
    count(*) AS searches,
    avg(a.recall) AS recall,
    avg(a.target_recall) AS target_recall,
    avg(a.recall) < avg(a.target_recall) AS under_target,
    max(a.at) AS last_at
FROM open_analytic.search_audits AS a
WHERE a.at > now() - interval '7 days'
GROUP BY a.schema_name, a.table_name, a.plan;
COMMENT ON VIEW open_analytic.search_quality IS
    'The recall that searches had in the last week, by collection and plan';

CREATE OR REPLACE VIEW open_analytic.current_rates AS
SELECT
    p.name AS pipeline,
    p.version,
    t.metric,
    r.false_accept_rate,
    r.distance,
    r.true_accept_rate,
    r.false_accepts,
    r.upper_bound,
    t.same_pairs,
    t.different_pairs,
    t.source,
    t.measured_at,
    p.hash
FROM open_analytic.current_pipelines AS p
CROSS JOIN LATERAL (
    -- Rates measured on your own pairs go before those that came with the pipeline.
    SELECT DISTINCT ON (either.metric) either.*
    FROM (
        SELECT
            1 AS place, d.metric, d.same_pairs, d.different_pairs, d.source, d.measured_at, d.rates
        FROM open_analytic.distance_rates AS d
        WHERE d.pipeline = p.name AND d.version = p.version
        UNION ALL
        SELECT 2, s.metric, s.same_pairs, s.different_pairs, s.source, s.measured_at, s.rates
        FROM open_analytic.preset_rates AS s
        WHERE s.hash = p.hash
    ) AS either
    ORDER BY either.metric, either.place
) AS t
CROSS JOIN LATERAL jsonb_to_recordset(t.rates) AS r (
    false_accept_rate float8, distance float8, true_accept_rate float8, false_accepts integer,
    upper_bound float8
);
COMMENT ON VIEW open_analytic.current_rates IS
    'Distance -> false accept rate of each pipeline''s newest version: below the distance two '
    'inputs are taken for the same';
