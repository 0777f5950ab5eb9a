-- How a search is done: planned from what is known of the index and of the filter, and corrected while the index is walked. Names of
-- pgvector's objects are written with @vector@, its schema.

CREATE TYPE open_analytic._plan AS (
    kind text, why text, goal float8, rows float8, estimated float8, sampled float8, matches float8, ef integer, taken float8, tuples float8,
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
    least_rows float8;
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
    plan.ranks := c.ranks;
    plan.efforts := c.efforts;
    plan.first_ms := c.first_ms;
    plan.all_ms := c.all_ms;
    recalls := c.recalls;
    -- Room for what a sample of queries does not show: two fifths of the way to 1, or one, or half of one, where more costs over twice as much.
    FOREACH plan.goal IN ARRAY ARRAY[target + 0.4 * (1 - target), target + 0.2 * (1 - target), target + 0.1 * (1 - target)] LOOP
        FOR j IN 1 .. cardinality(c.ranks) LOOP
            FOR i IN 1 .. cardinality(c.efforts) LOOP
                IF recalls[i][j] >= plan.goal AND c.efforts[i] >= c.ranks[j] THEN
                    low := CASE WHEN i > 1 AND c.efforts[i - 1] >= c.ranks[j] THEN recalls[i - 1][j] END;
                    least_rows := CASE WHEN low < plan.goal
                        THEN ceil(c.efforts[i - 1] * power(c.efforts[i] / c.efforts[i - 1]::float8, (plan.goal - low) / (recalls[i][j] - low))) ELSE c.efforts[i] END;
                    IF needed[j] IS NULL OR needed[j] > 2 * least_rows THEN
                        needed[j] := least_rows;
                    END IF;
                    EXIT;
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
    -- Queries from outside are somewhat harder than the rows that were asked for, which shows where nearly all is wanted.
    plan.needed := CASE WHEN target > 0.95 THEN ARRAY(SELECT 2.5 * n FROM unnest(needed) WITH ORDINALITY AS u (n, place) ORDER BY place) ELSE needed END;
    plan.unit_ms := c.scan_ms / c.scan_cost;
    plan.distance_ms := greatest(0, c.exact_ms - c.scan_ms) / c.rows;
    RETURN plan;
END
$$;
COMMENT ON FUNCTION open_analytic._curve IS 'What is known of the index at a recall, and the costs of one row';

CREATE FUNCTION open_analytic._rank(plan open_analytic._plan, k float8, matches float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Matches do not come evenly: with some bad luck, two standard deviations, the last one is so much further off.
    RETURN least(plan.rows, CASE WHEN matches >= plan.rows THEN k ELSE ceil((k + 2 * sqrt(k)) * plan.rows / greatest(1, matches)) END);
END
$$;
COMMENT ON FUNCTION open_analytic._rank IS 'Where the last of k matches is among all rows, when those that match are spread as all are';

CREATE FUNCTION open_analytic._index_ms(plan open_analytic._plan, rank float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tuples CONSTANT float8 := open_analytic._needed(plan.ranks, plan.needed, rank);
    every CONSTANT float8 := open_analytic._ms(plan.efforts, plan.all_ms, tuples);
    first CONSTANT float8 := open_analytic._ms(plan.efforts, plan.first_ms, tuples);
BEGIN
    -- As much is looked at as the recall needs; up to an ef_search of 1000 no more than the rank is taken of it. Beyond, more looks may
    -- follow that come to nothing.
    RETURN CASE WHEN tuples IS NULL THEN 'Infinity' WHEN tuples > 1000 THEN 1.4 * every ELSE least(every, first + (every - first) * rank / tuples) END;
END
$$;
COMMENT ON FUNCTION open_analytic._index_ms IS 'How long the index takes for so many of the nearest rows; infinite when it cannot reach that far';

CREATE FUNCTION open_analytic._ef(tuples float8) RETURNS integer
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN greatest(40, ceil(tuples / ceil(greatest(1, tuples) / 1000))); END $$;
COMMENT ON FUNCTION open_analytic._ef IS 'The ef_search that gives so many rows in as few looks as can be, all of one size';

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
    part record;
BEGIN
    -- Whether a filter keeps only rows that an index of some rows has, PostgreSQL's planner knows.
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(E'EXPLAIN (FORMAT JSON) SELECT FROM %1$s WHERE feature IS NOT NULL AND (\n%2$s\n) ORDER BY feature %3$s (SELECT feature FROM %1$s LIMIT 0) LIMIT 1', collection, filter, open_analytic._operator(info.metric)) INTO said;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR part IN SELECT x.oid, x.reltuples FROM json_array_elements(said #> '{0,Plan,Plans}') AS p (node) JOIN pg_class AS x ON x.relname = p.node ->> 'Index Name' AND x.relkind = 'i'
                JOIN open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric)) AS i ON i.indexrelid = x.oid AND i.partial LOOP
        plan.within := (open_analytic._condition(part.oid)).says;
        IF plan.within IS NOT NULL THEN
            plan.rows := greatest(plan.matches, part.reltuples);
        END IF;
    END LOOP;
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
    wanted float8;
BEGIN
    IF plan.indexed IS NULL OR filter IS NOT NULL THEN
        plan.rows := open_analytic._rows(collection, info.dim);
        SELECT min(i.indexrelid) FILTER (WHERE NOT i.partial), bool_or(i.partial) INTO plan.indexed, parts
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
    plan.taken := open_analytic._rank(plan, wanted, plan.matches);
    plan.tuples := open_analytic._needed(plan.ranks, plan.needed, plan.taken);
    plan.index_ms := open_analytic._index_ms(plan, plan.taken);
    IF plan.index_ms <= plan.exact_ms THEN
        plan.kind := 'index';
        plan.why := 'cheaper';
    ELSIF filter IS NOT NULL AND open_analytic._index_ms(plan, wanted) <= plan.exact_ms / 2 THEN
        -- What the filter keeps may all be near the query: a look that costs little next to measuring is worth it.
        plan.ef := open_analytic._needed(plan.ranks, plan.needed, wanted);
        plan.ef := CASE WHEN plan.ef <= 1000 AND open_analytic._ms(plan.efforts, plan.first_ms, plan.ef) <= 0.08 * plan.exact_ms THEN plan.ef ELSE 40 END;
        plan.try_ms := open_analytic._ms(plan.efforts, plan.first_ms, plan.ef);
        plan.taken := greatest(40, 2 * wanted);
        plan.why := CASE WHEN plan.try_ms <= 0.08 * plan.exact_ms AND plan.taken <= plan.ef THEN 'tried' WHEN plan.index_ms = 'Infinity' THEN 'out of reach' ELSE 'cheaper' END;
        plan.kind := CASE plan.why WHEN 'tried' THEN 'index' ELSE 'exact' END;
    ELSE
        plan.why := CASE WHEN plan.index_ms = 'Infinity' THEN 'out of reach' ELSE 'cheaper' END;
    END IF;
    plan.ef := open_analytic._ef(coalesce(plan.ef, plan.tuples));
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

CREATE FUNCTION open_analytic._further(plan open_analytic._plan, k integer, hits bigint, walked bigint, near boolean) RETURNS float8
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- What was seen of the filter, and a little of what was estimated.
    rate CONSTANT float8 := (hits + 0.5) / (walked + 0.5 * plan.rows / plan.matches);
    rank CONSTANT float8 := least(plan.rows, ceil((k + sqrt(k)) / rate));
BEGIN
    RETURN CASE WHEN near THEN least(rank, 4 * walked) ELSE rank END; -- within a distance, and after a page, it cannot be foreseen
END
$$;
COMMENT ON FUNCTION open_analytic._further IS 'Where the k-th match may be, after so many rows with so many matches';

SELECT open_analytic._run_all(
$sql$
CREATE FUNCTION open_analytic._take(
    collection regclass, info open_analytic.collections, half @vector@.halfvec, k integer, filter text, max_distance float8, after jsonb, within text, taken bigint, path text,
    OUT names text[], OUT parts integer[], OUT distances float8[], OUT hits bigint, OUT walked bigint, OUT place bigint, OUT beyond boolean, OUT farthest float8
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    near CONSTANT text := open_analytic._operator(info.metric);
    fits CONSTANT text := concat_ws(' AND ', CASE WHEN filter IS NOT NULL THEN 's.meets' END, CASE WHEN max_distance IS NOT NULL THEN 's.distance OPERATOR(pg_catalog.<=) $2' END,
                                    CASE WHEN after IS NOT NULL THEN open_analytic._after(after, 's.distance', 's.image_name', 's.part') END);
BEGIN
    -- Rows that do not meet the filter are counted too: the place among all tells how sure it is that no nearer one was passed by.
    -- The path is the filter's from here on. Whoever may create functions there could give operators for pairs of types that PostgreSQL
    -- has none for: so both sides of each have one type.
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(
        E'SELECT pg_catalog.array_agg(w.image_name ORDER BY w.distance, w.image_name, w.part) FILTER (WHERE w.fits), pg_catalog.array_agg(w.part ORDER BY w.distance, w.image_name, w.part) FILTER (WHERE w.fits),'
        ' pg_catalog.array_agg(w.distance ORDER BY w.distance, w.image_name, w.part) FILTER (WHERE w.fits), pg_catalog.max(w.distance), pg_catalog.count(*), %8$s FROM (SELECT f.* %9$s FROM (SELECT s.image_name, s.part, s.distance, %1$s AS fits FROM ('
        'SELECT image_name, %2$s AS part, feature %3$s $1 AS distance, (\n%4$s\n) IS TRUE AS meets FROM %5$s WHERE feature IS NOT NULL AND %6$s ORDER BY feature %3$s $1 LIMIT %7$s'
        ') AS s) AS f) AS w',
        coalesce(nullif(fits, ''), 'true'), CASE WHEN info.many THEN 'part' ELSE '0' END, near, coalesce(filter, 'true'), collection, coalesce(within, 'true'), taken,
        CASE WHEN fits = '' THEN 'pg_catalog.count(*), CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.>=) $3 THEN $3 END, false AND $2 IS NULL'
            ELSE 'pg_catalog.max(w.hits), pg_catalog.min(w.place) FILTER (WHERE w.hits OPERATOR(pg_catalog.=) $3 OR w.distance OPERATOR(pg_catalog.>) $2), coalesce(pg_catalog.bool_or(w.distance OPERATOR(pg_catalog.>) $2), false)' END,
        CASE WHEN fits <> '' THEN ', pg_catalog.row_number() OVER () AS place, pg_catalog.count(*) FILTER (WHERE f.fits) OVER (ROWS UNBOUNDED PRECEDING) AS hits' END)
        INTO names, parts, distances, farthest, walked, hits, place, beyond USING half, max_distance, k::bigint;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._nearest(
    collection regclass, info open_analytic.collections, half @vector@.halfvec, k integer, filter text, max_distance float8, after jsonb, plan open_analytic._plan, path text
) RETURNS TABLE (image_name text, part integer, distance float8)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000
SET search_path = pg_catalog, pg_temp SET hnsw.iterative_scan = relaxed_order SET hnsw.ef_search = 40
SET hnsw.max_scan_tuples = 1000000 SET hnsw.scan_mem_multiplier = 16 SET enable_seqscan = on
AS $$
DECLARE
    near CONSTANT text := open_analytic._operator(info.metric);
    -- Where some rows are hidden from the index's count, a batch of it says nothing of those that are seen.
    whole CONSTANT boolean := plan.within IS NULL AND NOT row_security_active(collection);
    taken bigint := CASE WHEN whole AND plan.tuples <= 1000 OR plan.why = 'tried' THEN plan.taken + 1 ELSE greatest(plan.tuples, plan.taken + 1) END;
    seen record;
    walked bigint := 0;
    covered float8;
    rank float8;
    needed float8;
    expected float8;
    spent float8 := 0;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true);
    WHILE plan.kind = 'index' LOOP
        PERFORM set_config('hnsw.ef_search', plan.ef::text, true);
        seen := open_analytic._take(collection, info, half, k, filter, max_distance, after, plan.within, taken, path);
        walked := seen.walked;
        -- Seen is what was taken, and the rest of the first batch. One more than the last hit, and further off: else more may be as near,
        -- of which the first by name are to come.
        rank := coalesce(seen.place, open_analytic._further(plan, k, seen.hits, walked, max_distance IS NOT NULL OR after IS NOT NULL));
        needed := open_analytic._needed(plan.ranks, plan.needed, rank);
        covered := CASE WHEN whole THEN greatest(taken, plan.ef) ELSE taken END;
        IF seen.place IS NOT NULL AND needed <= covered AND (seen.beyond OR seen.farthest > seen.distances[k]) THEN
            PERFORM set_config('enable_seqscan', 'on', true), set_config('open_analytic.last_search', format('{"plan": "index", "walked": %s}', greatest(walked, needed)), true);
            RETURN QUERY SELECT u.n, u.p, u.d FROM unnest(seen.names[:k], seen.parts[:k], seen.distances[:k]) AS u (n, p, d);
            RETURN;
        END IF;
        spent := spent + open_analytic._index_ms(plan, least(walked, plan.ranks[cardinality(plan.ranks)]));
        -- Far fewer matches than their share of the rows seen: the filter keeps what is far from the query, and more looks find as little.
        expected := CASE WHEN max_distance IS NULL AND after IS NULL THEN walked * plan.matches / plan.rows ELSE 0 END;
        EXIT WHEN needed IS NULL OR walked < taken OR expected >= 4 AND seen.hits < 0.3 * expected OR open_analytic._index_ms(plan, rank) > plan.exact_ms - spent / 2;
        plan.ef := greatest(plan.ef, open_analytic._ef(needed));
        taken := greatest(taken + CASE WHEN seen.place IS NULL OR seen.farthest = seen.distances[k] THEN taken ELSE 1 END, CASE WHEN whole AND needed <= 1000 THEN rank + 1 ELSE greatest(needed, rank + 1) END);
    END LOOP;
    PERFORM set_config('enable_seqscan', 'on', true);
    PERFORM set_config('open_analytic.last_search', format('{"plan": %s, "walked": %s}', CASE WHEN plan.kind = 'index' THEN '"index, then exact"' ELSE '"exact"' END, walked), true);
    -- Every row that matches is measured, by several processes where PostgreSQL finds it worth it. What is added to the distance
    -- keeps it from taking the index. No number (NaN), and none at all, is beyond all others, so neither nor the limit takes a place of the k.
    PERFORM set_config('search_path', path, true);
    RETURN QUERY EXECUTE pg_catalog.format(
        E'SELECT m.image_name, m.part, m.distance FROM (SELECT image_name, %1$s, (feature %2$s $1) OPERATOR(pg_catalog.+) 0::pg_catalog.float8 AS distance FROM %3$s'
        ' WHERE (\n%4$s\n) AND %5$s ORDER BY distance, image_name, part LIMIT %6$s) AS m'
        ' WHERE m.distance OPERATOR(pg_catalog.<>) ''NaN''::pg_catalog.float8 AND ($2 IS NULL OR m.distance OPERATOR(pg_catalog.<=) $2) ORDER BY m.distance, m.image_name, m.part',
        CASE WHEN info.many THEN 'part' ELSE '0 AS part' END, near, collection, coalesce(filter, 'true'),
        open_analytic._after(after, pg_catalog.format('(feature %s $1)', near), 'image_name', CASE WHEN info.many THEN 'part' ELSE '0' END), k) USING half, max_distance;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
END
$$
$sql$
);
COMMENT ON FUNCTION open_analytic._take IS 'So many rows of the index: those of them that fit, nearest first, and the place among all of the k-th, or of the first beyond the distance';
COMMENT ON FUNCTION open_analytic._nearest IS 'Do what was planned';

SELECT open_analytic._close('open_analytic_user');
