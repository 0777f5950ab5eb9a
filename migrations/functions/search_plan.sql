CREATE OR REPLACE FUNCTION open_analytic._operator(metric text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE metric
        WHEN 'l2' THEN 'OPERATOR(@vector@.<->)'
        WHEN 'cosine' THEN 'OPERATOR(@vector@.<=>)'
        ELSE 'OPERATOR(@vector@.<#>)'
    END;
END
$$;
COMMENT ON FUNCTION open_analytic._operator IS 'The operator of a metric, with its schema';

CREATE OR REPLACE FUNCTION open_analytic._needed(ranks integer[], needed float8[], rank float8)
RETURNS float8
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
COMMENT ON FUNCTION open_analytic._needed IS
    'How many rows the index has to give so that the nearest so many are among them; NULL when '
        'no effort is enough';

CREATE OR REPLACE FUNCTION open_analytic._ms(efforts integer[], ms float8[], tuples float8)
RETURNS float8
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
    RETURN greatest(
        ms[1] / 2,
        ms[i - 1] + (ms[i] - ms[i - 1]) * (tuples - efforts[i - 1]) / (efforts[i] - efforts[i - 1])
    );
END
$$;
COMMENT ON FUNCTION open_analytic._ms IS
    'How long so many rows of the index take, between what was measured and beyond';

CREATE OR REPLACE FUNCTION open_analytic._curve(
    collection regclass, info open_analytic.collections, target float8
)
RETURNS open_analytic._plan
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
    WHERE a.schema_name = info.schema_name
        AND a.table_name = info.table_name
        AND a.measured_at >= info.created_at;
    IF c.rows IS NULL THEN
        -- Never measured: generous, and by what such rows cost elsewhere.
        plan.goal := target;
        plan.ranks := ARRAY[10, 100, 1000];
        plan.needed := CASE
            WHEN target <= 0.9 THEN '{200,600,4000}'
            WHEN target <= 0.95 THEN '{400,1000,6000}'
            WHEN target <= 0.99 THEN '{1000,2000,10000}'
            ELSE '{4000,8000,20000}'
        END;
        plan.efforts := ARRAY[40, 1000, 2000];
        plan.first_ms := ARRAY[0.4, 2, 3];
        plan.all_ms := ARRAY[0.6, 5, 15];
        plan.unit_ms := 0.00065;
        plan.distance_ms := info.dim * 8e-7;
        RETURN plan;
    END IF;
    plan.calibrated_at := c.measured_at;
    plan.rows := c.rows;
    plan.indexed := (
        SELECT i.indexrelid
        FROM pg_index AS i
        JOIN pg_class AS x ON x.oid = i.indexrelid
        WHERE x.relname = c.index_name AND i.indrelid = collection AND i.indisvalid
    );
    plan.ranks := c.ranks;
    plan.efforts := c.efforts;
    plan.first_ms := c.first_ms;
    plan.all_ms := c.all_ms;
    recalls := c.recalls;
    -- Room for what a sample of queries does not show: two fifths of the way to 1, or one, or half
    -- of one, where more costs over twice as much.
    FOREACH plan.goal IN ARRAY ARRAY[
        target + 0.4 * (1 - target), target + 0.2 * (1 - target), target + 0.1 * (1 - target)
    ] LOOP
        FOR j IN 1 .. cardinality(c.ranks) LOOP
            FOR i IN 1 .. cardinality(c.efforts) LOOP
                IF recalls[i][j] >= plan.goal AND c.efforts[i] >= c.ranks[j] THEN
                    low := CASE
                        WHEN i > 1 AND c.efforts[i - 1] >= c.ranks[j] THEN recalls[i - 1][j]
                    END;
                    least_rows := CASE WHEN low < plan.goal
                        THEN ceil(
                            c.efforts[i - 1]
                                * power(
                                    c.efforts[i] / c.efforts[i - 1]::float8,
                                    (plan.goal - low) / (recalls[i][j] - low)
                                )
                        )
                            ELSE c.efforts[i] END;
                    IF needed[j] IS NULL OR needed[j] > 2 * least_rows THEN
                        needed[j] := least_rows;
                    END IF;
                    EXIT;
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
    -- Queries from outside are somewhat harder than the rows that were asked for, which shows
    -- where nearly all is wanted.
    plan.needed := CASE
        WHEN target > 0.95
            THEN ARRAY(
                SELECT 2.5 * n FROM unnest(needed) WITH ORDINALITY AS u (n, place) ORDER BY place
            )
        ELSE needed
    END;
    plan.unit_ms := c.scan_ms / c.scan_cost;
    plan.distance_ms := greatest(0, c.exact_ms - c.scan_ms) / c.rows;
    RETURN plan;
END
$$;
COMMENT ON FUNCTION open_analytic._curve IS
    'What is known of the index at a recall, and the costs of one row';

CREATE OR REPLACE FUNCTION open_analytic._rank(plan open_analytic._plan, k float8, matches float8)
RETURNS float8
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Matches do not come evenly: with some bad luck, two standard deviations, the last one is so
    -- much further off.
    RETURN least(
        plan.rows,
        CASE
            WHEN matches >= plan.rows THEN k
            ELSE ceil((k + 2 * sqrt(k)) * plan.rows / greatest(1, matches))
        END
    );
END
$$;
COMMENT ON FUNCTION open_analytic._rank IS
    'Where the last of k matches is among all rows, when those that match are spread as all are';

CREATE OR REPLACE FUNCTION open_analytic._index_ms(plan open_analytic._plan, rank float8)
RETURNS float8
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tuples CONSTANT float8 := open_analytic._needed(plan.ranks, plan.needed, rank);
    every CONSTANT float8 := open_analytic._ms(plan.efforts, plan.all_ms, tuples);
    first CONSTANT float8 := open_analytic._ms(plan.efforts, plan.first_ms, tuples);
BEGIN
    -- As much is looked at as the recall needs; up to an ef_search of 1000 no more than the rank
    -- is taken of it. Beyond 1000, further looks can follow that give no row.
    RETURN CASE
        WHEN tuples IS NULL THEN 'Infinity'
        WHEN tuples > 1000 THEN 1.4 * every
        ELSE least(every, first + (every - first) * rank / tuples)
    END;
END
$$;
COMMENT ON FUNCTION open_analytic._index_ms IS
    'How long the index takes for so many of the nearest rows; infinite when it cannot reach '
        'that far';

CREATE OR REPLACE FUNCTION open_analytic._ef(tuples float8) RETURNS integer
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN greatest(40, ceil(tuples / ceil(greatest(1, tuples) / 1000)));
END
$$;
COMMENT ON FUNCTION open_analytic._ef IS
    'The ef_search that gives so many rows in as few looks as can be, all of one size';

CREATE OR REPLACE FUNCTION open_analytic._part(
    collection regclass, info open_analytic.collections, filter text, path text,
    plan open_analytic._plan
)
RETURNS open_analytic._plan
-- volatile, since EXPLAIN is allowed in no other
LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off
    SET enable_bitmapscan = off
    SET enable_sort = off
AS $$
DECLARE
    explanation json;
    part record;
BEGIN
    -- Whether a filter keeps only rows that an index of some rows has, PostgreSQL's planner knows.
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(
        E'EXPLAIN (FORMAT JSON) SELECT FROM %1$s WHERE feature IS NOT NULL AND (\n%2$s\n) ORDER '
            'BY feature %3$s (SELECT feature FROM %1$s LIMIT 0) LIMIT 1',
        collection,
        filter,
        open_analytic._operator(info.metric)
    )
        INTO explanation;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR part IN SELECT x.oid, x.reltuples
        FROM json_array_elements(explanation #> '{0,Plan,Plans}') AS p (node)
        JOIN pg_class AS x ON x.relname = p.node ->> 'Index Name' AND x.relkind = 'i'
                JOIN open_analytic._indexes(
                    collection, format('halfvec_%s_ops', info.metric)
                ) AS i ON i.indexrelid
                    = x.oid
                    AND i.partial LOOP
        plan.within := (open_analytic._condition(part.oid)).says;
        IF plan.within IS NOT NULL THEN
            plan.rows := greatest(plan.matches, part.reltuples);
        END IF;
    END LOOP;
    RETURN plan;
END
$$;
COMMENT ON FUNCTION open_analytic._part IS
    'Plan within the rows of an index of some rows, where the filter keeps no others';

CREATE OR REPLACE FUNCTION open_analytic._plan_search(
    collection regclass, info open_analytic.collections, k float8, filter text,
    max_distance float8, target float8, path text
)
RETURNS open_analytic._plan
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    plan open_analytic._plan := open_analytic._curve(collection, info, target);
    parts boolean;
    explained json;
    cost float8;
    hits float8;
BEGIN
    IF plan.indexed IS NULL OR filter IS NOT NULL THEN
        plan.rows := open_analytic._rows(collection, info.dim);
        SELECT min(i.indexrelid) FILTER (WHERE NOT i.partial), bool_or(i.partial)
        INTO plan.indexed, parts
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
    plan.why := CASE
        WHEN plan.indexed IS NULL AND plan.within IS NULL THEN 'no index'
        WHEN target >= 1 THEN 'exact wanted'
        WHEN k <= 0 THEN 'nothing wanted'
    END;
    IF plan.calibrated_at IS NULL AND plan.why IS NULL AND plan.rows * info.dim <= 20000000 THEN
        plan.why := 'small';
    END IF;
    IF plan.why IS NOT NULL THEN
        RETURN plan;
    END IF;
    hits := least(k, plan.rows);
    IF max_distance IS NOT NULL THEN
        hits := least(hits, 10); -- how many are so near is seen on the way
    END IF;
    plan.taken := open_analytic._rank(plan, hits, plan.matches);
    plan.tuples := open_analytic._needed(plan.ranks, plan.needed, plan.taken);
    plan.index_ms := open_analytic._index_ms(plan, plan.taken);
    IF plan.index_ms <= plan.exact_ms THEN
        plan.kind := 'index';
        plan.why := 'cheaper';
    ELSIF filter IS NOT NULL AND open_analytic._index_ms(plan, hits) <= plan.exact_ms / 2 THEN
        -- All rows that the filter keeps can be near the query: a look that costs little beside
        -- an exact search is worth it.
        plan.ef := open_analytic._needed(plan.ranks, plan.needed, hits);
        plan.ef := CASE
            WHEN plan.ef <= 1000
                AND open_analytic._ms(plan.efforts, plan.first_ms, plan.ef) <= 0.08 * plan.exact_ms
                    THEN plan.ef
            ELSE 40
        END;
        plan.try_ms := open_analytic._ms(plan.efforts, plan.first_ms, plan.ef);
        plan.taken := greatest(40, 2 * hits);
        plan.why := CASE
            WHEN plan.try_ms <= 0.08 * plan.exact_ms AND plan.taken <= plan.ef THEN 'tried'
            WHEN plan.index_ms = 'Infinity' THEN 'out of reach'
            ELSE 'cheaper'
        END;
        plan.kind := CASE plan.why WHEN 'tried' THEN 'index' ELSE 'exact' END;
    ELSE
        plan.why := CASE WHEN plan.index_ms = 'Infinity' THEN 'out of reach' ELSE 'cheaper' END;
    END IF;
    plan.ef := open_analytic._ef(coalesce(plan.ef, plan.tuples));
    RETURN plan;
END
$$;
COMMENT ON FUNCTION open_analytic._plan_search IS
    'Whether to walk the index, and how far, or to measure every row that matches';
