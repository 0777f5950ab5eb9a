-- Where the inference service is, and what its callers have to know: written by the owner, read by nobody else.
CREATE TABLE open_analytic.nodes (
    name text PRIMARY KEY CHECK (name <> ''),
    position integer NOT NULL DEFAULT 0,
    http text,
    wire text,
    token text,
    timeout_ms integer NOT NULL DEFAULT 60000 CHECK (timeout_ms > 0),
    wait_ms integer NOT NULL DEFAULT 0 CHECK (wait_ms >= 0),
    CHECK (http IS NOT NULL OR wire IS NOT NULL)
);
COMMENT ON TABLE open_analytic.nodes IS 'Processes of the inference service: that with the first position is asked, pipeline_run_dist_random asks any; a table, since a setting could be changed by any role';
COMMENT ON COLUMN open_analytic.nodes.http IS 'unix:/path or http://host:port, for functions in plpython3u';
COMMENT ON COLUMN open_analytic.nodes.wire IS 'libpq''s words (host=... port=...) without password, for functions that use dblink';
COMMENT ON COLUMN open_analytic.nodes.token IS 'What the service asks for over TCP; over dblink it is the password';
COMMENT ON COLUMN open_analytic.nodes.timeout_ms IS 'How long a call may take';
COMMENT ON COLUMN open_analytic.nodes.wait_ms IS 'How long a service that is just starting is waited for';

CREATE TABLE open_analytic.settings (
    name text PRIMARY KEY CHECK (name IN ('max_bytes', 'python_path')),
    value text NOT NULL,
    CHECK (name <> 'max_bytes' OR value ~ '^[1-9][0-9]{0,8}$')
);
COMMENT ON TABLE open_analytic.settings IS 'max_bytes: of one input (50000000 when not set); python_path: the folder in which plpython3u finds the package open_analytic';

REVOKE ALL ON open_analytic.nodes, open_analytic.settings FROM PUBLIC;

-- Errors

CREATE FUNCTION open_analytic._raise(error jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF error ->> 'hint' IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = error ->> 'sqlstate', MESSAGE = error ->> 'message';
    END IF;
    RAISE EXCEPTION USING ERRCODE = error ->> 'sqlstate', MESSAGE = error ->> 'message', HINT = error ->> 'hint';
END
$$;
COMMENT ON FUNCTION open_analytic._raise IS 'Raise an error as JSON tells it';

CREATE FUNCTION open_analytic._error(type text, sqlstate text, message text, hint text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_build_object('type', type, 'sqlstate', sqlstate, 'message', message, 'hint', hint)::text $$;
COMMENT ON FUNCTION open_analytic._error IS 'An error as JSON tells it everywhere';

-- The way to the service. Both bodies have one signature and one contract: a row (output, error) for each input, in order,
-- or a single row with the error of them all. The owner chooses the body; everything else is built on this one function.

CREATE FUNCTION open_analytic._node(any_node boolean, OUT name text, OUT wire text, OUT token text, OUT timeout_ms integer, OUT wait_ms integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT n.name, n.wire, n.token, n.timeout_ms, n.wait_ms INTO _node.name, _node.wire, _node.token, _node.timeout_ms, _node.wait_ms
    FROM open_analytic.nodes AS n
    WHERE n.wire IS NOT NULL
    ORDER BY CASE WHEN any_node THEN random() END, n.position, n.name
    LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The database does not know where the inference service is.' USING ERRCODE = 'OA071',
            HINT = 'Its owner says so: INSERT INTO open_analytic.nodes (name, http, wire) VALUES (''main'', ''unix:/run/open_analytic/http.sock'', ''host=/run/open_analytic port=5433'').';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._node IS 'The node to ask over dblink: the first, or any';

CREATE FUNCTION open_analytic._unavailable(node text, detail text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT open_analytic._error('ServiceUnavailable', 'OA071',
        format('The inference service (node %s) cannot be reached: %s.', node, trim(trailing '.' FROM split_part(detail, E'\n', 1))),
        'Start it with `open-analytic serve`; `open-analytic doctor` says more.')
$$;
COMMENT ON FUNCTION open_analytic._unavailable IS 'The error of a service that is not there';

CREATE FUNCTION open_analytic._hex(inputs bytea[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(coalesce(nullif(encode(i, 'hex'), ''), '-'), ' ' ORDER BY n) FROM unnest(inputs) WITH ORDINALITY AS u (i, n)
$$;
COMMENT ON FUNCTION open_analytic._hex IS 'Inputs as text, for the way over dblink';

CREATE FUNCTION open_analytic._schema_of(extension text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema text := (SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = extension);
BEGIN
    -- It becomes part of functions' bodies, inside of other quotes: nothing but a plain name may.
    IF schema !~ '^[A-Za-z_][A-Za-z0-9_]*$' THEN
        RAISE EXCEPTION 'The extension % is in the schema %, whose name cannot be used here.', quote_literal(extension), quote_literal(schema)
            USING ERRCODE = 'OA054', HINT = format('ALTER EXTENSION %s SET SCHEMA public.', extension);
    END IF;
    RETURN quote_ident(schema);
END
$$;
COMMENT ON FUNCTION open_analytic._schema_of IS 'The schema an extension was installed into, to be written into a body';

CREATE FUNCTION open_analytic._run_all(VARIADIC statements text[]) RETURNS void
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
COMMENT ON FUNCTION open_analytic._run_all IS 'Statements of a revision, in which @vector@ stands for the schema of pgvector''s objects';

CREATE FUNCTION open_analytic._close(role text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN SELECT p.oid FROM pg_proc AS p WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proacl IS NULL LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        IF role IS NOT NULL THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', function, role);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._close IS 'Take the functions that a revision made from PUBLIC; those of which nothing was said go to a role';

CREATE FUNCTION open_analytic._no_python(problem text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT open_analytic._error('MissingExtension', 'OA054', format('PostgreSQL''s own Python cannot import open_analytic: %s.', problem),
        'Put the folder that holds the package into open_analytic.settings as python_path; the server''s account must be able to read it.')
$$;
COMMENT ON FUNCTION open_analytic._no_python IS 'The error of a server that does not find our Python code';

CREATE FUNCTION open_analytic.use_body(body text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $use_body$
DECLARE
    chosen text := body;
    dblink text;
BEGIN
    IF body IS NOT NULL AND body NOT IN ('plpython3u', 'dblink') THEN
        RAISE EXCEPTION 'There is no body %.', quote_literal(body) USING ERRCODE = 'OA019', HINT = 'Choose of: plpython3u, dblink; or none, for the better one that the server offers.';
    END IF;
    IF chosen IS NULL OR chosen = 'plpython3u' THEN
        BEGIN
            -- Its functions run as the server's account, with code from where the table settings says: that must be a superuser's.
            IF NOT (SELECT bool_and(r.rolsuper) FROM pg_roles AS r WHERE r.oid IN (
                        SELECT c.relowner FROM pg_class AS c WHERE c.oid IN ('open_analytic.settings'::regclass, 'open_analytic.nodes'::regclass)
                        UNION SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'open_analytic')) THEN
                RAISE insufficient_privilege USING MESSAGE = 'the schema open_analytic is not a superuser''s';
            END IF;
            CREATE EXTENSION IF NOT EXISTS plpython3u;
            CREATE OR REPLACE FUNCTION open_analytic._request(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean)
            RETURNS TABLE (output text, error text)
            LANGUAGE plpython3u STABLE SET search_path = pg_catalog, pg_temp
            AS $python$
                if "open_analytic" not in GD:
                    import sys
                    sys.path += {row["value"] for row in plpy.execute("SELECT value FROM open_analytic.settings WHERE name = 'python_path'")} - set(sys.path)
                    try:
                        import open_analytic.plpython
                    except ImportError as error:
                        return plpy.execute(plpy.prepare("SELECT NULL::text AS output, open_analytic._no_python($1) AS error", ["text"]), [str(error)])
                    GD["open_analytic"] = open_analytic.plpython
                return GD["open_analytic"].request(plpy, operation, name, hash, definition, parameters, inputs, any_node)
            $python$;
            chosen := 'plpython3u';
        EXCEPTION WHEN OTHERS THEN
            IF chosen = 'plpython3u' THEN
                RAISE EXCEPTION 'The server cannot give plpython3u: %.', SQLERRM USING ERRCODE = 'OA054',
                    HINT = 'Install PostgreSQL''s package for it, and let a superuser own the schema open_analytic; or use the body dblink.';
            END IF;
            chosen := 'dblink';
        END;
    END IF;
    IF chosen = 'dblink' THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS dblink SCHEMA open_analytic;
        EXCEPTION WHEN OTHERS THEN
            IF body = 'dblink' THEN
                RAISE EXCEPTION 'The server cannot give dblink: %.', SQLERRM USING ERRCODE = 'OA054', HINT = 'Install PostgreSQL''s contrib package and connect as a superuser.';
            END IF;
            RAISE WARNING 'The server gives neither plpython3u nor dblink (%): pipelines cannot be run in SQL.', SQLERRM
                USING HINT = 'Let a superuser install dblink, then, as the owner of the schema open_analytic: SELECT open_analytic.use_body().';
            CREATE OR REPLACE FUNCTION open_analytic._request(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean)
            RETURNS TABLE (output text, error text)
            LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
            AS $$
                SELECT NULL, open_analytic._error('MissingExtension', 'OA054', 'This server has neither plpython3u nor dblink, so SQL cannot reach the inference service.',
                    'Let a superuser install dblink, then, as the owner of the schema open_analytic: SELECT open_analytic.use_body().')
            $$;
            REVOKE ALL ON FUNCTION open_analytic._request FROM PUBLIC;
            RETURN 'none';
        END;
        dblink := open_analytic._schema_of('dblink');
        PERFORM open_analytic._lock_dblink();
        EXECUTE replace($dblink$
            CREATE OR REPLACE FUNCTION open_analytic._link(node record) RETURNS text
            LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
            AS $$
            DECLARE
                -- Of the node as it is now: one that was moved, or has another token, gets a connection of its own.
                link CONSTANT text := 'open_analytic ' || md5(concat_ws(' ', quote_nullable(node.name), quote_nullable(node.wire), quote_nullable(node.token)));
                secret CONSTANT text := replace(replace(node.token, E'\\', E'\\\\'), '''', E'\\''');
                give_up timestamptz := clock_timestamp() + make_interval(secs => node.wait_ms / 1000.0);
            BEGIN
                IF link = ANY (@dblink@.dblink_get_connections()) THEN
                    RETURN link;
                END IF;
                LOOP
                    BEGIN
                        PERFORM @dblink@.dblink_connect(link, format('dbname=open_analytic user=open_analytic connect_timeout=5 gssencmode=disable %s %s',
                            node.wire, 'password=''' || secret || ''''));
                        RETURN link;
                    EXCEPTION WHEN sqlclient_unable_to_establish_sqlconnection THEN
                        IF clock_timestamp() >= give_up THEN
                            RAISE;
                        END IF;
                    END;
                    PERFORM pg_sleep(0.05);
                END LOOP;
            END
            $$
        $dblink$, '@dblink@', dblink);
        EXECUTE replace($dblink$
            CREATE OR REPLACE FUNCTION open_analytic._ask(link text, head text, body text, timeout_ms integer, kind text, OUT outputs text[], OUT errors text[])
            LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
            AS $$
            DECLARE
                piece CONSTANT integer := 4000000;
                size CONSTANT integer := octet_length(body); -- ASCII, all of it
                asked CONSTANT timestamptz := clock_timestamp();
                -- How long the session's last call of this kind took. A hint: whoever changes it only waits longer himself.
                hint CONSTANT text := 'open_analytic.took_' || kind;
                usual float8 := least(to_number('0' || current_setting(hint, true), '9999D999999'), 0.1);
                waited float8;
                start integer := 0; -- of the body; before it, the head
                looks integer;
            BEGIN
                -- Sending waits, and cannot be cancelled, while the service does not read what a socket does not hold. So before
                -- much is sent it has to show that it reads, and very much is sent in pieces, each of which it acknowledges.
                LOOP
                    IF start = 0 AND size <= 128000 THEN
                        start := size + 1;
                        looks := @dblink@.dblink_send_query(link, head || body);
                    ELSIF start = 0 THEN
                        start := 1;
                        looks := @dblink@.dblink_send_query(link, 'PART ' || head);
                    ELSIF start = 1 AND size <= piece THEN
                        start := size + 1;
                        looks := @dblink@.dblink_send_query(link, body);
                    ELSE
                        looks := @dblink@.dblink_send_query(link, CASE WHEN start + piece <= size THEN 'PART ' ELSE '' END || substr(body, start, piece));
                        start := start + piece;
                    END IF;
                    IF looks = 0 THEN
                        RAISE EXCEPTION 'the connection was lost' USING ERRCODE = '08006';
                    END IF;
                    looks := CASE WHEN start <= size THEN 200 ELSE 0 END; -- an acknowledgement is there before a nap is over
                    WHILE @dblink@.dblink_is_busy(link) = 1 LOOP
                        IF looks > 0 THEN
                            looks := looks - 1;
                            CONTINUE;
                        END IF;
                        waited := extract(epoch FROM clock_timestamp() - asked);
                        IF waited > timeout_ms / 1000.0 + 2 THEN
                            RAISE EXCEPTION 'The answer was not there in time.' USING ERRCODE = 'OA073',
                                HINT = 'Allow more time (timeout_ms of open_analytic.nodes), or send fewer pictures at once.';
                        END IF;
                        -- Looking takes the processor from the models: at first not before an answer can be there, then the less often the longer it takes.
                        PERFORM pg_sleep(least(greatest(CASE WHEN start > size AND waited < usual / 2 THEN usual * 0.8 - waited END, (waited - 0.025) / 6, 0.0005), 0.08));
                    END LOOP;
                    SELECT array_agg(t.output), array_agg(t.error) INTO outputs, errors FROM @dblink@.dblink_get_result(link) AS t (output text, error text);
                    IF errors IS NULL THEN
                        RAISE EXCEPTION 'the connection was lost' USING ERRCODE = '08006';
                    END IF;
                    PERFORM FROM @dblink@.dblink_get_result(link) AS t (output text, error text);
                    EXIT WHEN start > size OR errors[1] IS NOT NULL; -- done, or refused before its end
                END LOOP;
                PERFORM set_config(hint, to_char(least(extract(epoch FROM clock_timestamp() - asked), 9), 'FM0D000000'), false);
            END
            $$
        $dblink$, '@dblink@', dblink);
        EXECUTE replace($dblink$
            CREATE OR REPLACE FUNCTION open_analytic._hang_up() RETURNS void
            LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
            AS $$
            BEGIN
                -- The service takes it as: nobody waits any more. dblink_cancel_query would wait for the service in its turn.
                PERFORM @dblink@.dblink_disconnect(c.link) FROM unnest(@dblink@.dblink_get_connections()) AS c (link)
                WHERE c.link LIKE 'open@_analytic %' ESCAPE '@';
            END
            $$
        $dblink$, '@dblink@', dblink);
        CREATE OR REPLACE FUNCTION open_analytic._request(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean)
        RETURNS TABLE (output text, error text)
        LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
        AS $$
        DECLARE
            node record;
            link text;
            head text;
            -- One input's without a function's call, which would copy it.
            body CONSTANT text := CASE WHEN cardinality(inputs) = 1 AND octet_length(inputs[1]) > 0 THEN encode(inputs[1], 'hex') ELSE open_analytic._hex(inputs) END;
            outputs text[];
            errors text[];
            tries integer := 0;
            detail text;
        BEGIN
            SELECT * INTO node FROM open_analytic._node(any_node);
            head := CASE WHEN operation = 'describe' THEN 'DESCRIBE '
                ELSE format('TIMEOUT %s RUN %s %s %s ', node.timeout_ms, operation, hash, encode(convert_to(parameters, 'UTF8'), 'hex')) END;
            LOOP
                BEGIN
                    link := open_analytic._link(node);
                    SELECT a.outputs, a.errors INTO outputs, errors
                    FROM open_analytic._ask(link, head, body, node.timeout_ms, coalesce(left(hash, 16), operation)) AS a;
                    IF errors[1]::jsonb ->> 'sqlstate' = 'OA008' THEN
                        SELECT a.outputs, a.errors INTO outputs, errors FROM open_analytic._ask(link, format('DEFINE %s ', hash), encode(convert_to(
                            json_build_object('name', name, 'definition', definition::json)::text, 'UTF8'), 'hex'), node.timeout_ms, 'define') AS a;
                        IF errors[1] IS NULL THEN
                            SELECT a.outputs, a.errors INTO outputs, errors
                            FROM open_analytic._ask(link, head, body, node.timeout_ms, coalesce(left(hash, 16), operation)) AS a;
                        END IF;
                    END IF;
                    IF errors[1]::jsonb ->> 'sqlstate' = 'OA071' AND tries = 0 THEN
                        RAISE EXCEPTION '%', errors[1]::jsonb ->> 'message' USING ERRCODE = 'OA071';
                    END IF;
                    RETURN QUERY SELECT * FROM unnest(outputs, errors);
                    RETURN;
                EXCEPTION
                    WHEN query_canceled OR assert_failure THEN
                        PERFORM open_analytic._hang_up();
                        RAISE;
                    WHEN connection_exception OR SQLSTATE 'OA071' THEN -- it was stopped, or restarted since
                        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
                        PERFORM open_analytic._hang_up();
                        tries := tries + 1;
                        IF tries = 2 OR SQLSTATE = '08001' THEN
                            RETURN QUERY SELECT NULL::text, open_analytic._unavailable(node.name, coalesce(nullif(detail, ''), SQLERRM));
                            RETURN;
                        END IF;
                    WHEN OTHERS THEN
                        PERFORM open_analytic._hang_up();
                        RAISE;
                END;
            END LOOP;
        END
        $$;
        REVOKE ALL ON FUNCTION open_analytic._link, open_analytic._ask, open_analytic._hang_up FROM PUBLIC;
    END IF;
    REVOKE ALL ON FUNCTION open_analytic._request FROM PUBLIC;
    COMMENT ON FUNCTION open_analytic._request IS 'Ask the inference service: a row for each input, or one with the error of them all';
    RETURN chosen;
END
$use_body$;
COMMENT ON FUNCTION open_analytic.use_body IS 'Choose how SQL reaches the inference service: plpython3u or dblink; without a word the better one that the server offers';

CREATE FUNCTION open_analytic._lock_dblink() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    function regprocedure;
BEGIN
    -- Whoever may call dblink in a session could use the connections that our functions keep open there.
    FOR function IN
        SELECT d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
        WHERE e.extname = 'dblink' AND d.refclassid = 'pg_extension'::regclass AND d.classid = 'pg_proc'::regclass
    LOOP
        BEGIN
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'The functions of dblink could not be taken from PUBLIC: whoever may call them could use the connections of open_analytic in a session of his.'
                USING HINT = 'Let the owner of the extension say REVOKE ALL ON FUNCTION ... FROM PUBLIC of each.';
            RETURN;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._lock_dblink IS 'Take dblink''s functions from PUBLIC';

SELECT open_analytic.use_body();

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA open_analytic FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_analytic._raise, open_analytic._error TO open_analytic_user;
