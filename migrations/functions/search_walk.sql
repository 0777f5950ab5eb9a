CREATE OR REPLACE FUNCTION open_analytic._after(after jsonb, distance text, name text, part text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
BEGIN
    RETURN CASE WHEN after IS NULL THEN 'true' ELSE format(
        '(%1$s OPERATOR(pg_catalog.>) %4$L::pg_catalog.float8 OR %1$s OPERATOR(pg_catalog.=) '
            '%4$L::pg_catalog.float8 AND'
        ' (%2$s OPERATOR(pg_catalog.>) %5$L OR %2$s OPERATOR(pg_catalog.=) %5$L AND %3$s '
            'OPERATOR(pg_catalog.>) %6$L::pg_catalog.int4))',
        distance,
            name,
            part,
            (after ->> 'distance')::float8,
            after ->> 'name',
            coalesce((after ->> 'part')::integer, 0)) END;
END
$$;
COMMENT ON FUNCTION open_analytic._after IS
    'The condition of coming after a row, in the order of hits';

CREATE OR REPLACE FUNCTION open_analytic._further(
    plan open_analytic._plan, k integer, hits bigint, walked bigint, near boolean
)
RETURNS float8
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- What was seen of the filter, and a little of what was estimated.
    rate CONSTANT float8 := (hits + 0.5) / (walked + 0.5 * plan.rows / plan.matches);
    rank CONSTANT float8 := least(plan.rows, ceil((k + sqrt(k)) / rate));
BEGIN
    -- within a distance, and after a page, it cannot be foreseen
    RETURN CASE WHEN near THEN least(rank, 4 * walked) ELSE rank END;
END
$$;
COMMENT ON FUNCTION open_analytic._further IS
    'Where the k-th match can be, after so many rows with so many matches';

CREATE OR REPLACE FUNCTION open_analytic._take(
    collection regclass, info open_analytic.collections, half @vector@.halfvec, k integer,
    filter text, max_distance float8, after jsonb, within text, taken bigint, path text,
    OUT names text[], OUT parts integer[], OUT distances float8[], OUT hits bigint,
    OUT walked bigint, OUT place bigint, OUT beyond boolean, OUT farthest float8
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    near CONSTANT text := open_analytic._operator(info.metric);
    fits CONSTANT text := concat_ws(
        ' AND ',
        CASE WHEN filter IS NOT NULL THEN 's.meets' END,
        CASE WHEN max_distance IS NOT NULL THEN 's.distance OPERATOR(pg_catalog.<=) $2' END,
        CASE
            WHEN after IS NOT NULL
                THEN open_analytic._after(after, 's.distance', 's.name', 's.part')
        END
    );
BEGIN
    -- Rows that do not meet the filter count too: the rank among all rows gives the probability
    -- that no nearer row was missed. From here on search_path is that of the filter. A role that
    -- can create functions there could add operators for pairs of types without one in
    -- PostgreSQL: so both sides of each operator have the same type.
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(
        E'SELECT '
        'pg_catalog.array_agg(w.name ORDER BY w.distance, w.name, w.part) '
        'FILTER (WHERE w.fits), '
        'pg_catalog.array_agg(w.part ORDER BY w.distance, w.name, w.part) '
        'FILTER (WHERE w.fits), '
        'pg_catalog.array_agg(w.distance ORDER BY w.distance, w.name, w.part) '
        'FILTER (WHERE w.fits), '
        'pg_catalog.max(w.distance), pg_catalog.count(*), %8$s '
        'FROM (SELECT f.* %9$s '
        'FROM (SELECT s.name, s.part, s.distance, %1$s AS fits '
        'FROM (SELECT %10$I AS name, %2$s AS part, feature %3$s $1 AS distance, '
        '(\n%4$s\n) IS TRUE AS meets '
        'FROM %5$s WHERE feature IS NOT NULL AND %6$s '
        'ORDER BY feature %3$s $1 LIMIT %7$s) AS s) AS f) AS w',
        coalesce(nullif(fits, ''), 'true'),
        CASE WHEN info.many THEN 'part' ELSE '0' END,
        near,
        coalesce(filter, 'true'),
        collection,
        coalesce(within, 'true'),
        taken,
        CASE
            WHEN fits = ''
                THEN 'pg_catalog.count(*), '
                    'CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.>=) $3 THEN $3 END, '
                    'false AND $2 IS NULL'
            ELSE 'pg_catalog.max(w.hits), '
                'pg_catalog.min(w.place) FILTER (WHERE w.hits OPERATOR(pg_catalog.=) $3 '
                'OR w.distance OPERATOR(pg_catalog.>) $2), '
                'coalesce(pg_catalog.bool_or(w.distance OPERATOR(pg_catalog.>) $2), false)'
        END,
        CASE
            WHEN fits <> ''
                THEN ', pg_catalog.row_number() OVER () AS place, '
                    'pg_catalog.count(*) FILTER (WHERE f.fits) OVER (ROWS UNBOUNDED PRECEDING) '
                    'AS hits'
        END,
        info.name_column
    )
    INTO names, parts, distances, farthest, walked, hits, place, beyond
    USING half, max_distance, k::bigint;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
END
$$;
COMMENT ON FUNCTION open_analytic._take IS
    'So many rows of the index: those of them that fit, nearest first, and the place among all '
        'of the k-th, or of the first beyond the distance';

CREATE OR REPLACE FUNCTION open_analytic._nearest(
    collection regclass, info open_analytic.collections, half @vector@.halfvec, k integer,
    filter text, max_distance float8, after jsonb, plan open_analytic._plan, path text
)
RETURNS TABLE (name text, part integer, distance float8)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000
SET search_path = pg_catalog, pg_temp
SET hnsw.iterative_scan = relaxed_order
SET hnsw.ef_search = 40
SET hnsw.max_scan_tuples = 1000000
SET hnsw.scan_mem_multiplier = 16
SET enable_seqscan = on
AS $$
DECLARE
    near CONSTANT text := open_analytic._operator(info.metric);
    -- Where some rows are hidden from the index's count, a batch of it says nothing of those that
    -- are seen.
    whole CONSTANT boolean := plan.within IS NULL AND NOT row_security_active(collection);
    batch bigint := CASE
        WHEN whole AND plan.tuples <= 1000 OR plan.why = 'tried' THEN plan.taken + 1
        ELSE greatest(plan.tuples, plan.taken + 1)
    END;
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
        seen := open_analytic._take(
            collection, info, half, k, filter, max_distance, after, plan.within, batch, path
        );
        walked := seen.walked;
        -- The rows seen are the hits and the rest of the first batch. One row behind the last hit
        -- is needed that is further off: otherwise more rows can be as near, and the first of
        -- these by name must win.
        rank := coalesce(
            seen.place,
            open_analytic._further(
                plan, k, seen.hits, walked, max_distance IS NOT NULL OR after IS NOT NULL
            )
        );
        needed := open_analytic._needed(plan.ranks, plan.needed, rank);
        covered := CASE WHEN whole THEN greatest(batch, plan.ef) ELSE batch END;
        IF seen.place IS NOT NULL
           AND needed <= covered
           AND (seen.beyond OR seen.farthest > seen.distances[k])
        THEN
            PERFORM set_config('enable_seqscan', 'on', true),
                set_config(
                    'open_analytic.last_search',
                    format('{"plan": "index", "walked": %s}', greatest(walked, needed)),
                    true
                );
            RETURN QUERY SELECT u.n, u.p, u.d
                FROM unnest(seen.names[:k], seen.parts[:k], seen.distances[:k]) AS u (n, p, d);
            RETURN;
        END IF;
        spent := spent
            + open_analytic._index_ms(plan, least(walked, plan.ranks[cardinality(plan.ranks)]));
        -- Far fewer matches than their share of the rows seen: the filter keeps what is far from
        -- the query, and more looks find as little.
        expected := CASE
            WHEN max_distance IS NULL AND after IS NULL THEN walked * plan.matches / plan.rows
            ELSE 0
        END;
        EXIT
            WHEN needed IS NULL
                OR walked < batch
                OR expected >= 4 AND seen.hits < 0.3 * expected
                OR open_analytic._index_ms(plan, rank) > plan.exact_ms - spent / 2;
        plan.ef := greatest(plan.ef, open_analytic._ef(needed));
        batch := greatest(
            batch
                + CASE
                    WHEN seen.place IS NULL OR seen.farthest = seen.distances[k] THEN batch ELSE 1
                END,
            CASE WHEN whole AND needed <= 1000 THEN rank + 1 ELSE greatest(needed, rank + 1) END
        );
    END LOOP;
    PERFORM set_config('enable_seqscan', 'on', true);
    PERFORM set_config(
        'open_analytic.last_search',
        format(
            '{"plan": %s, "walked": %s}',
            CASE WHEN plan.kind = 'index' THEN '"index, then exact"' ELSE '"exact"' END,
            walked
        ),
        true
    );
    -- Every row that matches is measured, by several processes where PostgreSQL finds it worth it.
    -- What is added to the distance keeps it from taking the index. No number (NaN), and none at
    -- all, is beyond all others, so neither nor the limit takes a place of the k.
    PERFORM set_config('search_path', path, true);
    RETURN QUERY EXECUTE pg_catalog.format(
        E'SELECT m.name, m.part, m.distance '
        'FROM (SELECT %7$I AS name, %1$s, '
        '(feature %2$s $1) OPERATOR(pg_catalog.+) 0::pg_catalog.float8 AS distance '
        'FROM %3$s WHERE (\n%4$s\n) AND %5$s '
        'ORDER BY distance, name, part LIMIT %6$s) AS m '
        'WHERE m.distance OPERATOR(pg_catalog.<>) ''NaN''::pg_catalog.float8 '
        'AND ($2 IS NULL OR m.distance OPERATOR(pg_catalog.<=) $2) '
        'ORDER BY m.distance, m.name, m.part',
        CASE WHEN info.many THEN 'part' ELSE '0 AS part' END,
        near,
        collection,
        coalesce(filter, 'true'),
        open_analytic._after(
            after, pg_catalog.format('(feature %s $1)', near),
            pg_catalog.quote_ident(info.name_column), CASE WHEN info.many THEN 'part' ELSE '0' END
        ),
        k,
        info.name_column
    ) USING half, max_distance;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
END
$$;
COMMENT ON FUNCTION open_analytic._nearest IS 'Do what was planned';
