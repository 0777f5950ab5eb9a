-- What revisions 0003 to 0012 call. A database made by an early 0.1 is at one of them and lacks
-- these functions, or has others of these names. The current functions replace them at the end.
SET LOCAL check_function_bodies = off;

CREATE OR REPLACE FUNCTION open_analytic._schema_of(extension text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema text := (
        SELECT n.nspname
        FROM pg_extension AS e
        JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = extension
    );
BEGIN
    -- It becomes part of functions' bodies, inside other quotes: only a plain name is safe.
    IF schema !~ '^[A-Za-z_][A-Za-z0-9_]*$' THEN
        RAISE EXCEPTION 'The extension % is in the schema %, whose name cannot be used here.',
            quote_literal(extension),
            quote_literal(schema)
            USING ERRCODE = 'OA054',
                HINT = format('ALTER EXTENSION %s SET SCHEMA public.', extension);
    END IF;
    RETURN quote_ident(schema);
END
$$;

CREATE OR REPLACE FUNCTION open_analytic._run_all(VARIADIC statements text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    vector_schema CONSTANT text := open_analytic._schema_of('vector');
    statement text;
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        EXECUTE replace(statement, '@vector@', vector_schema);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION open_analytic._close(role text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN SELECT p.oid
        FROM pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proacl IS NULL LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        IF role IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', function, role);
        END IF;
    END LOOP;
END
$$;
