-- Searches that keep the recall they are asked for. What the index gives is known from calibrations; what a filter keeps is
-- estimated, and corrected while the index is walked. Names of pgvector's objects are written with @vector@, its schema.

CREATE TABLE open_analytic.calibrations (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    measured_at timestamptz NOT NULL DEFAULT now(),
    rows float8 NOT NULL CHECK (rows > 0),
    queries integer NOT NULL,
    scan_cost float8 NOT NULL CHECK (scan_cost > 0),
    scan_ms float8 NOT NULL,
    exact_ms float8 NOT NULL,
    efforts integer[] NOT NULL,
    first_ms float8[] NOT NULL,
    all_ms float8[] NOT NULL,
    ranks integer[] NOT NULL,
    recalls float8[] NOT NULL,
    PRIMARY KEY (schema_name, table_name),
    FOREIGN KEY (schema_name, table_name) REFERENCES open_analytic.collections (schema_name, table_name) ON DELETE CASCADE
);
COMMENT ON TABLE open_analytic.calibrations IS 'What searches of a collection cost and find, as open_analytic.calibrate measured it';
COMMENT ON COLUMN open_analytic.calibrations.scan_cost IS 'What PostgreSQL''s planner says that a look at every row costs';
COMMENT ON COLUMN open_analytic.calibrations.scan_ms IS 'How long that look takes';
COMMENT ON COLUMN open_analytic.calibrations.exact_ms IS 'How long it takes to measure every row';
COMMENT ON COLUMN open_analytic.calibrations.efforts IS 'Rows taken from the index, the nearest first, more or less';
COMMENT ON COLUMN open_analytic.calibrations.first_ms IS 'How long the ten nearest take at each effort';
COMMENT ON COLUMN open_analytic.calibrations.all_ms IS 'How long all rows of each effort take';
COMMENT ON COLUMN open_analytic.calibrations.recalls IS 'For each effort and each of ranks: which part of so many true neighbours was among the rows, or of those since the rank before when that was less';
REVOKE ALL ON open_analytic.calibrations FROM PUBLIC;
GRANT SELECT ON open_analytic.calibrations TO open_analytic_user;
GRANT INSERT, UPDATE, DELETE ON open_analytic.calibrations TO open_analytic_admin;

CREATE TABLE open_analytic.search_audits (
    at timestamptz NOT NULL DEFAULT now(),
    schema_name text NOT NULL,
    table_name text NOT NULL,
    plan text NOT NULL,
    k integer NOT NULL,
    filtered boolean NOT NULL,
    target_recall float8 NOT NULL,
    recall float8 NOT NULL CHECK (recall BETWEEN 0 AND 1),
    FOREIGN KEY (schema_name, table_name) REFERENCES open_analytic.collections (schema_name, table_name) ON DELETE CASCADE
);
CREATE INDEX ON open_analytic.search_audits (schema_name, table_name, at);
COMMENT ON TABLE open_analytic.search_audits IS 'Searches that were done again exactly, of the last thirty days';
CREATE VIEW open_analytic.search_quality AS
SELECT a.schema_name, a.table_name, a.plan, count(*) AS searches, avg(a.recall) AS recall, avg(a.target_recall) AS target_recall,
       avg(a.recall) < avg(a.target_recall) AS under_target, max(a.at) AS last_at
FROM open_analytic.search_audits AS a
WHERE a.at > now() - interval '7 days'
GROUP BY a.schema_name, a.table_name, a.plan;
COMMENT ON VIEW open_analytic.search_quality IS 'The recall that searches had in the last week, by collection and plan';
REVOKE ALL ON open_analytic.search_audits, open_analytic.search_quality FROM PUBLIC;
GRANT SELECT ON open_analytic.search_audits, open_analytic.search_quality TO open_analytic_user;

CREATE FUNCTION open_analytic._record_audit(collection regclass, plan text, k integer, filtered boolean, target_recall float8, recall float8) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    -- Whoever may search may say how well it went, of what he may read, and nothing else.
    IF NOT has_table_privilege(session_user, collection, 'SELECT') THEN
        RAISE insufficient_privilege USING MESSAGE = format('permission denied for table %s', collection);
    END IF;
    DELETE FROM open_analytic.search_audits AS a WHERE a.schema_name = info.schema_name AND a.table_name = info.table_name AND a.at < now() - interval '30 days';
    INSERT INTO open_analytic.search_audits (schema_name, table_name, plan, k, filtered, target_recall, recall)
    VALUES (info.schema_name, info.table_name, left(plan, 40), k, filtered, target_recall, recall);
END
$$;
COMMENT ON FUNCTION open_analytic._record_audit IS 'Keep what came of a search that was done again exactly';

CREATE TYPE open_analytic._plan AS (
    kind text, why text, goal float8, rows float8, estimated float8, sampled float8, matches float8, ef integer, tuples float8,
    ranks integer[], needed float8[], efforts integer[], first_ms float8[], all_ms float8[], exact_ms float8, index_ms float8, try_ms float8, calibrated_at timestamptz
);
COMMENT ON TYPE open_analytic._plan IS 'How a search is done, and why';

CREATE FUNCTION open_analytic._needed(ranks integer[], needed float8[], rank float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    FOR j IN 1 .. cardinality(ranks) LOOP
        IF ranks[j] >= rank THEN
            RETURN needed[j];
        END IF;
    END LOOP;
    RETURN NULL; -- nobody measured so far
END
$$;
COMMENT ON FUNCTION open_analytic._needed IS 'How many rows the index has to give so that the nearest so many are among them; NULL when no effort is enough';

CREATE FUNCTION open_analytic._ms(efforts integer[], ms float8[], tuples float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    i integer := 2;
BEGIN
    IF cardinality(efforts) = 1 THEN
        RETURN ms[1] * tuples / efforts[1];
    END IF;
    WHILE i < cardinality(efforts) AND efforts[i] < tuples LOOP
        i := i + 1;
    END LOOP;
    RETURN greatest(ms[1] / 2, ms[i - 1] + (ms[i] - ms[i - 1]) * (tuples - efforts[i - 1]) / (efforts[i] - efforts[i - 1]));
END
$$;
COMMENT ON FUNCTION open_analytic._ms IS 'How long so many rows of the index take, between what was measured and beyond';

CREATE FUNCTION open_analytic._curve(info open_analytic.collections, target float8, plan open_analytic._plan, OUT plan_ open_analytic._plan, OUT unit_ms float8, OUT distance_ms float8)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c open_analytic.calibrations;
    low float8;
BEGIN
    plan_ := plan;
    SELECT * INTO c FROM open_analytic.calibrations AS a
    WHERE a.schema_name = info.schema_name AND a.table_name = info.table_name AND a.measured_at >= info.created_at;
    IF c.rows IS NULL THEN
        -- Never measured: generous, and by what such rows cost elsewhere.
        plan_.goal := target;
        plan_.ranks := ARRAY[10, 100, 1000];
        plan_.needed := CASE WHEN target <= 0.9 THEN '{200,600,4000}' WHEN target <= 0.95 THEN '{400,1000,6000}' WHEN target <= 0.99 THEN '{1000,2000,10000}' ELSE '{4000,8000,20000}' END;
        plan_.efforts := ARRAY[40, 1000, 2000];
        plan_.first_ms := ARRAY[0.4, 2, 3];
        plan_.all_ms := ARRAY[0.6, 5, 15];
        unit_ms := 0.00065;
        distance_ms := info.dim * 8e-7;
        RETURN;
    END IF;
    plan_.calibrated_at := c.measured_at;
    plan_.goal := target + 0.25 * (1 - target); -- room for what a sample of queries does not show
    plan_.ranks := c.ranks;
    plan_.efforts := c.efforts;
    plan_.first_ms := c.first_ms;
    plan_.all_ms := c.all_ms;
    FOR j IN 1 .. cardinality(c.ranks) LOOP
        plan_.needed[j] := NULL;
        FOR i IN 1 .. cardinality(c.efforts) LOOP
            IF c.efforts[i] >= c.ranks[j] AND c.recalls[i][j] >= plan_.goal THEN
                low := CASE WHEN i > 1 AND c.efforts[i - 1] >= c.ranks[j] THEN c.recalls[i - 1][j] END;
                plan_.needed[j] := CASE WHEN low < plan_.goal
                    THEN ceil(c.efforts[i - 1] * power(c.efforts[i] / c.efforts[i - 1]::float8, (plan_.goal - low) / (c.recalls[i][j] - low))) ELSE c.efforts[i] END;
                EXIT;
            END IF;
        END LOOP;
    END LOOP;
    unit_ms := c.scan_ms / c.scan_cost;
    distance_ms := greatest(0, c.exact_ms - c.scan_ms) / c.rows;
END
$$;
COMMENT ON FUNCTION open_analytic._curve IS 'What is known of the index at a recall, and the costs of one row';

CREATE FUNCTION open_analytic._after(after jsonb, distance text, name text, part text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN after IS NULL THEN 'true' ELSE format(
        '(%1$s OPERATOR(pg_catalog.>) %4$L::pg_catalog.float8 OR %1$s OPERATOR(pg_catalog.=) %4$L::pg_catalog.float8 AND'
        ' (%2$s OPERATOR(pg_catalog.>) %5$L OR %2$s OPERATOR(pg_catalog.=) %5$L AND %3$s OPERATOR(pg_catalog.>) %6$L::pg_catalog.int4))',
        distance, name, part, (after ->> 'distance')::float8, after ->> 'name', coalesce((after ->> 'part')::integer, 0)) END
$$;
COMMENT ON FUNCTION open_analytic._after IS 'The condition of coming after a row, in the order of hits';

CREATE FUNCTION open_analytic._sample(collection regclass, filter text) RETURNS float8
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    pages integer;
    most integer;
    share float8;
BEGIN
    -- Every name is qualified: the filter is read with its caller's search_path.
    SELECT t.relpages, pg_catalog.ceil(t.reltuples OPERATOR(pg_catalog./) t.relpages) INTO pages, most FROM pg_catalog.pg_class AS t WHERE t.oid OPERATOR(pg_catalog.=) collection AND t.relpages OPERATOR(pg_catalog.>) 0 AND t.reltuples OPERATOR(pg_catalog.>) 0;
    IF pages IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE pg_catalog.format(E'SELECT pg_catalog.avg(CASE WHEN (\n%s\n) THEN 1.0 ELSE 0.0 END) FROM %s WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY('
        'SELECT pg_catalog.format(''(%%s,%%s)'', pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) %s)::pg_catalog.int8, 1 OPERATOR(pg_catalog.+) pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) %s)::pg_catalog.int8)::pg_catalog.tid'
        ' FROM pg_catalog.generate_series(1, 400)))', filter, collection, pages, most) INTO share;
    RETURN share;
END
$$;
COMMENT ON FUNCTION open_analytic._sample IS 'The part of a few hundred rows, chosen at random, that meets a filter';

CREATE FUNCTION open_analytic._explained(collection regclass, filter text) RETURNS json
LANGUAGE plpgsql VOLATILE -- EXPLAIN is allowed in no other
AS $$
DECLARE
    said json;
BEGIN
    EXECUTE pg_catalog.format(E'EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE feature IS NOT NULL AND (\n%s\n)', collection, filter) INTO said;
    RETURN said;
END
$$;
COMMENT ON FUNCTION open_analytic._explained IS 'What PostgreSQL''s planner says of the rows that meet a filter';

CREATE FUNCTION open_analytic._plan_search(collection regclass, info open_analytic.collections, k float8, filter text, max_distance float8, target float8, path text) RETURNS open_analytic._plan
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    plan open_analytic._plan;
    unit_ms float8;
    distance_ms float8;
    indexed boolean;
    known record;
    explained json;
    cost float8;
    part float8;
    wanted float8;
BEGIN
    -- As PostgreSQL estimates it: as dense as when it was analysed; else as dense as such rows are.
    SELECT greatest(1, CASE WHEN t.relkind = 'p' THEN t.reltuples
                            WHEN t.reltuples > 0 AND t.relpages > 0 THEN t.reltuples * greatest(1, pg_relation_size(t.oid) / 8192.0 / t.relpages)
                            ELSE pg_relation_size(t.oid) / (150 + CASE WHEN info.dim <= 3000 THEN 2 * info.dim ELSE 0 END) END),
           EXISTS (SELECT FROM open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric)))
    INTO plan.rows, indexed FROM pg_class AS t WHERE t.oid = collection;
    known := open_analytic._curve(info, target, plan);
    plan := known.plan_;
    unit_ms := known.unit_ms;
    distance_ms := known.distance_ms;
    plan.matches := plan.rows;
    cost := plan.rows * 0.15;
    IF filter IS NOT NULL THEN
        PERFORM set_config('search_path', path, true);
        explained := open_analytic._explained(collection, filter);
        PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
        cost := explained #>> '{0,Plan,Total Cost}';
        plan.estimated := explained #>> '{0,Plan,Plan Rows}';
        plan.matches := least(plan.rows, greatest(1, plan.estimated));
    END IF;
    plan.exact_ms := cost * unit_ms + plan.matches * distance_ms;
    plan.kind := 'exact';
    plan.why := CASE WHEN NOT indexed THEN 'no index' WHEN target >= 1 THEN 'exact wanted' WHEN k <= 0 THEN 'nothing wanted' END;
    IF plan.calibrated_at IS NULL AND plan.why IS NULL AND plan.rows * info.dim <= 20000000 THEN
        plan.why := 'small';
    END IF;
    IF plan.why IS NOT NULL THEN
        RETURN plan;
    END IF;
    wanted := least(k, plan.rows);
    IF max_distance IS NOT NULL THEN
        wanted := least(wanted, 10); -- how many are so near is seen on the way
    END IF;
    plan.tuples := open_analytic._needed(plan.ranks, plan.needed, wanted);
    IF plan.tuples IS NULL THEN
        plan.why := 'out of reach';
        RETURN plan;
    END IF;
    plan.ef := least(1000, greatest(40, plan.tuples));
    plan.try_ms := open_analytic._ms(plan.efforts, plan.all_ms, greatest(plan.ef, plan.tuples));
    IF filter IS NOT NULL THEN
        -- Where a misjudged filter would mean the other plan, some rows are asked.
        IF open_analytic._index_ms(plan, wanted, plan.matches / 5) > plan.exact_ms AND open_analytic._index_ms(plan, wanted, least(plan.rows, plan.matches * 5)) < plan.exact_ms
           OR plan.exact_ms > 5 * plan.try_ms AND open_analytic._index_ms(plan, wanted, plan.matches / 5) > plan.exact_ms THEN
            PERFORM set_config('search_path', path, true);
            part := open_analytic._sample(collection, filter);
            PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            plan.sampled := part * plan.rows;
            IF part > 0.01 THEN -- fewer say less than statistics
                plan.exact_ms := plan.exact_ms + (plan.sampled - plan.matches) * distance_ms;
                plan.matches := greatest(1, plan.sampled);
            END IF;
        END IF;
    END IF;
    plan.tuples := open_analytic._needed(plan.ranks, plan.needed, wanted * plan.rows / plan.matches);
    plan.index_ms := CASE WHEN filter IS NULL AND max_distance IS NULL AND plan.tuples <= 1000 -- only the hits are taken from the index then
                          THEN open_analytic._ms(plan.efforts, plan.first_ms, plan.ef) ELSE open_analytic._index_ms(plan, wanted, plan.matches) END;
    IF plan.index_ms <= plan.exact_ms THEN
        plan.kind := 'index';
        plan.why := 'cheaper';
    ELSIF filter IS NOT NULL AND plan.try_ms <= 0.08 * plan.exact_ms THEN
        plan.kind := 'index';
        plan.why := 'tried'; -- what the filter keeps may be near the query: a look costs little
    ELSE
        plan.why := CASE WHEN plan.index_ms = 'Infinity' THEN 'out of reach' ELSE 'cheaper' END;
    END IF;
    RETURN plan;
END
$$;
COMMENT ON FUNCTION open_analytic._plan_search IS 'Whether to walk the index, and how far, or to measure every row that matches';

CREATE FUNCTION open_analytic._index_ms(plan open_analytic._plan, k float8, matches float8) RETURNS float8
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- Matches do not come evenly: with some bad luck, two standard deviations, the last one is so much further off.
    SELECT CASE WHEN n.tuples IS NULL THEN 'Infinity' ELSE greatest(plan.try_ms, open_analytic._ms(plan.efforts, plan.all_ms, n.tuples)) END
    FROM open_analytic._needed(plan.ranks, plan.needed, least(plan.rows, (k + 2 * sqrt(k)) * plan.rows / greatest(1, matches))) AS n (tuples)
$$;
COMMENT ON FUNCTION open_analytic._index_ms IS 'How long the index takes when so many rows match, spread as all are; infinite when it cannot reach that far';

DO $do$
DECLARE
    vector_schema text := open_analytic._schema_of('vector');
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY[
$sql$
CREATE FUNCTION open_analytic._walk(
    collection regclass, info open_analytic.collections, half @vector@.halfvec, k integer, filter text, max_distance float8, after jsonb, plan open_analytic._plan,
    OUT settled boolean, OUT names text[], OUT parts integer[], OUT distances float8[], OUT walked integer
)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    near CONSTANT text := pg_catalog.format('OPERATOR(@vector@.%s)', CASE info.metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END);
    walk refcursor;
    name text;
    part integer;
    distance float8;
    fits boolean;
    beyond boolean;
    place bigint;
    hits integer := 0;
    rate float8;
    enough float8;
    ahead float8;
    spent float8;
BEGIN
    -- A cursor is planned for its first row (cursor_tuple_fraction), so the index is walked, and no further than rows are taken. Those that do not
    -- meet the filter are counted too: the place among all rows tells how sure it is that no nearer one was passed by.
    OPEN walk FOR EXECUTE pg_catalog.format(
        E'SELECT w.image_name, w.part, w.distance, w.fits, w.beyond, w.place FROM ('
        'SELECT s.*, s.meets AND NOT s.beyond AND %6$s AS fits, pg_catalog.row_number() OVER () AS place FROM ('
        'SELECT *, coalesce(distance OPERATOR(pg_catalog.>) $2, false) AS beyond FROM ('
        'SELECT image_name, %1$s AS part, feature %2$s $1 AS distance, (\n%4$s\n) IS TRUE AS meets FROM %3$s WHERE feature IS NOT NULL ORDER BY feature %2$s $1'
        ') AS i) AS s) AS w WHERE w.fits OR w.beyond OR w.place OPERATOR(pg_catalog.%%) %5$s OPERATOR(pg_catalog.=) 0',
        CASE WHEN info.many THEN 'part' ELSE '0' END, near, collection, coalesce(filter, 'true'), 64, open_analytic._after(after, 's.distance', 's.image_name', 's.part'))
        USING half, max_distance;
    settled := false;
    LOOP
        FETCH walk INTO name, part, distance, fits, beyond, place;
        EXIT WHEN NOT FOUND;
        walked := place;
        IF fits THEN
            hits := hits + 1;
            names := names || name;
            parts := parts || part;
            distances := distances || distance;
        END IF;
        IF enough IS NULL AND (beyond OR hits >= k) THEN
            enough := open_analytic._needed(plan.ranks, plan.needed, place);
            EXIT WHEN enough IS NULL;
        END IF;
        -- The index gives its rows in batches of ef: all of a batch have been looked at.
        IF enough <= pg_catalog.ceil(place::float8 / plan.ef) * plan.ef THEN
            settled := true;
            EXIT;
        END IF;
        IF place % 64 = 0 THEN
            -- What is known of the filter by now, together with what was estimated, says how far it still is.
            rate := (hits + 2) / (place + 2 * plan.rows / plan.matches);
            ahead := open_analytic._ms(plan.efforts, plan.all_ms, coalesce(enough, open_analytic._needed(plan.ranks, plan.needed, k / rate), 1.2 * k / rate));
            spent := open_analytic._ms(plan.efforts, plan.all_ms, place);
            -- With a limit of distance it cannot be foreseen: then what was spent decides.
            EXIT WHEN (ahead > greatest(plan.exact_ms, CASE WHEN plan.why <> 'tried' THEN plan.index_ms END)
                       OR spent > 0.1 * plan.exact_ms AND ahead > greatest(plan.exact_ms / 2, CASE WHEN plan.why <> 'tried' THEN 1.5 * plan.index_ms END))
                AND (max_distance IS NULL OR spent > 0.1 * plan.exact_ms);
        END IF;
    END LOOP;
    CLOSE walk;
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._nearest(
    collection regclass, info open_analytic.collections, half @vector@.halfvec, k integer, filter text, max_distance float8, after jsonb, plan open_analytic._plan, path text
) RETURNS TABLE (image_name text, part integer, distance float8)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000
SET search_path = pg_catalog, pg_temp SET hnsw.iterative_scan = relaxed_order SET hnsw.ef_search = 40
SET hnsw.max_scan_tuples = 1000000 SET hnsw.scan_mem_multiplier = 16 SET enable_seqscan = on SET cursor_tuple_fraction = 0
AS $$
DECLARE
    near CONSTANT text := format('OPERATOR(@vector@.%s)', CASE info.metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END);
    key CONSTANT text := CASE WHEN info.many THEN 'image_name, part' ELSE 'image_name, 0 AS part' END;
    walk record;
    walked integer := 0;
    took integer;
BEGIN
    IF plan.kind = 'index' THEN
        PERFORM set_config('hnsw.ef_search', plan.ef::text, true);
        IF filter IS NULL AND max_distance IS NULL AND after IS NULL THEN
            PERFORM set_config('enable_seqscan', 'off', true);
            RETURN QUERY EXECUTE format(
                'WITH n AS MATERIALIZED (SELECT %1$s, feature %2$s $1 AS distance FROM %3$s WHERE feature IS NOT NULL ORDER BY feature %2$s $1 LIMIT %4$s),'
                ' enough AS (SELECT count(*) >= %5$s AS yes FROM n)'
                ' SELECT n.image_name, n.part, n.distance FROM n, enough WHERE enough.yes ORDER BY n.distance + 0, n.image_name, n.part LIMIT %5$s',
                key, near, collection, CASE WHEN plan.tuples > plan.ef THEN ceil(plan.tuples)::bigint ELSE k END, k) USING half;
            GET DIAGNOSTICS took = ROW_COUNT;
            PERFORM set_config('enable_seqscan', 'on', true);
            IF took > 0 THEN
                PERFORM set_config('open_analytic.last_search', format('{"plan": "index", "walked": %s}', ceil(greatest(plan.tuples, k))), true);
                RETURN;
            END IF;
        ELSE
            PERFORM set_config('search_path', path, true);
            walk := open_analytic._walk(collection, info, half, k, filter, max_distance, after, plan);
            PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
            IF walk.settled THEN
                PERFORM set_config('open_analytic.last_search', format('{"plan": "index", "walked": %s}', walk.walked), true);
                RETURN QUERY SELECT u.n, u.p, u.d FROM unnest(walk.names, walk.parts, walk.distances) AS u (n, p, d) ORDER BY u.d, u.n, u.p LIMIT k;
                RETURN;
            END IF;
            walked := walk.walked;
        END IF;
    END IF;
    PERFORM set_config('open_analytic.last_search', format('{"plan": %s, "walked": %s}', CASE WHEN plan.kind = 'index' THEN '"index, then exact"' ELSE '"exact"' END, coalesce(walked, 0)), true);
    -- Every row that matches is measured, by several processes where PostgreSQL finds it worth it. What is added to the distance
    -- keeps it from taking the index. No number (NaN) is beyond all others, so neither it nor the limit takes a place of the k.
    PERFORM set_config('search_path', path, true);
    RETURN QUERY EXECUTE pg_catalog.format(
        E'SELECT m.image_name, m.part, m.distance FROM (SELECT image_name, %1$s, (feature %2$s $1) OPERATOR(pg_catalog.+) 0::pg_catalog.float8 AS distance FROM %3$s'
        ' WHERE feature IS NOT NULL AND (\n%4$s\n) AND %5$s ORDER BY distance, image_name, part LIMIT %6$s) AS m'
        ' WHERE m.distance OPERATOR(pg_catalog.<>) ''NaN''::pg_catalog.float8 AND ($2 IS NULL OR m.distance OPERATOR(pg_catalog.<=) $2) ORDER BY m.distance, m.image_name, m.part',
        CASE WHEN info.many THEN 'part' ELSE '0 AS part' END, near, collection, coalesce(filter, 'true'),
        open_analytic._after(after, format('(feature %s $1)', near), 'image_name', CASE WHEN info.many THEN 'part' ELSE '0' END), k) USING half, max_distance;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._search(
    collection regclass, query @vector@.vector, k integer, filter text, max_distance float8, target_recall float8, after jsonb, path text
) RETURNS TABLE (image_name text, part integer, distance float8)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = auto -- what depends on values is planned anew anyway
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    half @vector@.halfvec;
    plan open_analytic._plan;
    most integer := coalesce(k, 2147483647);
BEGIN
    IF query IS NULL THEN
        RETURN;
    END IF;
    PERFORM open_analytic._check_search(k, max_distance, target_recall, after);
    PERFORM open_analytic._check_table(collection);
    half := open_analytic._half(info, query);
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter, path);
    END IF;
    plan := open_analytic._plan_search(collection, info, most, filter, max_distance, target_recall, coalesce(path, 'pg_catalog, pg_temp'));
    RETURN QUERY SELECT * FROM open_analytic._nearest(collection, info, half, most, filter, max_distance, after, plan, coalesce(path, 'pg_catalog, pg_temp'));
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported OR read_only_sql_transaction THEN
        IF filter IS NULL THEN
            RAISE;
        END IF;
        PERFORM open_analytic._blame_filter(collection, info, SQLERRM, path);
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._explain_search(collection regclass, query @vector@.vector, k integer, filter text, max_distance float8, target_recall float8, path text) RETURNS jsonb
LANGUAGE plpgsql STABLE COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    plan open_analytic._plan;
    begun timestamptz;
    planned timestamptz;
    hits bigint;
    done jsonb;
BEGIN
    PERFORM open_analytic._search(collection, query, 0, filter, max_distance, target_recall, NULL, path); -- checks, and warms what planning reads
    begun := clock_timestamp();
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter, path);
    END IF;
    plan := open_analytic._plan_search(collection, info, coalesce(k, 2147483647), filter, max_distance, target_recall, coalesce(path, 'pg_catalog, pg_temp'));
    planned := clock_timestamp();
    hits := (SELECT count(*) FROM open_analytic._search(collection, query, k, filter, max_distance, target_recall, NULL, path));
    done := current_setting('open_analytic.last_search')::jsonb || jsonb_build_object('rows', hits, 'ms', round(extract(epoch FROM clock_timestamp() - planned)::numeric * 1000, 2));
    RETURN open_analytic._told(plan, k, target_recall, done) || jsonb_build_object('planning_ms', round(extract(epoch FROM planned - begun)::numeric * 1000, 3));
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic.explain_search(collection regclass, query @vector@.vector, k integer DEFAULT 10, filter text DEFAULT NULL, max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95) RETURNS jsonb
LANGUAGE plpgsql STABLE COST 100000 SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN open_analytic._explain_search(collection, query, k, filter, max_distance, target_recall, NULL); END $$
$sql$,
$sql$
CREATE FUNCTION open_analytic.explain_search(collection regclass, query bytea, k integer DEFAULT 10, filter text DEFAULT NULL, max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95) RETURNS jsonb
LANGUAGE plpgsql STABLE COST 100000 SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN open_analytic.explain_search(collection, open_analytic.embed_for(collection, query), k, filter, max_distance, target_recall); END $$
$sql$,
$sql$
CREATE FUNCTION open_analytic.search(collection regclass, query @vector@.vector, k integer DEFAULT 10, filter text DEFAULT NULL, max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95, after jsonb DEFAULT NULL)
RETURNS TABLE (name text, distance float8, "row" jsonb, box jsonb, part integer)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    shown text;
BEGIN
    PERFORM open_analytic._check_table(collection); -- before the types of its columns are looked at
    SELECT string_agg(open_analytic._shown(a.attname, a.atttypid), ', ' ORDER BY a.attnum) FILTER (WHERE a.attname <> ALL (open_analytic._own_columns(info.many)))
    INTO shown FROM pg_attribute AS a WHERE a.attrelid = collection AND a.attnum > 0 AND NOT a.attisdropped;
    RETURN QUERY EXECUTE format(
        'SELECT t.image_name, n.distance, (SELECT coalesce(to_jsonb(r.*), ''{}'') FROM (SELECT %s) AS r), %s, %s'
        ' FROM open_analytic._search($1, $2, $3, $4, $5, $6, $7, NULL) AS n JOIN %s AS t ON t.image_name = n.image_name %s ORDER BY n.distance, n.image_name, n.part',
        shown,
        CASE WHEN info.many THEN 'CASE WHEN t.box IS NOT NULL THEN jsonb_build_object(''x'', t.box[1], ''y'', t.box[2], ''width'', t.box[3], ''height'', t.box[4]) END' ELSE 'NULL::jsonb' END,
        CASE WHEN info.many THEN 't.part' ELSE 'NULL::integer' END, collection, CASE WHEN info.many THEN 'AND t.part = n.part' END) USING collection, query, k, filter, max_distance, target_recall, after;
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic.search(collection regclass, query real[], k integer DEFAULT 10, filter text DEFAULT NULL, max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95, after jsonb DEFAULT NULL)
RETURNS TABLE (name text, distance float8, "row" jsonb, box jsonb, part integer)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    vector @vector@.vector;
BEGIN
    BEGIN
        vector := query::@vector@.vector;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        RAISE EXCEPTION 'The query is no vector: %.', SQLERRM USING ERRCODE = 'OA015', HINT = 'Give finite numbers.';
    END;
    RETURN QUERY SELECT * FROM open_analytic.search(collection, vector, k, filter, max_distance, target_recall, after);
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic.search(collection regclass, query bytea, k integer DEFAULT 10, filter text DEFAULT NULL, max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95, after jsonb DEFAULT NULL)
RETURNS TABLE (name text, distance float8, "row" jsonb, box jsonb, part integer)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN QUERY SELECT * FROM open_analytic.search(collection, open_analytic.embed_for(collection, query), k, filter, max_distance, target_recall, after); END $$
$sql$,
$sql$
CREATE FUNCTION open_analytic.search(collection regclass, query text, k integer DEFAULT 10, filter text DEFAULT NULL, max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95, after jsonb DEFAULT NULL)
RETURNS TABLE (name text, distance float8, "row" jsonb, box jsonb, part integer)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    vector @vector@.vector;
    problem text := 'it is neither bytes in hexadecimal nor numbers in brackets';
BEGIN
    BEGIN
        vector := CASE WHEN left(query, 2) = E'\\x' THEN open_analytic.embed_for(collection, decode(substr(query, 3), 'hex'))
                       WHEN left(ltrim(query), 1) = '[' OR query IS NULL THEN query::@vector@.vector END;
    EXCEPTION WHEN data_exception THEN
        problem := SQLERRM;
    END;
    IF vector IS NULL AND query IS NOT NULL THEN
        RAISE EXCEPTION 'A text is no query: %.', problem USING ERRCODE = 'OA019', HINT = 'Cast it: search(collection, image_data::bytea).';
    END IF;
    RETURN QUERY SELECT * FROM open_analytic.search(collection, vector, k, filter, max_distance, target_recall, after);
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._recalls(walked float8[], exact float8[], efforts integer[], ranks integer[]) RETURNS float8[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- How many of an effort's rows are as near as the true neighbour at a rank; equal ones count as found. What a filter keeps
    -- may all be among the last of them, which are lost the most: so the part that was found since the rank before counts too.
    SELECT array_agg(e.parts ORDER BY e.effort) FROM (
        SELECT p.effort, array_agg(least(1, p.found / p.rank, greatest(0, p.found - p.found_before) / (p.rank - p.rank_before)) ORDER BY p.rank) AS parts
        FROM (SELECT n.effort, n.rank, n.found, lag(n.rank, 1, 0) OVER w AS rank_before, lag(n.found, 1, 0) OVER w AS found_before
              FROM (SELECT f.effort, r.rank, (SELECT least(r.rank, count(*))::float8 FROM unnest(walked[:f.effort]) AS t (d) WHERE t.d <= exact[r.rank]) AS found
                    FROM unnest(efforts) AS f (effort) CROSS JOIN unnest(ranks) AS r (rank)) AS n
              WINDOW w AS (PARTITION BY n.effort ORDER BY n.rank)) AS p
        GROUP BY p.effort) AS e
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic.calibrate(collection regclass, queries integer DEFAULT 200, seconds float8 DEFAULT 60) RETURNS open_analytic.calibrations
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET hnsw.iterative_scan = relaxed_order SET hnsw.ef_search = 40
SET hnsw.max_scan_tuples = 1000000 SET hnsw.scan_mem_multiplier = 16 SET enable_seqscan = on
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    near CONSTANT text := format('OPERATOR(@vector@.%s)', CASE info.metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END);
    part CONSTANT text := CASE WHEN info.many THEN 'part' ELSE '0 AS part' END;
    begun CONSTANT timestamptz := clock_timestamp();
    made open_analytic.calibrations;
    probes @vector@.halfvec[];
    names text[];
    parts integer[];
    explained json;
    at timestamptz;
    walked float8[];
    exact float8[];
    exact_ms float8[];
    ms float8[];
    firsts float8[];
    done integer := 0;
    sums float8[];
    once float8[];
BEGIN
    PERFORM open_analytic._check_table(collection);
    IF queries IS NULL OR queries NOT BETWEEN 1 AND 10000 OR seconds IS NULL OR NOT seconds > 0 THEN
        RAISE EXCEPTION 'A calibration cannot have % queries in % seconds.', queries, seconds USING ERRCODE = 'OA019', HINT = 'Give 1 to 10000 queries, and some time.';
    END IF;
    IF NOT EXISTS (SELECT FROM open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric))) THEN
        RAISE EXCEPTION 'Collection % has no index that could be calibrated.', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)) USING ERRCODE = 'OA030',
            HINT = format('Build it first: SELECT open_analytic.create_ann_index(%L), or `open-analytic collection index`.', collection);
    END IF;
    FOR i IN 1 .. 3 LOOP -- the first look also fills the caches
        at := clock_timestamp();
        EXECUTE format('SELECT count(feature) FROM %s WHERE imported_at IS NOT NULL', collection) INTO made.rows;
        made.scan_ms := least(made.scan_ms, 1000 * extract(epoch FROM clock_timestamp() - at)::float8);
    END LOOP;
    IF made.rows < 2 THEN
        RAISE EXCEPTION 'Collection % has too few rows to calibrate anything.', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)) USING ERRCODE = 'OA030', HINT = 'Import some first.';
    END IF;
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE feature IS NOT NULL AND imported_at IS NOT NULL', collection) INTO explained;
    made.scan_cost := greatest(0.01, (explained #>> '{0,Plan,Total Cost}')::float8);
    made.efforts := ARRAY(SELECT e FROM unnest('{40,80,160,320,640,1000,2000,4000,8000,16000}'::integer[]) AS e WHERE e = 40 OR e < made.rows AND e <= greatest(1000, made.rows / 25) ORDER BY e);
    made.ranks := ARRAY(SELECT r FROM unnest('{1,3,10,30,100,300,1000,3000,10000}'::integer[]) AS r WHERE r = 1 OR r < made.rows AND r <= made.efforts[cardinality(made.efforts)] ORDER BY r);
    EXECUTE format('SELECT array_agg(s.feature), array_agg(s.image_name), array_agg(s.part) FROM ('
                   'SELECT feature, image_name, %s FROM %s TABLESAMPLE BERNOULLI (%s) WHERE feature IS NOT NULL ORDER BY random() LIMIT %s) AS s',
                   part, collection, least(100, 500.0 * queries / made.rows), queries) INTO probes, names, parts;
    FOR q IN 1 .. coalesce(cardinality(probes), 0) LOOP
        at := clock_timestamp();
        -- A row is not its own neighbour.
        EXECUTE format('SELECT array_agg(n.d) FILTER (WHERE (n.image_name, n.part) <> ($2, $3) AND n.d <> ''NaN'') FROM ('
                       'SELECT image_name, %1$s, (feature %2$s $1) + 0 AS d FROM %3$s WHERE feature IS NOT NULL ORDER BY d LIMIT 1 + %4$s) AS n',
                       part, near, collection, made.ranks[cardinality(made.ranks)]) INTO exact USING probes[q], names[q], parts[q];
        exact_ms := exact_ms || 1000 * extract(epoch FROM clock_timestamp() - at)::float8;
        PERFORM set_config('enable_seqscan', 'off', true);
        EXECUTE format('SELECT array_agg(n.d) FILTER (WHERE (n.image_name, n.part) <> ($2, $3)) FROM (SELECT image_name, %1$s, feature %2$s $1 AS d FROM %3$s WHERE feature IS NOT NULL ORDER BY feature %2$s $1 LIMIT %4$s) AS n',
                       part, near, collection, made.efforts[cardinality(made.efforts)] + 1) INTO walked USING probes[q], names[q], parts[q];
        PERFORM set_config('enable_seqscan', 'on', true);
        CONTINUE WHEN exact IS NULL OR cardinality(exact) < made.ranks[cardinality(made.ranks)]; -- rows went away meanwhile
        once := open_analytic._recalls(coalesce(walked, '{}'), exact, made.efforts, made.ranks);
        sums := CASE WHEN sums IS NULL THEN once ELSE (
            SELECT array_agg(line ORDER BY i) FROM (SELECT i, array_agg(sums[i][j] + once[i][j] ORDER BY j) AS line
                FROM generate_subscripts(once, 1) AS i CROSS JOIN generate_subscripts(once, 2) AS j GROUP BY i) AS l) END;
        done := done + 1;
        EXIT WHEN done >= 20 AND extract(epoch FROM clock_timestamp() - begun) > seconds;
    END LOOP;
    IF done = 0 THEN
        RAISE EXCEPTION 'The rows of collection % went away while they were measured.', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)) USING ERRCODE = 'OA030', HINT = 'Run it again.';
    END IF;
    made.queries := done;
    made.scan_ms := least(made.scan_ms, 0.9 * (SELECT min(m) FROM unnest(exact_ms) AS m));
    made.exact_ms := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest(exact_ms) AS m);
    made.recalls := (SELECT array_agg(line ORDER BY i) FROM (SELECT i, array_agg(sums[i][j] / done ORDER BY j) AS line
        FROM generate_subscripts(sums, 1) AS i CROSS JOIN generate_subscripts(sums, 2) AS j GROUP BY i) AS l);
    PERFORM set_config('enable_seqscan', 'off', true);
    FOR i IN 1 .. cardinality(made.efforts) LOOP
        PERFORM set_config('hnsw.ef_search', least(1000, made.efforts[i])::text, true);
        ms := '{}';
        firsts := '{}';
        FOR q IN 1 .. least(15, cardinality(probes)) LOOP
            FOR small IN 0 .. 1 LOOP
                at := clock_timestamp();
                EXECUTE format('WITH m AS MATERIALIZED (SELECT image_name, feature %1$s $1 AS d FROM %2$s WHERE feature IS NOT NULL ORDER BY feature %1$s $1 LIMIT %3$s) SELECT count(*) FROM m',
                               near, collection, CASE small WHEN 1 THEN 10 ELSE made.efforts[i] END) USING probes[q];
                IF small = 1 THEN
                    firsts := firsts || 1000 * extract(epoch FROM clock_timestamp() - at)::float8;
                ELSE
                    ms := ms || 1000 * extract(epoch FROM clock_timestamp() - at)::float8;
                END IF;
            END LOOP;
        END LOOP;
        made.all_ms[i] := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest(ms) AS m);
        made.first_ms[i] := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest(firsts) AS m);
    END LOOP;
    PERFORM set_config('enable_seqscan', 'on', true);
    INSERT INTO open_analytic.calibrations AS c (schema_name, table_name, rows, queries, scan_cost, scan_ms, exact_ms, efforts, first_ms, all_ms, ranks, recalls)
    VALUES (info.schema_name, info.table_name, made.rows, made.queries, made.scan_cost, made.scan_ms, made.exact_ms, made.efforts, made.first_ms, made.all_ms, made.ranks, made.recalls)
    ON CONFLICT ON CONSTRAINT calibrations_pkey DO UPDATE
    SET measured_at = clock_timestamp(), rows = excluded.rows, queries = excluded.queries, scan_cost = excluded.scan_cost, scan_ms = excluded.scan_ms, exact_ms = excluded.exact_ms,
        efforts = excluded.efforts, first_ms = excluded.first_ms, all_ms = excluded.all_ms, ranks = excluded.ranks, recalls = excluded.recalls
    RETURNING * INTO made;
    RETURN made;
END
$$
$sql$
    ] LOOP
        EXECUTE replace(statement, '@vector@', vector_schema);
    END LOOP;
END
$do$;

CREATE FUNCTION open_analytic._check_search(k integer, max_distance float8, target_recall float8, after jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF k < 0 OR k IS NULL AND max_distance IS NULL THEN
        RAISE EXCEPTION 'k is %.', coalesce(k::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give how many hits you want, 0 or more; with max_distance it may be NULL, for all that are so near.';
    END IF;
    IF max_distance = 'NaN' THEN
        RAISE EXCEPTION 'max_distance is NaN.' USING ERRCODE = 'OA019', HINT = 'Give a number, or NULL.';
    END IF;
    IF target_recall IS NULL OR NOT (target_recall > 0 AND target_recall <= 1) THEN
        RAISE EXCEPTION 'target_recall is %.', coalesce(target_recall::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give a part of the true neighbours, above 0: 0.95; 1 measures every row.';
    END IF;
    IF after IS NOT NULL AND (jsonb_typeof(after) <> 'object' OR jsonb_typeof(after -> 'distance') IS DISTINCT FROM 'number' OR jsonb_typeof(after -> 'name') IS DISTINCT FROM 'string'
                              OR coalesce(after ->> 'part', '0') !~ '^[0-9]{1,9}$') THEN
        RAISE EXCEPTION 'after is %.', left(after::text, 80) USING ERRCODE = 'OA019', HINT = 'Give the last hit of the page before: {"distance": 0.5, "name": "cat.jpg"}, and its part where a picture has several.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_search IS 'Refuse what no search can be';

CREATE FUNCTION open_analytic._few(number float8) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN number IS NULL OR number = 'Infinity' THEN 'no end of'
                WHEN number >= 100 THEN trim(to_char(number, '999,999,999,999,990')) WHEN number >= 10 THEN round(number::numeric)::text
                ELSE trim_scale(round(number::numeric, 1))::text END
$$;
COMMENT ON FUNCTION open_analytic._few IS 'A number as it is said';

CREATE FUNCTION open_analytic._reason(plan open_analytic._plan, k integer, target float8, done jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE plan.why
        WHEN 'no index' THEN 'Every row that matches is measured, since the collection has no index that can be used.'
        WHEN 'exact wanted' THEN 'Every row that matches is measured, since a recall of 1 was asked for.'
        WHEN 'nothing wanted' THEN 'Nothing is looked for, since k is 0.'
        WHEN 'small' THEN format('Every row that matches is measured: with about %s rows that is quick, and the index was never calibrated.', open_analytic._few(plan.rows))
        WHEN 'out of reach' THEN format('Every row that matches is measured (about %s ms), since the index does not reach a recall of %s so far out, whatever the effort.', open_analytic._few(plan.exact_ms), target)
        WHEN 'tried' THEN format('The index is tried first: should the about %s rows that match be near the query it takes %s ms instead of %s ms for measuring them; if not, little is lost.',
            open_analytic._few(plan.matches), open_analytic._few(plan.try_ms), open_analytic._few(plan.exact_ms))
        ELSE format('%s of about %s rows match; for a recall of %s the index has to give about %s of its rows, which takes %s ms, and measuring every match takes %s ms: %s.',
            CASE WHEN plan.estimated IS NULL THEN 'All' ELSE 'About ' || open_analytic._few(plan.matches) END, open_analytic._few(plan.rows), target, open_analytic._few(plan.tuples),
            open_analytic._few(plan.index_ms), open_analytic._few(plan.exact_ms), CASE plan.kind WHEN 'index' THEN 'the index is walked' ELSE 'every match is measured' END)
        END || CASE WHEN done ->> 'plan' = 'index, then exact' THEN format(' After %s rows of the index too few had matched, so every match was measured.', open_analytic._few((done ->> 'walked')::float8)) ELSE '' END
$$;
COMMENT ON FUNCTION open_analytic._reason IS 'Why a search is done as it is, in a sentence';

CREATE FUNCTION open_analytic._told(plan open_analytic._plan, k integer, target float8, done jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'plan', plan.kind, 'reason', open_analytic._reason(plan, k, target, done), 'k', k, 'target_recall', target,
        'rows', round(plan.rows), 'matches', jsonb_build_object('estimated', round(plan.estimated), 'sampled', round(plan.sampled), 'used', round(plan.matches)),
        'settings', CASE WHEN plan.kind = 'index' THEN jsonb_build_object('hnsw.ef_search', plan.ef, 'hnsw.iterative_scan', 'relaxed_order') ELSE '{}' END,
        'alternatives', jsonb_build_array(
            jsonb_build_object('plan', 'exact', 'ms', round(plan.exact_ms::numeric, 2), 'recall', 1),
            jsonb_build_object('plan', 'index', 'ms', CASE WHEN plan.index_ms < 'Infinity' THEN round(plan.index_ms::numeric, 2) END, 'walked', ceil(plan.tuples), 'recall', CASE WHEN plan.tuples IS NOT NULL THEN round(plan.goal::numeric, 4) END)),
        'calibrated_at', plan.calibrated_at, 'done', done)
$$;
COMMENT ON FUNCTION open_analytic._told IS 'A plan, and what came of it, in JSON';

DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN SELECT p.oid FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proacl IS NULL LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', function, CASE WHEN function::text LIKE 'open_analytic.calibrate(%' THEN 'open_analytic_admin' ELSE 'open_analytic_user' END);
    END LOOP;
    FOR function IN SELECT p.oid FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname IN ('search', 'explain_search') LOOP
        EXECUTE format('COMMENT ON FUNCTION %s IS %L', function, CASE WHEN function::text LIKE 'open_analytic.search(%'
            THEN 'The nearest k rows, nearest first, that meet the filter, an SQL condition on the collection''s columns; at least the recall asked for of them'
            ELSE 'How a search is done, why, and how long it took' END);
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._walk IS 'Rows of the index until the nearest k that fit are among them at the recall of the plan; not settled when measuring all is cheaper';
COMMENT ON FUNCTION open_analytic._nearest IS 'Do what was planned';
COMMENT ON FUNCTION open_analytic._search IS 'The nearest rows, by name and part; what every search is made of';
COMMENT ON FUNCTION open_analytic._explain_search IS 'explain_search, with the search_path that the filter is read with';
COMMENT ON FUNCTION open_analytic._recalls IS 'Which part of the true neighbours an effort found, by effort and rank';
COMMENT ON FUNCTION open_analytic.calibrate IS 'Measure what the index of a collection finds and costs, with rows of its own as queries';
