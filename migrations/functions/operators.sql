-- Distances between a vector and real[], and between halfvec (a collection's feature) and vector
-- (what embed gives), which pgvector leaves open. They stand beside pgvector's own operators,
-- where its users look for them. Their functions are inlined, so that an index is used: the query
-- becomes what the feature is.
--
-- Operators stay as they are once they exist: views and queries of users depend on them.
DO $do$
BEGIN
    IF NOT has_schema_privilege('@vector@', 'CREATE') THEN
        RAISE NOTICE 'Distances between vectors and real[] were not created: '
            'the role has no right to create objects in the schema @vector@.';
        RETURN;
    END IF;

    CREATE OR REPLACE FUNCTION @vector@.l2_distance(@vector@.vector, real[])
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $1 OPERATOR(@vector@.<->) ($2::@vector@.vector) $$;
    COMMENT ON FUNCTION @vector@.l2_distance(@vector@.vector, real[]) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';

    CREATE OR REPLACE FUNCTION @vector@.l2_distance(real[], @vector@.vector)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $2 OPERATOR(@vector@.<->) ($1::@vector@.vector) $$;
    COMMENT ON FUNCTION @vector@.l2_distance(real[], @vector@.vector) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';
    IF to_regoperator('@vector@.<->(@vector@.vector, real[])') IS NULL THEN
        CREATE OPERATOR @vector@.<-> (
            LEFTARG = @vector@.vector, RIGHTARG = real[],
            FUNCTION = @vector@.l2_distance, COMMUTATOR = OPERATOR(@vector@.<->)
        );
    END IF;
    IF to_regoperator('@vector@.<->(real[], @vector@.vector)') IS NULL THEN
        CREATE OPERATOR @vector@.<-> (
            LEFTARG = real[], RIGHTARG = @vector@.vector,
            FUNCTION = @vector@.l2_distance, COMMUTATOR = OPERATOR(@vector@.<->)
        );
    END IF;

    CREATE OR REPLACE FUNCTION @vector@.cosine_distance(@vector@.vector, real[])
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $1 OPERATOR(@vector@.<=>) ($2::@vector@.vector) $$;
    COMMENT ON FUNCTION @vector@.cosine_distance(@vector@.vector, real[]) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';

    CREATE OR REPLACE FUNCTION @vector@.cosine_distance(real[], @vector@.vector)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $2 OPERATOR(@vector@.<=>) ($1::@vector@.vector) $$;
    COMMENT ON FUNCTION @vector@.cosine_distance(real[], @vector@.vector) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';
    IF to_regoperator('@vector@.<=>(@vector@.vector, real[])') IS NULL THEN
        CREATE OPERATOR @vector@.<=> (
            LEFTARG = @vector@.vector, RIGHTARG = real[],
            FUNCTION = @vector@.cosine_distance, COMMUTATOR = OPERATOR(@vector@.<=>)
        );
    END IF;
    IF to_regoperator('@vector@.<=>(real[], @vector@.vector)') IS NULL THEN
        CREATE OPERATOR @vector@.<=> (
            LEFTARG = real[], RIGHTARG = @vector@.vector,
            FUNCTION = @vector@.cosine_distance, COMMUTATOR = OPERATOR(@vector@.<=>)
        );
    END IF;

    CREATE OR REPLACE FUNCTION @vector@.negative_inner_product(@vector@.vector, real[])
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $1 OPERATOR(@vector@.<#>) ($2::@vector@.vector) $$;
    COMMENT ON FUNCTION @vector@.negative_inner_product(@vector@.vector, real[]) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';

    CREATE OR REPLACE FUNCTION @vector@.negative_inner_product(real[], @vector@.vector)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $2 OPERATOR(@vector@.<#>) ($1::@vector@.vector) $$;
    COMMENT ON FUNCTION @vector@.negative_inner_product(real[], @vector@.vector) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';
    IF to_regoperator('@vector@.<#>(@vector@.vector, real[])') IS NULL THEN
        CREATE OPERATOR @vector@.<#> (
            LEFTARG = @vector@.vector, RIGHTARG = real[],
            FUNCTION = @vector@.negative_inner_product, COMMUTATOR = OPERATOR(@vector@.<#>)
        );
    END IF;
    IF to_regoperator('@vector@.<#>(real[], @vector@.vector)') IS NULL THEN
        CREATE OPERATOR @vector@.<#> (
            LEFTARG = real[], RIGHTARG = @vector@.vector,
            FUNCTION = @vector@.negative_inner_product, COMMUTATOR = OPERATOR(@vector@.<#>)
        );
    END IF;

    CREATE OR REPLACE FUNCTION @vector@.l2_distance(@vector@.halfvec, real[])
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $1 OPERATOR(@vector@.<->) ($2::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.l2_distance(@vector@.halfvec, real[]) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';

    CREATE OR REPLACE FUNCTION @vector@.l2_distance(real[], @vector@.halfvec)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $2 OPERATOR(@vector@.<->) ($1::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.l2_distance(real[], @vector@.halfvec) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';
    IF to_regoperator('@vector@.<->(@vector@.halfvec, real[])') IS NULL THEN
        CREATE OPERATOR @vector@.<-> (
            LEFTARG = @vector@.halfvec, RIGHTARG = real[],
            FUNCTION = @vector@.l2_distance, COMMUTATOR = OPERATOR(@vector@.<->)
        );
    END IF;
    IF to_regoperator('@vector@.<->(real[], @vector@.halfvec)') IS NULL THEN
        CREATE OPERATOR @vector@.<-> (
            LEFTARG = real[], RIGHTARG = @vector@.halfvec,
            FUNCTION = @vector@.l2_distance, COMMUTATOR = OPERATOR(@vector@.<->)
        );
    END IF;

    CREATE OR REPLACE FUNCTION @vector@.cosine_distance(@vector@.halfvec, real[])
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $1 OPERATOR(@vector@.<=>) ($2::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.cosine_distance(@vector@.halfvec, real[]) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';

    CREATE OR REPLACE FUNCTION @vector@.cosine_distance(real[], @vector@.halfvec)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $2 OPERATOR(@vector@.<=>) ($1::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.cosine_distance(real[], @vector@.halfvec) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';
    IF to_regoperator('@vector@.<=>(@vector@.halfvec, real[])') IS NULL THEN
        CREATE OPERATOR @vector@.<=> (
            LEFTARG = @vector@.halfvec, RIGHTARG = real[],
            FUNCTION = @vector@.cosine_distance, COMMUTATOR = OPERATOR(@vector@.<=>)
        );
    END IF;
    IF to_regoperator('@vector@.<=>(real[], @vector@.halfvec)') IS NULL THEN
        CREATE OPERATOR @vector@.<=> (
            LEFTARG = real[], RIGHTARG = @vector@.halfvec,
            FUNCTION = @vector@.cosine_distance, COMMUTATOR = OPERATOR(@vector@.<=>)
        );
    END IF;

    CREATE OR REPLACE FUNCTION @vector@.negative_inner_product(@vector@.halfvec, real[])
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $1 OPERATOR(@vector@.<#>) ($2::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.negative_inner_product(@vector@.halfvec, real[]) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';

    CREATE OR REPLACE FUNCTION @vector@.negative_inner_product(real[], @vector@.halfvec)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $2 OPERATOR(@vector@.<#>) ($1::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.negative_inner_product(real[], @vector@.halfvec) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';
    IF to_regoperator('@vector@.<#>(@vector@.halfvec, real[])') IS NULL THEN
        CREATE OPERATOR @vector@.<#> (
            LEFTARG = @vector@.halfvec, RIGHTARG = real[],
            FUNCTION = @vector@.negative_inner_product, COMMUTATOR = OPERATOR(@vector@.<#>)
        );
    END IF;
    IF to_regoperator('@vector@.<#>(real[], @vector@.halfvec)') IS NULL THEN
        CREATE OPERATOR @vector@.<#> (
            LEFTARG = real[], RIGHTARG = @vector@.halfvec,
            FUNCTION = @vector@.negative_inner_product, COMMUTATOR = OPERATOR(@vector@.<#>)
        );
    END IF;

    CREATE OR REPLACE FUNCTION @vector@.l2_distance(@vector@.halfvec, @vector@.vector)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $1 OPERATOR(@vector@.<->) ($2::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.l2_distance(@vector@.halfvec, @vector@.vector) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';

    CREATE OR REPLACE FUNCTION @vector@.l2_distance(@vector@.vector, @vector@.halfvec)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $2 OPERATOR(@vector@.<->) ($1::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.l2_distance(@vector@.vector, @vector@.halfvec) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';
    IF to_regoperator('@vector@.<->(@vector@.halfvec, @vector@.vector)') IS NULL THEN
        CREATE OPERATOR @vector@.<-> (
            LEFTARG = @vector@.halfvec, RIGHTARG = @vector@.vector,
            FUNCTION = @vector@.l2_distance, COMMUTATOR = OPERATOR(@vector@.<->)
        );
    END IF;
    IF to_regoperator('@vector@.<->(@vector@.vector, @vector@.halfvec)') IS NULL THEN
        CREATE OPERATOR @vector@.<-> (
            LEFTARG = @vector@.vector, RIGHTARG = @vector@.halfvec,
            FUNCTION = @vector@.l2_distance, COMMUTATOR = OPERATOR(@vector@.<->)
        );
    END IF;

    CREATE OR REPLACE FUNCTION @vector@.cosine_distance(@vector@.halfvec, @vector@.vector)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $1 OPERATOR(@vector@.<=>) ($2::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.cosine_distance(@vector@.halfvec, @vector@.vector) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';

    CREATE OR REPLACE FUNCTION @vector@.cosine_distance(@vector@.vector, @vector@.halfvec)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $2 OPERATOR(@vector@.<=>) ($1::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.cosine_distance(@vector@.vector, @vector@.halfvec) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';
    IF to_regoperator('@vector@.<=>(@vector@.halfvec, @vector@.vector)') IS NULL THEN
        CREATE OPERATOR @vector@.<=> (
            LEFTARG = @vector@.halfvec, RIGHTARG = @vector@.vector,
            FUNCTION = @vector@.cosine_distance, COMMUTATOR = OPERATOR(@vector@.<=>)
        );
    END IF;
    IF to_regoperator('@vector@.<=>(@vector@.vector, @vector@.halfvec)') IS NULL THEN
        CREATE OPERATOR @vector@.<=> (
            LEFTARG = @vector@.vector, RIGHTARG = @vector@.halfvec,
            FUNCTION = @vector@.cosine_distance, COMMUTATOR = OPERATOR(@vector@.<=>)
        );
    END IF;

    CREATE OR REPLACE FUNCTION @vector@.negative_inner_product(@vector@.halfvec, @vector@.vector)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $1 OPERATOR(@vector@.<#>) ($2::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.negative_inner_product(@vector@.halfvec, @vector@.vector) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';

    CREATE OR REPLACE FUNCTION @vector@.negative_inner_product(@vector@.vector, @vector@.halfvec)
    RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT $2 OPERATOR(@vector@.<#>) ($1::@vector@.halfvec) $$;
    COMMENT ON FUNCTION @vector@.negative_inner_product(@vector@.vector, @vector@.halfvec) IS
        'open_analytic: the query becomes what the feature is, so that its index is used';
    IF to_regoperator('@vector@.<#>(@vector@.halfvec, @vector@.vector)') IS NULL THEN
        CREATE OPERATOR @vector@.<#> (
            LEFTARG = @vector@.halfvec, RIGHTARG = @vector@.vector,
            FUNCTION = @vector@.negative_inner_product, COMMUTATOR = OPERATOR(@vector@.<#>)
        );
    END IF;
    IF to_regoperator('@vector@.<#>(@vector@.vector, @vector@.halfvec)') IS NULL THEN
        CREATE OPERATOR @vector@.<#> (
            LEFTARG = @vector@.vector, RIGHTARG = @vector@.halfvec,
            FUNCTION = @vector@.negative_inner_product, COMMUTATOR = OPERATOR(@vector@.<#>)
        );
    END IF;
END
$do$;
