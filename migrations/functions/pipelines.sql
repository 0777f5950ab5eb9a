CREATE OR REPLACE FUNCTION open_analytic._pipeline(pipeline_name text)
RETURNS open_analytic.current_pipelines
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.current_pipelines;
BEGIN
    SELECT * INTO info FROM open_analytic.current_pipelines AS p WHERE p.name = pipeline_name;
    IF info.name IS NULL THEN
        RAISE EXCEPTION 'No pipeline is registered as %.', quote_literal(pipeline_name)
            USING ERRCODE = 'OA003',
            HINT = format(
                'pipeline_create(%L) registers it if it is a preset; another needs a definition. '
                'Registered: %s.',
                pipeline_name,
                coalesce(
                    (
                        SELECT string_agg(p.name, ', ' ORDER BY p.name)
                        FROM open_analytic.current_pipelines AS p
                    ),
                    'none'
                )
            );
    END IF;
    RETURN info;
END
$$;
COMMENT ON FUNCTION open_analytic._pipeline IS 'The newest version under a name';

CREATE OR REPLACE FUNCTION open_analytic._describe(request jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer record;
BEGIN
    SELECT r.output, r.error INTO answer
    FROM open_analytic._request(
        'describe', NULL, NULL, NULL, '{}', ARRAY[convert_to(request::text, 'UTF8')], false
    ) AS r;
    IF answer.error IS NOT NULL THEN
        PERFORM open_analytic._raise(answer.error::jsonb);
    END IF;
    RETURN answer.output::jsonb;
END
$$;
COMMENT ON FUNCTION open_analytic._describe IS 'What the service says of a preset or a definition';

CREATE OR REPLACE FUNCTION open_analytic._register_pipeline(
    name text, input text, output text[], dim integer, many boolean, hash text, definition json
)
RETURNS open_analytic.pipelines
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    newest open_analytic.pipelines;
BEGIN
    SELECT *
    INTO newest
    FROM open_analytic.pipelines AS p
    WHERE p.name = _register_pipeline.name
    ORDER BY p.version DESC
    LIMIT 1;
    IF newest.hash = _register_pipeline.hash AND newest.dropped_at IS NULL THEN
        RETURN newest;
    END IF;
    -- Two who register one pipeline at once get one version.
    PERFORM pg_advisory_xact_lock(
        hashtextextended('open_analytic.pipelines ' || _register_pipeline.name, 0)
    );
    SELECT *
    INTO newest
    FROM open_analytic.pipelines AS p
    WHERE p.name = _register_pipeline.name
    ORDER BY p.version DESC
    LIMIT 1;
    IF newest.hash = _register_pipeline.hash THEN
        IF newest.dropped_at IS NOT NULL THEN
            UPDATE open_analytic.pipelines AS p
            SET dropped_at = NULL
            WHERE p.name = newest.name AND p.version = newest.version
            RETURNING *
            INTO newest;
        END IF;
        RETURN newest;
    END IF;
    INSERT INTO open_analytic.pipelines (name, version, input, output, dim, many, hash, definition)
    VALUES (
        _register_pipeline.name, coalesce(newest.version, 0) + 1, _register_pipeline.input,
        _register_pipeline.output, _register_pipeline.dim, _register_pipeline.many,
        _register_pipeline.hash, _register_pipeline.definition
    )
    RETURNING * INTO newest;
    RETURN newest;
END
$$;
COMMENT ON FUNCTION open_analytic._register_pipeline IS
    'The pipeline in the catalogue: the newest version when it says the same, else a new one';

CREATE OR REPLACE FUNCTION open_analytic._create_pipeline(request jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    description jsonb := open_analytic._describe(request);
    info open_analytic.pipelines;
BEGIN
    info := open_analytic._register_pipeline(
        description ->> 'name',
        description ->> 'input',
        ARRAY(SELECT jsonb_array_elements_text(description -> 'output')),
        (description ->> 'dim')::integer,
        (description ->> 'many')::boolean,
        description ->> 'hash',
        (description ->> 'definition')::json
    );
    RETURN jsonb_build_object(
        'name', info.name, 'version', info.version, 'input', info.input, 'output',
            to_jsonb(info.output), 'dim', info.dim,
        'hash', info.hash, 'created_at', info.created_at, 'definition', info.definition::jsonb);
END
$$;
COMMENT ON FUNCTION open_analytic._create_pipeline IS
    'Register what the service says of a request';

CREATE OR REPLACE FUNCTION open_analytic.pipeline_create(name text) RETURNS jsonb
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic._create_pipeline(jsonb_build_object('name', name));
END
$$;
COMMENT ON FUNCTION open_analytic.pipeline_create(text) IS
    'Register a pipeline that comes with open_analytic';

CREATE OR REPLACE FUNCTION open_analytic.pipeline_create(name text, definition jsonb) RETURNS jsonb
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic._create_pipeline(
        jsonb_build_object('name', name, 'definition', definition)
    );
END
$$;
COMMENT ON FUNCTION open_analytic.pipeline_create(text, jsonb) IS
    'Register a pipeline of your own; a changed definition becomes a new version';

CREATE OR REPLACE FUNCTION open_analytic.pipeline_drop(name text) RETURNS void
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    users text;
BEGIN
    PERFORM open_analytic._pipeline(pipeline_drop.name);
    SELECT string_agg(
        concat_ws('.', nullif(c.schema_name, 'public'), c.table_name), ', '
        ORDER BY c.schema_name, c.table_name
    )
    INTO users
    FROM open_analytic.current_collections AS c
    WHERE c.pipeline = pipeline_drop.name;
    IF users IS NOT NULL THEN
        RAISE EXCEPTION 'Pipeline % is used by %.', quote_literal(pipeline_drop.name), users
            USING ERRCODE = 'OA032', HINT = 'It stays registered as long as they are there.';
    END IF;
    UPDATE open_analytic.pipelines AS p
    SET dropped_at = now()
    WHERE p.name = pipeline_drop.name AND p.dropped_at IS NULL;
END
$$;
COMMENT ON FUNCTION open_analytic.pipeline_drop IS
    'Take a pipeline out of use; refused while a collection holds its features';
