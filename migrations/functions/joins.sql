CREATE OR REPLACE FUNCTION open_analytic._check_distance(
    info open_analytic.collections, max_distance float8
)
RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF max_distance IS NULL OR max_distance = 'NaN' OR (max_distance < 0 AND info.metric <> 'ip')
    THEN
        RAISE EXCEPTION 'max_distance is %.', coalesce(max_distance::text, 'NULL')
            USING ERRCODE = 'OA019',
            HINT = format(
                'Give a number%s.',
                CASE
                    WHEN info.metric <> 'ip'
                        THEN format(', 0 or more: the metric is %s', info.metric)
                END
            );
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_distance IS 'Refuse what is no distance of the metric';

CREATE OR REPLACE FUNCTION open_analytic._check_alike(
    a open_analytic.collections, b open_analytic.collections
)
RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    they CONSTANT text := format(
        'Collections %L and %L',
        concat_ws('.', nullif(a.schema_name, 'public'), a.table_name),
        concat_ws('.', nullif(b.schema_name, 'public'), b.table_name)
    );
BEGIN
    IF a.dim <> b.dim THEN
        RAISE EXCEPTION '% hold vectors of % and of % numbers.', they, a.dim, b.dim
            USING ERRCODE = 'OA015', HINT = 'Join collections of one and the same pipeline.';
    END IF;
    IF a.metric <> b.metric THEN
        RAISE EXCEPTION '% have the metrics % and %.', they, a.metric, b.metric
            USING ERRCODE = 'OA019', HINT = 'Create both with the same metric.';
    END IF;
    IF a.pipeline = b.pipeline AND a.version <> b.version THEN
        RAISE EXCEPTION '% hold features of versions % and % of pipeline %.',
            they,
            a.version,
            b.version,
            quote_literal(a.pipeline)
            USING ERRCODE = 'OA033',
                HINT = 'Import the older one''s pictures into a collection of the newer version.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_alike IS
    'Refuse two collections whose vectors cannot be compared';

CREATE OR REPLACE FUNCTION open_analytic._joins_by_index(
    collection regclass, info open_analytic.collections, worth float8
)
RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- To measure a vector takes as long as 400 numbers of it more.
    SELECT EXISTS (
        SELECT
        FROM open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric)) AS i
        WHERE NOT i.partial
    )
           AND (info.dim + 400) * open_analytic._rows(collection, info.dim) > worth
$$;
COMMENT ON FUNCTION open_analytic._joins_by_index IS
    'Whether the index is there, and worth its small losses, when every row is searched for';

CREATE OR REPLACE FUNCTION open_analytic._near(
    collection regclass, max_distance float8, filter text, names text[], parts integer[]
)
RETURNS TABLE (name text, part integer, other text, other_part integer, distance float8)
LANGUAGE plpgsql STABLE ROWS 10000 COST 1000000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET hnsw.iterative_scan = relaxed_order
SET hnsw.ef_search = 200
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    measured CONSTANT text := format(
        'b.feature %s a.feature', open_analytic._operator(info.metric)
    );
    part CONSTANT text := CASE WHEN info.many THEN 'part' ELSE '0' END;
    every CONSTANT boolean := names IS NULL;
    -- From which rows: all that meet the filter, then pairs are of such rows only, or those named,
    -- then the others are any.
    rows_query CONSTANT text := CASE
        WHEN every
            THEN format(
                E'SELECT %I AS name, %s AS part, feature FROM %s '
                'WHERE feature IS NOT NULL AND (\n%s\n)',
                info.name_column,
                part,
                collection,
                coalesce(filter, 'true')
            )
        ELSE format(
            'SELECT w.name, w.part, b.feature '
            'FROM unnest($2, $3) AS w (name, part) '
            'JOIN %s AS b ON b.%I = w.name %s WHERE b.feature IS NOT NULL',
            collection,
            info.name_column,
            CASE WHEN info.many THEN 'AND b.part = w.part' END
        )
    END;
    rows CONSTANT text := format(
        'SELECT %I AS name, %s AS part, feature FROM %s WHERE feature IS NOT NULL',
        info.name_column,
        part,
        collection
    );
    -- No text with a table's name in it is ever a format: the name can have a percent sign.
    nearest CONSTANT text := format(
        ' AS a CROSS JOIN LATERAL ('
        'SELECT e.*, bool_or(e.distance > $1) OVER () AS beyond '
        'FROM (SELECT b.%I AS other, %s AS other_part, %s AS distance '
        'FROM %s AS b WHERE b.feature IS NOT NULL ORDER BY %3$s LIMIT ',
        info.name_column,
        CASE WHEN info.many THEN 'b.part' ELSE '0' END,
        measured,
        collection
    );
    -- A row that has seen nothing beyond max_distance looks further.
    within CONSTANT text := ') AS e) AS n WHERE n.distance <= $1';
    unfinished CONSTANT text :=
        'SELECT a.* FROM %s AS a WHERE EXISTS (SELECT FROM %s AS n WHERE n.name = '
            'a.name AND n.part = a.part AND NOT n.beyond)';
    memory CONSTANT text := current_setting('work_mem');
BEGIN
    -- where measuring every pair takes longer
    IF open_analytic._joins_by_index(collection, info, 9000000) THEN
        RETURN QUERY EXECUTE format(
            'WITH open_analytic_rows AS MATERIALIZED (%s), '
            'open_analytic_first AS MATERIALIZED (%s), '
            'open_analytic_more AS MATERIALIZED (%s), '
            'open_analytic_second AS MATERIALIZED (%s), '
            'open_analytic_most AS MATERIALIZED (%s) '
            'SELECT n.name, n.part, n.other, n.other_part, n.distance '
            'FROM (SELECT * FROM open_analytic_first '
            'UNION ALL SELECT * FROM open_analytic_second '
            'UNION ALL SELECT a.name, a.part, b.%I, %s, %s, true '
            'FROM open_analytic_most AS a JOIN %s AS b ON %8$s <= $1) AS n %10$s '
            'WHERE (n.name, n.part) <> (n.other, n.other_part)',
            rows_query,
            'SELECT a.name, a.part, n.* FROM open_analytic_rows'
                || nearest
                || '100'
                || within,
            format(unfinished, 'open_analytic_rows', 'open_analytic_first'),
            'SELECT a.name, a.part, n.* FROM open_analytic_more'
                || nearest
                || '1000'
                || within,
            format(unfinished, 'open_analytic_more', 'open_analytic_second'),
            info.name_column,
            CASE WHEN info.many THEN 'b.part' ELSE '0' END,
            measured,
            collection,
            CASE
                WHEN every AND filter IS NOT NULL
                    THEN 'JOIN open_analytic_rows AS r '
                        'ON (r.name, r.part) = (n.other, n.other_part)'
            END
        ) USING max_distance, names, parts;
    ELSE
        -- All vectors are read again for each row: in memory, when 256 MB are enough for them.
        PERFORM set_config(
            'work_mem',
            greatest(
                pg_size_bytes(memory) / 1024,
                least(262144, 3 * pg_relation_size(collection) / 2048)
            )
                || 'kB',
            true
        );
        RETURN QUERY EXECUTE format(
            'WITH open_analytic_rows AS MATERIALIZED (%s) '
            'SELECT a.name, a.part, b.name, b.part, %s '
            'FROM open_analytic_rows AS a JOIN %s AS b '
            'ON (a.name COLLATE "C", a.part) %s (b.name COLLATE "C", b.part) '
            'AND %2$s <= $1',
            rows_query,
            measured,
            CASE WHEN every THEN 'open_analytic_rows' ELSE format('(%s)', rows) END,
            CASE WHEN every THEN '<' ELSE '<>' END
        ) USING max_distance, names, parts;
        PERFORM set_config('work_mem', memory, true);
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._near IS
    'Pairs of rows at most max_distance apart, from the rows named or from all; by the index a '
        'pair can come from both sides';

CREATE OR REPLACE FUNCTION open_analytic.near_duplicates(
    collection regclass, max_distance float8, filter text DEFAULT NULL
)
RETURNS TABLE (name text, other text, distance float8, part integer, other_part integer)
LANGUAGE plpgsql STABLE ROWS 10000 COST 1000000
    SET search_path = pg_catalog, pg_temp
    SET transform_null_equals = off
    SET gin_fuzzy_search_limit = 0
AS $$
DECLARE
    info open_analytic.collections := open_analytic._opened(collection);
BEGIN
    PERFORM open_analytic._check_distance(info, max_distance);
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter);
    END IF;
    -- The index finds a pair from one side, from the other, or from both.
    RETURN QUERY
        SELECT f.name, f.other, min(f.distance), CASE WHEN info.many THEN f.part END,
            CASE WHEN info.many THEN f.other_part END
        FROM open_analytic._near(collection, max_distance, filter, NULL, NULL) AS n
        CROSS JOIN LATERAL (
            SELECT n.name, n.part, n.other, n.other_part, n.distance
            WHERE (n.name COLLATE "C", n.part) < (n.other COLLATE "C", n.other_part)
            UNION ALL
            SELECT n.other, n.other_part, n.name, n.part, n.distance
            WHERE (n.name COLLATE "C", n.part) > (n.other COLLATE "C", n.other_part)
        ) AS f
        GROUP BY f.name, f.part, f.other, f.other_part
        ORDER BY 3, f.name COLLATE "C", f.part, f.other COLLATE "C", f.other_part;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN syntax_error_or_access_rule_violation
        OR data_exception
        OR feature_not_supported
        OR read_only_sql_transaction THEN
        IF filter IS NULL THEN
            RAISE;
        END IF;
        PERFORM open_analytic._blame_filter(collection, info, SQLERRM);
END
$$;
COMMENT ON FUNCTION open_analytic.near_duplicates IS
    'Pairs of rows at most max_distance apart, each once, nearest first';

CREATE OR REPLACE FUNCTION open_analytic.knn_join(a regclass, b regclass, k integer DEFAULT 10)
RETURNS TABLE (
    name text, neighbour text, distance float8, rank integer, part integer, neighbour_part integer
)
LANGUAGE plpgsql STABLE ROWS 10000 COST 1000000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET hnsw.iterative_scan = relaxed_order
SET hnsw.ef_search = 200
AS $$
DECLARE
    info open_analytic.collections := open_analytic._opened(a);
    other open_analytic.collections := open_analytic._opened(b);
    measured CONSTANT text := format(
        'b.feature %s a.feature', open_analytic._operator(info.metric)
    );
    part CONSTANT text := CASE WHEN info.many THEN 'part' ELSE '0' END;
    other_part CONSTANT text := CASE WHEN other.many THEN 'b.part' ELSE '0' END;
    -- The nearest of one row: a row is not its own neighbour. Adding 0 keeps the planner from
    -- taking the index.
    nearest CONSTANT text := format(
        'SELECT b.%I AS neighbour, %s AS neighbour_part, %s AS distance '
        'FROM %s AS b WHERE b.feature IS NOT NULL %s',
        other.name_column,
        other_part,
        measured,
        b,
        CASE
            WHEN a = b
                THEN format(
                    'AND (b.%I, %s) <> (a.name, a.part)', other.name_column, other_part
                )
        END
    );
    exact CONSTANT text := format(
        ' AS a CROSS JOIN LATERAL (SELECT e.* FROM (%s) AS e WHERE e.distance <> ''NaN'' ORDER '
            'BY e.distance + 0, e.neighbour COLLATE "C", e.neighbour_part LIMIT $1) AS n',
        nearest
    );
    pairs_query text;
BEGIN
    IF k IS NULL OR k < 1 THEN
        RAISE EXCEPTION 'k is %.', coalesce(k::text, 'NULL')
            USING ERRCODE = 'OA019', HINT = 'Give how many neighbours each row has, 1 or more.';
    END IF;
    PERFORM open_analytic._check_alike(info, other);
    IF k <= 400 AND open_analytic._joins_by_index(b, other, 2500000) THEN
        PERFORM set_config('hnsw.ef_search', least(1000, greatest(200, 2 * k))::text, true);
        -- A row the index gives fewer than k for is measured against all.
        pairs_query := format(
            'open_analytic_near AS MATERIALIZED (SELECT a.name, a.part, n.* '
            'FROM open_analytic_rows AS a '
            'LEFT JOIN LATERAL (%s ORDER BY %s LIMIT $1) AS n ON true), '
            'open_analytic_short AS MATERIALIZED (SELECT a.* FROM open_analytic_rows AS a '
            'JOIN (SELECT name, part FROM open_analytic_near GROUP BY name, part '
            'HAVING count(*) FILTER (WHERE distance <> ''NaN'') < $1) AS s '
            'USING (name, part)), '
            'open_analytic_found AS (SELECT n.* FROM open_analytic_near AS n '
            'WHERE NOT EXISTS (SELECT FROM open_analytic_short AS s '
            'WHERE (s.name, s.part) = (n.name, n.part)) UNION ALL %s)',
            nearest,
            measured,
            'SELECT a.name, a.part, n.* FROM open_analytic_short' || exact
        );
    ELSE
        pairs_query := 'open_analytic_found AS (SELECT a.name, a.part, n.* FROM open_analytic_rows'
            || exact
            || ')';
    END IF;
    RETURN QUERY EXECUTE format(
        'WITH open_analytic_rows AS MATERIALIZED ('
        'SELECT %I AS name, %s AS part, feature FROM %s WHERE feature IS NOT NULL), %s '
        'SELECT f.name, f.neighbour, f.distance, f.rank::integer, %s, %s '
        'FROM (SELECT n.*, row_number() OVER (PARTITION BY n.name, n.part '
        'ORDER BY n.distance, n.neighbour COLLATE "C", n.neighbour_part) AS rank '
        'FROM open_analytic_found AS n) AS f '
        'ORDER BY f.name COLLATE "C", f.part, f.rank',
        info.name_column,
        part,
        a,
        pairs_query,
        CASE WHEN info.many THEN 'f.part' ELSE 'NULL::integer' END,
        CASE WHEN other.many THEN 'f.neighbour_part' ELSE 'NULL::integer' END
    ) USING k;
END
$$;
COMMENT ON FUNCTION open_analytic.knn_join IS 'For each row of a its k nearest rows of b';
