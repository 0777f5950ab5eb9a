-- How a search is done: planned from what is known of the index and of the filter, and corrected while the index is walked. Names of
-- pgvector's objects are written with @vector@, its schema.

CREATE TYPE open_analytic._plan AS (
    kind text, why text, goal float8, rows float8, estimated float8, sampled float8, matches float8, ef integer, tuples float8,
    ranks integer[], needed float8[], efforts integer[], first_ms float8[], all_ms float8[], exact_ms float8, index_ms float8, try_ms float8, calibrated_at timestamptz,
    unit_ms float8, distance_ms float8, indexed oid, within text
);
COMMENT ON TYPE open_analytic._plan IS 'How a search is done, and why';

CREATE FUNCTION open_analytic._curve(collection regclass, info open_analytic.collections, target float8) RETURNS open_analytic._plan
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    plan open_analytic._plan;
    c open_analytic.calibrations;
    recalls float8[];
    needed float8[];
    low float8;
BEGIN
    SELECT a.* INTO c FROM open_analytic.calibrations AS a
    WHERE a.schema_name = info.schema_name AND a.table_name = info.table_name AND a.measured_at >= info.created_at;
    IF c.rows IS NULL THEN
        -- Never measured: generous, and by what such rows cost elsewhere.
        plan.goal := target;
        plan.ranks := ARRAY[10, 100, 1000];
        plan.needed := CASE WHEN target <= 0.9 THEN '{200,600,4000}' WHEN target <= 0.95 THEN '{400,1000,6000}' WHEN target <= 0.99 THEN '{1000,2000,10000}' ELSE '{4000,8000,20000}' END;
        plan.efforts := ARRAY[40, 1000, 2000];
        plan.first_ms := ARRAY[0.4, 2, 3];
        plan.all_ms := ARRAY[0.6, 5, 15];
        plan.unit_ms := 0.00065;
        plan.distance_ms := info.dim * 8e-7;
        RETURN plan;
    END IF;
    plan.calibrated_at := c.measured_at;
    plan.rows := c.rows;
    plan.indexed := (SELECT i.indexrelid FROM pg_index AS i WHERE i.indexrelid = c.indexrelid AND i.indrelid = collection AND i.indisvalid);
    plan.goal := target + 0.25 * (1 - target); -- room for what a sample of queries does not show
    plan.ranks := c.ranks;
    plan.efforts := c.efforts;
    plan.first_ms := c.first_ms;
    plan.all_ms := c.all_ms;
    recalls := c.recalls;
    FOR j IN 1 .. cardinality(c.ranks) LOOP
        FOR i IN 1 .. cardinality(c.efforts) LOOP
            IF recalls[i][j] >= plan.goal AND c.efforts[i] >= c.ranks[j] THEN
                low := CASE WHEN i > 1 AND c.efforts[i - 1] >= c.ranks[j] THEN recalls[i - 1][j] END;
                needed[j] := CASE WHEN low < plan.goal
                    THEN ceil(c.efforts[i - 1] * power(c.efforts[i] / c.efforts[i - 1]::float8, (plan.goal - low) / (recalls[i][j] - low))) ELSE c.efforts[i] END;
                EXIT;
            END IF;
        END LOOP;
    END LOOP;
    plan.needed := needed;
    plan.unit_ms := c.scan_ms / c.scan_cost;
    plan.distance_ms := greatest(0, c.exact_ms - c.scan_ms) / c.rows;
    RETURN plan;
END
$$;
COMMENT ON FUNCTION open_analytic._curve IS 'What is known of the index at a recall, and the costs of one row';

CREATE FUNCTION open_analytic._index_ms(plan open_analytic._plan, k float8, matches float8) RETURNS float8
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Matches do not come evenly: with some bad luck, two standard deviations, the last one is so much further off.
    tuples CONSTANT float8 := open_analytic._needed(plan.ranks, plan.needed, least(plan.rows, (k + 2 * sqrt(k)) * plan.rows / greatest(1, matches)));
BEGIN
    RETURN CASE WHEN tuples IS NULL THEN 'Infinity' ELSE greatest(plan.try_ms, open_analytic._ms(plan.efforts, plan.all_ms, tuples)) END;
END
$$;
COMMENT ON FUNCTION open_analytic._index_ms IS 'How long the index takes when so many rows match, spread as all are; infinite when it cannot reach that far';

CREATE FUNCTION open_analytic._sample(collection regclass, filter text, path text) RETURNS float8
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pages integer;
    most integer;
    share float8;
BEGIN
    SELECT t.relpages, ceil(t.reltuples / t.relpages) INTO pages, most FROM pg_class AS t WHERE t.oid = collection AND t.relpages > 0 AND t.reltuples > 0;
    IF pages IS NULL THEN
        RETURN NULL;
    END IF;
    -- The filter is read with its caller's search_path: everything else is qualified.
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(E'SELECT pg_catalog.avg(CASE WHEN (\n%s\n) THEN 1.0 ELSE 0.0 END) FROM %s WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY('
        'SELECT pg_catalog.format(''(%%s,%%s)'', pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) %s)::pg_catalog.int8, 1 OPERATOR(pg_catalog.+) pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) %s)::pg_catalog.int8)::pg_catalog.tid'
        ' FROM pg_catalog.generate_series(1, 200)))', filter, collection, pages, most) INTO share;
    RETURN share;
END
$$;
COMMENT ON FUNCTION open_analytic._sample IS 'The part of two hundred rows, chosen at random, that meets a filter';

CREATE FUNCTION open_analytic._explained(collection regclass, filter text, path text) RETURNS json
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp -- volatile, since EXPLAIN is allowed in no other
AS $$
DECLARE
    said json;
BEGIN
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(E'EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE feature IS NOT NULL AND (\n%s\n)', collection, filter) INTO said;
    RETURN said;
END
$$;
COMMENT ON FUNCTION open_analytic._explained IS 'What PostgreSQL''s planner says of the rows that meet a filter';

CREATE FUNCTION open_analytic._part(collection regclass, info open_analytic.collections, filter text, path text, plan open_analytic._plan) RETURNS open_analytic._plan
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off -- volatile, since EXPLAIN is allowed in no other
AS $$
DECLARE
    said json;
    nearest record;
BEGIN
    -- Whether a filter keeps only rows that an index of some rows has, PostgreSQL's planner knows.
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(E'EXPLAIN (FORMAT JSON) SELECT FROM %1$s WHERE feature IS NOT NULL AND (\n%2$s\n) ORDER BY feature %3$s (SELECT feature FROM %1$s LIMIT 0) LIMIT 1', collection, filter, open_analytic._operator(info.metric)) INTO said;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT i.condition, i.rows INTO nearest
    FROM json_array_elements(said #> '{0,Plan,Plans}') AS p (node)
    JOIN pg_class AS x ON x.relname = p.node ->> 'Index Name' AND x.relkind = 'i'
    JOIN open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric)) AS i ON i.indexrelid = x.oid AND i.condition IS NOT NULL;
    IF nearest.condition IS NOT NULL THEN
        plan.within := nearest.condition;
        plan.rows := greatest(plan.matches, nearest.rows);
    END IF;
    RETURN plan;
END
$$;
COMMENT ON FUNCTION open_analytic._part IS 'Plan within the rows of an index of some rows, where the filter keeps no others';

CREATE FUNCTION open_analytic._plan_search(collection regclass, info open_analytic.collections, k float8, filter text, max_distance float8, target float8, path text) RETURNS open_analytic._plan
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    plan open_analytic._plan := open_analytic._curve(collection, info, target);
    parts boolean;
    explained json;
    cost float8;
    part float8;
    wanted float8;
BEGIN
    IF plan.indexed IS NULL OR filter IS NOT NULL THEN
        plan.rows := open_analytic._rows(collection, info.dim);
        SELECT min(i.indexrelid) FILTER (WHERE i.condition IS NULL), bool_or(i.condition IS NOT NULL) INTO plan.indexed, parts
        FROM open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric)) AS i;
    END IF;
    plan.matches := plan.rows;
    cost := plan.rows * 0.15;
    IF filter IS NOT NULL THEN
        explained := open_analytic._explained(collection, filter, path);
        cost := explained #>> '{0,Plan,Total Cost}';
        plan.estimated := explained #>> '{0,Plan,Plan Rows}';
        plan.matches := least(plan.rows, greatest(1, plan.estimated));
        IF parts THEN
            plan := open_analytic._part(collection, info, filter, path, plan);
        END IF;
    END IF;
    plan.exact_ms := cost * plan.unit_ms + plan.matches * plan.distance_ms;
    plan.kind := 'exact';
    plan.why := CASE WHEN plan.indexed IS NULL AND plan.within IS NULL THEN 'no index' WHEN target >= 1 THEN 'exact wanted' WHEN k <= 0 THEN 'nothing wanted' END;
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
            part := open_analytic._sample(collection, filter, path);
            plan.sampled := part * open_analytic._rows(collection, info.dim);
            IF part > 0.01 THEN -- fewer say less than statistics
                plan.exact_ms := plan.exact_ms + (plan.sampled - plan.matches) * plan.distance_ms;
                plan.matches := least(plan.rows, greatest(1, plan.sampled));
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

CREATE FUNCTION open_analytic._after(after jsonb, distance text, name text, part text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
BEGIN
    RETURN CASE WHEN after IS NULL THEN 'true' ELSE format(
        '(%1$s OPERATOR(pg_catalog.>) %4$L::pg_catalog.float8 OR %1$s OPERATOR(pg_catalog.=) %4$L::pg_catalog.float8 AND'
        ' (%2$s OPERATOR(pg_catalog.>) %5$L OR %2$s OPERATOR(pg_catalog.=) %5$L AND %3$s OPERATOR(pg_catalog.>) %6$L::pg_catalog.int4))',
        distance, name, part, (after ->> 'distance')::float8, after ->> 'name', coalesce((after ->> 'part')::integer, 0)) END;
END
$$;
COMMENT ON FUNCTION open_analytic._after IS 'The condition of coming after a row, in the order of hits';

SELECT open_analytic._run_all(
$sql$
CREATE FUNCTION open_analytic._walk(
    collection regclass, info open_analytic.collections, half @vector@.halfvec, k integer, filter text, max_distance float8, after jsonb, plan open_analytic._plan, path text,
    OUT settled boolean, OUT names text[], OUT parts integer[], OUT distances float8[], OUT walked integer
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    near CONSTANT text := open_analytic._operator(info.metric);
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
    last float8; -- of the first k that fit
BEGIN
    -- A cursor is planned for its first row (cursor_tuple_fraction), so the index is walked, and no further than rows are taken. Those that do not
    -- meet the filter are counted too: the place among all rows tells how sure it is that no nearer one was passed by.
    -- The path is the filter's from here on. Whoever may create functions there could give operators for pairs of types that PostgreSQL
    -- has none for: so both sides of each have one type.
    PERFORM set_config('search_path', path, true);
    OPEN walk FOR EXECUTE pg_catalog.format(
        E'SELECT w.image_name, w.part, w.distance, w.fits, w.beyond, w.place FROM ('
        'SELECT s.*, s.meets AND NOT s.beyond AND %6$s AS fits, pg_catalog.row_number() OVER () AS place FROM ('
        'SELECT *, coalesce(distance OPERATOR(pg_catalog.>) $2, false) AS beyond FROM ('
        'SELECT image_name, %1$s AS part, feature %2$s $1 AS distance, (\n%4$s\n) IS TRUE AS meets FROM %3$s WHERE feature IS NOT NULL AND %7$s ORDER BY feature %2$s $1'
        ') AS i) AS s) AS w WHERE w.fits OR w.beyond OR w.place OPERATOR(pg_catalog.%%) %5$s OPERATOR(pg_catalog.=) 0',
        CASE WHEN info.many THEN 'part' ELSE '0' END, near, collection, coalesce(filter, 'true'), 64, open_analytic._after(after, 's.distance', 's.image_name', 's.part'),
        coalesce(plan.within, 'true'))
        USING half, max_distance;
    settled := false;
    LOOP
        FETCH walk INTO name, part, distance, fits, beyond, place;
        EXIT WHEN NOT FOUND;
        walked := place;
        IF fits THEN
            hits := hits + 1;
            IF hits <= k THEN
                last := greatest(last, distance);
            END IF;
            names := pg_catalog.array_append(names, name);
            parts := pg_catalog.array_append(parts, part);
            distances := pg_catalog.array_append(distances, distance);
        END IF;
        IF enough IS NULL AND (beyond OR hits >= k) THEN
            enough := open_analytic._needed(plan.ranks, plan.needed, place::float8);
            EXIT WHEN enough IS NULL;
        END IF;
        -- The index gives its rows in batches of ef: all of a batch have been looked at. It goes on to one that is further off, so that of
        -- rows equally near the first by name are there, and the next page begins after them.
        IF (beyond OR distance > last) AND enough <= pg_catalog.ceil(place::float8 / plan.ef::float8) * plan.ef::float8 THEN
            settled := true;
            EXIT;
        END IF;
        IF place % 64::int8 = 0::int8 THEN
            -- What is known of the filter by now, together with what was estimated, says how far it still is.
            rate := (hits + 2)::float8 / (place::float8 + 2::float8 * plan.rows / plan.matches);
            ahead := open_analytic._ms(plan.efforts, plan.all_ms, coalesce(enough, open_analytic._needed(plan.ranks, plan.needed, k::float8 / rate), 1.2::float8 * k::float8 / rate));
            spent := open_analytic._ms(plan.efforts, plan.all_ms, place::float8);
            -- With a limit of distance it cannot be foreseen: then what was spent decides.
            EXIT WHEN spent > 1.5::float8 * plan.exact_ms OR (ahead > greatest(plan.exact_ms, CASE WHEN plan.why <> 'tried' THEN plan.index_ms END)
                       OR spent > 0.1::float8 * plan.exact_ms AND ahead > greatest(plan.exact_ms / 2::float8, CASE WHEN plan.why <> 'tried' THEN 1.5::float8 * plan.index_ms END))
                AND (max_distance IS NULL OR spent > 0.1::float8 * plan.exact_ms);
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
    near CONSTANT text := open_analytic._operator(info.metric);
    key CONSTANT text := CASE WHEN info.many THEN 'image_name, part' ELSE 'image_name, 0 AS part' END;
    walk record;
    walked integer := 0;
    names text[];
    parts integer[];
    distances float8[];
BEGIN
    IF plan.kind = 'index' THEN
        PERFORM set_config('hnsw.ef_search', plan.ef::text, true);
        IF filter IS NULL AND max_distance IS NULL AND after IS NULL AND NOT row_security_active(collection) THEN
            PERFORM set_config('enable_seqscan', 'off', true), set_config('hnsw.iterative_scan', CASE WHEN plan.tuples <= plan.ef AND k < plan.ef THEN 'off' ELSE 'relaxed_order' END, true);
            EXECUTE format(
                'SELECT array_agg(i.image_name ORDER BY i.distance, i.image_name, i.part), array_agg(i.part ORDER BY i.distance, i.image_name, i.part), array_agg(i.distance ORDER BY i.distance, i.image_name, i.part)'
                ' FROM (SELECT %1$s, feature %2$s $1 AS distance FROM %3$s WHERE feature IS NOT NULL ORDER BY feature %2$s $1 LIMIT %4$s) AS i',
                key, near, collection, 1 + CASE WHEN plan.tuples > plan.ef THEN ceil(plan.tuples)::bigint ELSE k END) INTO names, parts, distances USING half;
            PERFORM set_config('enable_seqscan', 'on', true), set_config('hnsw.iterative_scan', 'relaxed_order', true);
            -- One more than is wanted, and further off: else more may be as near, of which the first by name are to come.
            IF distances[cardinality(distances)] > distances[k] THEN
                PERFORM set_config('open_analytic.last_search', format('{"plan": "index", "walked": %s}', ceil(greatest(plan.tuples, k))), true);
                RETURN QUERY SELECT u.n, u.p, u.d FROM unnest(names[:k], parts[:k], distances[:k]) AS u (n, p, d);
                RETURN;
            END IF;
        END IF;
        walk := open_analytic._walk(collection, info, half, k, filter, max_distance, after, plan, path);
        IF walk.settled THEN
            PERFORM set_config('open_analytic.last_search', format('{"plan": "index", "walked": %s}', walk.walked), true);
            RETURN QUERY SELECT u.n, u.p, u.d FROM unnest(walk.names, walk.parts, walk.distances) AS u (n, p, d) ORDER BY u.d, u.n, u.p LIMIT k;
            RETURN;
        END IF;
        walked := walk.walked;
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
        open_analytic._after(after, pg_catalog.format('(feature %s $1)', near), 'image_name', CASE WHEN info.many THEN 'part' ELSE '0' END), k) USING half, max_distance;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
END
$$
$sql$
);
COMMENT ON FUNCTION open_analytic._walk IS 'Rows of the index until the nearest k that fit are among them at the recall of the plan; not settled when measuring all is cheaper';
COMMENT ON FUNCTION open_analytic._nearest IS 'Do what was planned';

SELECT open_analytic._close('open_analytic_user');
