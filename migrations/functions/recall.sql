CREATE OR REPLACE FUNCTION open_analytic._recalls(
    walked float8[], exact float8[], efforts integer[], ranks integer[]
)
RETURNS float8[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- How many of an effort's rows are as near as the true neighbour at a rank; equal ones count
    -- as hits. The rows that a filter keeps can all be among the last of them, where most are
    -- lost: so the share of hits since the rank before counts too.
    SELECT array_agg(e.parts ORDER BY e.effort) FROM (
        SELECT p.effort,
            array_agg(
                least(
                    1,
                    p.found / p.rank,
                    greatest(0, p.found - p.found_before) / (p.rank - p.rank_before)
                )
                ORDER BY p.rank
            ) AS parts
        FROM (
            SELECT
                n.effort,
                n.rank,
                n.found,
                lag(n.rank, 1, 0) OVER w AS rank_before,
                lag(n.found, 1, 0) OVER w AS found_before
            FROM (
                SELECT f.effort, r.rank, (
                    SELECT least(r.rank, count(*))::float8
                    FROM unnest(walked[:f.effort]) AS t (d)
                    WHERE t.d <= exact[r.rank]
                ) AS found
                FROM unnest(efforts) AS f (effort)
                CROSS JOIN unnest(ranks) AS r (rank)
            ) AS n
            WINDOW w AS (PARTITION BY n.effort ORDER BY n.rank)
        ) AS p
        GROUP BY p.effort
    ) AS e
$$;
COMMENT ON FUNCTION open_analytic._recalls IS
    'Recall of each effort at each rank';

CREATE OR REPLACE FUNCTION open_analytic.measure_index(
    collection regclass, queries integer DEFAULT 200, seconds float8 DEFAULT 60
)
RETURNS open_analytic.calibrations
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET hnsw.iterative_scan = relaxed_order
SET hnsw.ef_search = 40
SET hnsw.max_scan_tuples = 1000000
SET hnsw.scan_mem_multiplier = 16
SET enable_seqscan = on
AS $$
DECLARE
    info open_analytic.collections := open_analytic._opened(collection);
    near CONSTANT text := open_analytic._operator(info.metric);
    part CONSTANT text := CASE WHEN info.many THEN 'part' ELSE '0 AS part' END;
    begun CONSTANT timestamptz := clock_timestamp();
    curve open_analytic.calibrations;
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
    together integer[];
BEGIN
    IF queries IS NULL OR queries NOT BETWEEN 1 AND 10000 OR seconds IS NULL OR NOT seconds > 0
    THEN
        RAISE EXCEPTION 'No index is measured with % queries in % seconds.', queries, seconds
            USING ERRCODE = 'OA019', HINT = 'Give 1 to 10000 queries, and some time.';
    END IF;
    PERFORM open_analytic._follow_renames();
    info := open_analytic._collection(collection); -- under the name that is recorded now
    curve.index_name := (
        SELECT x.relname
        FROM open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric)) AS i
        JOIN pg_class AS x ON x.oid = i.indexrelid
        WHERE NOT i.partial
        LIMIT 1
    );
    IF curve.index_name IS NULL THEN
        RAISE EXCEPTION 'Collection % has no index that could be measured.',
            quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name))
            USING ERRCODE = 'OA030',
            HINT = format(
                'Build it first: SELECT open_analytic.create_ann_index(%L), or `open-analytic '
                    'collection index`.',
                collection
            );
    END IF;
    FOR i IN 1 .. 3 LOOP -- the first look also fills the caches
        at := clock_timestamp();
        EXECUTE format('SELECT count(feature) FROM %s WHERE imported_at IS NOT NULL', collection)
            INTO curve.rows;
        curve.scan_ms := least(
            curve.scan_ms, 1000 * extract(epoch FROM clock_timestamp() - at)::float8
        );
    END LOOP;
    IF curve.rows < 2 THEN
        RAISE EXCEPTION 'Collection % has too few rows to measure its index.',
            quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name))
            USING ERRCODE = 'OA030', HINT = 'Import some first.';
    END IF;
    EXECUTE format(
        'EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE feature IS NOT NULL AND imported_at IS NOT '
            'NULL',
        collection
    )
        INTO explained;
    curve.scan_cost := greatest(0.01, (explained #>> '{0,Plan,Total Cost}')::float8);
    curve.efforts := ARRAY(
        SELECT e
        FROM unnest('{40,80,160,320,640,1000,2000,4000,8000,16000}'::integer[]) AS e
        WHERE e = 40 OR e < curve.rows AND e <= greatest(1000, curve.rows / 25)
        ORDER BY e
    );
    curve.ranks := ARRAY(
        SELECT r
        FROM unnest('{1,3,10,30,100,300,1000,3000,10000}'::integer[]) AS r
        WHERE r = 1 OR r < curve.rows AND r <= curve.efforts[cardinality(curve.efforts)]
        ORDER BY r
    );
    EXECUTE format(
        'SELECT array_agg(s.feature), array_agg(s.name), array_agg(s.part) FROM ('
        'SELECT feature, %I AS name, %s FROM %s TABLESAMPLE BERNOULLI (%s) '
        'WHERE feature IS NOT NULL ORDER BY random() LIMIT %s) AS s',
        info.name_column,
        part,
        collection,
        least(100, 500.0 * queries / curve.rows),
        queries
    ) INTO probes, names, parts;
    FOR q IN 1 .. coalesce(cardinality(probes), 0) LOOP
        at := clock_timestamp();
        -- A row is not its own neighbour.
        EXECUTE format(
            'SELECT array_agg(n.d) FILTER (WHERE (n.name, n.part) <> ($2, $3) '
            'AND n.d <> ''NaN'') FROM ('
            'SELECT %5$I AS name, %1$s, (feature %2$s $1) + 0 AS d FROM %3$s '
            'WHERE feature IS NOT NULL ORDER BY d LIMIT 1 + %4$s) AS n',
            part,
            near,
            collection,
            curve.ranks[cardinality(curve.ranks)],
            info.name_column
        ) INTO exact USING probes[q], names[q], parts[q];
        exact_ms := exact_ms || 1000 * extract(epoch FROM clock_timestamp() - at)::float8;
        -- rows went away meanwhile
        CONTINUE WHEN exact IS NULL OR cardinality(exact) < curve.ranks[cardinality(curve.ranks)];
        once := '{}';
        PERFORM set_config('enable_seqscan', 'off', true);
        FOR i IN 1 .. cardinality(curve.efforts) LOOP
            -- An effort is one look of that ef_search; beyond 1000 there are several.
            together := CASE
                WHEN curve.efforts[i] < 1000 THEN curve.efforts[i:i] ELSE curve.efforts[i:]
            END;
            PERFORM set_config('hnsw.ef_search', least(1000, curve.efforts[i])::text, true);
            EXECUTE format(
                'SELECT array_agg(n.d) FILTER (WHERE (n.name, n.part) <> ($2, $3)) FROM ('
                'SELECT %5$I AS name, %1$s, feature %2$s $1 AS d FROM %3$s '
                'WHERE feature IS NOT NULL ORDER BY feature %2$s $1 LIMIT %4$s) AS n',
                part,
                near,
                collection,
                together[cardinality(together)] + 1,
                info.name_column
            ) INTO walked USING probes[q], names[q], parts[q];
            once := once
                || open_analytic._recalls(coalesce(walked, '{}'), exact, together, curve.ranks);
            EXIT WHEN curve.efforts[i] >= 1000;
        END LOOP;
        PERFORM set_config('enable_seqscan', 'on', true);
        sums := CASE
            WHEN sums IS NULL THEN once
            ELSE (
                SELECT array_agg(line ORDER BY i)
                FROM (
                    SELECT i, array_agg(sums[i][j] + once[i][j] ORDER BY j) AS line
                    FROM generate_subscripts(once, 1) AS i
                    CROSS JOIN generate_subscripts(once, 2) AS j
                    GROUP BY i
                ) AS l
            )
        END;
        done := done + 1;
        EXIT WHEN done >= 20 AND extract(epoch FROM clock_timestamp() - begun) > seconds;
    END LOOP;
    IF done = 0 THEN
        RAISE EXCEPTION 'The rows of collection % went away while they were measured.',
            quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name))
            USING ERRCODE = 'OA030', HINT = 'Run it again.';
    END IF;
    curve.queries := done;
    curve.scan_ms := least(curve.scan_ms, 0.9 * (SELECT min(m) FROM unnest(exact_ms) AS m));
    curve.exact_ms := (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest(exact_ms) AS m
    );
    curve.recalls := (
        SELECT array_agg(line ORDER BY i)
        FROM (
            SELECT i, array_agg(sums[i][j] / done ORDER BY j) AS line
            FROM generate_subscripts(sums, 1) AS i
            CROSS JOIN generate_subscripts(sums, 2) AS j
            GROUP BY i
        ) AS l
    );
    PERFORM set_config('enable_seqscan', 'off', true);
    FOR i IN 1 .. cardinality(curve.efforts) LOOP
        PERFORM set_config('hnsw.ef_search', least(1000, curve.efforts[i])::text, true);
        ms := '{}';
        firsts := '{}';
        FOR q IN 1 .. least(15, cardinality(probes)) LOOP
            FOR small IN 0 .. 1 LOOP
                at := clock_timestamp();
                EXECUTE format(
                    'WITH m AS MATERIALIZED (SELECT %4$I, feature %1$s $1 AS d '
                    'FROM %2$s WHERE feature IS NOT NULL ORDER BY feature %1$s $1 LIMIT %3$s) '
                    'SELECT count(*) FROM m',
                    near,
                    collection,
                    CASE small WHEN 1 THEN 10 ELSE curve.efforts[i] END,
                    info.name_column
                ) USING probes[q];
                IF small = 1 THEN
                    firsts := firsts || 1000 * extract(epoch FROM clock_timestamp() - at)::float8;
                ELSE
                    ms := ms || 1000 * extract(epoch FROM clock_timestamp() - at)::float8;
                END IF;
            END LOOP;
        END LOOP;
        curve.all_ms[i] := (
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest(ms) AS m
        );
        curve.first_ms[i] := (
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest(firsts) AS m
        );
    END LOOP;
    PERFORM set_config('enable_seqscan', 'on', true);
    INSERT
    INTO open_analytic.calibrations AS c (
        schema_name, table_name, index_name, rows, queries, scan_cost, scan_ms, exact_ms,
        efforts, first_ms, all_ms, ranks, recalls
    )
    VALUES (
        info.schema_name, info.table_name, curve.index_name, curve.rows, curve.queries,
        curve.scan_cost, curve.scan_ms, curve.exact_ms, curve.efforts, curve.first_ms,
        curve.all_ms, curve.ranks, curve.recalls
    )
    ON CONFLICT ON CONSTRAINT calibrations_pkey DO UPDATE
    SET measured_at = clock_timestamp(), index_name = excluded.index_name,
        rows = excluded.rows, queries = excluded.queries, scan_cost = excluded.scan_cost,
        scan_ms = excluded.scan_ms, exact_ms = excluded.exact_ms,
        efforts = excluded.efforts, first_ms = excluded.first_ms, all_ms = excluded.all_ms,
            ranks = excluded.ranks, recalls = excluded.recalls
    RETURNING * INTO curve;
    RETURN curve;
END
$$;
COMMENT ON FUNCTION open_analytic.measure_index IS
    'Measure recall and time of the index of a collection, with its own rows as queries';

CREATE OR REPLACE FUNCTION open_analytic.calibrate(
    collection regclass, queries integer DEFAULT 200, seconds float8 DEFAULT 60
)
RETURNS open_analytic.calibrations
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT open_analytic.measure_index(collection, queries, seconds) $$;
COMMENT ON FUNCTION open_analytic.calibrate IS 'Deprecated: use measure_index';

CREATE OR REPLACE FUNCTION open_analytic._record_audit(
    collection regclass, plan text, k integer, filtered boolean, target_recall float8,
    recall float8
)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    -- A role that can search a table can record the recall of its searches there, nothing else.
    IF NOT has_table_privilege(session_user, collection, 'SELECT') THEN
        RAISE insufficient_privilege
            USING MESSAGE = format('permission denied for table %s', collection);
    END IF;
    DELETE FROM open_analytic.search_audits AS a
    WHERE a.schema_name = info.schema_name AND a.table_name = info.table_name
      AND a.at
          < greatest(now() - interval '30 days', (SELECT o.at FROM open_analytic.search_audits AS o
                          WHERE o.schema_name = info.schema_name AND o.table_name = info.table_name
                          ORDER BY o.at DESC OFFSET 9999
                          LIMIT 1));
    INSERT
    INTO open_analytic.search_audits (
        schema_name, table_name, plan, k, filtered, target_recall, recall
    )
    VALUES (info.schema_name, info.table_name, left(plan, 40), k, filtered, target_recall, recall);
END
$$;
COMMENT ON FUNCTION open_analytic._record_audit IS
    'Keep what came of a search that was done again exactly';
