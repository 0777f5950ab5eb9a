CREATE OR REPLACE FUNCTION open_analytic._check_schema(name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place CONSTANT record := open_analytic._split(name);
BEGIN
    -- A temporary table is there for one session only, and the rest is not for tables of users.
    IF place.schema_name ~ '^pg_'
       OR place.schema_name IN ('information_schema', 'open_analytic')
    THEN
        RAISE EXCEPTION '% cannot be a collection''s name: the schema % is not for collections.',
            quote_literal(name), place.schema_name
            USING ERRCODE = 'OA017', HINT = 'Use public, or a schema of your own.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_schema IS
    'Refuse the name of a collection in a schema of the system';

CREATE OR REPLACE FUNCTION open_analytic._enter_collection(info open_analytic.collections)
RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    -- A row left by a table that was dropped with plain SQL is replaced.
    INSERT INTO open_analytic.collections AS c (
        id, schema_name, table_name, pipeline, version, dim, metric, many, parameters, migrated,
        has_source, name_column, data_column, sha256_column, region
    )
    VALUES (
        info.id, info.schema_name, info.table_name, info.pipeline, info.version, info.dim,
        info.metric, info.many, info.parameters, info.migrated, info.has_source, info.name_column,
        info.data_column, info.sha256_column, info.region
    )
    ON CONFLICT ON CONSTRAINT collections_pkey DO UPDATE
    SET id = excluded.id, pipeline = excluded.pipeline, version = excluded.version,
        dim = excluded.dim, metric = excluded.metric, many = excluded.many,
        parameters = excluded.parameters, migrated = excluded.migrated,
        has_source = excluded.has_source, name_column = excluded.name_column,
        data_column = excluded.data_column, sha256_column = excluded.sha256_column,
        region = excluded.region,
        created_at = now(), created_by = current_user
$$;
COMMENT ON FUNCTION open_analytic._enter_collection IS 'Write a collection into the catalogue';

CREATE OR REPLACE FUNCTION open_analytic._new_collection(
    name text, dim integer, metric text, many boolean, pipeline text, version integer,
    parameters json, migrated boolean, inputs jsonb
)
RETURNS open_analytic.collections
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    place CONSTANT record := open_analytic._split(name);
    info open_analytic.collections;
BEGIN
    info.id := gen_random_uuid();
    info.schema_name := place.schema_name;
    info.table_name := place.table_name;
    info.pipeline := pipeline;
    info.version := version;
    info.dim := dim;
    info.metric := metric;
    info.many := many;
    info.parameters := parameters;
    info.migrated := migrated;
    info.name_column := coalesce(inputs ->> 'name', 'image_name');
    info.data_column := coalesce(inputs ->> 'data', 'image_data');
    info.sha256_column := coalesce(inputs ->> 'sha256', 'image_sha256');
    IF many THEN
        info.region := coalesce(inputs ->> 'region', 'box');
    END IF;
    RETURN info;
END
$$;
COMMENT ON FUNCTION open_analytic._new_collection IS
    'A collection before it is in the catalogue; inputs: what its pipeline says of the columns '
        'that hold an input and its region, {"name": "text_name", "region": "text_span", ...}';

CREATE OR REPLACE FUNCTION open_analytic._make_collection(
    name text, dim integer, metric text, many boolean, columns json, pipeline text,
    version integer, parameters json, migrated boolean, path text, inputs jsonb DEFAULT '{}'
)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    info open_analytic.collections := open_analytic._new_collection(
        name, dim, metric, many, pipeline, version, parameters, migrated, inputs
    );
    relation CONSTANT text := format('%I.%I', info.schema_name, info.table_name);
    data_type CONSTANT regtype := open_analytic._data_type(inputs);
    -- A feature that stays in its row makes exact searches three times as fast.
    plain CONSTANT boolean := dim <= 3000;
    column_name text;
    column_type text;
    own_columns text := '';
    statement text;
BEGIN
    PERFORM open_analytic._check_schema(name);
    PERFORM open_analytic._follow_renames(); -- a renamed table frees the name it had
    -- A column of this name that the user asks for is the user's.
    info.has_source := NOT EXISTS (SELECT FROM json_each(columns) AS c WHERE c.key = 'source');
    FOR column_name, column_type IN SELECT * FROM json_each_text(columns) LOOP
        PERFORM open_analytic._check_column(column_name, column_type, info, path);
        -- A newline, so that a comment inside a type's text ends with it.
        own_columns := own_columns || format(E'%I %s\n, ', column_name, column_type);
    END LOOP;
    statement := format(
        'CREATE TABLE %s (%s) WITH (toast_tuple_target = %s)',
        relation,
        open_analytic._column_definitions(info, own_columns, data_type),
        CASE WHEN plain THEN 2 * dim + 1024 ELSE 2040 END
    );
    PERFORM set_config('search_path', path, true); -- for the types of the caller's columns only
    EXECUTE statement;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    IF data_type = 'bytea'::regtype THEN
        -- Pictures are compressed already: compressing them again costs time and gains nothing.
        EXECUTE format(
            'ALTER TABLE %s ALTER COLUMN %I SET STORAGE EXTERNAL', relation, info.data_column
        );
    END IF;
    EXECUTE format(
        'ALTER TABLE %s ALTER COLUMN feature SET STORAGE %s',
        relation,
        CASE WHEN plain THEN 'PLAIN' ELSE 'EXTERNAL' END
    );
    PERFORM open_analytic._describe_table(relation, info);
    IF info.has_source THEN
        EXECUTE format(
            'COMMENT ON COLUMN %s.source IS %L',
            relation,
            'Where the picture comes from: a path, a URL, "upload"; NULL: unknown'
        );
    END IF;
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO open_analytic_user', relation);
    PERFORM open_analytic._enter_collection(info);
END
$$;
COMMENT ON FUNCTION open_analytic._make_collection IS
    'The table of a collection and its row in the catalogue';

CREATE OR REPLACE FUNCTION open_analytic._storable(
    pipeline open_analytic.current_pipelines, metric text, parameters jsonb
)
RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    description CONSTANT jsonb := open_analytic._describe(
        jsonb_build_object(
            'name', pipeline.name,
            'definition', pipeline.definition::jsonb,
            'parameters', parameters
        )
    );
BEGIN
    IF description ->> 'hash' <> pipeline.hash THEN
        RAISE EXCEPTION 'The models of pipeline % version % have changed since it was created: '
            'its vectors would not be comparable.',
            quote_literal(pipeline.name),
            pipeline.version
            USING ERRCODE = 'OA033',
                HINT = format(
                    'Put the models'' cards back, or pipeline_create(%L) for a new version and '
                        'import into a new collection.',
                    pipeline.name
                );
    END IF;
    IF description ->> 'dim' IS NULL THEN
        RAISE EXCEPTION 'Pipeline % gives no vector, so there is nothing to search by.',
            quote_literal(pipeline.name)
            USING ERRCODE = 'OA016',
            HINT = 'A collection needs a pipeline that gives one, such as '
                'general_feature_extractor.';
    END IF;
    IF description ? 'unstorable' THEN
        PERFORM open_analytic._raise(description -> 'unstorable');
    END IF;
    IF metric NOT IN ('l2', 'cosine', 'ip') THEN
        RAISE EXCEPTION 'There is no metric %.', quote_literal(metric)
            USING ERRCODE = 'OA019', HINT = 'Choose of: l2, cosine, ip.';
    END IF;
    RETURN description;
END
$$;
COMMENT ON FUNCTION open_analytic._storable IS
    'What a pipeline gives with these parameters; refused when a collection cannot hold it';

CREATE OR REPLACE FUNCTION open_analytic._create_collection(
    name text, pipeline text, columns json, metric text, parameters jsonb, path text,
    exist_ok boolean
)
RETURNS jsonb
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    pipeline_info open_analytic.current_pipelines := open_analytic._pipeline(pipeline);
    description jsonb := open_analytic._storable(pipeline_info, metric, parameters);
    place record := open_analytic._split(name);
BEGIN
    IF json_typeof(columns) <> 'object' THEN
        RAISE EXCEPTION 'columns is not an object.'
            USING ERRCODE = 'OA019', HINT = 'Give {"name": "SQL type", ...}.';
    END IF;
    BEGIN
        PERFORM open_analytic._make_collection(
            name, (description ->> 'dim')::integer, metric, (description ->> 'many')::boolean,
            columns, pipeline, pipeline_info.version, (description -> 'parameters')::json, false,
            path, description -> 'input_columns'
        );
    EXCEPTION WHEN duplicate_table OR duplicate_object THEN
        PERFORM open_analytic._check_existing(
            name, (description ->> 'dim')::integer, metric, columns, pipeline,
            pipeline_info.version, description -> 'parameters', path, exist_ok
        );
    END;
    RETURN (SELECT to_jsonb(r) FROM (
        SELECT name, c.schema_name AS schema, c.pipeline, c.version, c.dim, c.metric, c.many,
            c.parameters, _create_collection.columns AS columns, c.created_at
        FROM open_analytic.current_collections AS c
        WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name) AS r);
EXCEPTION WHEN invalid_schema_name THEN
        RAISE EXCEPTION 'There is no such schema: %.', SQLERRM
            USING ERRCODE = 'OA017', HINT = 'Create it first: CREATE SCHEMA name.';
END
$$;
COMMENT ON FUNCTION open_analytic._create_collection IS
    'create_collection, with the search_path for the types of columns';

-- Every name is qualified, since this function alone sees its caller's search_path.
CREATE OR REPLACE FUNCTION open_analytic.create_collection(
    name text, pipeline text, columns json DEFAULT '{}', metric text DEFAULT 'l2',
    parameters jsonb DEFAULT '{}'
)
RETURNS jsonb
LANGUAGE sql STRICT
AS $$
    SELECT open_analytic._create_collection(
        name, pipeline, columns, metric, parameters, pg_catalog.current_setting('search_path'),
        false
    )
$$;
COMMENT ON FUNCTION open_analytic.create_collection(text, text, json, text, jsonb) IS
    'Make a table for a pipeline''s vectors, with columns of your own (name -> SQL type)';

-- A second function and not one more argument of the first, which views and functions of users can
-- depend on. exist_ok has no default and stands where the first has a text: so PostgreSQL takes
-- this one for no call without it, whatever literals that has.
CREATE OR REPLACE FUNCTION open_analytic.create_collection(
    name text, pipeline text, columns json, exist_ok boolean, parameters jsonb DEFAULT '{}',
    metric text DEFAULT 'l2'
)
RETURNS jsonb
LANGUAGE sql STRICT
AS $$
    SELECT open_analytic._create_collection(
        name, pipeline, columns, metric, parameters, pg_catalog.current_setting('search_path'),
        exist_ok
    )
$$;
COMMENT ON FUNCTION open_analytic.create_collection(text, text, json, boolean, jsonb, text) IS
    'The same; with exist_ok a collection of this name is given back when it is alike';

CREATE OR REPLACE FUNCTION open_analytic.drop_collection(name text) RETURNS void
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place CONSTANT record := open_analytic._split(name);
    info open_analytic.current_collections;
BEGIN
    SELECT c.*
    INTO info
    FROM open_analytic.current_collections AS c
    WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name;
    IF info.id IS NULL THEN
        RAISE EXCEPTION 'There is no collection %.', quote_literal(name)
            USING ERRCODE = 'OA006', HINT = format('There are: %s.', open_analytic._names());
    END IF;
    IF open_analytic._is_adopted(info.relation) THEN
        PERFORM open_analytic._release(info.relation, info.id);
    ELSE
        EXECUTE format('DROP TABLE %s', info.relation);
    END IF;
    DELETE FROM open_analytic.collections AS c WHERE c.id = info.id;
END
$$;
COMMENT ON FUNCTION open_analytic.drop_collection IS
    'Drop a collection with its table, pictures and vectors; an adopted table stays';
