CREATE OR REPLACE FUNCTION open_analytic._check_filter(
    collection regclass, info open_analytic.collections, filter text, path text DEFAULT NULL
)
RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    plan refcursor;
BEGIN
    -- The filter stands alone here: what is complete alone closes every parenthesis, quote and
    -- comment it opens and no other, so it cannot leave those it is put into afterwards. A cursor
    -- takes one statement and refuses a second; none of its rows is ever looked at.
    IF path IS NOT NULL THEN
        PERFORM set_config('search_path', path, true);
    END IF;
    OPEN plan FOR EXECUTE pg_catalog.format(E'SELECT FROM %s WHERE\n%s\n', collection, filter);
    CLOSE plan;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN invalid_cursor_definition THEN
        PERFORM open_analytic._blame_filter(
            collection, info, 'it has more than one statement, or none that reads rows', path
        );
    WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported THEN
        PERFORM open_analytic._blame_filter(collection, info, SQLERRM, path);
END
$$;
COMMENT ON FUNCTION open_analytic._check_filter IS 'Refuse a filter that is no condition';

CREATE OR REPLACE FUNCTION open_analytic._blame_filter(
    collection regclass, info open_analytic.collections, problem text, path text DEFAULT NULL
)
RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'The filter is not a condition on collection %: %.',
        quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)),
        problem
        USING ERRCODE = 'OA018',
        HINT = format('Its columns: %s.%s', (
            SELECT string_agg(a.attname, ', ' ORDER BY a.attnum)
            FROM pg_attribute AS a
            WHERE a.attrelid = collection AND a.attnum > 0 AND NOT a.attisdropped),
            CASE
                WHEN path IS NULL THEN ' What is not PostgreSQL''s own is written with its schema.'
            END);
END
$$;
COMMENT ON FUNCTION open_analytic._blame_filter IS 'Say what is wrong with a filter';

CREATE OR REPLACE FUNCTION open_analytic._sample(collection regclass, filter text, path text)
RETURNS float8
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pages integer;
    most integer;
    share float8;
BEGIN
    SELECT t.relpages, ceil(t.reltuples / t.relpages)
    INTO pages, most
    FROM pg_class AS t
    WHERE t.oid = collection AND t.relpages > 0 AND t.reltuples > 0;
    IF pages IS NULL THEN
        RETURN NULL;
    END IF;
    -- The filter is read with its caller's search_path: everything else is qualified.
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(E'SELECT pg_catalog.avg(CASE WHEN (\n%s\n) THEN 1.0 ELSE 0.0 END) '
        'FROM %s WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY('
        'SELECT pg_catalog.format(''(%%s,%%s)'', pg_catalog.floor(pg_catalog.random() '
            'OPERATOR(pg_catalog.*) %s)::pg_catalog.int8, 1 OPERATOR(pg_catalog.+) '
            'pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) '
            '%s)::pg_catalog.int8)::pg_catalog.tid'
        ' FROM pg_catalog.generate_series(1, 200)))', filter, collection, pages, most) INTO share;
    RETURN share;
END
$$;
COMMENT ON FUNCTION open_analytic._sample IS
    'The part of two hundred rows, chosen at random, that meets a filter';

CREATE OR REPLACE FUNCTION open_analytic._explained(collection regclass, filter text, path text)
RETURNS json
-- volatile, since EXPLAIN is allowed in no other
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    explanation json;
BEGIN
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(
        E'EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE feature IS NOT NULL AND (\n%s\n)',
        collection,
        filter
    )
        INTO explanation;
    RETURN explanation;
END
$$;
COMMENT ON FUNCTION open_analytic._explained IS
    'What PostgreSQL''s planner says of the rows that meet a filter';
