-- Names of pgvector's objects are written with @vector@, the schema it was installed into.

SELECT open_analytic._run_all(
$sql$
-- pgvector's library is loaded now, so that its settings are known where functions below name them.
DO $$ BEGIN PERFORM '[1]'::@vector@.vector; END $$
$sql$,
$sql$
CREATE FUNCTION open_analytic._operator(metric text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN CASE metric WHEN 'l2' THEN 'OPERATOR(@vector@.<->)' WHEN 'cosine' THEN 'OPERATOR(@vector@.<=>)' ELSE 'OPERATOR(@vector@.<#>)' END; END $$
$sql$,
$sql$
CREATE FUNCTION open_analytic.embed(name text, input bytea, parameters jsonb DEFAULT '{}') RETURNS @vector@.vector
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN open_analytic._run_one('vector', name, input, parameters, false)::@vector@.vector; END $$
$sql$,
$sql$
CREATE FUNCTION open_analytic.embed(name text, input text, parameters jsonb DEFAULT '{}') RETURNS @vector@.vector
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN open_analytic._run_one('vector', name, open_analytic._bytes(name, input), parameters, false)::@vector@.vector; END $$
$sql$,
$sql$
CREATE FUNCTION open_analytic.embed_for(collection regclass, input bytea) RETURNS @vector@.vector
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    plan open_analytic.pipelines;
BEGIN
    IF info.pipeline IS NULL THEN
        RAISE EXCEPTION 'Collection % is bound to no pipeline.', quote_literal(collection::text) USING ERRCODE = 'OA019', HINT = 'Search by vectors instead.';
    END IF;
    SELECT * INTO plan FROM open_analytic.pipelines AS p WHERE p.name = info.pipeline AND p.version = info.version;
    RETURN open_analytic._run_single('query', plan.name, plan.hash, plan.definition::text, info.parameters::text, input, false)::@vector@.vector;
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._half(info open_analytic.collections, query @vector@.vector) RETURNS @vector@.halfvec
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    half @vector@.halfvec;
BEGIN
    IF @vector@.vector_dims(query) <> info.dim THEN
        RAISE EXCEPTION 'The query has % numbers, collection % takes %.', @vector@.vector_dims(query), quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)), info.dim
            USING ERRCODE = 'OA015', HINT = CASE WHEN info.pipeline IS NULL THEN 'Give vectors of one and the same model.'
                ELSE format('Give vectors of pipeline %L version %s.', info.pipeline, info.version) END;
    END IF;
    BEGIN
        half := query::@vector@.halfvec;
    EXCEPTION WHEN data_exception THEN
        RAISE EXCEPTION 'The query has numbers beyond 65504, which halfvec cannot hold.' USING ERRCODE = 'OA015', HINT = 'Normalise it.';
    END;
    IF info.metric = 'cosine' AND @vector@.l2_norm(half) = 0 THEN
        RAISE EXCEPTION 'The query is zero, so it has no direction for the cosine.' USING ERRCODE = 'OA015', HINT = 'Use the metric l2 for such.';
    END IF;
    RETURN half;
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._check_filter(collection regclass, info open_analytic.collections, filter text, path text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    plan refcursor;
BEGIN
    -- The filter stands alone here: what is complete alone closes every parenthesis, quote and comment it opens and no
    -- other, so it cannot leave those it is put into afterwards. A cursor takes one statement and refuses a second; none
    -- of its rows is ever looked at.
    IF path IS NOT NULL THEN
        PERFORM set_config('search_path', path, true);
    END IF;
    OPEN plan FOR EXECUTE pg_catalog.format(E'SELECT FROM %s WHERE\n%s\n', collection, filter);
    CLOSE plan;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported OR invalid_cursor_definition THEN
        PERFORM open_analytic._blame_filter(collection, info, SQLERRM, path);
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._blame_filter(collection regclass, info open_analytic.collections, problem text, path text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'The filter is not a condition on collection %: %.', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)), problem USING ERRCODE = 'OA018',
        HINT = format('Its columns: %s.%s', (
            SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = collection AND a.attnum > 0 AND NOT a.attisdropped),
            CASE WHEN path IS NULL THEN ' What is not PostgreSQL''s own is written with its schema.' END);
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._opened(collection regclass) RETURNS open_analytic.collections
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- What was opened in this very transaction, which holds its lock; nobody can have said so before it began.
    here CONSTANT text := concat_ws(' ', collection::oid, pg_backend_pid(), extract(epoch FROM transaction_timestamp()));
    info open_analytic.collections;
BEGIN
    IF collection IS NULL THEN
        RAISE EXCEPTION 'The table of the collection is gone.' USING ERRCODE = 'OA006', HINT = 'Create the collection again.';
    END IF;
    IF current_setting('open_analytic.opened', true) = here THEN
        RETURN open_analytic._collection(collection);
    END IF;
    PERFORM open_analytic._hold(collection);
    -- A view, or another type in the place of ours, would run code of its owner's with the rights of who searches.
    SELECT c.* INTO info
    FROM pg_class AS t
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    JOIN open_analytic.collections AS c ON c.schema_name = n.nspname AND c.table_name = t.relname
    WHERE t.oid = collection AND t.relkind IN ('r', 'p') AND CASE WHEN c.many THEN 4 ELSE 2 END = (
        SELECT count(*) FROM pg_attribute AS a
        WHERE a.attrelid = collection AND NOT a.attisdropped
          AND ((a.attname = 'image_name' AND a.atttypid = 'text'::regtype OR a.attname = 'feature' AND a.atttypid = '@vector@.halfvec'::regtype)
               OR c.many AND (a.attname = 'part' AND a.atttypid = 'int4'::regtype OR a.attname = 'box' AND a.atttypid = 'float4[]'::regtype)));
    IF info.table_name IS NULL THEN
        PERFORM open_analytic._collection(collection); -- says so when there is none
        RAISE EXCEPTION 'Table % is not as create_collection made it.', collection USING ERRCODE = 'OA006',
            HINT = 'Its columns image_name (text) and feature (halfvec) must be there, and be a table''s.';
    END IF;
    PERFORM set_config('open_analytic.opened', here, true);
    RETURN info;
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic._shown(name text, type oid) RETURNS text
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
    IF EXISTS (SELECT FROM pg_type AS t WHERE t.oid = base AND t.typnamespace = 'pg_catalog'::regnamespace)
       OR EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_type'::regclass AND d.objid = base AND d.deptype = 'e') THEN
        RETURN format('t.%I', name);
    END IF;
    -- A cast to json of somebody's own would be called, with the rights of who searches; format calls none.
    RETURN format('CASE WHEN num_nonnulls(t.%1$I) = 1 THEN format(''%%s'', t.%1$I) END AS %1$I', name);
END
$$
$sql$
);

COMMENT ON FUNCTION open_analytic.embed(text, bytea, jsonb) IS 'The vector of a pipeline that gives one';
COMMENT ON FUNCTION open_analytic.embed(text, text, jsonb) IS 'The vector of a pipeline that gives one; bytes may be written in hexadecimal';
COMMENT ON FUNCTION open_analytic.embed_for IS 'The vector that the very version of a pipeline gives whose features a collection holds; of the largest region of a picture';
COMMENT ON FUNCTION open_analytic._opened IS 'What the catalogue says of a table, which is locked against being replaced; what is no table as create_collection makes them is refused';
COMMENT ON FUNCTION open_analytic._shown IS 'A column as a part of row';
COMMENT ON FUNCTION open_analytic._operator IS 'The operator of a metric, with its schema';
COMMENT ON FUNCTION open_analytic._half IS 'A query as the collection keeps its features';
COMMENT ON FUNCTION open_analytic._check_filter IS 'Refuse a filter that is no condition';
COMMENT ON FUNCTION open_analytic._blame_filter IS 'Say what is wrong with a filter';

SELECT open_analytic._close();
GRANT EXECUTE ON FUNCTION open_analytic.embed(text, bytea, jsonb), open_analytic.embed(text, text, jsonb), open_analytic.embed_for, open_analytic._operator, open_analytic._half,
    open_analytic._opened, open_analytic._shown, open_analytic._check_filter, open_analytic._blame_filter TO open_analytic_user;
