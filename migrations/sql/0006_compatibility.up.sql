-- Beside pgvector's own operators, where its users find them, and with functions that are inlined: an index is used.
DO $do$
DECLARE
    vector_schema text := open_analytic._schema_of('vector');
    kind record;
    distance record;
    template text;
BEGIN
    IF NOT has_schema_privilege(vector_schema, 'CREATE') THEN
        RAISE NOTICE 'Distances between vectors and real[] were not made: % is not ours to create in.', vector_schema;
        RETURN;
    END IF;
    -- real[] beside each, and vector (what embed gives) beside halfvec (what a collection has), which pgvector leaves open.
    FOR kind IN SELECT * FROM (VALUES ('@vector@.vector', 'real[]'), ('@vector@.halfvec', 'real[]'), ('@vector@.halfvec', '@vector@.vector')) AS k (feature, query) LOOP
        FOR distance IN SELECT * FROM (VALUES ('l2_distance', '<->'), ('cosine_distance', '<=>'), ('negative_inner_product', '<#>')) AS d (name, sign) LOOP
            FOREACH template IN ARRAY ARRAY[
                'CREATE FUNCTION @vector@.@name@(@feature@, @query@) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE'
                ' AS $$ SELECT $1 OPERATOR(@vector@.@sign@) ($2::@feature@) $$',
                'CREATE FUNCTION @vector@.@name@(@query@, @feature@) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE'
                ' AS $$ SELECT $2 OPERATOR(@vector@.@sign@) ($1::@feature@) $$',
                'CREATE OPERATOR @vector@.@sign@ (LEFTARG = @feature@, RIGHTARG = @query@, FUNCTION = @vector@.@name@, COMMUTATOR = OPERATOR(@vector@.@sign@))',
                'CREATE OPERATOR @vector@.@sign@ (LEFTARG = @query@, RIGHTARG = @feature@, FUNCTION = @vector@.@name@, COMMUTATOR = OPERATOR(@vector@.@sign@))',
                'COMMENT ON FUNCTION @vector@.@name@(@feature@, @query@) IS ''open_analytic: the query becomes what the feature is, so that its index is used''',
                'COMMENT ON FUNCTION @vector@.@name@(@query@, @feature@) IS ''open_analytic: the query becomes what the feature is, so that its index is used'''
            ] LOOP
                EXECUTE replace(replace(replace(replace(replace(template, '@feature@', kind.feature), '@query@', kind.query), '@name@', distance.name), '@sign@', distance.sign), '@vector@', vector_schema);
            END LOOP;
        END LOOP;
    END LOOP;
END
$do$;

-- CREATE INDEX ... USING ann (feature): pgvector's HNSW under the name that scripts for AnalyticDB use.
DO $do$
DECLARE
    vector_schema text := open_analytic._schema_of('vector');
    template text;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        RAISE NOTICE 'The access method "ann" was not made: only a superuser can. USING hnsw does the same.';
        RETURN;
    END IF;
    FOREACH template IN ARRAY ARRAY[
        'CREATE ACCESS METHOD ann TYPE INDEX HANDLER @vector@.hnswhandler',
        'COMMENT ON ACCESS METHOD ann IS ''open_analytic: hnsw of pgvector, under the name of AnalyticDB''',
        'CREATE OPERATOR CLASS @vector@.vector_l2_ops DEFAULT FOR TYPE @vector@.vector USING ann AS OPERATOR 1 @vector@.<-> (@vector@.vector, @vector@.vector) FOR ORDER BY pg_catalog.float_ops,'
        ' FUNCTION 1 @vector@.vector_l2_squared_distance(@vector@.vector, @vector@.vector)',
        'CREATE OPERATOR CLASS @vector@.vector_ip_ops FOR TYPE @vector@.vector USING ann AS OPERATOR 1 @vector@.<#> (@vector@.vector, @vector@.vector) FOR ORDER BY pg_catalog.float_ops,'
        ' FUNCTION 1 @vector@.vector_negative_inner_product(@vector@.vector, @vector@.vector)',
        'CREATE OPERATOR CLASS @vector@.vector_cosine_ops FOR TYPE @vector@.vector USING ann AS OPERATOR 1 @vector@.<=> (@vector@.vector, @vector@.vector) FOR ORDER BY pg_catalog.float_ops,'
        ' FUNCTION 1 @vector@.vector_negative_inner_product(@vector@.vector, @vector@.vector), FUNCTION 2 @vector@.vector_norm(@vector@.vector)',
        'CREATE OPERATOR CLASS @vector@.halfvec_l2_ops DEFAULT FOR TYPE @vector@.halfvec USING ann AS OPERATOR 1 @vector@.<-> (@vector@.halfvec, @vector@.halfvec) FOR ORDER BY pg_catalog.float_ops,'
        ' FUNCTION 1 @vector@.halfvec_l2_squared_distance(@vector@.halfvec, @vector@.halfvec), FUNCTION 3 @vector@.hnsw_halfvec_support(internal)',
        'CREATE OPERATOR CLASS @vector@.halfvec_ip_ops FOR TYPE @vector@.halfvec USING ann AS OPERATOR 1 @vector@.<#> (@vector@.halfvec, @vector@.halfvec) FOR ORDER BY pg_catalog.float_ops,'
        ' FUNCTION 1 @vector@.halfvec_negative_inner_product(@vector@.halfvec, @vector@.halfvec), FUNCTION 3 @vector@.hnsw_halfvec_support(internal)',
        'CREATE OPERATOR CLASS @vector@.halfvec_cosine_ops FOR TYPE @vector@.halfvec USING ann AS OPERATOR 1 @vector@.<=> (@vector@.halfvec, @vector@.halfvec) FOR ORDER BY pg_catalog.float_ops,'
        ' FUNCTION 1 @vector@.halfvec_negative_inner_product(@vector@.halfvec, @vector@.halfvec), FUNCTION 2 @vector@.l2_norm(@vector@.halfvec), FUNCTION 3 @vector@.hnsw_halfvec_support(internal)'
    ] LOOP
        EXECUTE replace(template, '@vector@', vector_schema);
    END LOOP;
END
$do$;
