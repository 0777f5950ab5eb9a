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
COMMENT ON FUNCTION open_analytic._schema_of IS
    'The schema an extension was installed into, to be written into a body';

CREATE OR REPLACE FUNCTION open_analytic._nodes(any_node boolean)
RETURNS TABLE (
    name text, wire text, token text, timeout_ms integer, wait_ms integer, link text,
    failed boolean
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT n.name, n.wire, n.token, n.timeout_ms, n.wait_ms, k.link, f.failed
    FROM open_analytic.nodes AS n
    -- Of the node as it is now: one that was moved, or has another token, gets a connection of its
    -- own.
    CROSS JOIN LATERAL (
        SELECT 'open_analytic ' || md5(
            concat_ws(' ', quote_nullable(n.name), quote_nullable(n.wire), quote_nullable(n.token))
        ) AS link
    ) AS k
    CROSS JOIN LATERAL (SELECT open_analytic._is_failed(k.link) AS failed) AS f
    WHERE n.wire IS NOT NULL
    ORDER BY f.failed, CASE WHEN any_node THEN random() END, n.position, n.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The database does not know where the inference service is.'
            USING ERRCODE = 'OA071',
            HINT = 'Its owner says so: INSERT INTO open_analytic.nodes (name, http, wire) VALUES '
                '(''main'', ''unix:/run/open_analytic/http.sock'', ''host=/run/open_analytic '
                'port=5433'').';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._nodes IS
    'The nodes to ask over dblink, in this order: those that failed lately come last';

CREATE OR REPLACE FUNCTION open_analytic._marks(
    OUT mark text, OUT node text, OUT until numeric, OUT owes boolean
)
RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        s.name,
        split_part(s.name, '_', 4),
        to_number('0' || left(split_part(s.name, '_', 5), 11), '999999999999'),
        split_part(s.name, '_', 5) = 'owes'
    FROM pg_prepared_statements AS s
    WHERE s.name LIKE 'open@_analytic@_failed@_%' ESCAPE '@'
$$;
COMMENT ON FUNCTION open_analytic._marks IS
    'Nodes that failed in this session, and until when they are left alone; owes: an answer to a '
    'call that has ended';

CREATE OR REPLACE FUNCTION open_analytic._set_failed(
    link text, failed boolean, owes boolean DEFAULT NULL
)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    digest CONSTANT text := substr(link, 15, 30);
    mark text;
BEGIN
    -- The session's circuit breaker. A call that fails undoes its statement, and a setting with
    -- it; the name of a prepared statement stays. A session that makes such names
    -- changes only where its own calls go.
    FOR mark IN SELECT m.mark FROM open_analytic._marks() AS m WHERE m.node = digest LOOP
        EXECUTE format('DEALLOCATE %I', mark);
    END LOOP;
    IF failed THEN
        EXECUTE format('PREPARE %I AS SELECT 1', concat_ws('_', 'open_analytic_failed', digest,
            CASE
                WHEN owes THEN 'owes'
                ELSE trunc(extract(epoch FROM clock_timestamp()) + 10)::text
            END));
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    NULL; -- such as while a materialized view is refreshed
END
$$;
COMMENT ON FUNCTION open_analytic._set_failed IS
    'Leave a node alone in this session, for 10 seconds or until it answers, or take it back';

CREATE OR REPLACE FUNCTION open_analytic._is_failed(link text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT
        FROM open_analytic._marks() AS m
        WHERE m.node = substr(link, 15, 30)
            AND (m.owes OR extract(epoch FROM clock_timestamp()) < m.until)
    )
$$;
COMMENT ON FUNCTION open_analytic._is_failed IS 'Whether a node failed lately in this session';

CREATE OR REPLACE FUNCTION open_analytic._unavailable(failures text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT open_analytic._error('ServiceUnavailable', 'OA071',
        CASE WHEN cardinality(failures) > 1 THEN format(
            'None of %s nodes of the inference service answers. ', cardinality(failures)
        ) ELSE '' END || array_to_string(failures, ' '),
        'Start it with `open-analytic serve`; `open-analytic doctor` says more.')
$$;
COMMENT ON FUNCTION open_analytic._unavailable IS
    'The error of a service none of whose nodes answers';

CREATE OR REPLACE FUNCTION open_analytic._hex(inputs bytea[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(coalesce(nullif(encode(i, 'hex'), ''), '-'), ' ' ORDER BY n)
    FROM unnest(inputs) WITH ORDINALITY AS u (i, n)
$$;
COMMENT ON FUNCTION open_analytic._hex IS 'Inputs as text, for the way over dblink';

CREATE OR REPLACE FUNCTION open_analytic._no_python(problem text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT open_analytic._error('MissingExtension', 'OA054', format('PostgreSQL''s own '
        'Python cannot import open_analytic: %s.', problem),
        'Put the folder that holds the package into open_analytic.settings as python_path; the '
            'server''s account must be able to read it.')
$$;
COMMENT ON FUNCTION open_analytic._no_python IS
    'The error of a server that does not find our Python code';

CREATE OR REPLACE FUNCTION open_analytic._lock_dblink() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    function regprocedure;
BEGIN
    -- A role that can call dblink in a session could use the connections that our functions keep
    -- open there.
    FOR function IN
        SELECT d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
        WHERE e.extname = 'dblink'
            AND d.refclassid = 'pg_extension'::regclass
            AND d.classid = 'pg_proc'::regclass
    LOOP
        BEGIN
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'The functions of dblink could not be taken from PUBLIC: a role that '
                'can call them could use the connections of open_analytic in its sessions.'
                USING HINT =
                    'Let the owner of the extension say REVOKE ALL ON FUNCTION ... FROM PUBLIC '
                        'of each.';
            RETURN;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._lock_dblink IS 'Take dblink''s functions from PUBLIC';

CREATE OR REPLACE FUNCTION open_analytic._put_body(name text, dblink text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET check_function_bodies = off
AS $$
#variable_conflict use_variable
BEGIN
    EXECUTE replace(
        (SELECT b.source FROM open_analytic.bodies AS b WHERE b.name = name),
        '@dblink@',
        coalesce(dblink, '')
    );
    REVOKE ALL ON FUNCTION open_analytic._request FROM PUBLIC;
    COMMENT ON FUNCTION open_analytic._request IS
        'Ask the inference service: a row for each input, or one with the error of them all';
END
$$;
COMMENT ON FUNCTION open_analytic._put_body IS
    'Create the functions of a body, as migrations/functions/bodies has them';

CREATE OR REPLACE FUNCTION open_analytic._use_plpython() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Its functions run as the server's account, with code from the folder that the table settings
    -- names: that table must belong to a superuser.
    IF NOT (
        SELECT bool_and(r.rolsuper)
        FROM pg_roles AS r
        WHERE r.oid IN (
            SELECT c.relowner
            FROM pg_class AS c
            WHERE c.oid IN (
                'open_analytic.settings'::regclass, 'open_analytic.nodes'::regclass,
                'open_analytic.bodies'::regclass
            )
            UNION
            SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'open_analytic'
        )
    )
    THEN
        RAISE insufficient_privilege
            USING MESSAGE = 'the schema open_analytic does not belong to a superuser';
    END IF;
    CREATE EXTENSION IF NOT EXISTS plpython3u;
    PERFORM open_analytic._put_body('plpython3u');
END
$$;
COMMENT ON FUNCTION open_analytic._use_plpython IS
    'Take plpython3u, where the server has it and a superuser owns the schema';

CREATE OR REPLACE FUNCTION open_analytic._use_dblink() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS dblink SCHEMA open_analytic;
    PERFORM open_analytic._lock_dblink();
    PERFORM open_analytic._put_body('dblink', open_analytic._schema_of('dblink'));
    REVOKE ALL ON FUNCTION open_analytic._link, open_analytic._ask, open_analytic._ask_node,
        open_analytic._attempt, open_analytic._hang_up, open_analytic._look_again
        FROM PUBLIC;
END
$$;
COMMENT ON FUNCTION open_analytic._use_dblink IS 'Take dblink, where the server has it';

CREATE OR REPLACE FUNCTION open_analytic.use_body(body text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF body IS NOT NULL AND body NOT IN ('plpython3u', 'dblink') THEN
        RAISE EXCEPTION 'There is no body %.', quote_literal(body)
            USING ERRCODE = 'OA019',
            HINT = 'Choose plpython3u or dblink; without an argument the better one is taken '
                'that the server offers.';
    END IF;
    IF body IS DISTINCT FROM 'dblink' THEN
        BEGIN
            PERFORM open_analytic._use_plpython();
            RETURN 'plpython3u';
        EXCEPTION WHEN OTHERS THEN
            IF body = 'plpython3u' THEN
                RAISE EXCEPTION 'The server cannot give plpython3u: %.', SQLERRM
                    USING ERRCODE = 'OA054',
                    HINT = 'Install PostgreSQL''s package for it, and let a superuser own the '
                        'schema open_analytic; or use the body dblink.';
            END IF;
        END;
    END IF;
    BEGIN
        PERFORM open_analytic._use_dblink();
        RETURN 'dblink';
    EXCEPTION WHEN OTHERS THEN
        IF body = 'dblink' THEN
            RAISE EXCEPTION 'The server cannot give dblink: %.', SQLERRM
                USING ERRCODE = 'OA054',
                HINT = 'Install PostgreSQL''s contrib package and connect as a superuser.';
        END IF;
        RAISE WARNING
            'The server gives neither plpython3u nor dblink (%): SQL cannot run pipelines.',
            SQLERRM
            USING HINT = 'Let a superuser install dblink, then, as the owner of the schema '
                'open_analytic: SELECT open_analytic.use_body().';
    END;
    PERFORM open_analytic._put_body('none');
    RETURN 'none';
END
$$;
COMMENT ON FUNCTION open_analytic.use_body IS
    'Choose how SQL reaches the inference service: plpython3u or dblink; without an argument the '
    'better one that the server offers';

CREATE OR REPLACE FUNCTION open_analytic._put_bodies() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    language CONSTANT text := (
        SELECT l.lanname
        FROM pg_proc AS p
        JOIN pg_language AS l ON l.oid = p.prolang
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = '_request'
    );
BEGIN
    -- The owner's choice stays; a server that had neither is looked at again.
    RETURN open_analytic.use_body(
        CASE language WHEN 'plpython3u' THEN 'plpython3u' WHEN 'plpgsql' THEN 'dblink' END
    );
END
$$;
COMMENT ON FUNCTION open_analytic._put_bodies IS
    'Create the functions of the body that is in use, as this version has them';
