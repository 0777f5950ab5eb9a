-- CREATE INDEX ... USING ann (feature): pgvector's HNSW, under the name that AnalyticDB's scripts
-- use. Once it exists it stays as it is: indexes of users depend on it.
DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_am AS m WHERE m.amname = 'ann') THEN
        RETURN;
    END IF;
    IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE NOTICE 'The access method "ann" was not created: only a superuser can. '
            'USING hnsw does the same.';
        RETURN;
    END IF;
    CREATE ACCESS METHOD ann TYPE INDEX HANDLER @vector@.hnswhandler;
    COMMENT ON ACCESS METHOD ann IS
        'open_analytic: hnsw of pgvector, under the name of AnalyticDB';

    CREATE OPERATOR CLASS @vector@.vector_l2_ops DEFAULT FOR TYPE @vector@.vector USING ann AS
        OPERATOR 1 @vector@.<-> (@vector@.vector, @vector@.vector)
            FOR ORDER BY pg_catalog.float_ops,
        FUNCTION 1 @vector@.vector_l2_squared_distance(@vector@.vector, @vector@.vector);

    CREATE OPERATOR CLASS @vector@.vector_ip_ops FOR TYPE @vector@.vector USING ann AS
        OPERATOR 1 @vector@.<#> (@vector@.vector, @vector@.vector)
            FOR ORDER BY pg_catalog.float_ops,
        FUNCTION 1 @vector@.vector_negative_inner_product(@vector@.vector, @vector@.vector);

    CREATE OPERATOR CLASS @vector@.vector_cosine_ops FOR TYPE @vector@.vector USING ann AS
        OPERATOR 1 @vector@.<=> (@vector@.vector, @vector@.vector)
            FOR ORDER BY pg_catalog.float_ops,
        FUNCTION 1 @vector@.vector_negative_inner_product(@vector@.vector, @vector@.vector),
        FUNCTION 2 @vector@.vector_norm(@vector@.vector);

    CREATE OPERATOR CLASS @vector@.halfvec_l2_ops DEFAULT FOR TYPE @vector@.halfvec USING ann AS
        OPERATOR 1 @vector@.<-> (@vector@.halfvec, @vector@.halfvec)
            FOR ORDER BY pg_catalog.float_ops,
        FUNCTION 1 @vector@.halfvec_l2_squared_distance(@vector@.halfvec, @vector@.halfvec),
        FUNCTION 3 @vector@.hnsw_halfvec_support(internal);

    CREATE OPERATOR CLASS @vector@.halfvec_ip_ops FOR TYPE @vector@.halfvec USING ann AS
        OPERATOR 1 @vector@.<#> (@vector@.halfvec, @vector@.halfvec)
            FOR ORDER BY pg_catalog.float_ops,
        FUNCTION 1 @vector@.halfvec_negative_inner_product(@vector@.halfvec, @vector@.halfvec),
        FUNCTION 3 @vector@.hnsw_halfvec_support(internal);

    CREATE OPERATOR CLASS @vector@.halfvec_cosine_ops FOR TYPE @vector@.halfvec USING ann AS
        OPERATOR 1 @vector@.<=> (@vector@.halfvec, @vector@.halfvec)
            FOR ORDER BY pg_catalog.float_ops,
        FUNCTION 1 @vector@.halfvec_negative_inner_product(@vector@.halfvec, @vector@.halfvec),
        FUNCTION 2 @vector@.l2_norm(@vector@.halfvec),
        FUNCTION 3 @vector@.hnsw_halfvec_support(internal);
END
$do$;
