CREATE OR REPLACE FUNCTION open_analytic._rate(pipeline text, max_rate float8, metric text)
RETURNS open_analytic.current_rates
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rates open_analytic.current_rates;
    known text;
BEGIN
    IF max_rate IS NULL OR NOT (max_rate > 0 AND max_rate < 1) THEN
        RAISE EXCEPTION 'false_accept_rate is %.', coalesce(max_rate::text, 'NULL')
            USING ERRCODE = 'OA019',
            HINT = 'Give the share of different pairs that can be accepted as the same, such as '
                '0.01.';
    END IF;
    IF metric IS NULL OR metric NOT IN ('l2', 'cosine', 'ip') THEN
        RAISE EXCEPTION 'There is no metric %.', coalesce(quote_literal(metric), 'NULL')
            USING ERRCODE = 'OA019', HINT = 'Choose of: l2, cosine, ip.';
    END IF;
    PERFORM open_analytic._pipeline(_rate.pipeline);
    -- The largest rate that is not above the one asked for.
    SELECT * INTO rates FROM open_analytic.current_rates AS r
    WHERE r.pipeline = _rate.pipeline
        AND r.metric = _rate.metric
        AND r.false_accept_rate <= max_rate
    ORDER BY r.false_accept_rate DESC LIMIT 1;
    IF rates.pipeline IS NOT NULL THEN
        RETURN rates;
    END IF;
    SELECT string_agg(r.false_accept_rate::text, ', ' ORDER BY r.false_accept_rate DESC),
        max(r.different_pairs) AS different_pairs
    INTO known, rates.different_pairs
    FROM open_analytic.current_rates AS r
    WHERE r.pipeline = _rate.pipeline AND r.metric = _rate.metric;
    IF known IS NULL THEN
        RAISE EXCEPTION 'No distances of pipeline % were measured on labelled pairs, with the '
            'metric %.',
            quote_literal(_rate.pipeline),
            _rate.metric
            USING ERRCODE = 'OA009',
                HINT = format(
                    'Measure it on pairs of yours: `open-analytic pipeline calibrate %s --pairs '
                        'FILE`.',
                    _rate.pipeline
                );
    END IF;
    RAISE EXCEPTION 'A false accept rate of % cannot be measured with the % different pairs '
        'of pipeline %.',
        max_rate,
        rates.different_pairs,
        quote_literal(_rate.pipeline)
        USING ERRCODE = 'OA019',
            HINT = format(
                'There are: %s. A rate of 1 in n needs n different pairs; `open-analytic '
                    'pipeline calibrate` takes more of them.',
                known
            );
END
$$;
COMMENT ON FUNCTION open_analytic._rate IS
    'The line of a pipeline''s table that a false accept rate is decided by, or why there is none';

CREATE OR REPLACE FUNCTION open_analytic.verify(
    a @vector@.vector, b @vector@.vector, pipeline text DEFAULT 'face_feature_extractor',
    false_accept_rate float8 DEFAULT 0.01, metric text DEFAULT 'l2'
)
RETURNS open_analytic.verification
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rate open_analytic.current_rates := open_analytic._rate(pipeline, false_accept_rate, metric);
    dim integer := (open_analytic._pipeline(pipeline)).dim;
    distance float8;
BEGIN
    IF @vector@.vector_dims(a) <> dim OR @vector@.vector_dims(b) <> dim THEN
        RAISE EXCEPTION 'a has % numbers and b has %, pipeline % gives %.',
            @vector@.vector_dims(a),
            @vector@.vector_dims(b),
            quote_literal(pipeline),
            dim
            USING ERRCODE = 'OA015',
                HINT = format('Give vectors of pipeline %L version %s.', pipeline, rate.version);
    END IF;
    distance := CASE metric
        WHEN 'l2' THEN a OPERATOR(@vector@.<->) b
        WHEN 'cosine' THEN a OPERATOR(@vector@.<=>) b
        ELSE a OPERATOR(@vector@.<#>) b
    END;
    IF distance = 'NaN' THEN
        RAISE EXCEPTION 'The distance of a and b is no number.'
            USING ERRCODE = 'OA015',
                HINT = 'A zero vector has no direction for the cosine: use the metric l2 for '
                    'such.';
    END IF;
    RETURN ROW(
        distance < rate.distance, distance, rate.distance, rate.false_accept_rate,
        rate.true_accept_rate
    )::open_analytic.verification;
END
$$;
COMMENT ON FUNCTION open_analytic.verify(
    @vector@.vector, @vector@.vector, text, float8, text
) IS
    'Whether two pictures, or two vectors of a pipeline, show the same, decided at a false '
    'accept rate';

CREATE OR REPLACE FUNCTION open_analytic.verify(
    a @vector@.halfvec, b @vector@.halfvec, pipeline text DEFAULT 'face_feature_extractor',
    false_accept_rate float8 DEFAULT 0.01, metric text DEFAULT 'l2'
)
RETURNS open_analytic.verification
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic.verify(
        a::@vector@.vector, b::@vector@.vector, pipeline, false_accept_rate, metric
    );
END
$$;
COMMENT ON FUNCTION open_analytic.verify(
    @vector@.halfvec, @vector@.halfvec, text, float8, text
) IS
    'Whether two pictures, or two vectors of a pipeline, show the same, decided at a false '
    'accept rate';

CREATE OR REPLACE FUNCTION open_analytic.verify(
    a bytea, b bytea, pipeline text DEFAULT 'face_feature_extractor',
    false_accept_rate float8 DEFAULT 0.01, metric text DEFAULT 'l2'
)
RETURNS open_analytic.verification
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    plan open_analytic.current_pipelines := open_analytic._pipeline(pipeline);
    vectors @vector@.vector[];
    answer record;
    error jsonb;
BEGIN
    PERFORM open_analytic._rate(pipeline, false_accept_rate, metric); -- before the models run
    FOR answer IN SELECT r.output, r.error
        FROM open_analytic._run_plan(
            'query', plan.name, plan.hash, plan.definition::text, '{}', ARRAY[a, b], false
        ) AS r LOOP
        IF answer.error IS NOT NULL THEN
            error := answer.error::jsonb;
            PERFORM open_analytic._raise(jsonb_set(error, '{message}', to_jsonb(
                format(
                    '%s: %s', CASE WHEN vectors IS NULL THEN 'a' ELSE 'b' END, error ->> 'message'
                ))));
        END IF;
        vectors := vectors || answer.output::@vector@.vector;
    END LOOP;
    RETURN open_analytic.verify(vectors[1], vectors[2], pipeline, false_accept_rate, metric);
END
$$;
COMMENT ON FUNCTION open_analytic.verify(
    bytea, bytea, text, float8, text
) IS
    'Whether two pictures, or two vectors of a pipeline, show the same, decided at a false '
    'accept rate';
