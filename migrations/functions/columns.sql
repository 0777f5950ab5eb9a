CREATE OR REPLACE FUNCTION open_analytic._type(type text, path text) RETURNS regtype
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('search_path', path, true);
    RETURN pg_catalog.to_regtype(type);
END
$$;
COMMENT ON FUNCTION open_analytic._type IS
    'What a type''s text means under a search_path; nothing but a type is read';

CREATE OR REPLACE FUNCTION open_analytic._check_column(
    name text, type text, info open_analytic.collections, path text
)
RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- PostgreSQL's own, and what a search computes.
    own_columns CONSTANT text[] := open_analytic._own_columns(info)
        || ARRAY['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid', 'open_analytic_distance'];
    problem text := 'the server knows no such type for a column';
BEGIN
    IF octet_length(name) NOT BETWEEN 1 AND 63 THEN
        RAISE EXCEPTION '% cannot be a column''s name.', quote_literal(name)
            USING ERRCODE = 'OA017', HINT = 'Use 1 to 63 bytes.';
    END IF;
    IF name = ANY (own_columns) THEN
        RAISE EXCEPTION 'Column % is one every collection has.', quote_literal(name)
            USING ERRCODE = 'OA017',
            HINT = format('Choose another name than %s.', array_to_string(own_columns, ', '));
    END IF;
    BEGIN
        IF EXISTS (
               SELECT
               FROM pg_type AS t
               WHERE t.oid = open_analytic._type(type, path) AND t.typtype <> 'p'
           )
        THEN
            RETURN;
        END IF;
    EXCEPTION
        WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported THEN
        problem := SQLERRM;
    END;
    RAISE EXCEPTION 'Column % cannot have the type %: %.', quote_literal(name),
        quote_literal(type), problem
        USING ERRCODE = 'OA019',
        HINT = 'For example: text, integer, real, numeric(10,2), timestamptz, text[].';
END
$$;
COMMENT ON FUNCTION open_analytic._check_column IS
    'Refuse a column''s name that is taken, and a type that is none';

CREATE OR REPLACE FUNCTION open_analytic._describe_table(
    relation text, info open_analytic.collections
)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own record;
BEGIN
    EXECUTE format(
        'COMMENT ON TABLE %s IS %L',
        relation,
        format(
            'Collection of open_analytic: %s, dim %s, metric %s',
            CASE
                WHEN info.pipeline IS NULL THEN 'vectors computed elsewhere'
                ELSE format('pipeline %s version %s', info.pipeline, info.version)
            END,
            info.dim,
            info.metric
        )
    );
    FOR own IN
        SELECT *
        FROM (
            VALUES
            (info.name_column, 'Name of the input, unique'),
            (info.data_column, 'The input as imported; NULL when only the vector was given'),
            ('feature', 'Its vector; NULL when nothing was found in it'),
            (
                info.sha256_column,
                format(
                    'SHA-256 of %s when it was imported: an unchanged file is left alone',
                    info.data_column
                )
            ),
            ('pipeline_version', 'Version of the pipeline the feature comes from'),
            ('imported_at', 'When the row was written'),
            (
                'part',
                format(
                    'Number of the region in its input, from 0; %s is in row 0', info.data_column
                )
            ),
            (
                info.region,
                (
                    SELECT r.says
                    FROM open_analytic._region_types() AS r
                    WHERE r.region = info.region
                )
            )
        ) AS c (name, says)
        WHERE c.name = ANY (open_analytic._own_columns(info))
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, own.name, own.says);
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._describe_table IS
    'Comments on a collection''s table and on the columns that every collection has';

CREATE OR REPLACE FUNCTION open_analytic._data_type(inputs jsonb) RETURNS regtype
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- A database with another encoding cannot hold every text, only its bytes.
    SELECT CASE
        WHEN inputs ->> 'data_type' = 'text' AND getdatabaseencoding() = 'UTF8' THEN 'text'
        ELSE 'bytea'
    END::regtype
$$;
COMMENT ON FUNCTION open_analytic._data_type IS
    'The type of the column of a new collection that holds an input as it was imported';

CREATE OR REPLACE FUNCTION open_analytic._column_definitions(
    info open_analytic.collections, own_columns text, data_type regtype
)
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- Joined, not formatted once more: a name or a type can have a percent sign.
    SELECT concat(
        format('%I pg_catalog.text NOT NULL, ', info.name_column),
        CASE
            WHEN info.many
                THEN format(
                    'part pg_catalog.int4 NOT NULL DEFAULT 0, %I %s,', info.region,
                    open_analytic._region_type(info.region)
                )
        END,
        format(
            '%I pg_catalog.%s, feature @vector@.halfvec(%s), ', info.data_column, data_type,
            info.dim
        ),
        own_columns,
        format('%I pg_catalog.bytea, ', info.sha256_column),
        'pipeline_version pg_catalog.int4 ',
        CASE
            WHEN info.version IS NOT NULL
                THEN format(
                    'NOT NULL DEFAULT open_analytic._version(%L, %s) CONSTRAINT '
                    'open_analytic_version CHECK (pipeline_version OPERATOR(pg_catalog.=) %2$s)',
                    info.pipeline,
                    info.version
                )
        END,
        ', imported_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(), ',
        CASE WHEN info.has_source THEN 'source pg_catalog.text,' END,
        format('CONSTRAINT %I CHECK (true), ', open_analytic._mark(info.id)),
        format(
            CASE WHEN info.many THEN 'PRIMARY KEY (%I, part)' ELSE 'PRIMARY KEY (%I)' END,
            info.name_column
        )
    )
$$;
COMMENT ON FUNCTION open_analytic._column_definitions IS
    'Columns and constraints of the table of a collection, as CREATE TABLE takes them';
