CREATE OR REPLACE FUNCTION open_analytic._column_types(
    schema_name text, columns json, path text
)
RETURNS json
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- A table that is never seen: the types of its columns are read, and it is rolled back.
    relation CONSTANT text := format('%I.%I', schema_name, gen_random_uuid());
    statement CONSTANT text := (
        SELECT format('CREATE TABLE %s (%s)', relation, string_agg(
            -- A newline, so that a comment inside a type's text ends with it.
            format(E'%I %s\n', c.key, c.value), ', '
        ))
        FROM json_each_text(columns) AS c
    );
    types json;
BEGIN
    PERFORM set_config('search_path', path, true);
    EXECUTE statement;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
    INTO types
    FROM pg_attribute AS a
    WHERE a.attrelid = relation::regclass AND a.attnum > 0;
    RAISE EXCEPTION USING ERRCODE = 'OA000';
EXCEPTION WHEN SQLSTATE 'OA000' THEN
    RETURN types;
END
$$;
COMMENT ON FUNCTION open_analytic._column_types IS
    'Names and types of columns as the catalogue has them: integer for int';

CREATE OR REPLACE FUNCTION open_analytic._difference(
    id uuid, dim integer, metric text, columns json, pipeline text, version integer,
    parameters jsonb, path text
)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    info CONSTANT open_analytic.current_collections := (
        SELECT c FROM open_analytic.current_collections AS c WHERE c.id = id
    );
    types CONSTANT json := CASE
        WHEN columns::text::jsonb <> '{}'
            THEN open_analytic._column_types(info.schema_name, columns, path)
    END;
BEGIN
    RETURN (
        SELECT d.difference
        FROM (
            SELECT
                1 AS place,
                format('%s: %s, not %s', w.what, w.present, w.expected) AS difference
            FROM (
                VALUES
                ('pipeline', info.pipeline, pipeline),
                ('version', info.version::text, version::text),
                ('metric', info.metric, metric),
                ('dim', info.dim::text, dim::text)
            ) AS w (what, present, expected)
            WHERE w.present IS DISTINCT FROM w.expected
            UNION ALL
            SELECT 2, format('set of parameters: %s, not %s', info.parameters, parameters)
            WHERE info.parameters::text::jsonb IS DISTINCT FROM parameters
            UNION ALL
            SELECT 3, CASE
                WHEN a.attname IS NULL THEN format('set of columns: it has no %L', t.key)
                ELSE format(
                    'type of column %L: %s, not %s',
                    t.key,
                    format_type(a.atttypid, a.atttypmod),
                    t.value
                )
            END
            FROM json_each_text(types) AS t
            LEFT JOIN pg_attribute AS a
                ON a.attrelid = info.relation AND a.attname = t.key AND a.attnum > 0
            WHERE format_type(a.atttypid, a.atttypmod) IS DISTINCT FROM t.value
        ) AS d
        ORDER BY d.place
        LIMIT 1
    );
END
$$;
COMMENT ON FUNCTION open_analytic._difference IS
    'What a collection has otherwise than it was to be, the first; NULL when it is alike';

CREATE OR REPLACE FUNCTION open_analytic._check_existing(
    name text, dim integer, metric text, columns json, pipeline text, version integer,
    parameters jsonb, path text, exist_ok boolean
)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place CONSTANT record := open_analytic._split(name);
    info open_analytic.current_collections;
    difference text;
BEGIN
    SELECT c.*
    INTO info
    FROM open_analytic.current_collections AS c
    WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name;
    IF info.id IS NULL THEN
        RAISE EXCEPTION 'There is a table % already, and it is no collection.', quote_literal(name)
            USING ERRCODE = 'OA031', HINT = 'Choose another name: the table stays as it is.';
    END IF;
    difference := open_analytic._difference(
        info.id, dim, metric, columns, pipeline, version, parameters, path
    );
    IF difference IS NOT NULL THEN
        RAISE EXCEPTION 'There is a collection % already, with another %.', quote_literal(name),
            difference
            USING ERRCODE = 'OA031',
            HINT = 'It stays as it is: choose another name for the new one.';
    END IF;
    IF NOT exist_ok THEN
        RAISE EXCEPTION 'There is a collection % already, and it is alike.', quote_literal(name)
            USING ERRCODE = 'OA031',
            HINT = 'Use it as it is; create_collection(..., exist_ok => true) gives it back.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_existing IS
    'Refuse a name that is taken, unless by a collection that is alike, and that is enough';
