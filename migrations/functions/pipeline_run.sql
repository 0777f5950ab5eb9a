CREATE OR REPLACE FUNCTION open_analytic._max_bytes() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(
        (SELECT s.value::bigint FROM open_analytic.settings AS s WHERE s.name = 'max_bytes'),
        50000000
    )
$$;
COMMENT ON FUNCTION open_analytic._max_bytes IS 'The largest input that is sent to the service';

CREATE OR REPLACE FUNCTION open_analytic._too_large(size bigint, most bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT open_analytic._error('ImageTooLarge', 'OA013', format('The input has %s '
        'bytes; at most %s are sent to the service.', size, most),
        'Use a smaller picture, or let the owner raise max_bytes in open_analytic.settings.')
$$;
COMMENT ON FUNCTION open_analytic._too_large IS
    'The error of an input that is too large to be sent';

CREATE OR REPLACE FUNCTION open_analytic._run_plan(
    operation text, name text, hash text, definition text, parameters text, inputs bytea[],
    any_node boolean
)
RETURNS TABLE (output text, error text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most CONSTANT bigint := open_analytic._max_bytes();
    input bytea;
    size bigint;
    part bytea[] := '{}';
    part_size bigint := 0;
    outputs text[];
    errors text[];
    number integer := 0;
BEGIN
    -- In parts, so that no message to the service grows without bound. What is not sent at all
    -- ends a part.
    FOREACH input IN ARRAY inputs LOOP
        number := number + 1;
        size := octet_length(input);
        IF size <= most THEN
            part := part || input;
            part_size := part_size + size;
        END IF;
        IF part <> '{}'
           AND (
               number = cardinality(inputs)
               OR coalesce(size > most, true)
               OR cardinality(part) = 64
               OR part_size > 32000000
           )
        THEN
            SELECT array_agg(r.output), array_agg(r.error) INTO outputs, errors
            FROM open_analytic._request(
                operation, name, hash, definition, parameters, part, any_node
            ) AS r;
            -- Of a single input, what is not the picture's fault, or the model's with it, is the
            -- whole call's.
            IF cardinality(errors) <> cardinality(part)
               OR (
                   cardinality(part) = 1
                   AND errors[1]::jsonb ->> 'sqlstate' NOT IN (
                       'OA011', 'OA012', 'OA013', 'OA014', 'OA026', 'OA027', 'OA028', 'OA045'
                   )
               )
                   THEN
                PERFORM open_analytic._raise(errors[1]::jsonb);
            END IF;
            RETURN QUERY SELECT * FROM unnest(outputs, errors);
            part := '{}';
            part_size := 0;
        END IF;
        IF size > most THEN
            output := NULL;
            error := open_analytic._too_large(size, most);
            RETURN NEXT;
        ELSIF input IS NULL THEN
            output := NULL;
            error := NULL;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._run_plan IS
    'Run a definition on inputs: a row for each, in order; both NULL for a NULL';

CREATE OR REPLACE FUNCTION open_analytic._run_single(
    operation text, name text, hash text, definition text, parameters text, input bytea,
    any_node boolean
)
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most CONSTANT bigint := open_analytic._max_bytes();
    answer record;
BEGIN
    IF octet_length(input) > most THEN
        PERFORM open_analytic._raise(open_analytic._too_large(octet_length(input), most)::jsonb);
    END IF;
    SELECT r.output, r.error INTO answer
    FROM open_analytic._request(
        operation, name, hash, definition, parameters, ARRAY[input], any_node
    ) AS r;
    IF answer.error IS NOT NULL THEN
        PERFORM open_analytic._raise(answer.error::jsonb);
    END IF;
    RETURN answer.output;
END
$$;
COMMENT ON FUNCTION open_analytic._run_single IS
    'Run a definition on one input, or raise its error: fewer copies of the input than _run_plan '
        'makes';

CREATE OR REPLACE FUNCTION open_analytic._run_one(
    operation text, name text, input bytea, parameters jsonb, any_node boolean
)
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    info record;
    answer record;
BEGIN
    -- What _pipeline, _max_bytes and _run_single do, in fewer steps: this is the way of every
    -- single call.
    SELECT p.hash,
        p.definition::text AS definition,
        coalesce(
            (SELECT s.value::bigint FROM open_analytic.settings AS s WHERE s.name = 'max_bytes'),
            50000000
        ) AS most
    INTO info
    FROM open_analytic.pipelines AS p
    WHERE p.name = _run_one.name AND p.dropped_at IS NULL
    ORDER BY p.version DESC
    LIMIT 1;
    IF info.hash IS NULL THEN
        PERFORM open_analytic._pipeline(_run_one.name); -- says what there is
    ELSIF octet_length(input) > info.most THEN
        PERFORM open_analytic._raise(
            open_analytic._too_large(octet_length(input), info.most)::jsonb
        );
    END IF;
    SELECT r.output, r.error INTO answer
    FROM open_analytic._request(
        operation, _run_one.name, info.hash, info.definition, parameters::text, ARRAY[input],
        any_node
    ) AS r;
    IF answer.error IS NOT NULL THEN
        PERFORM open_analytic._raise(answer.error::jsonb);
    END IF;
    RETURN answer.output;
END
$$;
COMMENT ON FUNCTION open_analytic._run_one IS
    'Run the newest version of a pipeline on one input, or raise its error';

CREATE OR REPLACE FUNCTION open_analytic._bytes(name text, input text) RETURNS bytea
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (open_analytic._pipeline(name)).input = 'text' THEN
        RETURN convert_to(input, 'UTF8');
    END IF;
    IF left(input, 2) = E'\\x' THEN
        RETURN decode(substr(input, 3), 'hex');
    END IF;
    RAISE invalid_parameter_value;
EXCEPTION WHEN invalid_parameter_value THEN
    RAISE EXCEPTION 'Pipeline % takes bytes, and was given text.', quote_literal(name)
        USING ERRCODE = 'OA019',
        HINT = 'Cast it, as in pipeline_run(name, image_data::bytea); a literal can be written '
            'in hexadecimal.';
END
$$;
COMMENT ON FUNCTION open_analytic._bytes IS
    'A literal without a type is text: the bytes it means to a pipeline';

CREATE OR REPLACE FUNCTION open_analytic.pipeline_run(
    name text, input bytea, parameters jsonb DEFAULT '{}'
)
RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic._run_one('output', name, input, parameters, false)::jsonb;
END
$$;
COMMENT ON FUNCTION open_analytic.pipeline_run(text, bytea, jsonb) IS
    'The output of a pipeline for one input';

CREATE OR REPLACE FUNCTION open_analytic.pipeline_run(
    name text, input text, parameters jsonb DEFAULT '{}'
)
RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic._run_one(
        'output', name, open_analytic._bytes(name, input), parameters, false
    )::jsonb;
END
$$;
COMMENT ON FUNCTION open_analytic.pipeline_run(text, text, jsonb) IS
    'The output of a pipeline for one input; bytes can be written in hexadecimal';

CREATE OR REPLACE FUNCTION open_analytic.pipeline_run_dist_random(
    name text, input bytea, parameters jsonb DEFAULT '{}'
)
RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic._run_one('output', name, input, parameters, true)::jsonb;
END
$$;
COMMENT ON FUNCTION open_analytic.pipeline_run_dist_random(text, bytea, jsonb) IS
    'pipeline_run on any node of the service';

CREATE OR REPLACE FUNCTION open_analytic.pipeline_run_dist_random(
    name text, input text, parameters jsonb DEFAULT '{}'
)
RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic._run_one(
        'output', name, open_analytic._bytes(name, input), parameters, true
    )::jsonb;
END
$$;
COMMENT ON FUNCTION open_analytic.pipeline_run_dist_random(text, text, jsonb) IS
    'pipeline_run on any node of the service';

CREATE OR REPLACE FUNCTION open_analytic.pipeline_run_batch(
    name text, inputs bytea[], parameters jsonb DEFAULT '{}'
)
RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 ROWS 10
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pipeline open_analytic.current_pipelines := open_analytic._pipeline(name);
BEGIN
    RETURN QUERY
    SELECT CASE
        WHEN r.error IS NULL THEN r.output::jsonb ELSE jsonb_build_object('error', r.error::jsonb)
    END
    FROM open_analytic._run_plan(
        'output', name, pipeline.hash, pipeline.definition::text, parameters::text, inputs, false
    ) AS r;
END
$$;
COMMENT ON FUNCTION open_analytic.pipeline_run_batch IS
    'The outputs of a pipeline, in order; a bad input gives {"error": {...}} in its place';
