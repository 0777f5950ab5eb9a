-- Searches, and their explanations. Names of pgvector's objects are written with @vector@, its schema.

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
                              OR abs((after ->> 'distance')::numeric) > 1e308 OR coalesce(after ->> 'part', '0') !~ '^[0-9]{1,9}$') THEN
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
        ELSE format('%s of about %s rows%s match; for a recall of %s the index has to give about %s of its rows, which takes %s ms, and measuring every match takes %s ms: %s.',
            CASE WHEN plan.estimated IS NULL THEN 'All' ELSE 'About ' || open_analytic._few(plan.matches) END, open_analytic._few(plan.rows), ' in the index of ' || replace(plan.within, ' OPERATOR(pg_catalog.=) ', ' = '), target, open_analytic._few(plan.tuples),
            open_analytic._few(plan.index_ms), open_analytic._few(plan.exact_ms), CASE plan.kind WHEN 'index' THEN 'the index is walked' ELSE 'every match is measured' END)
        END || CASE WHEN done ->> 'plan' = 'index, then exact' THEN format(' After %s rows of the index that was not enough, so every match was measured.', open_analytic._few((done ->> 'walked')::float8)) ELSE '' END
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
            jsonb_build_object('plan', 'index', 'ms', CASE WHEN look.ms < 'Infinity' THEN round(look.ms::numeric, 2) END, 'walked', ceil(look.walked), 'recall', CASE WHEN look.walked IS NOT NULL THEN round(plan.goal::numeric, 4) END)),
        'calibrated_at', plan.calibrated_at, 'done', done)
    FROM (SELECT CASE plan.why WHEN 'tried' THEN plan.try_ms ELSE plan.index_ms END, CASE plan.why WHEN 'tried' THEN plan.taken ELSE plan.tuples END) AS look (ms, walked)
$$;
COMMENT ON FUNCTION open_analytic._told IS 'A plan, and what came of it, in JSON';

SELECT open_analytic._run_all(
$sql$
CREATE FUNCTION open_analytic._search(
    collection regclass, query @vector@.vector, k integer, filter text, max_distance float8, target_recall float8, after jsonb, path text
) RETURNS TABLE (image_name text, part integer, distance float8)
LANGUAGE plpgsql STABLE ROWS 10 COST 100000 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = auto -- what depends on values is planned anew anyway
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
    plan := open_analytic._plan_search(collection, info, most, filter, max_distance, target_recall, coalesce(path, 'pg_catalog, pg_temp'));
    RETURN QUERY SELECT * FROM open_analytic._nearest(collection, info, half, most, filter, max_distance, after, plan, coalesce(path, 'pg_catalog, pg_temp'));
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported OR read_only_sql_transaction OR active_sql_transaction THEN
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
    info open_analytic.collections := open_analytic._opened(collection);
    plan open_analytic._plan;
    begun timestamptz;
    planned timestamptz;
    begun_search timestamptz;
    hits bigint;
    done jsonb;
BEGIN
    IF query IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM open_analytic._search(collection, query, 0, filter, max_distance, target_recall, NULL, path); -- checks, and warms what planning reads
    begun := clock_timestamp();
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter, path);
    END IF;
    plan := open_analytic._plan_search(collection, info, coalesce(k, 2147483647), filter, max_distance, target_recall, coalesce(path, 'pg_catalog, pg_temp'));
    planned := clock_timestamp();
    IF filter IS NOT NULL THEN
        BEGIN
            plan.sampled := open_analytic._sample(collection, filter, coalesce(path, 'pg_catalog, pg_temp')) * open_analytic._rows(collection, info.dim);
        EXCEPTION WHEN syntax_error OR data_exception OR feature_not_supported OR read_only_sql_transaction THEN
            PERFORM open_analytic._blame_filter(collection, info, SQLERRM, path);
        END;
    END IF;
    begun_search := clock_timestamp();
    hits := (SELECT count(*) FROM open_analytic._search(collection, query, k, filter, max_distance, target_recall, NULL, path));
    done := coalesce(nullif(current_setting('open_analytic.last_search', true), ''), '{}')::jsonb || jsonb_build_object('rows', hits, 'ms', round(extract(epoch FROM clock_timestamp() - begun_search)::numeric * 1000, 2));
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
    info open_analytic.collections := open_analytic._opened(collection); -- before the types of its columns are looked at
    shown text;
BEGIN
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
$sql$
);
COMMENT ON FUNCTION open_analytic._search IS 'The nearest rows, by name and part; what every search is made of';
COMMENT ON FUNCTION open_analytic._explain_search IS 'explain_search, with the search_path that the filter is read with';

DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN SELECT p.oid FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname IN ('search', 'explain_search') LOOP
        EXECUTE format('COMMENT ON FUNCTION %s IS %L', function, CASE WHEN function::text LIKE 'open_analytic.search(%'
            THEN 'The nearest k rows, nearest first, that meet the filter, an SQL condition on the collection''s columns; at least the recall asked for of them'
            ELSE 'How a search is done, why, and how long it took' END);
    END LOOP;
END
$$;
SELECT open_analytic._close('open_analytic_user');
