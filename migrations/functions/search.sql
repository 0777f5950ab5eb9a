CREATE OR REPLACE FUNCTION open_analytic._check_search(
    k integer, max_distance float8, target_recall float8, after jsonb
)
RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF k < 0 OR k IS NULL AND max_distance IS NULL THEN
        RAISE EXCEPTION 'k is %.', coalesce(k::text, 'NULL')
            USING ERRCODE = 'OA019',
                HINT = 'Give how many hits you want, 0 or more; with max_distance it can be '
                    'NULL, for all that are so near.';
    END IF;
    IF max_distance = 'NaN' THEN
        RAISE EXCEPTION 'max_distance is NaN.'
            USING ERRCODE = 'OA019', HINT = 'Give a number, or NULL.';
    END IF;
    IF target_recall IS NULL OR NOT (target_recall > 0 AND target_recall <= 1) THEN
        RAISE EXCEPTION 'target_recall is %.', coalesce(target_recall::text, 'NULL')
            USING ERRCODE = 'OA019',
                HINT = 'Give a part of the true neighbours, above 0: 0.95; 1 measures every row.';
    END IF;
    IF after IS NOT NULL
       AND (
           jsonb_typeof(after) <> 'object'
           OR jsonb_typeof(after -> 'distance') IS DISTINCT FROM 'number'
           OR jsonb_typeof(after -> 'name') IS DISTINCT FROM 'string'
           OR abs((after ->> 'distance')::numeric) > 1e308
           OR coalesce(after ->> 'part', '0') !~ '^[0-9]{1,9}$'
       )
    THEN
        RAISE EXCEPTION 'after is %.', left(after::text, 80)
            USING ERRCODE = 'OA019',
                HINT = 'Give the last hit of the page before: {"distance": 0.5, "name": '
                    '"cat.jpg"}, and its part where a picture has several.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_search IS 'Refuse what no search can be';

CREATE OR REPLACE FUNCTION open_analytic._shown(name text, type oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    base oid := type;
BEGIN
    LOOP
        SELECT t.typbasetype INTO type FROM pg_type AS t WHERE t.oid = base AND t.typtype = 'd';
        EXIT WHEN NOT FOUND;
        base := type;
    END LOOP;
    -- Of an extension: a type that its superuser made. The owner of a schema can add a type there.
    IF EXISTS (
        SELECT FROM pg_type AS t WHERE t.oid = base AND t.typnamespace = 'pg_catalog'::regnamespace
    )
       OR EXISTS (
           SELECT
           FROM pg_depend AS d
           JOIN pg_type AS t ON t.oid = d.objid
           WHERE d.classid = 'pg_type'::regclass
               AND d.objid = base
               AND d.deptype = 'e'
               AND open_analytic._is_superuser(t.typowner)
               AND NOT EXISTS (
                   SELECT
                   FROM pg_cast AS c
                   JOIN pg_proc AS p ON p.oid = c.castfunc
                   WHERE c.castsource = base AND NOT open_analytic._is_superuser(p.proowner)
               )
       )
           THEN
        RETURN format('t.%I', name);
    END IF;
    -- A cast to json of somebody's own would be called, with the rights of who searches; format
    -- calls none.
    RETURN format(
        'CASE WHEN num_nonnulls(t.%1$I) = 1 THEN format(''%%s'', t.%1$I) END AS %1$I', name
    );
END
$$;
COMMENT ON FUNCTION open_analytic._shown IS 'A column as a part of row';

CREATE OR REPLACE FUNCTION open_analytic._search(
    collection regclass, query @vector@.vector, k integer, filter text, max_distance float8,
        target_recall float8, after jsonb, path text
) RETURNS TABLE (name text, part integer, distance float8)
-- statements that depend on values are planned again in any case
LANGUAGE plpgsql STABLE ROWS 10 COST 100000
    SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = auto
    SET transform_null_equals = off
    SET gin_fuzzy_search_limit = 0
AS $$
DECLARE
    info open_analytic.collections := open_analytic._opened(collection);
    half @vector@.halfvec;
    plan open_analytic._plan;
    most integer := coalesce(k, 2147483647);
BEGIN
    IF query IS NULL THEN
        RETURN;
    END IF;
    PERFORM open_analytic._check_search(k, max_distance, target_recall, after);
    half := open_analytic._half(info, query);
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter, path);
    END IF;
    plan := open_analytic._plan_search(
        collection, info, most, filter, max_distance, target_recall,
        coalesce(path, 'pg_catalog, pg_temp')
    );
    RETURN QUERY SELECT *
        FROM open_analytic._nearest(
            collection, info, half, most, filter, max_distance, after, plan,
            coalesce(path, 'pg_catalog, pg_temp')
        );
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN syntax_error_or_access_rule_violation
        OR data_exception
        OR feature_not_supported
        OR read_only_sql_transaction
        OR active_sql_transaction THEN
        IF filter IS NULL THEN
            RAISE;
        END IF;
        PERFORM open_analytic._blame_filter(collection, info, SQLERRM, path);
END
$$;
COMMENT ON FUNCTION open_analytic._search IS
    'The nearest rows, by name and part; what every search is made of';

CREATE OR REPLACE FUNCTION open_analytic.search(
    collection regclass, query @vector@.vector, k integer DEFAULT 10, filter text DEFAULT NULL,
    max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95,
    after jsonb DEFAULT NULL
)
RETURNS TABLE (name text, distance float8, "row" jsonb, box jsonb, part integer)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- before the types of its columns are looked at
    info open_analytic.collections := open_analytic._opened(collection);
    row_columns text;
BEGIN
    SELECT string_agg(
        open_analytic._shown(a.attname, a.atttypid), ', ' ORDER BY a.attnum
    ) FILTER (
        WHERE a.attname <> ALL (open_analytic._own_columns(info))
            AND NOT (info.has_source AND a.attname = 'source')
    )
    INTO row_columns
        FROM pg_attribute AS a
        WHERE a.attrelid = collection AND a.attnum > 0 AND NOT a.attisdropped;
    RETURN QUERY EXECUTE format(
        'SELECT n.name, n.distance, (SELECT coalesce(to_jsonb(r.*), ''{}'') FROM (SELECT '
            '%s) AS r), %s, %s'
        ' FROM open_analytic._search($1, $2, $3, $4, $5, $6, $7, NULL) AS n JOIN %s AS t ON '
            't.%I = n.name %s ORDER BY n.distance, n.name, n.part',
        row_columns,
        -- The function region gives those of other types: the result of a function cannot get
        -- another column while views use it.
        CASE
            WHEN info.region = 'box' THEN open_analytic._region_json(info.region)
            ELSE 'NULL::jsonb'
        END,
        CASE WHEN info.many THEN 't.part' ELSE 'NULL::integer' END,
            collection,
            info.name_column,
            CASE
                WHEN info.many THEN 'AND t.part = n.part'
            END) USING collection, query, k, filter, max_distance, target_recall, after;
END
$$;
COMMENT ON FUNCTION open_analytic.search(
    regclass, @vector@.vector, integer, text, float8, float8, jsonb
) IS
    'The nearest k rows, nearest first, that meet the filter, an SQL condition on the '
    'collection''s columns; at least the recall asked for of them';

CREATE OR REPLACE FUNCTION open_analytic.search(
    collection regclass, query real[], k integer DEFAULT 10, filter text DEFAULT NULL,
    max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95,
    after jsonb DEFAULT NULL
)
RETURNS TABLE (name text, distance float8, "row" jsonb, box jsonb, part integer)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    vector @vector@.vector;
BEGIN
    BEGIN
        vector := query::@vector@.vector;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        RAISE EXCEPTION 'The query is no vector: %.', SQLERRM
            USING ERRCODE = 'OA015', HINT = 'Give finite numbers.';
    END;
    RETURN QUERY SELECT *
        FROM open_analytic.search(
            collection, vector, k, filter, max_distance, target_recall, after
        );
END
$$;
COMMENT ON FUNCTION open_analytic.search(
    regclass, real[], integer, text, float8, float8, jsonb
) IS
    'The nearest k rows, nearest first, that meet the filter, an SQL condition on the '
    'collection''s columns; at least the recall asked for of them';

CREATE OR REPLACE FUNCTION open_analytic.search(
    collection regclass, query bytea, k integer DEFAULT 10, filter text DEFAULT NULL,
    max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95,
    after jsonb DEFAULT NULL
)
RETURNS TABLE (name text, distance float8, "row" jsonb, box jsonb, part integer)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT *
        FROM open_analytic.search(
            collection, open_analytic.embed_for(collection, query), k, filter, max_distance,
            target_recall, after
        );
END
$$;
COMMENT ON FUNCTION open_analytic.search(
    regclass, bytea, integer, text, float8, float8, jsonb
) IS
    'The nearest k rows, nearest first, that meet the filter, an SQL condition on the '
    'collection''s columns; at least the recall asked for of them';

CREATE OR REPLACE FUNCTION open_analytic.search(
    collection regclass, query text, k integer DEFAULT 10, filter text DEFAULT NULL,
    max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95,
    after jsonb DEFAULT NULL
)
RETURNS TABLE (name text, distance float8, "row" jsonb, box jsonb, part integer)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT *
        FROM open_analytic.search(
            collection, open_analytic._query_vector(collection, query), k, filter, max_distance,
            target_recall, after
        );
END
$$;
COMMENT ON FUNCTION open_analytic.search(
    regclass, text, integer, text, float8, float8, jsonb
) IS
    'The nearest k rows, nearest first, that meet the filter, an SQL condition on the '
    'collection''s columns; at least the recall asked for of them';
