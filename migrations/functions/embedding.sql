CREATE OR REPLACE FUNCTION open_analytic.embed(
    name text, input bytea, parameters jsonb DEFAULT '{}'
)
RETURNS @vector@.vector
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic._run_one('vector', name, input, parameters, false)::@vector@.vector;
END
$$;
COMMENT ON FUNCTION open_analytic.embed(text, bytea, jsonb) IS
    'The vector of a pipeline that gives one';

CREATE OR REPLACE FUNCTION open_analytic.embed(
    name text, input text, parameters jsonb DEFAULT '{}'
)
RETURNS @vector@.vector
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic._run_one(
        'vector', name, open_analytic._bytes(name, input), parameters, false
    )::@vector@.vector;
END
$$;
COMMENT ON FUNCTION open_analytic.embed(text, text, jsonb) IS
    'The vector of a pipeline that gives one; bytes can be written in hexadecimal';

CREATE OR REPLACE FUNCTION open_analytic.embed_for(collection regclass, input bytea)
RETURNS @vector@.vector
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    plan open_analytic.pipelines;
BEGIN
    IF info.pipeline IS NULL THEN
        RAISE EXCEPTION 'Collection % is bound to no pipeline.', quote_literal(collection::text)
            USING ERRCODE = 'OA019', HINT = 'Search by vectors instead.';
    END IF;
    SELECT *
    INTO plan
    FROM open_analytic.pipelines AS p
    WHERE p.name = info.pipeline AND p.version = info.version;
    RETURN open_analytic._run_single(
        'query', plan.name, plan.hash, plan.definition::text, info.parameters::text, input, false
    )::@vector@.vector;
END
$$;
COMMENT ON FUNCTION open_analytic.embed_for IS
    'The vector that the very version of a pipeline gives whose features a collection holds; of '
        'the largest region of a picture';

CREATE OR REPLACE FUNCTION open_analytic._query_vector(collection regclass, query text)
RETURNS @vector@.vector
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    problem text := 'it is neither bytes in hexadecimal nor numbers in brackets';
BEGIN
    IF EXISTS (
        SELECT
        FROM open_analytic.pipelines AS p
        WHERE p.name = info.pipeline AND p.version = info.version AND p.input = 'text'
    )
    THEN
        RETURN open_analytic.embed_for(collection, convert_to(query, 'UTF8'));
    END IF;
    BEGIN
        IF left(query, 2) = E'\\x' THEN
            RETURN open_analytic.embed_for(collection, decode(substr(query, 3), 'hex'));
        ELSIF left(ltrim(query), 1) = '[' THEN
            RETURN (query)::@vector@.vector;
        END IF;
    EXCEPTION WHEN data_exception THEN
        problem := SQLERRM;
    END;
    RAISE EXCEPTION 'Collection % is searched by no text: %.',
        quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)),
        problem
        USING ERRCODE = 'OA019',
            HINT = format(
                'Its pipeline takes no text: give a picture''s bytes or a vector, as in '
                    'search(collection, %I::bytea).',
                info.data_column
            );
END
$$;
COMMENT ON FUNCTION open_analytic._query_vector IS
    'The vector of a query of the type text: of the text itself where the pipeline takes one, '
        'else of a literal that means bytes or a vector';

CREATE OR REPLACE FUNCTION open_analytic._half(
    info open_analytic.collections, query @vector@.vector
)
RETURNS @vector@.halfvec
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    half @vector@.halfvec;
BEGIN
    IF @vector@.vector_dims(query) <> info.dim THEN
        RAISE EXCEPTION 'The query has % numbers, collection % takes %.',
            @vector@.vector_dims(query),
            quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)),
            info.dim
            USING ERRCODE = 'OA015',
                HINT =
                    CASE WHEN info.pipeline IS NULL THEN 'Give vectors of one and the same model.'
                ELSE format(
                    'Give vectors of pipeline %L version %s.', info.pipeline, info.version
                ) END;
    END IF;
    BEGIN
        half := query::@vector@.halfvec;
    EXCEPTION WHEN data_exception THEN
        RAISE EXCEPTION 'The query has numbers beyond 65504, which halfvec cannot hold.'
            USING ERRCODE = 'OA015', HINT = 'Normalise it.';
    END;
    IF info.metric = 'cosine' AND @vector@.l2_norm(half) = 0 THEN
        RAISE EXCEPTION 'The query is zero, so it has no direction for the cosine.'
            USING ERRCODE = 'OA015', HINT = 'Use the metric l2 for such.';
    END IF;
    RETURN half;
END
$$;
COMMENT ON FUNCTION open_analytic._half IS 'A query as the collection keeps its features';
