--
-- PostgreSQL database dump
--


-- Dumped from database version 18.6
-- Dumped by pg_dump version 18.6

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: open_analytic; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA open_analytic;


--
-- Name: SCHEMA open_analytic; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA open_analytic IS 'Pipelines and collections of open_analytic';


--
-- Name: dblink; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS dblink WITH SCHEMA open_analytic;


--
-- Name: EXTENSION dblink; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION dblink IS 'connect to other PostgreSQL databases from within a database';


--
-- Name: vector; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;


--
-- Name: EXTENSION vector; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';


--
-- Name: _plan; Type: TYPE; Schema: open_analytic; Owner: -
--

CREATE TYPE open_analytic._plan AS (
	kind text,
	why text,
	goal double precision,
	rows double precision,
	estimated double precision,
	sampled double precision,
	matches double precision,
	ef integer,
	tuples double precision,
	ranks integer[],
	needed double precision[],
	efforts integer[],
	first_ms double precision[],
	all_ms double precision[],
	exact_ms double precision,
	index_ms double precision,
	try_ms double precision,
	calibrated_at timestamp with time zone
);


--
-- Name: TYPE _plan; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TYPE open_analytic._plan IS 'How a search is done, and why';


--
-- Name: verification; Type: TYPE; Schema: open_analytic; Owner: -
--

CREATE TYPE open_analytic.verification AS (
	same boolean,
	distance double precision,
	threshold double precision,
	false_accept_rate double precision,
	true_accept_rate double precision
);


--
-- Name: TYPE verification; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TYPE open_analytic.verification IS 'Whether two inputs show the same, and the rate that was decided at';


--
-- Name: _after(jsonb, text, text, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._after(after jsonb, distance text, name text, part text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET extra_float_digits TO '1'
    AS $_$
    SELECT CASE WHEN after IS NULL THEN 'true' ELSE format(
        '(%1$s OPERATOR(pg_catalog.>) %4$L::pg_catalog.float8 OR %1$s OPERATOR(pg_catalog.=) %4$L::pg_catalog.float8 AND'
        ' (%2$s OPERATOR(pg_catalog.>) %5$L OR %2$s OPERATOR(pg_catalog.=) %5$L AND %3$s OPERATOR(pg_catalog.>) %6$L::pg_catalog.int4))',
        distance, name, part, (after ->> 'distance')::float8, after ->> 'name', coalesce((after ->> 'part')::integer, 0)) END
$_$;


--
-- Name: FUNCTION _after(after jsonb, distance text, name text, part text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._after(after jsonb, distance text, name text, part text) IS 'The condition of coming after a row, in the order of hits';


--
-- Name: _ask(text, text, text, integer, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._ask(link text, head text, body text, timeout_ms integer, kind text, OUT outputs text[], OUT errors text[]) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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
                        looks := open_analytic.dblink_send_query(link, head || body);
                    ELSIF start = 0 THEN
                        start := 1;
                        looks := open_analytic.dblink_send_query(link, 'PART ' || head);
                    ELSIF start = 1 AND size <= piece THEN
                        start := size + 1;
                        looks := open_analytic.dblink_send_query(link, body);
                    ELSE
                        looks := open_analytic.dblink_send_query(link, CASE WHEN start + piece <= size THEN 'PART ' ELSE '' END || substr(body, start, piece));
                        start := start + piece;
                    END IF;
                    IF looks = 0 THEN
                        RAISE EXCEPTION 'the connection was lost' USING ERRCODE = '08006';
                    END IF;
                    looks := CASE WHEN start <= size THEN 200 ELSE 0 END; -- an acknowledgement is there before a nap is over
                    WHILE open_analytic.dblink_is_busy(link) = 1 LOOP
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
                    SELECT array_agg(t.output), array_agg(t.error) INTO outputs, errors FROM open_analytic.dblink_get_result(link) AS t (output text, error text);
                    IF errors IS NULL THEN
                        RAISE EXCEPTION 'the connection was lost' USING ERRCODE = '08006';
                    END IF;
                    PERFORM FROM open_analytic.dblink_get_result(link) AS t (output text, error text);
                    EXIT WHEN start > size OR errors[1] IS NOT NULL; -- done, or refused before its end
                END LOOP;
                PERFORM set_config(hint, to_char(least(extract(epoch FROM clock_timestamp() - asked), 9), 'FM0D000000'), false);
            END
            $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: collections; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.collections (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    pipeline text,
    version integer,
    dim integer NOT NULL,
    metric text NOT NULL,
    many boolean NOT NULL,
    parameters json NOT NULL,
    migrated boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text DEFAULT CURRENT_USER NOT NULL,
    CONSTRAINT collections_dim_check CHECK (((dim >= 1) AND (dim <= 4000))),
    CONSTRAINT collections_metric_check CHECK ((metric = ANY (ARRAY['l2'::text, 'cosine'::text, 'ip'::text])))
);


--
-- Name: TABLE collections; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.collections IS 'Tables with a vector column, each bound to one version of one pipeline or to none';


--
-- Name: COLUMN collections.parameters; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.collections.parameters IS 'What the pipeline is run with';


--
-- Name: COLUMN collections.migrated; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.collections.migrated IS 'Made by a migration of the user''s own project, which also drops it';


--
-- Name: _blame_filter(regclass, open_analytic.collections, text, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._blame_filter(collection regclass, info open_analytic.collections, problem text, path text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'The filter is not a condition on collection %: %.', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)), problem USING ERRCODE = 'OA018',
        HINT = format('Its columns: %s.%s', (
            SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = collection AND a.attnum > 0 AND NOT a.attisdropped),
            CASE WHEN path IS NULL THEN ' What is not PostgreSQL''s own is written with its schema.' END);
END
$$;


--
-- Name: FUNCTION _blame_filter(collection regclass, info open_analytic.collections, problem text, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._blame_filter(collection regclass, info open_analytic.collections, problem text, path text) IS 'Say what is wrong with a filter';


--
-- Name: _bytes(text, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._bytes(name text, input text) RETURNS bytea
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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
    RAISE EXCEPTION 'Pipeline % takes bytes, and was given text.', quote_literal(name) USING ERRCODE = 'OA019',
        HINT = 'Cast it, as in pipeline_run(name, image_data::bytea); a literal may be written in hexadecimal.';
END
$$;


--
-- Name: FUNCTION _bytes(name text, input text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._bytes(name text, input text) IS 'A literal without a type is text: the bytes it means to a pipeline';


--
-- Name: _check_alike(open_analytic.collections, open_analytic.collections); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._check_alike(a open_analytic.collections, b open_analytic.collections) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    they CONSTANT text := format('Collections %L and %L', concat_ws('.', nullif(a.schema_name, 'public'), a.table_name), concat_ws('.', nullif(b.schema_name, 'public'), b.table_name));
BEGIN
    IF a.dim <> b.dim THEN
        RAISE EXCEPTION '% hold vectors of % and of % numbers.', they, a.dim, b.dim USING ERRCODE = 'OA015', HINT = 'Join collections of one and the same pipeline.';
    END IF;
    IF a.metric <> b.metric THEN
        RAISE EXCEPTION '% have the metrics % and %.', they, a.metric, b.metric USING ERRCODE = 'OA019', HINT = 'Create both with the same metric.';
    END IF;
    IF a.pipeline = b.pipeline AND a.version <> b.version THEN
        RAISE EXCEPTION '% hold features of versions % and % of pipeline %.', they, a.version, b.version, quote_literal(a.pipeline)
            USING ERRCODE = 'OA033', HINT = 'Import the older one''s pictures into a collection of the newer version.';
    END IF;
END
$$;


--
-- Name: FUNCTION _check_alike(a open_analytic.collections, b open_analytic.collections); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._check_alike(a open_analytic.collections, b open_analytic.collections) IS 'Refuse two collections whose vectors cannot be compared';


--
-- Name: _check_column(text, text, boolean, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._check_column(name text, type text, many boolean, path text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    -- PostgreSQL's own, and what a search computes.
    taken CONSTANT text[] := open_analytic._own_columns(many) || ARRAY['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid', 'open_analytic_distance'];
    problem text := 'the server knows no such type for a column';
BEGIN
    IF octet_length(name) NOT BETWEEN 1 AND 63 THEN
        RAISE EXCEPTION '% cannot be a column''s name.', quote_literal(name) USING ERRCODE = 'OA017', HINT = 'Use 1 to 63 bytes.';
    END IF;
    IF name = ANY (taken) THEN
        RAISE EXCEPTION 'Column % is one every collection has.', quote_literal(name) USING ERRCODE = 'OA017',
            HINT = format('Choose another name than %s.', array_to_string(taken, ', '));
    END IF;
    BEGIN
        IF EXISTS (SELECT FROM pg_type AS t WHERE t.oid = open_analytic._type(type, path) AND t.typtype <> 'p') THEN
            RETURN;
        END IF;
    EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported THEN
        problem := SQLERRM;
    END;
    RAISE EXCEPTION 'Column % cannot have the type %: %.', quote_literal(name), quote_literal(type), problem USING ERRCODE = 'OA019',
        HINT = 'For example: text, integer, real, numeric(10,2), timestamptz, text[].';
END
$$;


--
-- Name: FUNCTION _check_column(name text, type text, many boolean, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._check_column(name text, type text, many boolean, path text) IS 'Refuse a column''s name that is taken, and a type that is none';


--
-- Name: _check_distance(open_analytic.collections, double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._check_distance(info open_analytic.collections, max_distance double precision) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF max_distance IS NULL OR max_distance = 'NaN' OR (max_distance < 0 AND info.metric <> 'ip') THEN
        RAISE EXCEPTION 'max_distance is %.', coalesce(max_distance::text, 'NULL') USING ERRCODE = 'OA019',
            HINT = format('Give a number%s.', CASE WHEN info.metric <> 'ip' THEN format(', 0 or more: the metric is %s', info.metric) END);
    END IF;
END
$$;


--
-- Name: FUNCTION _check_distance(info open_analytic.collections, max_distance double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._check_distance(info open_analytic.collections, max_distance double precision) IS 'Refuse what is no distance of the metric';


--
-- Name: _check_filter(regclass, open_analytic.collections, text, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._check_filter(collection regclass, info open_analytic.collections, filter text, path text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    plan refcursor;
BEGIN
    -- The filter stands alone here: what is complete alone closes every parenthesis, quote and comment it opens and no
    -- other, so it cannot leave those it is put into afterwards. A cursor takes one statement and refuses a second; none
    -- of its rows is ever looked at.
    IF path IS NOT NULL THEN
        PERFORM set_config('search_path', path, true);
    END IF;
    OPEN plan FOR EXECUTE pg_catalog.format(E'SELECT FROM %s WHERE\n%s\n', collection, filter);
    CLOSE plan;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported OR invalid_cursor_definition THEN
        PERFORM open_analytic._blame_filter(collection, info, SQLERRM, path);
END
$$;


--
-- Name: FUNCTION _check_filter(collection regclass, info open_analytic.collections, filter text, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._check_filter(collection regclass, info open_analytic.collections, filter text, path text) IS 'Refuse a filter that is no condition';


--
-- Name: _check_may(regclass, open_analytic.collections, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._check_may(collection regclass, info open_analytic.collections, privilege text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NOT open_analytic._may(info.schema_name, info.table_name, privilege) THEN
        RAISE EXCEPTION 'permission denied for the clusters of collection %', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)) USING ERRCODE = 'insufficient_privilege',
            HINT = format('They are of all its rows, for everybody who may read it: needed are SELECT%s on table %s, and a role that row level security hides no rows from.',
                          CASE WHEN privilege <> 'SELECT' THEN ' and ' || privilege END, collection);
    END IF;
END
$$;


--
-- Name: FUNCTION _check_may(collection regclass, info open_analytic.collections, privilege text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._check_may(collection regclass, info open_analytic.collections, privilege text) IS 'Refuse who may not do this with all rows of a collection';


--
-- Name: _check_search(integer, double precision, double precision, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._check_search(k integer, max_distance double precision, target_recall double precision, after jsonb) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
BEGIN
    IF k < 0 OR k IS NULL AND max_distance IS NULL THEN
        RAISE EXCEPTION 'k is %.', coalesce(k::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give how many hits you want, 0 or more; with max_distance it may be NULL, for all that are so near.';
    END IF;
    IF max_distance = 'NaN' THEN
        RAISE EXCEPTION 'max_distance is NaN.' USING ERRCODE = 'OA019', HINT = 'Give a number, or NULL.';
    END IF;
    IF target_recall IS NULL OR NOT (target_recall > 0 AND target_recall <= 1) THEN
        RAISE EXCEPTION 'target_recall is %.', coalesce(target_recall::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give a part of the true neighbours, above 0: 0.95; 1 measures every row.';
    END IF;
    IF after IS NOT NULL AND (jsonb_typeof(after) <> 'object' OR jsonb_typeof(after -> 'distance') IS DISTINCT FROM 'number' OR jsonb_typeof(after -> 'name') IS DISTINCT FROM 'string'
                              OR abs((after ->> 'distance')::numeric) > 1e308 OR coalesce(after ->> 'part', '0') !~ '^[0-9]{1,9}$') THEN
        RAISE EXCEPTION 'after is %.', left(after::text, 80) USING ERRCODE = 'OA019', HINT = 'Give the last hit of the page before: {"distance": 0.5, "name": "cat.jpg"}, and its part where a picture has several.';
    END IF;
END
$_$;


--
-- Name: FUNCTION _check_search(k integer, max_distance double precision, target_recall double precision, after jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._check_search(k integer, max_distance double precision, target_recall double precision, after jsonb) IS 'Refuse what no search can be';


--
-- Name: _check_size(integer); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._check_size(min_size integer) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF min_size IS NULL OR min_size < 1 THEN
        RAISE EXCEPTION 'min_size is %.', coalesce(min_size::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give how many rows make a cluster, 1 or more.';
    END IF;
END
$$;


--
-- Name: FUNCTION _check_size(min_size integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._check_size(min_size integer) IS 'Refuse a size that no cluster has';


--
-- Name: _check_table(regclass); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._check_table(collection regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    name CONSTANT text := collection::text;
BEGIN
    IF collection IS NULL THEN
        RAISE EXCEPTION 'The table of the collection is gone.' USING ERRCODE = 'OA006', HINT = 'Create the collection again.';
    END IF;
    -- Locked first, so that its owner cannot put another in its place between this look and the search. VOLATILE sees what is there now.
    IF EXISTS (SELECT FROM pg_class AS t WHERE t.oid = collection AND t.relkind IN ('r', 'p')) THEN
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', name);
    END IF;
    IF to_regclass(name) IS DISTINCT FROM collection THEN
        RAISE EXCEPTION 'Table % was replaced meanwhile.', name USING ERRCODE = 'OA006', HINT = 'Run it again.';
    END IF;
    -- A view, or another type in the place of ours, would run code of its owner's with the rights of who searches.
    IF NOT EXISTS (SELECT FROM pg_class AS t WHERE t.oid = collection AND t.relkind IN ('r', 'p'))
       OR 2 <> (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = collection AND NOT a.attisdropped
                AND (a.attname, a.atttypid::regtype) IN (('feature', 'public.halfvec'::regtype), ('image_name', 'text'::regtype)))
       OR EXISTS (SELECT FROM pg_attribute AS a JOIN open_analytic.collections AS c ON c.many JOIN pg_class AS t ON t.relname = c.table_name
                  JOIN pg_namespace AS n ON n.oid = t.relnamespace AND n.nspname = c.schema_name
                  WHERE t.oid = collection AND a.attrelid = collection AND NOT a.attisdropped
                    AND (a.attname = 'part' AND a.atttypid <> 'int4'::regtype OR a.attname = 'box' AND a.atttypid <> 'float4[]'::regtype)) THEN
        RAISE EXCEPTION 'Table % is not as create_collection made it.', collection USING ERRCODE = 'OA006',
            HINT = 'Its columns image_name (text) and feature (halfvec) must be there, and be a table''s.';
    END IF;
END
$$;


--
-- Name: FUNCTION _check_table(collection regclass); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._check_table(collection regclass) IS 'Refuse what is no table as create_collection makes them';


--
-- Name: _cluster_compare(regclass, integer); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._cluster_compare(collection regclass, run integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $_$
BEGIN
    EXECUTE format(
        'WITH now AS MATERIALIZED (SELECT t.image_name AS name, %s AS part, substr(sha256(public.halfvec_send(t.feature)), 1, 8) AS feature_hash FROM %s AS t WHERE t.feature IS NOT NULL),'
        ' gone AS (UPDATE open_analytic.cluster_members AS m SET next_id = NULL WHERE m.clustering = $1 AND NOT EXISTS (SELECT FROM now AS n WHERE n.name = m.name AND n.part = m.part)),'
        ' changed AS (UPDATE open_analytic.cluster_members AS m SET next_id = 0, feature_hash = n.feature_hash FROM now AS n'
        ' WHERE m.clustering = $1 AND n.name = m.name AND n.part = m.part AND n.feature_hash <> m.feature_hash)'
        ' INSERT INTO open_analytic.cluster_members (clustering, name, part, feature_hash, next_id) SELECT $1, n.name, n.part, n.feature_hash, 0 FROM now AS n'
        ' WHERE NOT EXISTS (SELECT FROM open_analytic.cluster_members AS m WHERE m.clustering = $1 AND m.name = n.name AND m.part = n.part)',
        CASE WHEN (open_analytic._collection(collection)).many THEN 't.part' ELSE '0' END, collection) USING run;
END
$_$;


--
-- Name: FUNCTION _cluster_compare(collection regclass, run integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._cluster_compare(collection regclass, run integer) IS 'Mark the rows that are new or have changed (next_id 0), and those that are gone (NULL)';


--
-- Name: _cluster_link(regclass, integer, double precision, boolean); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._cluster_link(collection regclass, run integer, max_distance double precision, anew boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    loose record := open_analytic._cluster_loosen(run, anew);
    keys bigint[];
    roots integer[];
    a integer;
    b integer;
BEGIN
    IF loose.names = '{}' AND loose.broken = '{}' THEN
        RETURN;
    END IF;
    -- What is linked are clusters that stay whole, first, and rows that have none now. Each points to one before it, or is a root.
    keys := ARRAY(SELECT n.next_id FROM (SELECT DISTINCT m.next_id FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND m.next_id IS NOT NULL) AS n ORDER BY n.next_id < 0, abs(n.next_id));
    roots := ARRAY(SELECT generate_series(1, cardinality(keys)));
    FOR a, b IN
        SELECT DISTINCT x.number, y.number
        FROM (SELECT n.name, n.part, n.other, n.other_part FROM open_analytic._near(collection, max_distance, NULL, loose.names, loose.parts) AS n
              UNION ALL SELECT n.name, n.part, n.other, n.other_part FROM open_analytic._cluster_within(collection, run, max_distance, loose.broken) AS n) AS n
        JOIN open_analytic.cluster_members AS f ON f.clustering = run AND f.name = n.name AND f.part = n.part
        JOIN open_analytic.cluster_members AS t ON t.clustering = run AND t.name = n.other AND t.part = n.other_part
        JOIN unnest(keys) WITH ORDINALITY AS x (key, number) ON x.key = f.next_id
        JOIN unnest(keys) WITH ORDINALITY AS y (key, number) ON y.key = t.next_id
        WHERE x.number <> y.number
    LOOP
        WHILE roots[a] <> a LOOP
            roots[a] := roots[roots[a]];
            a := roots[a];
        END LOOP;
        WHILE roots[b] <> b LOOP
            roots[b] := roots[roots[b]];
            b := roots[b];
        END LOOP;
        roots[greatest(a, b)] := least(a, b);
    END LOOP;
    FOR a IN 1 .. cardinality(keys) LOOP
        roots[a] := roots[roots[a]];
    END LOOP;
    UPDATE open_analytic.cluster_members AS m SET next_id = k.root
    FROM (SELECT u.key, keys[u.root] AS root FROM unnest(keys, roots) AS u (key, root)) AS k
    WHERE m.clustering = run AND m.next_id = k.key AND k.key <> k.root;
END
$$;


--
-- Name: FUNCTION _cluster_link(collection regclass, run integer, max_distance double precision, anew boolean); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._cluster_link(collection regclass, run integer, max_distance double precision, anew boolean) IS 'Put rows together that are linked: the same next_id, of a cluster that was there, or negative';


--
-- Name: _cluster_loosen(integer, boolean); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._cluster_loosen(run integer, anew boolean, OUT names text[], OUT parts integer[], OUT broken bigint[]) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
DECLARE
    large bigint[];
BEGIN
    -- Clusters that lost a row, or hold one that has changed, are put together anew: from their own rows while these are few.
    broken := ARRAY(SELECT DISTINCT m.cluster_id FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND coalesce(m.next_id, 0) = 0 AND m.cluster_id IS NOT NULL);
    large := ARRAY(SELECT m.cluster_id FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND m.cluster_id = ANY (broken) GROUP BY m.cluster_id HAVING count(*) > 2000);
    IF NOT anew THEN
        SELECT coalesce(array_agg(m.name), '{}'), coalesce(array_agg(m.part), '{}') INTO names, parts
        FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND (m.next_id = 0 OR m.next_id IS NOT NULL AND m.cluster_id = ANY (large));
        IF 2 * cardinality(names) > (SELECT count(*) FROM open_analytic.cluster_members AS m WHERE m.clustering = run) THEN
            names := NULL; -- each pair of all rows once costs less
        END IF;
    END IF;
    UPDATE open_analytic.cluster_members AS m SET next_id = - l.number
    FROM (SELECT o.name, o.part, row_number() OVER (ORDER BY o.name COLLATE "C", o.part) AS number FROM open_analytic.cluster_members AS o
          WHERE o.clustering = run AND o.next_id IS NOT NULL AND (anew OR o.next_id = 0 OR o.cluster_id = ANY (broken))) AS l
    WHERE m.clustering = run AND m.name = l.name AND m.part = l.part;
    broken := CASE WHEN anew THEN '{}' ELSE ARRAY(SELECT unnest(broken) EXCEPT SELECT unnest(large)) END;
END
$$;


--
-- Name: FUNCTION _cluster_loosen(run integer, anew boolean, OUT names text[], OUT parts integer[], OUT broken bigint[]); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._cluster_loosen(run integer, anew boolean, OUT names text[], OUT parts integer[], OUT broken bigint[]) IS 'Number the rows whose cluster is to be found; which are searched for, NULL for all, and clusters that are linked from their own rows';


--
-- Name: _cluster_name(integer); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._cluster_name(run integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
BEGIN
    -- The id most rows of a cluster had is its own, unless more rows of another have it. The largest of the new ones comes first.
    WITH earlier AS (
        SELECT DISTINCT ON (m.next_id) m.next_id, m.cluster_id, count(*) AS rows, sum(count(*)) OVER (PARTITION BY m.next_id) AS size FROM open_analytic.cluster_members AS m
        WHERE m.clustering = run AND m.next_id IS NOT NULL AND m.cluster_id IS NOT NULL
        GROUP BY m.next_id, m.cluster_id ORDER BY m.next_id, count(*) DESC, m.cluster_id
    ), kept AS (
        SELECT DISTINCT ON (e.cluster_id) e.next_id, e.cluster_id FROM earlier AS e ORDER BY e.cluster_id, e.rows DESC, e.size DESC, abs(e.next_id)
    ), named AS (
        SELECT p.next_id, coalesce(k.cluster_id, c.last_id + row_number() OVER (PARTITION BY k.cluster_id IS NULL ORDER BY p.rows DESC, abs(p.next_id))) AS id
        FROM (SELECT m.next_id, count(*) AS rows FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND m.next_id IS NOT NULL GROUP BY m.next_id) AS p
        JOIN open_analytic.clusterings AS c ON c.id = run
        LEFT JOIN kept AS k USING (next_id)
    )
    UPDATE open_analytic.cluster_members AS m SET next_id = n.id FROM named AS n
    WHERE m.clustering = run AND m.next_id = n.next_id AND n.id <> n.next_id;
    UPDATE open_analytic.clusterings AS c
    SET last_id = greatest(c.last_id, (SELECT max(m.next_id) FROM open_analytic.cluster_members AS m WHERE m.clustering = run))
    WHERE c.id = run;
END
$$;


--
-- Name: FUNCTION _cluster_name(run integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._cluster_name(run integer) IS 'Give clusters the id most of their rows had, or a new one';


--
-- Name: _cluster_tell(integer, integer); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._cluster_tell(run integer, min_size integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
BEGIN
    DELETE FROM open_analytic.cluster_changes AS c WHERE c.clustering = run;
    WITH before AS (
        SELECT m.cluster_id AS id FROM open_analytic.cluster_members AS m WHERE m.clustering = run GROUP BY m.cluster_id HAVING count(m.cluster_id) >= min_size
    ), after AS (
        SELECT m.next_id AS id FROM open_analytic.cluster_members AS m WHERE m.clustering = run GROUP BY m.next_id HAVING count(m.next_id) >= min_size
    ), moved AS ( -- a cluster of too few rows is none
        SELECT m.name, m.part, b.id AS earlier_id, a.id, b.id IN (SELECT id FROM after) AS stays, a.id IN (SELECT id FROM before) AS there
        FROM open_analytic.cluster_members AS m LEFT JOIN before AS b ON b.id = m.cluster_id LEFT JOIN after AS a ON a.id = m.next_id
        WHERE m.clustering = run AND m.cluster_id IS DISTINCT FROM m.next_id
    ), groups AS (
        SELECT DISTINCT CASE WHEN m.stays THEN 'split' ELSE 'merged' END AS kind, m.id, m.earlier_id FROM moved AS m WHERE m.id IS NOT NULL AND m.earlier_id IS NOT NULL AND NOT (m.stays AND m.there)
    ), told (kind, cluster_id, earlier_id, name, part) AS (
        SELECT g.kind, g.id, g.earlier_id, NULL, NULL::integer FROM groups AS g
        UNION ALL SELECT 'new', a.id, NULL, NULL, NULL FROM after AS a WHERE a.id NOT IN (SELECT id FROM before) AND a.id NOT IN (SELECT g.id FROM groups AS g WHERE g.kind = 'split')
        UNION ALL SELECT 'gone', b.id, NULL, NULL, NULL FROM before AS b WHERE b.id NOT IN (SELECT id FROM after) AND b.id NOT IN (SELECT g.earlier_id FROM groups AS g WHERE g.kind = 'merged')
        UNION ALL SELECT 'joined', m.id, m.earlier_id, m.name, m.part FROM moved AS m WHERE m.there AND (m.earlier_id IS NULL OR m.stays)
        UNION ALL SELECT 'left', m.earlier_id, NULL, m.name, m.part FROM moved AS m
        WHERE m.id IS NULL AND (m.stays OR m.earlier_id IN (SELECT g.earlier_id FROM groups AS g WHERE g.kind = 'merged'))
    )
    INSERT INTO open_analytic.cluster_changes (clustering, kind, cluster_id, earlier_id, name, part)
    SELECT run, t.kind, t.cluster_id, t.earlier_id, t.name, t.part FROM told AS t;
END
$$;


--
-- Name: FUNCTION _cluster_tell(run integer, min_size integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._cluster_tell(run integer, min_size integer) IS 'Write down what changes';


--
-- Name: _cluster_within(regclass, integer, double precision, bigint[]); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._cluster_within(collection regclass, run integer, max_distance double precision, clusters bigint[]) RETURNS TABLE(name text, part integer, other text, other_part integer, distance double precision)
    LANGUAGE plpgsql STABLE COST 1e+06 ROWS 10000
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $_$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    RETURN QUERY EXECUTE format($$
        WITH rows AS MATERIALIZED (
            SELECT m.cluster_id, m.name, m.part, t.feature
            FROM open_analytic.cluster_members AS m JOIN %s AS t ON t.image_name = m.name %s
            WHERE m.clustering = $1 AND m.next_id < 0 AND m.cluster_id = ANY ($3) AND t.feature IS NOT NULL)
        SELECT a.name, a.part, b.name, b.part, %s
        FROM rows AS a JOIN rows AS b ON a.cluster_id = b.cluster_id AND (a.name COLLATE "C", a.part) < (b.name COLLATE "C", b.part) AND %3$s <= $2
        $$, collection, CASE WHEN info.many THEN 'AND t.part = m.part' END, open_analytic._measured(info.metric)) USING run, max_distance, clusters;
END
$_$;


--
-- Name: FUNCTION _cluster_within(collection regclass, run integer, max_distance double precision, clusters bigint[]); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._cluster_within(collection regclass, run integer, max_distance double precision, clusters bigint[]) IS 'Pairs within clusters that are put together anew';


--
-- Name: _clustering(open_analytic.collections, double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._clustering(info open_analytic.collections, max_distance double precision, OUT clustering integer, OUT anew boolean) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found open_analytic.clusterings;
    here oid := (SELECT t.oid FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace WHERE n.nspname = info.schema_name AND t.relname = info.table_name);
BEGIN
    -- Those of a table that is gone: whoever may not see them leaves them unseen.
    DELETE FROM open_analytic.clusterings AS c WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name AND c.place <> here;
    INSERT INTO open_analytic.clusterings AS c (schema_name, table_name, place, made_at)
    VALUES (info.schema_name, info.table_name, here, info.created_at) ON CONFLICT DO NOTHING;
    -- One run at a time.
    SELECT c.* INTO found FROM open_analytic.clusterings AS c WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name
      AND c.place = here FOR UPDATE;
    IF found.made_at <> info.created_at THEN
        DELETE FROM open_analytic.cluster_members AS m WHERE m.clustering = found.id;
    END IF;
    clustering := found.id;
    anew := found.made_at <> info.created_at OR found.max_distance IS DISTINCT FROM _clustering.max_distance;
    UPDATE open_analytic.clusterings AS c SET made_at = info.created_at, max_distance = _clustering.max_distance, clustered_at = now() WHERE c.id = found.id;
END
$$;


--
-- Name: FUNCTION _clustering(info open_analytic.collections, max_distance double precision, OUT clustering integer, OUT anew boolean); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._clustering(info open_analytic.collections, max_distance double precision, OUT clustering integer, OUT anew boolean) IS 'The clustering of a collection, locked; anew when all its rows are to be looked at';


--
-- Name: _collection(regclass); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._collection(place regclass) RETURNS open_analytic.collections
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found open_analytic.collections;
BEGIN
    SELECT c.* INTO found
    FROM open_analytic.collections AS c
    JOIN pg_namespace AS n ON n.nspname = c.schema_name
    JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = c.table_name
    WHERE t.oid = place;
    IF found.table_name IS NULL THEN
        RAISE EXCEPTION 'There is no collection %.', quote_literal(place::text) USING ERRCODE = 'OA006',
            HINT = format('There are: %s.', coalesce((
                SELECT string_agg(concat_ws('.', nullif(c.schema_name, 'public'), c.table_name), ', ' ORDER BY c.schema_name <> 'public', c.schema_name, c.table_name)
                FROM open_analytic.collections AS c
                WHERE to_regclass(format('%I.%I', c.schema_name, c.table_name)) IS NOT NULL), 'none yet'));
    END IF;
    RETURN found;
END
$$;


--
-- Name: FUNCTION _collection(place regclass); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._collection(place regclass) IS 'What the catalogue says of a table';


--
-- Name: _create_collection(text, text, json, text, jsonb, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._create_collection(name text, pipeline text, columns json, metric text, parameters jsonb, path text) RETURNS jsonb
    LANGUAGE plpgsql STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    found open_analytic.current_pipelines := open_analytic._pipeline(pipeline);
    told jsonb := open_analytic._describe(jsonb_build_object('name', pipeline, 'definition', found.definition::jsonb, 'parameters', parameters));
    place record := open_analytic._split(name);
BEGIN
    IF json_typeof(columns) <> 'object' THEN
        RAISE EXCEPTION 'columns is not an object.' USING ERRCODE = 'OA019', HINT = 'Give {"name": "SQL type", ...}.';
    END IF;
    IF told ->> 'hash' <> found.hash THEN
        RAISE EXCEPTION 'The models of pipeline % version % have changed since it was created: its vectors would not be comparable.', quote_literal(pipeline), found.version
            USING ERRCODE = 'OA033', HINT = format('Put the models'' cards back, or pipeline_create(%L) for a new version and import into a new collection.', pipeline);
    END IF;
    IF told ->> 'dim' IS NULL THEN
        RAISE EXCEPTION 'Pipeline % gives no vector, so there is nothing to search by.', quote_literal(pipeline) USING ERRCODE = 'OA016',
            HINT = 'A collection needs a pipeline that gives one, such as general_feature_extractor.';
    END IF;
    IF metric NOT IN ('l2', 'cosine', 'ip') THEN
        RAISE EXCEPTION 'There is no metric %.', quote_literal(metric) USING ERRCODE = 'OA019', HINT = 'Choose of: l2, cosine, ip.';
    END IF;
    PERFORM open_analytic._make_collection(name, (told ->> 'dim')::integer, metric, (told ->> 'many')::boolean, columns, pipeline, found.version, (told -> 'parameters')::json, false, path);
    RETURN (SELECT to_jsonb(r) FROM (
        SELECT name, c.schema_name AS schema, c.pipeline, c.version, c.dim, c.metric, c.many, c.parameters, _create_collection.columns AS columns, c.created_at
        FROM open_analytic.collections AS c WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name) AS r);
EXCEPTION
    WHEN duplicate_table OR duplicate_object THEN
        RAISE EXCEPTION 'The table is there already: %.', SQLERRM USING ERRCODE = 'OA031', HINT = 'Choose another name, or drop it first.';
    WHEN invalid_schema_name THEN
        RAISE EXCEPTION 'There is no such schema: %.', SQLERRM USING ERRCODE = 'OA017', HINT = 'Create it first: CREATE SCHEMA name.';
END
$$;


--
-- Name: FUNCTION _create_collection(name text, pipeline text, columns json, metric text, parameters jsonb, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._create_collection(name text, pipeline text, columns json, metric text, parameters jsonb, path text) IS 'create_collection, with the search_path for the types of columns';


--
-- Name: _create_pipeline(jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._create_pipeline(request jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    told jsonb := open_analytic._describe(request);
    made open_analytic.pipelines;
BEGIN
    made := open_analytic._register_pipeline(
        told ->> 'name', told ->> 'input', ARRAY(SELECT jsonb_array_elements_text(told -> 'output')), (told ->> 'dim')::integer,
        (told ->> 'many')::boolean, told ->> 'hash', (told ->> 'definition')::json);
    RETURN jsonb_build_object(
        'name', made.name, 'version', made.version, 'input', made.input, 'output', to_jsonb(made.output), 'dim', made.dim,
        'hash', made.hash, 'created_at', made.created_at, 'definition', made.definition::jsonb);
END
$$;


--
-- Name: FUNCTION _create_pipeline(request jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._create_pipeline(request jsonb) IS 'Register what the service says of a request';


--
-- Name: _curve(open_analytic.collections, double precision, open_analytic._plan); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._curve(info open_analytic.collections, target double precision, plan open_analytic._plan, OUT plan_ open_analytic._plan, OUT unit_ms double precision, OUT distance_ms double precision) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    c open_analytic.calibrations;
    low float8;
BEGIN
    plan_ := plan;
    SELECT * INTO c FROM open_analytic.calibrations AS a
    WHERE a.schema_name = info.schema_name AND a.table_name = info.table_name AND a.measured_at >= info.created_at;
    IF c.rows IS NULL THEN
        -- Never measured: generous, and by what such rows cost elsewhere.
        plan_.goal := target;
        plan_.ranks := ARRAY[10, 100, 1000];
        plan_.needed := CASE WHEN target <= 0.9 THEN '{200,600,4000}' WHEN target <= 0.95 THEN '{400,1000,6000}' WHEN target <= 0.99 THEN '{1000,2000,10000}' ELSE '{4000,8000,20000}' END;
        plan_.efforts := ARRAY[40, 1000, 2000];
        plan_.first_ms := ARRAY[0.4, 2, 3];
        plan_.all_ms := ARRAY[0.6, 5, 15];
        unit_ms := 0.00065;
        distance_ms := info.dim * 8e-7;
        RETURN;
    END IF;
    plan_.calibrated_at := c.measured_at;
    plan_.goal := target + 0.25 * (1 - target); -- room for what a sample of queries does not show
    plan_.ranks := c.ranks;
    plan_.efforts := c.efforts;
    plan_.first_ms := c.first_ms;
    plan_.all_ms := c.all_ms;
    FOR j IN 1 .. cardinality(c.ranks) LOOP
        plan_.needed[j] := NULL;
        FOR i IN 1 .. cardinality(c.efforts) LOOP
            IF c.efforts[i] >= c.ranks[j] AND c.recalls[i][j] >= plan_.goal THEN
                low := CASE WHEN i > 1 AND c.efforts[i - 1] >= c.ranks[j] THEN c.recalls[i - 1][j] END;
                plan_.needed[j] := CASE WHEN low < plan_.goal
                    THEN ceil(c.efforts[i - 1] * power(c.efforts[i] / c.efforts[i - 1]::float8, (plan_.goal - low) / (c.recalls[i][j] - low))) ELSE c.efforts[i] END;
                EXIT;
            END IF;
        END LOOP;
    END LOOP;
    unit_ms := c.scan_ms / c.scan_cost;
    distance_ms := greatest(0, c.exact_ms - c.scan_ms) / c.rows;
END
$$;


--
-- Name: FUNCTION _curve(info open_analytic.collections, target double precision, plan open_analytic._plan, OUT plan_ open_analytic._plan, OUT unit_ms double precision, OUT distance_ms double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._curve(info open_analytic.collections, target double precision, plan open_analytic._plan, OUT plan_ open_analytic._plan, OUT unit_ms double precision, OUT distance_ms double precision) IS 'What is known of the index at a recall, and the costs of one row';


--
-- Name: _describe(jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._describe(request jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    answer record;
BEGIN
    SELECT r.output, r.error INTO answer
    FROM open_analytic._request('describe', NULL, NULL, NULL, '{}', ARRAY[convert_to(request::text, 'UTF8')], false) AS r;
    IF answer.error IS NOT NULL THEN
        PERFORM open_analytic._raise(answer.error::jsonb);
    END IF;
    RETURN answer.output::jsonb;
END
$$;


--
-- Name: FUNCTION _describe(request jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._describe(request jsonb) IS 'What the service says of a preset or a definition';


--
-- Name: _error(text, text, text, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._error(type text, sqlstate text, message text, hint text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ SELECT jsonb_build_object('type', type, 'sqlstate', sqlstate, 'message', message, 'hint', hint)::text $$;


--
-- Name: FUNCTION _error(type text, sqlstate text, message text, hint text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._error(type text, sqlstate text, message text, hint text) IS 'An error as JSON tells it everywhere';


--
-- Name: _explain_search(regclass, public.vector, integer, text, double precision, double precision, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, path text) RETURNS jsonb
    LANGUAGE plpgsql STABLE COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    plan open_analytic._plan;
    begun timestamptz;
    planned timestamptz;
    hits bigint;
    done jsonb;
BEGIN
    IF query IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM open_analytic._search(collection, query, 0, filter, max_distance, target_recall, NULL, path); -- checks, and warms what planning reads
    begun := clock_timestamp();
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter, path);
    END IF;
    plan := open_analytic._plan_search(collection, info, coalesce(k, 2147483647), filter, max_distance, target_recall, coalesce(path, 'pg_catalog, pg_temp'));
    planned := clock_timestamp();
    hits := (SELECT count(*) FROM open_analytic._search(collection, query, k, filter, max_distance, target_recall, NULL, path));
    done := coalesce(nullif(current_setting('open_analytic.last_search', true), ''), '{}')::jsonb || jsonb_build_object('rows', hits, 'ms', round(extract(epoch FROM clock_timestamp() - planned)::numeric * 1000, 2));
    RETURN open_analytic._told(plan, k, target_recall, done) || jsonb_build_object('planning_ms', round(extract(epoch FROM planned - begun)::numeric * 1000, 3));
END
$$;


--
-- Name: FUNCTION _explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, path text) IS 'explain_search, with the search_path that the filter is read with';


--
-- Name: _explained(regclass, text, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._explained(collection regclass, filter text, path text) RETURNS json
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    said json;
BEGIN
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(E'EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE feature IS NOT NULL AND (\n%s\n)', collection, filter) INTO said;
    RETURN said;
END
$$;


--
-- Name: FUNCTION _explained(collection regclass, filter text, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._explained(collection regclass, filter text, path text) IS 'What PostgreSQL''s planner says of the rows that meet a filter';


--
-- Name: _few(double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._few(number double precision) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE WHEN number IS NULL OR number = 'Infinity' THEN 'no end of'
                WHEN number >= 100 THEN trim(to_char(number, '999,999,999,999,990')) WHEN number >= 10 THEN round(number::numeric)::text
                ELSE trim_scale(round(number::numeric, 1))::text END
$$;


--
-- Name: FUNCTION _few(number double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._few(number double precision) IS 'A number as it is said';


--
-- Name: _half(open_analytic.collections, public.vector); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._half(info open_analytic.collections, query public.vector) RETURNS public.halfvec
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    half public.halfvec;
BEGIN
    IF public.vector_dims(query) <> info.dim THEN
        RAISE EXCEPTION 'The query has % numbers, collection % takes %.', public.vector_dims(query), quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)), info.dim
            USING ERRCODE = 'OA015', HINT = CASE WHEN info.pipeline IS NULL THEN 'Give vectors of one and the same model.'
                ELSE format('Give vectors of pipeline %L version %s.', info.pipeline, info.version) END;
    END IF;
    BEGIN
        half := query::public.halfvec;
    EXCEPTION WHEN data_exception THEN
        RAISE EXCEPTION 'The query has numbers beyond 65504, which halfvec cannot hold.' USING ERRCODE = 'OA015', HINT = 'Normalise it.';
    END;
    IF info.metric = 'cosine' AND public.l2_norm(half) = 0 THEN
        RAISE EXCEPTION 'The query is zero, so it has no direction for the cosine.' USING ERRCODE = 'OA015', HINT = 'Use the metric l2 for such.';
    END IF;
    RETURN half;
END
$$;


--
-- Name: FUNCTION _half(info open_analytic.collections, query public.vector); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._half(info open_analytic.collections, query public.vector) IS 'A query as the collection keeps its features';


--
-- Name: _hang_up(); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._hang_up() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
            BEGIN
                -- The service takes it as: nobody waits any more. dblink_cancel_query would wait for the service in its turn.
                PERFORM open_analytic.dblink_disconnect(c.link) FROM unnest(open_analytic.dblink_get_connections()) AS c (link)
                WHERE c.link LIKE 'open@_analytic %' ESCAPE '@';
            END
            $$;


--
-- Name: _hex(bytea[]); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._hex(inputs bytea[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT string_agg(coalesce(nullif(encode(i, 'hex'), ''), '-'), ' ' ORDER BY n) FROM unnest(inputs) WITH ORDINALITY AS u (i, n)
$$;


--
-- Name: FUNCTION _hex(inputs bytea[]); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._hex(inputs bytea[]) IS 'Inputs as text, for the way over dblink';


--
-- Name: _index_ms(open_analytic._plan, double precision, double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._index_ms(plan open_analytic._plan, k double precision, matches double precision) RETURNS double precision
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    -- Matches do not come evenly: with some bad luck, two standard deviations, the last one is so much further off.
    SELECT CASE WHEN n.tuples IS NULL THEN 'Infinity' ELSE greatest(plan.try_ms, open_analytic._ms(plan.efforts, plan.all_ms, n.tuples)) END
    FROM open_analytic._needed(plan.ranks, plan.needed, least(plan.rows, (k + 2 * sqrt(k)) * plan.rows / greatest(1, matches))) AS n (tuples)
$$;


--
-- Name: FUNCTION _index_ms(plan open_analytic._plan, k double precision, matches double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._index_ms(plan open_analytic._plan, k double precision, matches double precision) IS 'How long the index takes when so many rows match, spread as all are; infinite when it cannot reach that far';


--
-- Name: _indexes(regclass, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._indexes(collection regclass, opclass text) RETURNS TABLE(indexrelid oid)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT i.indexrelid
    FROM pg_index AS i
    JOIN pg_class AS x ON x.oid = i.indexrelid
    JOIN pg_am AS m ON m.oid = x.relam
    JOIN pg_opclass AS o ON o.oid = i.indclass[0]
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = collection AND i.indisvalid AND i.indpred IS NULL AND m.amname IN ('hnsw', 'ann') AND o.opcname = opclass AND a.attname = 'feature'
    ORDER BY i.indexrelid
$$;


--
-- Name: FUNCTION _indexes(collection regclass, opclass text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._indexes(collection regclass, opclass text) IS 'HNSW indexes of the feature, for a metric, that can be used';


--
-- Name: _joins_by_index(regclass, open_analytic.collections, double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._joins_by_index(collection regclass, info open_analytic.collections, worth double precision) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    -- To measure a vector takes as long as 400 numbers of it more.
    SELECT EXISTS (SELECT FROM open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric)))
        AND (info.dim + 400) * greatest(t.reltuples, pg_relation_size(t.oid) / (150 + CASE WHEN info.dim <= 3000 THEN 2 * info.dim ELSE 0 END)) > worth
    FROM pg_class AS t WHERE t.oid = collection
$$;


--
-- Name: FUNCTION _joins_by_index(collection regclass, info open_analytic.collections, worth double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._joins_by_index(collection regclass, info open_analytic.collections, worth double precision) IS 'Whether the index is there, and worth its small losses, when every row is searched for';


--
-- Name: _link(record); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._link(node record) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
            DECLARE
                -- Of the node as it is now: one that was moved, or has another token, gets a connection of its own.
                link CONSTANT text := 'open_analytic ' || md5(concat_ws(' ', quote_nullable(node.name), quote_nullable(node.wire), quote_nullable(node.token)));
                secret CONSTANT text := replace(replace(node.token, E'\\', E'\\\\'), '''', E'\\''');
                give_up timestamptz := clock_timestamp() + make_interval(secs => node.wait_ms / 1000.0);
            BEGIN
                IF link = ANY (open_analytic.dblink_get_connections()) THEN
                    RETURN link;
                END IF;
                LOOP
                    BEGIN
                        PERFORM open_analytic.dblink_connect(link, format('dbname=open_analytic user=open_analytic connect_timeout=5 gssencmode=disable %s %s',
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
            $$;


--
-- Name: _lock_dblink(); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._lock_dblink() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
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


--
-- Name: FUNCTION _lock_dblink(); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._lock_dblink() IS 'Take dblink''s functions from PUBLIC';


--
-- Name: _make_collection(text, integer, text, boolean, json, text, integer, json, boolean, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._make_collection(name text, dim integer, metric text, many boolean, columns json, pipeline text, version integer, parameters json, migrated boolean, path text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
#variable_conflict use_variable
DECLARE
    place record := open_analytic._split(name);
    relation text := format('%I.%I', place.schema_name, place.table_name);
    plain boolean := dim <= 3000; -- a feature that stays in its row makes exact searches three times as fast
    own record;
    column_name text;
    column_type text;
    own_columns text := '';
    statement text;
BEGIN
    FOR column_name, column_type IN SELECT * FROM json_each_text(columns) LOOP
        PERFORM open_analytic._check_column(column_name, column_type, many, path);
        -- A newline, so that a comment inside a type's text ends with it.
        own_columns := own_columns || format(E'%I %s\n, ', column_name, column_type);
    END LOOP;
    statement := format(
        'CREATE TABLE %s (image_name pg_catalog.text NOT NULL, %s image_data pg_catalog.bytea, feature public.halfvec(%s), %s image_sha256 pg_catalog.bytea,'
        ' pipeline_version pg_catalog.int4 %s, imported_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(), PRIMARY KEY (%s)) WITH (toast_tuple_target = %s)',
        relation, CASE WHEN many THEN 'part pg_catalog.int4 NOT NULL DEFAULT 0, box pg_catalog.float4[],' END, dim, own_columns,
        CASE WHEN version IS NOT NULL THEN format('NOT NULL DEFAULT open_analytic._version(%L, %s) CONSTRAINT open_analytic_version CHECK (pipeline_version OPERATOR(pg_catalog.=) %2$s)', pipeline, version) END,
        CASE WHEN many THEN 'image_name, part' ELSE 'image_name' END, CASE WHEN plain THEN 2 * dim + 1024 ELSE 2040 END);
    PERFORM set_config('search_path', path, true); -- for the types of the caller's columns only
    EXECUTE statement;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    -- Pictures are compressed already: compressing them again costs time and gains nothing.
    EXECUTE format('ALTER TABLE %s ALTER COLUMN image_data SET STORAGE EXTERNAL, ALTER COLUMN feature SET STORAGE %s',
                   relation, CASE WHEN plain THEN 'PLAIN' ELSE 'EXTERNAL' END);
    EXECUTE format('COMMENT ON TABLE %s IS %L', relation, format('Collection of open_analytic: %s, dim %s, metric %s',
        CASE WHEN pipeline IS NULL THEN 'vectors computed elsewhere' ELSE format('pipeline %s version %s', pipeline, version) END, dim, metric));
    FOR own IN SELECT * FROM (VALUES
        ('image_name', 'Name of the picture, unique'),
        ('image_data', 'Its bytes as imported; NULL when only the vector was given'),
        ('feature', 'Its vector; NULL when nothing was found in it'),
        ('image_sha256', 'SHA-256 of image_data when it was imported: an unchanged file is left alone'),
        ('pipeline_version', 'Version of the pipeline the feature comes from'),
        ('imported_at', 'When the row was written'),
        ('part', 'Number of the region (face) in its picture, from 0; image_data is in row 0'),
        ('box', 'Where the region is in pixels: {x, y, width, height}')) AS c (name, says)
        WHERE c.name = ANY (open_analytic._own_columns(many))
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, own.name, own.says);
    END LOOP;
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO open_analytic_user', relation);
    -- A row left by a table that was dropped with plain SQL is replaced.
    INSERT INTO open_analytic.collections AS c (schema_name, table_name, pipeline, version, dim, metric, many, parameters, migrated)
    VALUES (place.schema_name, place.table_name, pipeline, version, dim, metric, many, parameters, migrated)
    ON CONFLICT ON CONSTRAINT collections_pkey DO UPDATE
    SET pipeline = excluded.pipeline, version = excluded.version, dim = excluded.dim, metric = excluded.metric,
        many = excluded.many, parameters = excluded.parameters, migrated = excluded.migrated, created_at = now(), created_by = current_user;
END
$_$;


--
-- Name: FUNCTION _make_collection(name text, dim integer, metric text, many boolean, columns json, pipeline text, version integer, parameters json, migrated boolean, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._make_collection(name text, dim integer, metric text, many boolean, columns json, pipeline text, version integer, parameters json, migrated boolean, path text) IS 'The table of a collection and its row in the catalogue';


--
-- Name: _max_bytes(); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._max_bytes() RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ SELECT coalesce((SELECT s.value::bigint FROM open_analytic.settings AS s WHERE s.name = 'max_bytes'), 50000000) $$;


--
-- Name: FUNCTION _max_bytes(); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._max_bytes() IS 'The largest input that is sent to the service';


--
-- Name: _may(text, text, text, oid); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._may(schema_name text, table_name text, privilege text, place oid DEFAULT NULL::oid) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    -- Whoever sees a part of the rows only would see, or make, clusters of rows he may not see.
    SELECT EXISTS (
        SELECT FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
        WHERE n.nspname = schema_name AND t.relname = table_name AND (place IS NULL OR t.oid = place) AND t.relkind IN ('r', 'p') AND has_schema_privilege(n.oid, 'USAGE')
          AND has_table_privilege(t.oid, 'SELECT') AND has_table_privilege(t.oid, privilege) AND NOT row_security_active(t.oid))
$$;


--
-- Name: FUNCTION _may(schema_name text, table_name text, privilege text, place oid); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._may(schema_name text, table_name text, privilege text, place oid) IS 'Whether the caller has this right on a table, and sees all its rows';


--
-- Name: _measured(text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._measured(metric text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ SELECT format('b.feature OPERATOR(public.%s) a.feature', CASE metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END) $$;


--
-- Name: FUNCTION _measured(metric text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._measured(metric text) IS 'How far b.feature is from a.feature, as a part of a statement';


--
-- Name: _ms(integer[], double precision[], double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._ms(efforts integer[], ms double precision[], tuples double precision) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    i integer := 2;
BEGIN
    IF cardinality(efforts) = 1 THEN
        RETURN ms[1] * tuples / efforts[1];
    END IF;
    WHILE i < cardinality(efforts) AND efforts[i] < tuples LOOP
        i := i + 1;
    END LOOP;
    RETURN greatest(ms[1] / 2, ms[i - 1] + (ms[i] - ms[i - 1]) * (tuples - efforts[i - 1]) / (efforts[i] - efforts[i - 1]));
END
$$;


--
-- Name: FUNCTION _ms(efforts integer[], ms double precision[], tuples double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._ms(efforts integer[], ms double precision[], tuples double precision) IS 'How long so many rows of the index take, between what was measured and beyond';


--
-- Name: _near(regclass, double precision, text, text[], integer[]); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._near(collection regclass, max_distance double precision, filter text, names text[], parts integer[]) RETURNS TABLE(name text, part integer, other text, other_part integer, distance double precision)
    LANGUAGE plpgsql STABLE COST 1e+06 ROWS 10000
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET "hnsw.iterative_scan" TO 'relaxed_order'
    SET "hnsw.ef_search" TO '200'
    AS $_$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    measured CONSTANT text := open_analytic._measured(info.metric);
    part CONSTANT text := CASE WHEN info.many THEN 'part' ELSE '0' END;
    every CONSTANT boolean := names IS NULL;
    -- From which rows: all that meet the filter, then pairs are of such rows only, or those named, then the others are any.
    wanted CONSTANT text := CASE WHEN every THEN format(E'SELECT image_name, %s AS part, feature FROM %s WHERE feature IS NOT NULL AND (\n%s\n)', part, collection, coalesce(filter, 'true'))
        ELSE format('SELECT b.image_name, w.part, b.feature FROM unnest($2, $3) AS w (name, part) JOIN %s AS b ON b.image_name = w.name %s WHERE b.feature IS NOT NULL',
                    collection, CASE WHEN info.many THEN 'AND b.part = w.part' END) END;
    rows CONSTANT text := format('SELECT image_name, %s AS part, feature FROM %s WHERE feature IS NOT NULL', part, collection);
    -- No text with a table's name in it is ever a format: the name may have a percent sign.
    nearest CONSTANT text := format(' AS a CROSS JOIN LATERAL (SELECT e.*, bool_or(e.distance > $1) OVER () AS beyond FROM (SELECT b.image_name AS other, %s AS other_part, %s AS distance'
        ' FROM %s AS b WHERE b.feature IS NOT NULL ORDER BY %2$s LIMIT ', CASE WHEN info.many THEN 'b.part' ELSE '0' END, measured, collection);
    -- Whoever has seen nothing beyond max_distance looks further.
    within CONSTANT text := ') AS e) AS n WHERE n.distance <= $1';
    unfinished CONSTANT text := 'SELECT a.* FROM %s AS a WHERE EXISTS (SELECT FROM %s AS n WHERE n.image_name = a.image_name AND n.part = a.part AND NOT n.beyond)';
    memory CONSTANT text := current_setting('work_mem');
BEGIN
    IF open_analytic._joins_by_index(collection, info, 9000000) THEN -- where measuring every pair takes longer
        RETURN QUERY EXECUTE format(
            'WITH open_analytic_rows AS MATERIALIZED (%s), open_analytic_first AS MATERIALIZED (%s),'
            ' open_analytic_more AS MATERIALIZED (%s), open_analytic_second AS MATERIALIZED (%s), open_analytic_most AS MATERIALIZED (%s)'
            ' SELECT n.image_name, n.part, n.other, n.other_part, n.distance FROM (SELECT * FROM open_analytic_first UNION ALL SELECT * FROM open_analytic_second UNION ALL'
            ' SELECT a.image_name, a.part, b.image_name, %s, %s, true FROM open_analytic_most AS a JOIN %s AS b ON %7$s <= $1) AS n %9$s'
            ' WHERE (n.image_name, n.part) <> (n.other, n.other_part)',
            wanted, 'SELECT a.image_name, a.part, n.* FROM open_analytic_rows' || nearest || '100' || within, format(unfinished, 'open_analytic_rows', 'open_analytic_first'),
            'SELECT a.image_name, a.part, n.* FROM open_analytic_more' || nearest || '1000' || within, format(unfinished, 'open_analytic_more', 'open_analytic_second'),
            CASE WHEN info.many THEN 'b.part' ELSE '0' END, measured, collection,
            CASE WHEN every AND filter IS NOT NULL THEN 'JOIN open_analytic_rows AS r ON (r.image_name, r.part) = (n.other, n.other_part)' END) USING max_distance, names, parts;
    ELSE
        -- All vectors are read again for each row: in memory, when 256 MB are enough for them.
        PERFORM set_config('work_mem', greatest(pg_size_bytes(memory) / 1024, least(262144, 3 * pg_relation_size(collection) / 2048)) || 'kB', true);
        RETURN QUERY EXECUTE format(
            'WITH open_analytic_rows AS MATERIALIZED (%s) SELECT a.image_name, a.part, b.image_name, b.part, %s FROM open_analytic_rows AS a JOIN %s AS b'
            ' ON (a.image_name COLLATE "C", a.part) %s (b.image_name COLLATE "C", b.part) AND %2$s <= $1',
            wanted, measured, CASE WHEN every THEN 'open_analytic_rows' ELSE format('(%s)', rows) END, CASE WHEN every THEN '<' ELSE '<>' END) USING max_distance, names, parts;
        PERFORM set_config('work_mem', memory, true);
    END IF;
END
$_$;


--
-- Name: FUNCTION _near(collection regclass, max_distance double precision, filter text, names text[], parts integer[]); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._near(collection regclass, max_distance double precision, filter text, names text[], parts integer[]) IS 'Pairs of rows at most max_distance apart, from the rows named or from all; by the index a pair may come from both sides';


--
-- Name: _nearest(regclass, open_analytic.collections, public.halfvec, integer, text, double precision, jsonb, open_analytic._plan, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._nearest(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text) RETURNS TABLE(image_name text, part integer, distance double precision)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "hnsw.iterative_scan" TO 'relaxed_order'
    SET "hnsw.ef_search" TO '40'
    SET "hnsw.max_scan_tuples" TO '1000000'
    SET "hnsw.scan_mem_multiplier" TO '16'
    SET enable_seqscan TO 'on'
    SET cursor_tuple_fraction TO '0'
    AS $_$
DECLARE
    near CONSTANT text := format('OPERATOR(public.%s)', CASE info.metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END);
    key CONSTANT text := CASE WHEN info.many THEN 'image_name, part' ELSE 'image_name, 0 AS part' END;
    walk record;
    walked integer := 0;
    took integer;
BEGIN
    IF plan.kind = 'index' THEN
        PERFORM set_config('hnsw.ef_search', plan.ef::text, true);
        IF filter IS NULL AND max_distance IS NULL AND after IS NULL AND NOT row_security_active(collection) THEN
            PERFORM set_config('enable_seqscan', 'off', true);
            RETURN QUERY EXECUTE format(
                'WITH n AS MATERIALIZED (SELECT %1$s, feature %2$s $1 AS distance FROM %3$s WHERE feature IS NOT NULL ORDER BY feature %2$s $1 LIMIT %4$s),'
                ' enough AS (SELECT count(*) > %5$s AND max(n.distance) > (SELECT o.distance FROM n AS o ORDER BY o.distance OFFSET %5$s - 1 LIMIT 1) AS yes FROM n)'
                ' SELECT n.image_name, n.part, n.distance FROM n, enough WHERE enough.yes ORDER BY n.distance + 0, n.image_name, n.part LIMIT %5$s',
                key, near, collection, 1 + CASE WHEN plan.tuples > plan.ef THEN ceil(plan.tuples)::bigint ELSE k END, k) USING half;
            GET DIAGNOSTICS took = ROW_COUNT;
            PERFORM set_config('enable_seqscan', 'on', true);
            IF took > 0 THEN
                PERFORM set_config('open_analytic.last_search', format('{"plan": "index", "walked": %s}', ceil(greatest(plan.tuples, k))), true);
                RETURN;
            END IF;
        END IF;
        walk := open_analytic._walk(collection, info, half, k, filter, max_distance, after, plan, path);
        IF walk.settled THEN
            PERFORM set_config('open_analytic.last_search', format('{"plan": "index", "walked": %s}', walk.walked), true);
            RETURN QUERY SELECT u.n, u.p, u.d FROM unnest(walk.names, walk.parts, walk.distances) AS u (n, p, d) ORDER BY u.d, u.n, u.p LIMIT k;
            RETURN;
        END IF;
        walked := walk.walked;
    END IF;
    PERFORM set_config('open_analytic.last_search', format('{"plan": %s, "walked": %s}', CASE WHEN plan.kind = 'index' THEN '"index, then exact"' ELSE '"exact"' END, coalesce(walked, 0)), true);
    -- Every row that matches is measured, by several processes where PostgreSQL finds it worth it. What is added to the distance
    -- keeps it from taking the index. No number (NaN) is beyond all others, so neither it nor the limit takes a place of the k.
    PERFORM set_config('search_path', path, true);
    RETURN QUERY EXECUTE pg_catalog.format(
        E'SELECT m.image_name, m.part, m.distance FROM (SELECT image_name, %1$s, (feature %2$s $1) OPERATOR(pg_catalog.+) 0::pg_catalog.float8 AS distance FROM %3$s'
        ' WHERE feature IS NOT NULL AND (\n%4$s\n) AND %5$s ORDER BY distance, image_name, part LIMIT %6$s) AS m'
        ' WHERE m.distance OPERATOR(pg_catalog.<>) ''NaN''::pg_catalog.float8 AND ($2 IS NULL OR m.distance OPERATOR(pg_catalog.<=) $2) ORDER BY m.distance, m.image_name, m.part',
        CASE WHEN info.many THEN 'part' ELSE '0 AS part' END, near, collection, coalesce(filter, 'true'),
        open_analytic._after(after, pg_catalog.format('(feature %s $1)', near), 'image_name', CASE WHEN info.many THEN 'part' ELSE '0' END), k) USING half, max_distance;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
END
$_$;


--
-- Name: FUNCTION _nearest(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._nearest(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text) IS 'Do what was planned';


--
-- Name: _needed(integer[], double precision[], double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._needed(ranks integer[], needed double precision[], rank double precision) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    FOR j IN 1 .. cardinality(ranks) LOOP
        IF ranks[j] >= rank THEN
            RETURN needed[j];
        END IF;
    END LOOP;
    RETURN NULL; -- nobody measured so far
END
$$;


--
-- Name: FUNCTION _needed(ranks integer[], needed double precision[], rank double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._needed(ranks integer[], needed double precision[], rank double precision) IS 'How many rows the index has to give so that the nearest so many are among them; NULL when no effort is enough';


--
-- Name: _no_python(text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._no_python(problem text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT open_analytic._error('MissingExtension', 'OA054', format('PostgreSQL''s own Python cannot import open_analytic: %s.', problem),
        'Put the folder that holds the package into open_analytic.settings as python_path; the server''s account must be able to read it.')
$$;


--
-- Name: FUNCTION _no_python(problem text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._no_python(problem text) IS 'The error of a server that does not find our Python code';


--
-- Name: _node(boolean); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._node(any_node boolean, OUT name text, OUT wire text, OUT token text, OUT timeout_ms integer, OUT wait_ms integer) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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


--
-- Name: FUNCTION _node(any_node boolean, OUT name text, OUT wire text, OUT token text, OUT timeout_ms integer, OUT wait_ms integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._node(any_node boolean, OUT name text, OUT wire text, OUT token text, OUT timeout_ms integer, OUT wait_ms integer) IS 'The node to ask over dblink: the first, or any';


--
-- Name: _own_columns(boolean); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._own_columns(many boolean) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT ARRAY['image_name', 'image_data', 'feature', 'image_sha256', 'pipeline_version', 'imported_at']
           || CASE WHEN many THEN ARRAY['part', 'box'] ELSE '{}' END
$$;


--
-- Name: FUNCTION _own_columns(many boolean); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._own_columns(many boolean) IS 'The columns every collection has';


--
-- Name: pipelines; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.pipelines (
    name text NOT NULL,
    version integer NOT NULL,
    input text NOT NULL,
    output text[] NOT NULL,
    dim integer,
    many boolean NOT NULL,
    hash text NOT NULL,
    definition json NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text DEFAULT CURRENT_USER NOT NULL,
    dropped_at timestamp with time zone,
    CONSTRAINT pipelines_dim_check CHECK ((dim > 0)),
    CONSTRAINT pipelines_hash_check CHECK ((hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT pipelines_name_check CHECK ((name <> ''::text)),
    CONSTRAINT pipelines_version_check CHECK ((version > 0))
);


--
-- Name: TABLE pipelines; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.pipelines IS 'Every version of every pipeline ever registered; rows are never deleted, so a version means one thing';


--
-- Name: COLUMN pipelines.many; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.pipelines.many IS 'Features are one a region (face), not one a picture';


--
-- Name: COLUMN pipelines.hash; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.pipelines.hash IS 'SHA-256 of the definition with the identities of its models';


--
-- Name: COLUMN pipelines.definition; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.pipelines.definition IS 'json, not jsonb: numbers keep their spelling, so that the hash can be made again';


--
-- Name: current_pipelines; Type: VIEW; Schema: open_analytic; Owner: -
--

CREATE VIEW open_analytic.current_pipelines AS
 SELECT DISTINCT ON (name) name,
    version,
    input,
    output,
    dim,
    created_at,
    hash,
    many,
    definition
   FROM open_analytic.pipelines
  WHERE (dropped_at IS NULL)
  ORDER BY name, version DESC;


--
-- Name: VIEW current_pipelines; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON VIEW open_analytic.current_pipelines IS 'The pipelines that can be run, each in its newest version';


--
-- Name: _pipeline(text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._pipeline(wanted text) RETURNS open_analytic.current_pipelines
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found open_analytic.current_pipelines;
BEGIN
    SELECT * INTO found FROM open_analytic.current_pipelines AS p WHERE p.name = wanted;
    IF found.name IS NULL THEN
        RAISE EXCEPTION 'No pipeline is registered as %.', quote_literal(wanted) USING ERRCODE = 'OA003',
            HINT = format('pipeline_create(%L) registers it. Registered: %s.', wanted,
                          coalesce((SELECT string_agg(p.name, ', ' ORDER BY p.name) FROM open_analytic.current_pipelines AS p), 'none'));
    END IF;
    RETURN found;
END
$$;


--
-- Name: FUNCTION _pipeline(wanted text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._pipeline(wanted text) IS 'The newest version under a name';


--
-- Name: _plan_search(regclass, open_analytic.collections, double precision, text, double precision, double precision, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._plan_search(collection regclass, info open_analytic.collections, k double precision, filter text, max_distance double precision, target double precision, path text) RETURNS open_analytic._plan
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    plan open_analytic._plan;
    unit_ms float8;
    distance_ms float8;
    indexed boolean;
    known record;
    explained json;
    cost float8;
    part float8;
    wanted float8;
BEGIN
    -- As PostgreSQL estimates it: as dense as when it was analysed; else as dense as such rows are.
    SELECT greatest(1, CASE WHEN t.relkind = 'p' THEN (SELECT sum(greatest(0, c.reltuples)) FROM pg_partition_tree(t.oid) AS p JOIN pg_class AS c ON c.oid = p.relid WHERE p.isleaf)
                            WHEN t.reltuples > 0 AND t.relpages > 0 THEN t.reltuples * greatest(1, pg_relation_size(t.oid) / 8192.0 / t.relpages)
                            ELSE pg_relation_size(t.oid) / (150 + CASE WHEN info.dim <= 3000 THEN 2 * info.dim ELSE 0 END) END),
           EXISTS (SELECT FROM open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric)))
    INTO plan.rows, indexed FROM pg_class AS t WHERE t.oid = collection;
    known := open_analytic._curve(info, target, plan);
    plan := known.plan_;
    unit_ms := known.unit_ms;
    distance_ms := known.distance_ms;
    plan.matches := plan.rows;
    cost := plan.rows * 0.15;
    IF filter IS NOT NULL THEN
        explained := open_analytic._explained(collection, filter, path);
        cost := explained #>> '{0,Plan,Total Cost}';
        plan.estimated := explained #>> '{0,Plan,Plan Rows}';
        plan.matches := least(plan.rows, greatest(1, plan.estimated));
    END IF;
    plan.exact_ms := cost * unit_ms + plan.matches * distance_ms;
    plan.kind := 'exact';
    plan.why := CASE WHEN NOT indexed THEN 'no index' WHEN target >= 1 THEN 'exact wanted' WHEN k <= 0 THEN 'nothing wanted' END;
    IF plan.calibrated_at IS NULL AND plan.why IS NULL AND plan.rows * info.dim <= 20000000 THEN
        plan.why := 'small';
    END IF;
    IF plan.why IS NOT NULL THEN
        RETURN plan;
    END IF;
    wanted := least(k, plan.rows);
    IF max_distance IS NOT NULL THEN
        wanted := least(wanted, 10); -- how many are so near is seen on the way
    END IF;
    plan.tuples := open_analytic._needed(plan.ranks, plan.needed, wanted);
    IF plan.tuples IS NULL THEN
        plan.why := 'out of reach';
        RETURN plan;
    END IF;
    plan.ef := least(1000, greatest(40, plan.tuples));
    plan.try_ms := open_analytic._ms(plan.efforts, plan.all_ms, greatest(plan.ef, plan.tuples));
    IF filter IS NOT NULL THEN
        -- Where a misjudged filter would mean the other plan, some rows are asked.
        IF open_analytic._index_ms(plan, wanted, plan.matches / 5) > plan.exact_ms AND open_analytic._index_ms(plan, wanted, least(plan.rows, plan.matches * 5)) < plan.exact_ms
           OR plan.exact_ms > 5 * plan.try_ms AND open_analytic._index_ms(plan, wanted, plan.matches / 5) > plan.exact_ms THEN
            part := open_analytic._sample(collection, filter, path);
            plan.sampled := part * plan.rows;
            IF part > 0.01 THEN -- fewer say less than statistics
                plan.exact_ms := plan.exact_ms + (plan.sampled - plan.matches) * distance_ms;
                plan.matches := greatest(1, plan.sampled);
            END IF;
        END IF;
    END IF;
    plan.tuples := open_analytic._needed(plan.ranks, plan.needed, wanted * plan.rows / plan.matches);
    plan.index_ms := CASE WHEN filter IS NULL AND max_distance IS NULL AND plan.tuples <= 1000 -- only the hits are taken from the index then
                          THEN open_analytic._ms(plan.efforts, plan.first_ms, plan.ef) ELSE open_analytic._index_ms(plan, wanted, plan.matches) END;
    IF plan.index_ms <= plan.exact_ms THEN
        plan.kind := 'index';
        plan.why := 'cheaper';
    ELSIF filter IS NOT NULL AND plan.try_ms <= 0.08 * plan.exact_ms THEN
        plan.kind := 'index';
        plan.why := 'tried'; -- what the filter keeps may be near the query: a look costs little
    ELSE
        plan.why := CASE WHEN plan.index_ms = 'Infinity' THEN 'out of reach' ELSE 'cheaper' END;
    END IF;
    RETURN plan;
END
$$;


--
-- Name: FUNCTION _plan_search(collection regclass, info open_analytic.collections, k double precision, filter text, max_distance double precision, target double precision, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._plan_search(collection regclass, info open_analytic.collections, k double precision, filter text, max_distance double precision, target double precision, path text) IS 'Whether to walk the index, and how far, or to measure every row that matches';


--
-- Name: _raise(jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._raise(error jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF error ->> 'hint' IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = error ->> 'sqlstate', MESSAGE = error ->> 'message';
    END IF;
    RAISE EXCEPTION USING ERRCODE = error ->> 'sqlstate', MESSAGE = error ->> 'message', HINT = error ->> 'hint';
END
$$;


--
-- Name: FUNCTION _raise(error jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._raise(error jsonb) IS 'Raise an error as JSON tells it';


--
-- Name: distance_rates; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.distance_rates (
    pipeline text NOT NULL,
    version integer NOT NULL,
    metric text NOT NULL,
    same_pairs integer NOT NULL,
    different_pairs integer NOT NULL,
    source text NOT NULL,
    measured_at timestamp with time zone DEFAULT now() NOT NULL,
    rates jsonb NOT NULL,
    created_by text DEFAULT CURRENT_USER NOT NULL,
    CONSTRAINT distance_rates_different_pairs_check CHECK ((different_pairs > 0)),
    CONSTRAINT distance_rates_metric_check CHECK ((metric = ANY (ARRAY['l2'::text, 'cosine'::text, 'ip'::text]))),
    CONSTRAINT distance_rates_rates_check CHECK ((jsonb_typeof(rates) = 'array'::text)),
    CONSTRAINT distance_rates_same_pairs_check CHECK ((same_pairs > 0))
);


--
-- Name: TABLE distance_rates; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.distance_rates IS 'Measured on pairs of your own; what is here goes before what came with open_analytic';


--
-- Name: COLUMN distance_rates.rates; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.distance_rates.rates IS 'A list of objects as current_rates has rows';


--
-- Name: preset_rates; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.preset_rates (
    hash text NOT NULL,
    metric text NOT NULL,
    same_pairs integer NOT NULL,
    different_pairs integer NOT NULL,
    source text NOT NULL,
    measured_at timestamp with time zone NOT NULL,
    rates jsonb NOT NULL,
    CONSTRAINT preset_rates_different_pairs_check CHECK ((different_pairs > 0)),
    CONSTRAINT preset_rates_hash_check CHECK ((hash ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT preset_rates_metric_check CHECK ((metric = ANY (ARRAY['l2'::text, 'cosine'::text, 'ip'::text]))),
    CONSTRAINT preset_rates_rates_check CHECK ((jsonb_typeof(rates) = 'array'::text)),
    CONSTRAINT preset_rates_same_pairs_check CHECK ((same_pairs > 0))
);


--
-- Name: TABLE preset_rates; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.preset_rates IS 'Came with open_analytic (pipelines/*.rates.json); a pipeline is known by its hash';


--
-- Name: current_rates; Type: VIEW; Schema: open_analytic; Owner: -
--

CREATE VIEW open_analytic.current_rates AS
 SELECT p.name AS pipeline,
    p.version,
    t.metric,
    r.false_accept_rate,
    r.distance,
    r.true_accept_rate,
    r.false_accepts,
    r.upper_bound,
    t.same_pairs,
    t.different_pairs,
    t.source,
    t.measured_at,
    p.hash
   FROM ((open_analytic.current_pipelines p
     CROSS JOIN LATERAL ( SELECT DISTINCT ON (either.metric) either.place,
            either.metric,
            either.same_pairs,
            either.different_pairs,
            either.source,
            either.measured_at,
            either.rates
           FROM ( SELECT 1 AS place,
                    d.metric,
                    d.same_pairs,
                    d.different_pairs,
                    d.source,
                    d.measured_at,
                    d.rates
                   FROM open_analytic.distance_rates d
                  WHERE ((d.pipeline = p.name) AND (d.version = p.version))
                UNION ALL
                 SELECT 2,
                    s.metric,
                    s.same_pairs,
                    s.different_pairs,
                    s.source,
                    s.measured_at,
                    s.rates
                   FROM open_analytic.preset_rates s
                  WHERE (s.hash = p.hash)) either
          ORDER BY either.metric, either.place) t)
     CROSS JOIN LATERAL jsonb_to_recordset(t.rates) r(false_accept_rate double precision, distance double precision, true_accept_rate double precision, false_accepts integer, upper_bound double precision));


--
-- Name: VIEW current_rates; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON VIEW open_analytic.current_rates IS 'Distance -> false accept rate of each pipeline''s newest version: below the distance two inputs are taken for the same';


--
-- Name: _rate(text, double precision, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._rate(pipeline text, wanted double precision, metric text) RETURNS open_analytic.current_rates
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    found open_analytic.current_rates;
    known text;
BEGIN
    IF wanted IS NULL OR NOT (wanted > 0 AND wanted < 1) THEN
        RAISE EXCEPTION 'false_accept_rate is %.', coalesce(wanted::text, 'NULL') USING ERRCODE = 'OA019',
            HINT = 'Give the share of different pairs that may be taken for the same, such as 0.01.';
    END IF;
    IF metric IS NULL OR metric NOT IN ('l2', 'cosine', 'ip') THEN
        RAISE EXCEPTION 'There is no metric %.', coalesce(quote_literal(metric), 'NULL') USING ERRCODE = 'OA019', HINT = 'Choose of: l2, cosine, ip.';
    END IF;
    PERFORM open_analytic._pipeline(_rate.pipeline);
    -- The largest rate that is not above the one asked for.
    SELECT * INTO found FROM open_analytic.current_rates AS r
    WHERE r.pipeline = _rate.pipeline AND r.metric = _rate.metric AND r.false_accept_rate <= wanted
    ORDER BY r.false_accept_rate DESC LIMIT 1;
    IF found.pipeline IS NOT NULL THEN
        RETURN found;
    END IF;
    SELECT string_agg(r.false_accept_rate::text, ', ' ORDER BY r.false_accept_rate DESC), max(r.different_pairs) AS different_pairs
    INTO known, found.different_pairs
    FROM open_analytic.current_rates AS r WHERE r.pipeline = _rate.pipeline AND r.metric = _rate.metric;
    IF known IS NULL THEN
        RAISE EXCEPTION 'No distances of pipeline % were measured on labelled pairs, with the metric %.', quote_literal(_rate.pipeline), _rate.metric
            USING ERRCODE = 'OA009', HINT = format('Measure it on pairs of yours: `open-analytic pipeline calibrate %s --pairs FILE`.', _rate.pipeline);
    END IF;
    RAISE EXCEPTION 'A false accept rate of % cannot be told from the % different pairs that pipeline % was measured on.', wanted, found.different_pairs, quote_literal(_rate.pipeline)
        USING ERRCODE = 'OA019', HINT = format('There are: %s. A rate of 1 in n needs n different pairs; `open-analytic pipeline calibrate` takes more of them.', known);
END
$$;


--
-- Name: FUNCTION _rate(pipeline text, wanted double precision, metric text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._rate(pipeline text, wanted double precision, metric text) IS 'The line of a pipeline''s table that a false accept rate is decided by, or why there is none';


--
-- Name: _reason(open_analytic._plan, integer, double precision, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._reason(plan open_analytic._plan, k integer, target double precision, done jsonb) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT CASE plan.why
        WHEN 'no index' THEN 'Every row that matches is measured, since the collection has no index that can be used.'
        WHEN 'exact wanted' THEN 'Every row that matches is measured, since a recall of 1 was asked for.'
        WHEN 'nothing wanted' THEN 'Nothing is looked for, since k is 0.'
        WHEN 'small' THEN format('Every row that matches is measured: with about %s rows that is quick, and the index was never calibrated.', open_analytic._few(plan.rows))
        WHEN 'out of reach' THEN format('Every row that matches is measured (about %s ms), since the index does not reach a recall of %s so far out, whatever the effort.', open_analytic._few(plan.exact_ms), target)
        WHEN 'tried' THEN format('The index is tried first: should the about %s rows that match be near the query it takes %s ms instead of %s ms for measuring them; if not, little is lost.',
            open_analytic._few(plan.matches), open_analytic._few(plan.try_ms), open_analytic._few(plan.exact_ms))
        ELSE format('%s of about %s rows match; for a recall of %s the index has to give about %s of its rows, which takes %s ms, and measuring every match takes %s ms: %s.',
            CASE WHEN plan.estimated IS NULL THEN 'All' ELSE 'About ' || open_analytic._few(plan.matches) END, open_analytic._few(plan.rows), target, open_analytic._few(plan.tuples),
            open_analytic._few(plan.index_ms), open_analytic._few(plan.exact_ms), CASE plan.kind WHEN 'index' THEN 'the index is walked' ELSE 'every match is measured' END)
        END || CASE WHEN done ->> 'plan' = 'index, then exact' THEN format(' After %s rows of the index too few had matched, so every match was measured.', open_analytic._few((done ->> 'walked')::float8)) ELSE '' END
$$;


--
-- Name: FUNCTION _reason(plan open_analytic._plan, k integer, target double precision, done jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._reason(plan open_analytic._plan, k integer, target double precision, done jsonb) IS 'Why a search is done as it is, in a sentence';


--
-- Name: _recalls(double precision[], double precision[], integer[], integer[]); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._recalls(walked double precision[], exact double precision[], efforts integer[], ranks integer[]) RETURNS double precision[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    -- How many of an effort's rows are as near as the true neighbour at a rank; equal ones count as found. What a filter keeps
    -- may all be among the last of them, which are lost the most: so the part that was found since the rank before counts too.
    SELECT array_agg(e.parts ORDER BY e.effort) FROM (
        SELECT p.effort, array_agg(least(1, p.found / p.rank, greatest(0, p.found - p.found_before) / (p.rank - p.rank_before)) ORDER BY p.rank) AS parts
        FROM (SELECT n.effort, n.rank, n.found, lag(n.rank, 1, 0) OVER w AS rank_before, lag(n.found, 1, 0) OVER w AS found_before
              FROM (SELECT f.effort, r.rank, (SELECT least(r.rank, count(*))::float8 FROM unnest(walked[:f.effort]) AS t (d) WHERE t.d <= exact[r.rank]) AS found
                    FROM unnest(efforts) AS f (effort) CROSS JOIN unnest(ranks) AS r (rank)) AS n
              WINDOW w AS (PARTITION BY n.effort ORDER BY n.rank)) AS p
        GROUP BY p.effort) AS e
$$;


--
-- Name: FUNCTION _recalls(walked double precision[], exact double precision[], efforts integer[], ranks integer[]); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._recalls(walked double precision[], exact double precision[], efforts integer[], ranks integer[]) IS 'Which part of the true neighbours an effort found, by effort and rank';


--
-- Name: _record_audit(regclass, text, integer, boolean, double precision, double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._record_audit(collection regclass, plan text, k integer, filtered boolean, target_recall double precision, recall double precision) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    -- Whoever may search may say how well it went, of what he may read, and nothing else.
    IF NOT has_table_privilege(session_user, collection, 'SELECT') THEN
        RAISE insufficient_privilege USING MESSAGE = format('permission denied for table %s', collection);
    END IF;
    DELETE FROM open_analytic.search_audits AS a
    WHERE a.schema_name = info.schema_name AND a.table_name = info.table_name
      AND a.at < greatest(now() - interval '30 days', (SELECT o.at FROM open_analytic.search_audits AS o
                          WHERE o.schema_name = info.schema_name AND o.table_name = info.table_name ORDER BY o.at DESC OFFSET 9999 LIMIT 1));
    INSERT INTO open_analytic.search_audits (schema_name, table_name, plan, k, filtered, target_recall, recall)
    VALUES (info.schema_name, info.table_name, left(plan, 40), k, filtered, target_recall, recall);
END
$$;


--
-- Name: FUNCTION _record_audit(collection regclass, plan text, k integer, filtered boolean, target_recall double precision, recall double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._record_audit(collection regclass, plan text, k integer, filtered boolean, target_recall double precision, recall double precision) IS 'Keep what came of a search that was done again exactly';


--
-- Name: _register_pipeline(text, text, text[], integer, boolean, text, json); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._register_pipeline(name text, input text, output text[], dim integer, many boolean, hash text, definition json) RETURNS open_analytic.pipelines
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    newest open_analytic.pipelines;
BEGIN
    SELECT * INTO newest FROM open_analytic.pipelines AS p WHERE p.name = _register_pipeline.name ORDER BY p.version DESC LIMIT 1;
    IF newest.hash = _register_pipeline.hash AND newest.dropped_at IS NULL THEN
        RETURN newest;
    END IF;
    -- Two who register one pipeline at once get one version.
    PERFORM pg_advisory_xact_lock(hashtextextended('open_analytic.pipelines ' || _register_pipeline.name, 0));
    SELECT * INTO newest FROM open_analytic.pipelines AS p WHERE p.name = _register_pipeline.name ORDER BY p.version DESC LIMIT 1;
    IF newest.hash = _register_pipeline.hash THEN
        IF newest.dropped_at IS NOT NULL THEN
            UPDATE open_analytic.pipelines AS p SET dropped_at = NULL WHERE p.name = newest.name AND p.version = newest.version RETURNING * INTO newest;
        END IF;
        RETURN newest;
    END IF;
    INSERT INTO open_analytic.pipelines (name, version, input, output, dim, many, hash, definition)
    VALUES (_register_pipeline.name, coalesce(newest.version, 0) + 1, _register_pipeline.input, _register_pipeline.output,
            _register_pipeline.dim, _register_pipeline.many, _register_pipeline.hash, _register_pipeline.definition)
    RETURNING * INTO newest;
    RETURN newest;
END
$$;


--
-- Name: FUNCTION _register_pipeline(name text, input text, output text[], dim integer, many boolean, hash text, definition json); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._register_pipeline(name text, input text, output text[], dim integer, many boolean, hash text, definition json) IS 'The pipeline in the catalogue: the newest version when it says the same, else a new one';


--
-- Name: _request(text, text, text, text, text, bytea[], boolean); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._request(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean) RETURNS TABLE(output text, error text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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


--
-- Name: FUNCTION _request(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._request(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean) IS 'Ask the inference service: a row for each input, or one with the error of them all';


--
-- Name: _run_one(text, text, bytea, jsonb, boolean); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._run_one(operation text, name text, input bytea, parameters jsonb, any_node boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    found record;
    answer record;
BEGIN
    -- What _pipeline, _max_bytes and _run_single do, in fewer steps: this is the way of every single call.
    SELECT p.hash, p.definition::text AS definition, coalesce((SELECT s.value::bigint FROM open_analytic.settings AS s WHERE s.name = 'max_bytes'), 50000000) AS most
    INTO found
    FROM open_analytic.pipelines AS p WHERE p.name = _run_one.name AND p.dropped_at IS NULL ORDER BY p.version DESC LIMIT 1;
    IF found.hash IS NULL THEN
        PERFORM open_analytic._pipeline(_run_one.name); -- says what there is
    ELSIF octet_length(input) > found.most THEN
        PERFORM open_analytic._raise(open_analytic._too_large(octet_length(input), found.most)::jsonb);
    END IF;
    SELECT r.output, r.error INTO answer
    FROM open_analytic._request(operation, _run_one.name, found.hash, found.definition, parameters::text, ARRAY[input], any_node) AS r;
    IF answer.error IS NOT NULL THEN
        PERFORM open_analytic._raise(answer.error::jsonb);
    END IF;
    RETURN answer.output;
END
$$;


--
-- Name: FUNCTION _run_one(operation text, name text, input bytea, parameters jsonb, any_node boolean); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._run_one(operation text, name text, input bytea, parameters jsonb, any_node boolean) IS 'Run the newest version of a pipeline on one input, or raise its error';


--
-- Name: _run_plan(text, text, text, text, text, bytea[], boolean); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._run_plan(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean) RETURNS TABLE(output text, error text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
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
    -- In parts, so that no message to the service grows without bound. What is not sent at all ends a part.
    FOREACH input IN ARRAY inputs LOOP
        number := number + 1;
        size := octet_length(input);
        IF size <= most THEN
            part := part || input;
            part_size := part_size + size;
        END IF;
        IF part <> '{}' AND (number = cardinality(inputs) OR coalesce(size > most, true) OR cardinality(part) = 64 OR part_size > 32000000) THEN
            SELECT array_agg(r.output), array_agg(r.error) INTO outputs, errors
            FROM open_analytic._request(operation, name, hash, definition, parameters, part, any_node) AS r;
            -- Of a single input, what is not the picture's fault, or the model's with it, is the whole call's.
            IF cardinality(errors) <> cardinality(part)
               OR (cardinality(part) = 1 AND errors[1]::jsonb ->> 'sqlstate' NOT IN ('OA011', 'OA012', 'OA013', 'OA014', 'OA045')) THEN
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


--
-- Name: FUNCTION _run_plan(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._run_plan(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean) IS 'Run a definition on inputs: a row for each, in order; both NULL for a NULL';


--
-- Name: _run_single(text, text, text, text, text, bytea, boolean); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._run_single(operation text, name text, hash text, definition text, parameters text, input bytea, any_node boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    most CONSTANT bigint := open_analytic._max_bytes();
    answer record;
BEGIN
    IF octet_length(input) > most THEN
        PERFORM open_analytic._raise(open_analytic._too_large(octet_length(input), most)::jsonb);
    END IF;
    SELECT r.output, r.error INTO answer
    FROM open_analytic._request(operation, name, hash, definition, parameters, ARRAY[input], any_node) AS r;
    IF answer.error IS NOT NULL THEN
        PERFORM open_analytic._raise(answer.error::jsonb);
    END IF;
    RETURN answer.output;
END
$$;


--
-- Name: FUNCTION _run_single(operation text, name text, hash text, definition text, parameters text, input bytea, any_node boolean); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._run_single(operation text, name text, hash text, definition text, parameters text, input bytea, any_node boolean) IS 'Run a definition on one input, or raise its error: fewer copies of the input than _run_plan makes';


--
-- Name: _sample(regclass, text, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._sample(collection regclass, filter text, path text) RETURNS double precision
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    pages integer;
    most integer;
    share float8;
BEGIN
    SELECT t.relpages, ceil(t.reltuples / t.relpages) INTO pages, most FROM pg_class AS t WHERE t.oid = collection AND t.relpages > 0 AND t.reltuples > 0;
    IF pages IS NULL THEN
        RETURN NULL;
    END IF;
    -- The filter is read with its caller's search_path: everything else is qualified.
    PERFORM set_config('search_path', path, true);
    EXECUTE pg_catalog.format(E'SELECT pg_catalog.avg(CASE WHEN (\n%s\n) THEN 1.0 ELSE 0.0 END) FROM %s WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY('
        'SELECT pg_catalog.format(''(%%s,%%s)'', pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) %s)::pg_catalog.int8, 1 OPERATOR(pg_catalog.+) pg_catalog.floor(pg_catalog.random() OPERATOR(pg_catalog.*) %s)::pg_catalog.int8)::pg_catalog.tid'
        ' FROM pg_catalog.generate_series(1, 200)))', filter, collection, pages, most) INTO share;
    RETURN share;
END
$$;


--
-- Name: FUNCTION _sample(collection regclass, filter text, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._sample(collection regclass, filter text, path text) IS 'The part of two hundred rows, chosen at random, that meets a filter';


--
-- Name: _schema_of(text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._schema_of(extension text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;


--
-- Name: FUNCTION _schema_of(extension text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._schema_of(extension text) IS 'The schema an extension was installed into, to be written into a body';


--
-- Name: _search(regclass, public.vector, integer, text, double precision, double precision, jsonb, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb, path text) RETURNS TABLE(image_name text, part integer, distance double precision)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'auto'
    AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    half public.halfvec;
    plan open_analytic._plan;
    most integer := coalesce(k, 2147483647);
BEGIN
    IF query IS NULL THEN
        RETURN;
    END IF;
    PERFORM open_analytic._check_search(k, max_distance, target_recall, after);
    PERFORM open_analytic._check_table(collection);
    half := open_analytic._half(info, query);
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter, path);
    END IF;
    plan := open_analytic._plan_search(collection, info, most, filter, max_distance, target_recall, coalesce(path, 'pg_catalog, pg_temp'));
    RETURN QUERY SELECT * FROM open_analytic._nearest(collection, info, half, most, filter, max_distance, after, plan, coalesce(path, 'pg_catalog, pg_temp'));
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported OR read_only_sql_transaction OR active_sql_transaction THEN
        IF filter IS NULL THEN
            RAISE;
        END IF;
        PERFORM open_analytic._blame_filter(collection, info, SQLERRM, path);
END
$$;


--
-- Name: FUNCTION _search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb, path text) IS 'The nearest rows, by name and part; what every search is made of';


--
-- Name: _shown(text, oid); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._shown(name text, type oid) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    base oid := type;
BEGIN
    LOOP
        SELECT t.typbasetype INTO type FROM pg_type AS t WHERE t.oid = base AND t.typtype = 'd';
        EXIT WHEN NOT FOUND;
        base := type;
    END LOOP;
    IF EXISTS (SELECT FROM pg_type AS t WHERE t.oid = base AND t.typnamespace = 'pg_catalog'::regnamespace)
       OR EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_type'::regclass AND d.objid = base AND d.deptype = 'e') THEN
        RETURN format('t.%I', name);
    END IF;
    -- A cast to json of somebody's own would be called, with the rights of who searches; format calls none.
    RETURN format('CASE WHEN num_nonnulls(t.%1$I) = 1 THEN format(''%%s'', t.%1$I) END AS %1$I', name);
END
$_$;


--
-- Name: FUNCTION _shown(name text, type oid); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._shown(name text, type oid) IS 'A column as a part of row';


--
-- Name: _split(text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._split(name text, OUT schema_name text, OUT table_name text) RETURNS record
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    parts text[] := string_to_array(name, '.');
BEGIN
    IF cardinality(parts) = 1 THEN
        parts := ARRAY['public'] || parts;
    END IF;
    IF cardinality(parts) <> 2 OR EXISTS (SELECT FROM unnest(parts) AS part WHERE octet_length(part) NOT BETWEEN 1 AND 63) THEN
        RAISE EXCEPTION '% cannot be a collection''s name.', quote_literal(name) USING ERRCODE = 'OA017',
            HINT = 'Use table or schema.table, each of 1 to 63 bytes, without further dots.';
    END IF;
    schema_name := parts[1];
    table_name := parts[2];
END
$$;


--
-- Name: FUNCTION _split(name text, OUT schema_name text, OUT table_name text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._split(name text, OUT schema_name text, OUT table_name text) IS 'Schema and table of a collection''s name: "table" is in public, "schema.table" says where';


--
-- Name: _told(open_analytic._plan, integer, double precision, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._told(plan open_analytic._plan, k integer, target double precision, done jsonb) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT jsonb_build_object(
        'plan', plan.kind, 'reason', open_analytic._reason(plan, k, target, done), 'k', k, 'target_recall', target,
        'rows', round(plan.rows), 'matches', jsonb_build_object('estimated', round(plan.estimated), 'sampled', round(plan.sampled), 'used', round(plan.matches)),
        'settings', CASE WHEN plan.kind = 'index' THEN jsonb_build_object('hnsw.ef_search', plan.ef, 'hnsw.iterative_scan', 'relaxed_order') ELSE '{}' END,
        'alternatives', jsonb_build_array(
            jsonb_build_object('plan', 'exact', 'ms', round(plan.exact_ms::numeric, 2), 'recall', 1),
            jsonb_build_object('plan', 'index', 'ms', CASE WHEN plan.index_ms < 'Infinity' THEN round(plan.index_ms::numeric, 2) END, 'walked', ceil(plan.tuples), 'recall', CASE WHEN plan.tuples IS NOT NULL THEN round(plan.goal::numeric, 4) END)),
        'calibrated_at', plan.calibrated_at, 'done', done)
$$;


--
-- Name: FUNCTION _told(plan open_analytic._plan, k integer, target double precision, done jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._told(plan open_analytic._plan, k integer, target double precision, done jsonb) IS 'A plan, and what came of it, in JSON';


--
-- Name: _too_large(bigint, bigint); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._too_large(size bigint, most bigint) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT open_analytic._error('ImageTooLarge', 'OA013', format('The input has %s bytes; at most %s are sent to the service.', size, most),
        'Use a smaller picture, or let the owner raise max_bytes in open_analytic.settings.')
$$;


--
-- Name: FUNCTION _too_large(size bigint, most bigint); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._too_large(size bigint, most bigint) IS 'The error of an input that is too large to be sent';


--
-- Name: _type(text, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._type(type text, path text) RETURNS regtype
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM set_config('search_path', path, true);
    RETURN pg_catalog.to_regtype(type);
END
$$;


--
-- Name: FUNCTION _type(type text, path text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._type(type text, path text) IS 'What a type''s text means under a search_path; nothing but a type is read';


--
-- Name: _unavailable(text, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._unavailable(node text, detail text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT open_analytic._error('ServiceUnavailable', 'OA071',
        format('The inference service (node %s) cannot be reached: %s.', node, trim(trailing '.' FROM split_part(detail, E'\n', 1))),
        'Start it with `open-analytic serve`; `open-analytic doctor` says more.')
$$;


--
-- Name: FUNCTION _unavailable(node text, detail text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._unavailable(node text, detail text) IS 'The error of a service that is not there';


--
-- Name: _version(text, integer); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._version(pipeline text, version integer) RETURNS integer
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    newest integer := (SELECT max(p.version) FROM open_analytic.pipelines AS p WHERE p.name = pipeline);
BEGIN
    IF newest > version THEN
        RAISE EXCEPTION 'Pipeline % has version % now, and this collection holds features of version %.', quote_literal(pipeline), newest, version USING ERRCODE = 'OA033',
            HINT = format('Of which is this feature? embed_for(collection, input) gives those of version %1$s; say so in the INSERT: pipeline_version = %1$s.', version);
    END IF;
    RETURN version;
END
$_$;


--
-- Name: FUNCTION _version(pipeline text, version integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._version(pipeline text, version integer) IS 'The version of a feature that an INSERT says nothing of: there is no doubt while the pipeline has no newer one';


--
-- Name: _walk(regclass, open_analytic.collections, public.halfvec, integer, text, double precision, jsonb, open_analytic._plan, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic._walk(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text, OUT settled boolean, OUT names text[], OUT parts integer[], OUT distances double precision[], OUT walked integer) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    near CONSTANT text := pg_catalog.format('OPERATOR(public.%s)', CASE info.metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END);
    walk refcursor;
    name text;
    part integer;
    distance float8;
    fits boolean;
    beyond boolean;
    place bigint;
    hits integer := 0;
    rate float8;
    enough float8;
    ahead float8;
    spent float8;
    last float8; -- of the first k that fit
BEGIN
    -- A cursor is planned for its first row (cursor_tuple_fraction), so the index is walked, and no further than rows are taken. Those that do not
    -- meet the filter are counted too: the place among all rows tells how sure it is that no nearer one was passed by.
    -- The path is the filter's from here on. Whoever may create functions there could give operators for pairs of types that PostgreSQL
    -- has none for: so both sides of each have one type.
    PERFORM set_config('search_path', path, true);
    OPEN walk FOR EXECUTE pg_catalog.format(
        E'SELECT w.image_name, w.part, w.distance, w.fits, w.beyond, w.place FROM ('
        'SELECT s.*, s.meets AND NOT s.beyond AND %6$s AS fits, pg_catalog.row_number() OVER () AS place FROM ('
        'SELECT *, coalesce(distance OPERATOR(pg_catalog.>) $2, false) AS beyond FROM ('
        'SELECT image_name, %1$s AS part, feature %2$s $1 AS distance, (\n%4$s\n) IS TRUE AS meets FROM %3$s WHERE feature IS NOT NULL ORDER BY feature %2$s $1'
        ') AS i) AS s) AS w WHERE w.fits OR w.beyond OR w.place OPERATOR(pg_catalog.%%) %5$s OPERATOR(pg_catalog.=) 0',
        CASE WHEN info.many THEN 'part' ELSE '0' END, near, collection, coalesce(filter, 'true'), 64, open_analytic._after(after, 's.distance', 's.image_name', 's.part'))
        USING half, max_distance;
    settled := false;
    LOOP
        FETCH walk INTO name, part, distance, fits, beyond, place;
        EXIT WHEN NOT FOUND;
        walked := place;
        IF fits THEN
            hits := hits + 1;
            IF hits <= k THEN
                last := greatest(last, distance);
            END IF;
            names := pg_catalog.array_append(names, name);
            parts := pg_catalog.array_append(parts, part);
            distances := pg_catalog.array_append(distances, distance);
        END IF;
        IF enough IS NULL AND (beyond OR hits >= k) THEN
            enough := open_analytic._needed(plan.ranks, plan.needed, place::float8);
            EXIT WHEN enough IS NULL;
        END IF;
        -- The index gives its rows in batches of ef: all of a batch have been looked at. It goes on to one that is further off, so that of
        -- rows equally near the first by name are there, and the next page begins after them.
        IF (beyond OR distance > last) AND enough <= pg_catalog.ceil(place::float8 / plan.ef::float8) * plan.ef::float8 THEN
            settled := true;
            EXIT;
        END IF;
        IF place % 64::int8 = 0::int8 THEN
            -- What is known of the filter by now, together with what was estimated, says how far it still is.
            rate := (hits + 2)::float8 / (place::float8 + 2::float8 * plan.rows / plan.matches);
            ahead := open_analytic._ms(plan.efforts, plan.all_ms, coalesce(enough, open_analytic._needed(plan.ranks, plan.needed, k::float8 / rate), 1.2::float8 * k::float8 / rate));
            spent := open_analytic._ms(plan.efforts, plan.all_ms, place::float8);
            -- With a limit of distance it cannot be foreseen: then what was spent decides.
            EXIT WHEN spent > 1.5::float8 * plan.exact_ms OR (ahead > greatest(plan.exact_ms, CASE WHEN plan.why <> 'tried' THEN plan.index_ms END)
                       OR spent > 0.1::float8 * plan.exact_ms AND ahead > greatest(plan.exact_ms / 2::float8, CASE WHEN plan.why <> 'tried' THEN 1.5::float8 * plan.index_ms END))
                AND (max_distance IS NULL OR spent > 0.1::float8 * plan.exact_ms);
        END IF;
    END LOOP;
    CLOSE walk;
END
$_$;


--
-- Name: FUNCTION _walk(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text, OUT settled boolean, OUT names text[], OUT parts integer[], OUT distances double precision[], OUT walked integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic._walk(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text, OUT settled boolean, OUT names text[], OUT parts integer[], OUT distances double precision[], OUT walked integer) IS 'Rows of the index until the nearest k that fit are among them at the recall of the plan; not settled when measuring all is cheaper';


--
-- Name: calibrations; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.calibrations (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    measured_at timestamp with time zone DEFAULT now() NOT NULL,
    rows double precision NOT NULL,
    queries integer NOT NULL,
    scan_cost double precision NOT NULL,
    scan_ms double precision NOT NULL,
    exact_ms double precision NOT NULL,
    efforts integer[] NOT NULL,
    first_ms double precision[] NOT NULL,
    all_ms double precision[] NOT NULL,
    ranks integer[] NOT NULL,
    recalls double precision[] NOT NULL,
    CONSTRAINT calibrations_rows_check CHECK ((rows > (0)::double precision)),
    CONSTRAINT calibrations_scan_cost_check CHECK ((scan_cost > (0)::double precision))
);


--
-- Name: TABLE calibrations; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.calibrations IS 'What searches of a collection cost and find, as open_analytic.calibrate measured it';


--
-- Name: COLUMN calibrations.scan_cost; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.calibrations.scan_cost IS 'What PostgreSQL''s planner says that a look at every row costs';


--
-- Name: COLUMN calibrations.scan_ms; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.calibrations.scan_ms IS 'How long that look takes';


--
-- Name: COLUMN calibrations.exact_ms; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.calibrations.exact_ms IS 'How long it takes to measure every row';


--
-- Name: COLUMN calibrations.efforts; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.calibrations.efforts IS 'Rows taken from the index, the nearest first, more or less';


--
-- Name: COLUMN calibrations.first_ms; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.calibrations.first_ms IS 'How long the ten nearest take at each effort';


--
-- Name: COLUMN calibrations.all_ms; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.calibrations.all_ms IS 'How long all rows of each effort take';


--
-- Name: COLUMN calibrations.recalls; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.calibrations.recalls IS 'For each effort and each of ranks: which part of so many true neighbours was among the rows, or of those since the rank before when that was less';


--
-- Name: calibrate(regclass, integer, double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.calibrate(collection regclass, queries integer DEFAULT 200, seconds double precision DEFAULT 60) RETURNS open_analytic.calibrations
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "hnsw.iterative_scan" TO 'relaxed_order'
    SET "hnsw.ef_search" TO '40'
    SET "hnsw.max_scan_tuples" TO '1000000'
    SET "hnsw.scan_mem_multiplier" TO '16'
    SET enable_seqscan TO 'on'
    AS $_$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    near CONSTANT text := format('OPERATOR(public.%s)', CASE info.metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END);
    part CONSTANT text := CASE WHEN info.many THEN 'part' ELSE '0 AS part' END;
    begun CONSTANT timestamptz := clock_timestamp();
    made open_analytic.calibrations;
    probes public.halfvec[];
    names text[];
    parts integer[];
    explained json;
    at timestamptz;
    walked float8[];
    exact float8[];
    exact_ms float8[];
    ms float8[];
    firsts float8[];
    done integer := 0;
    sums float8[];
    once float8[];
BEGIN
    PERFORM open_analytic._check_table(collection);
    IF queries IS NULL OR queries NOT BETWEEN 1 AND 10000 OR seconds IS NULL OR NOT seconds > 0 THEN
        RAISE EXCEPTION 'A calibration cannot have % queries in % seconds.', queries, seconds USING ERRCODE = 'OA019', HINT = 'Give 1 to 10000 queries, and some time.';
    END IF;
    IF NOT EXISTS (SELECT FROM open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric))) THEN
        RAISE EXCEPTION 'Collection % has no index that could be calibrated.', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)) USING ERRCODE = 'OA030',
            HINT = format('Build it first: SELECT open_analytic.create_ann_index(%L), or `open-analytic collection index`.', collection);
    END IF;
    FOR i IN 1 .. 3 LOOP -- the first look also fills the caches
        at := clock_timestamp();
        EXECUTE format('SELECT count(feature) FROM %s WHERE imported_at IS NOT NULL', collection) INTO made.rows;
        made.scan_ms := least(made.scan_ms, 1000 * extract(epoch FROM clock_timestamp() - at)::float8);
    END LOOP;
    IF made.rows < 2 THEN
        RAISE EXCEPTION 'Collection % has too few rows to calibrate anything.', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)) USING ERRCODE = 'OA030', HINT = 'Import some first.';
    END IF;
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE feature IS NOT NULL AND imported_at IS NOT NULL', collection) INTO explained;
    made.scan_cost := greatest(0.01, (explained #>> '{0,Plan,Total Cost}')::float8);
    made.efforts := ARRAY(SELECT e FROM unnest('{40,80,160,320,640,1000,2000,4000,8000,16000}'::integer[]) AS e WHERE e = 40 OR e < made.rows AND e <= greatest(1000, made.rows / 25) ORDER BY e);
    made.ranks := ARRAY(SELECT r FROM unnest('{1,3,10,30,100,300,1000,3000,10000}'::integer[]) AS r WHERE r = 1 OR r < made.rows AND r <= made.efforts[cardinality(made.efforts)] ORDER BY r);
    EXECUTE format('SELECT array_agg(s.feature), array_agg(s.image_name), array_agg(s.part) FROM ('
                   'SELECT feature, image_name, %s FROM %s TABLESAMPLE BERNOULLI (%s) WHERE feature IS NOT NULL ORDER BY random() LIMIT %s) AS s',
                   part, collection, least(100, 500.0 * queries / made.rows), queries) INTO probes, names, parts;
    FOR q IN 1 .. coalesce(cardinality(probes), 0) LOOP
        at := clock_timestamp();
        -- A row is not its own neighbour.
        EXECUTE format('SELECT array_agg(n.d) FILTER (WHERE (n.image_name, n.part) <> ($2, $3) AND n.d <> ''NaN'') FROM ('
                       'SELECT image_name, %1$s, (feature %2$s $1) + 0 AS d FROM %3$s WHERE feature IS NOT NULL ORDER BY d LIMIT 1 + %4$s) AS n',
                       part, near, collection, made.ranks[cardinality(made.ranks)]) INTO exact USING probes[q], names[q], parts[q];
        exact_ms := exact_ms || 1000 * extract(epoch FROM clock_timestamp() - at)::float8;
        PERFORM set_config('enable_seqscan', 'off', true);
        EXECUTE format('SELECT array_agg(n.d) FILTER (WHERE (n.image_name, n.part) <> ($2, $3)) FROM (SELECT image_name, %1$s, feature %2$s $1 AS d FROM %3$s WHERE feature IS NOT NULL ORDER BY feature %2$s $1 LIMIT %4$s) AS n',
                       part, near, collection, made.efforts[cardinality(made.efforts)] + 1) INTO walked USING probes[q], names[q], parts[q];
        PERFORM set_config('enable_seqscan', 'on', true);
        CONTINUE WHEN exact IS NULL OR cardinality(exact) < made.ranks[cardinality(made.ranks)]; -- rows went away meanwhile
        once := open_analytic._recalls(coalesce(walked, '{}'), exact, made.efforts, made.ranks);
        sums := CASE WHEN sums IS NULL THEN once ELSE (
            SELECT array_agg(line ORDER BY i) FROM (SELECT i, array_agg(sums[i][j] + once[i][j] ORDER BY j) AS line
                FROM generate_subscripts(once, 1) AS i CROSS JOIN generate_subscripts(once, 2) AS j GROUP BY i) AS l) END;
        done := done + 1;
        EXIT WHEN done >= 20 AND extract(epoch FROM clock_timestamp() - begun) > seconds;
    END LOOP;
    IF done = 0 THEN
        RAISE EXCEPTION 'The rows of collection % went away while they were measured.', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)) USING ERRCODE = 'OA030', HINT = 'Run it again.';
    END IF;
    made.queries := done;
    made.scan_ms := least(made.scan_ms, 0.9 * (SELECT min(m) FROM unnest(exact_ms) AS m));
    made.exact_ms := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest(exact_ms) AS m);
    made.recalls := (SELECT array_agg(line ORDER BY i) FROM (SELECT i, array_agg(sums[i][j] / done ORDER BY j) AS line
        FROM generate_subscripts(sums, 1) AS i CROSS JOIN generate_subscripts(sums, 2) AS j GROUP BY i) AS l);
    PERFORM set_config('enable_seqscan', 'off', true);
    FOR i IN 1 .. cardinality(made.efforts) LOOP
        PERFORM set_config('hnsw.ef_search', least(1000, made.efforts[i])::text, true);
        ms := '{}';
        firsts := '{}';
        FOR q IN 1 .. least(15, cardinality(probes)) LOOP
            FOR small IN 0 .. 1 LOOP
                at := clock_timestamp();
                EXECUTE format('WITH m AS MATERIALIZED (SELECT image_name, feature %1$s $1 AS d FROM %2$s WHERE feature IS NOT NULL ORDER BY feature %1$s $1 LIMIT %3$s) SELECT count(*) FROM m',
                               near, collection, CASE small WHEN 1 THEN 10 ELSE made.efforts[i] END) USING probes[q];
                IF small = 1 THEN
                    firsts := firsts || 1000 * extract(epoch FROM clock_timestamp() - at)::float8;
                ELSE
                    ms := ms || 1000 * extract(epoch FROM clock_timestamp() - at)::float8;
                END IF;
            END LOOP;
        END LOOP;
        made.all_ms[i] := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest(ms) AS m);
        made.first_ms[i] := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY m) FROM unnest(firsts) AS m);
    END LOOP;
    PERFORM set_config('enable_seqscan', 'on', true);
    INSERT INTO open_analytic.calibrations AS c (schema_name, table_name, rows, queries, scan_cost, scan_ms, exact_ms, efforts, first_ms, all_ms, ranks, recalls)
    VALUES (info.schema_name, info.table_name, made.rows, made.queries, made.scan_cost, made.scan_ms, made.exact_ms, made.efforts, made.first_ms, made.all_ms, made.ranks, made.recalls)
    ON CONFLICT ON CONSTRAINT calibrations_pkey DO UPDATE
    SET measured_at = clock_timestamp(), rows = excluded.rows, queries = excluded.queries, scan_cost = excluded.scan_cost, scan_ms = excluded.scan_ms, exact_ms = excluded.exact_ms,
        efforts = excluded.efforts, first_ms = excluded.first_ms, all_ms = excluded.all_ms, ranks = excluded.ranks, recalls = excluded.recalls
    RETURNING * INTO made;
    RETURN made;
END
$_$;


--
-- Name: FUNCTION calibrate(collection regclass, queries integer, seconds double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.calibrate(collection regclass, queries integer, seconds double precision) IS 'Measure what the index of a collection finds and costs, with rows of its own as queries';


--
-- Name: cluster(regclass, double precision, integer); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.cluster(collection regclass, max_distance double precision, min_size integer DEFAULT 2) RETURNS TABLE(cluster_id bigint, name text, part integer)
    LANGUAGE plpgsql COST 1e+06 ROWS 10000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    started record;
BEGIN
    PERFORM open_analytic._check_table(collection);
    PERFORM open_analytic._check_distance(info, max_distance);
    PERFORM open_analytic._check_size(min_size);
    PERFORM open_analytic._check_may(collection, info, 'UPDATE');
    EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', collection); -- as drop_collection does: the table first, then its row in the catalogue
    started := open_analytic._clustering(info, max_distance);
    PERFORM open_analytic._cluster_compare(collection, started.clustering);
    PERFORM open_analytic._cluster_link(collection, started.clustering, max_distance, started.anew);
    PERFORM open_analytic._cluster_name(started.clustering);
    PERFORM open_analytic._cluster_tell(started.clustering, min_size);
    DELETE FROM open_analytic.cluster_members AS m WHERE m.clustering = started.clustering AND m.next_id IS NULL;
    UPDATE open_analytic.cluster_members AS m SET cluster_id = m.next_id WHERE m.clustering = started.clustering AND m.cluster_id IS DISTINCT FROM m.next_id;
    RETURN QUERY SELECT * FROM open_analytic.clusters(collection, min_size);
END
$$;


--
-- Name: FUNCTION cluster(collection regclass, max_distance double precision, min_size integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.cluster(collection regclass, max_distance double precision, min_size integer) IS 'Put the rows of a collection into clusters, the new ones into those that are there; rows of clusters of at least min_size';


--
-- Name: cluster_changes(regclass); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.cluster_changes(collection regclass) RETURNS TABLE(kind text, cluster_id bigint, earlier_id bigint, name text, part integer)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    PERFORM open_analytic._check_may(collection, info, 'SELECT');
    RETURN QUERY
        SELECT d.kind, d.cluster_id, d.earlier_id, d.name, CASE WHEN info.many THEN d.part END
        FROM open_analytic.cluster_changes AS d JOIN open_analytic.clusterings AS c ON c.id = d.clustering
        WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name AND c.place = collection AND c.made_at = info.created_at
        ORDER BY d.cluster_id, array_position(ARRAY['new', 'split', 'merged', 'joined', 'left', 'gone'], d.kind), d.earlier_id, d.name COLLATE "C", d.part;
END
$$;


--
-- Name: FUNCTION cluster_changes(collection regclass); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.cluster_changes(collection regclass) IS 'What the last run of cluster changed';


--
-- Name: clusters(regclass, integer); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.clusters(collection regclass, min_size integer DEFAULT 2) RETURNS TABLE(cluster_id bigint, name text, part integer)
    LANGUAGE plpgsql STABLE ROWS 10000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    PERFORM open_analytic._check_size(min_size);
    PERFORM open_analytic._check_may(collection, info, 'SELECT');
    RETURN QUERY
        SELECT f.cluster_id, f.name, CASE WHEN info.many THEN f.part END
        FROM (SELECT m.cluster_id, m.name, m.part, count(*) OVER (PARTITION BY m.cluster_id) AS rows FROM open_analytic.cluster_members AS m
              JOIN open_analytic.clusterings AS c ON c.id = m.clustering
              WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name AND c.place = collection AND c.made_at = info.created_at) AS f
        WHERE f.rows >= min_size ORDER BY f.cluster_id, f.name COLLATE "C", f.part;
END
$$;


--
-- Name: FUNCTION clusters(collection regclass, min_size integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.clusters(collection regclass, min_size integer) IS 'Clusters as the last run of cluster left them';


--
-- Name: create_ann_index(regclass, integer, text, integer, integer); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.create_ann_index(collection regclass, dim integer DEFAULT NULL::integer, metric text DEFAULT NULL::text, m integer DEFAULT 16, ef_construction integer DEFAULT 64) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    kind text;
    has integer;
    own text := coalesce(metric, (SELECT c.metric FROM open_analytic.collections AS c JOIN pg_namespace AS n ON n.nspname = c.schema_name
                                  JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = c.table_name WHERE t.oid = collection), 'l2');
    opclass text;
    made text;
BEGIN
    SELECT t.typname, nullif(a.atttypmod, -1) INTO kind, has
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = collection AND a.attname = 'feature' AND NOT a.attisdropped;
    IF kind IS NULL OR kind NOT IN ('vector', 'halfvec') THEN
        RAISE EXCEPTION 'Table % has no column "feature" of type vector or halfvec.', collection USING ERRCODE = 'OA019', HINT = 'create_collection makes a table that has one.';
    END IF;
    IF has IS NULL THEN
        RAISE EXCEPTION 'The feature of % has no dimension of its own.', collection USING ERRCODE = 'OA019', HINT = format('ALTER TABLE %s ALTER COLUMN feature TYPE %s(n).', collection, kind);
    END IF;
    IF dim <> has THEN
        RAISE EXCEPTION 'The feature of % has % numbers, not %.', collection, has, dim USING ERRCODE = 'OA015', HINT = format('Say dim => %s, or nothing.', has);
    END IF;
    IF own NOT IN ('l2', 'cosine', 'ip') THEN
        RAISE EXCEPTION 'There is no metric %.', quote_literal(own) USING ERRCODE = 'OA019', HINT = 'Choose of: l2, cosine, ip.';
    END IF;
    IF m IS NULL OR m NOT BETWEEN 2 AND 100 THEN
        RAISE EXCEPTION 'm is %.', coalesce(m::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give 2 to 100.';
    END IF;
    IF ef_construction IS NULL OR ef_construction NOT BETWEEN greatest(4, 2 * m) AND 1000 THEN
        RAISE EXCEPTION 'ef_construction is %.', coalesce(ef_construction::text, 'NULL') USING ERRCODE = 'OA019', HINT = format('Give %s to 1000.', greatest(4, 2 * m));
    END IF;
    opclass := format('%s_%s_ops', kind, own);
    SELECT i.indexrelid::regclass::text INTO made
    FROM open_analytic._indexes(collection, opclass) AS i;
    IF made IS NOT NULL THEN
        RETURN made; -- there already
    END IF;
    EXECUTE format('CREATE INDEX ON %s USING hnsw (feature public.%I) WITH (m = %s, ef_construction = %s)', collection, opclass, m, ef_construction);
    -- Searches of what is large walk the index as far as was measured; of less they measure every row. (calibrate comes with revision 0007.)
    IF pg_relation_size(collection) / (2.0 * has + 150) * has > 20000000 AND pg_has_role('open_analytic_admin', 'USAGE') AND to_regproc('open_analytic.calibrate') IS NOT NULL
       AND EXISTS (SELECT FROM open_analytic.collections AS c JOIN pg_namespace AS n ON n.nspname = c.schema_name
                   JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = c.table_name WHERE t.oid = collection) THEN
        PERFORM open_analytic.calibrate(collection);
    END IF;
    SELECT i.indexrelid::regclass::text INTO made
    FROM open_analytic._indexes(collection, opclass) AS i;
    RETURN made;
END
$$;


--
-- Name: FUNCTION create_ann_index(collection regclass, dim integer, metric text, m integer, ef_construction integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.create_ann_index(collection regclass, dim integer, metric text, m integer, ef_construction integer) IS 'Build the HNSW index of a collection, or of any table with a column "feature"; its name';


--
-- Name: create_collection(text, text, json, text, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.create_collection(name text, pipeline text, columns json DEFAULT '{}'::json, metric text DEFAULT 'l2'::text, parameters jsonb DEFAULT '{}'::jsonb) RETURNS jsonb
    LANGUAGE sql STRICT
    AS $$ SELECT open_analytic._create_collection(name, pipeline, columns, metric, parameters, pg_catalog.current_setting('search_path')) $$;


--
-- Name: FUNCTION create_collection(name text, pipeline text, columns json, metric text, parameters jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.create_collection(name text, pipeline text, columns json, metric text, parameters jsonb) IS 'Make a table for a pipeline''s vectors, with columns of your own (name -> SQL type)';


--
-- Name: drop_collection(text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.drop_collection(name text) RETURNS void
    LANGUAGE plpgsql STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_variable
DECLARE
    place record := open_analytic._split(name);
    relation regclass := to_regclass(format('%I.%I', place.schema_name, place.table_name));
BEGIN
    IF relation IS NULL OR NOT EXISTS (SELECT FROM open_analytic.collections AS c WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name) THEN
        RAISE EXCEPTION 'There is no collection %.', quote_literal(name) USING ERRCODE = 'OA006',
            HINT = format('There are: %s.', coalesce((SELECT string_agg(concat_ws('.', nullif(c.schema_name, 'public'), c.table_name), ', ' ORDER BY c.schema_name <> 'public', c.schema_name, c.table_name)
                FROM open_analytic.collections AS c WHERE to_regclass(format('%I.%I', c.schema_name, c.table_name)) IS NOT NULL), 'none yet'));
    END IF;
    EXECUTE format('DROP TABLE %s', relation);
    DELETE FROM open_analytic.collections AS c WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name;
END
$$;


--
-- Name: FUNCTION drop_collection(name text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.drop_collection(name text) IS 'Drop a collection with its table: its pictures and vectors are gone';


--
-- Name: embed(text, bytea, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.embed(name text, input bytea, parameters jsonb DEFAULT '{}'::jsonb) RETURNS public.vector
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic._run_one('vector', name, input, parameters, false)::public.vector; END $$;


--
-- Name: FUNCTION embed(name text, input bytea, parameters jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.embed(name text, input bytea, parameters jsonb) IS 'The vector of a pipeline that gives one';


--
-- Name: embed(text, text, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.embed(name text, input text, parameters jsonb DEFAULT '{}'::jsonb) RETURNS public.vector
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic._run_one('vector', name, open_analytic._bytes(name, input), parameters, false)::public.vector; END $$;


--
-- Name: FUNCTION embed(name text, input text, parameters jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.embed(name text, input text, parameters jsonb) IS 'The vector of a pipeline that gives one; bytes may be written in hexadecimal';


--
-- Name: embed_for(regclass, bytea); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.embed_for(collection regclass, input bytea) RETURNS public.vector
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    plan open_analytic.pipelines;
BEGIN
    IF info.pipeline IS NULL THEN
        RAISE EXCEPTION 'Collection % is bound to no pipeline.', quote_literal(collection::text) USING ERRCODE = 'OA019', HINT = 'Search by vectors instead.';
    END IF;
    SELECT * INTO plan FROM open_analytic.pipelines AS p WHERE p.name = info.pipeline AND p.version = info.version;
    RETURN open_analytic._run_single('query', plan.name, plan.hash, plan.definition::text, info.parameters::text, input, false)::public.vector;
END
$$;


--
-- Name: FUNCTION embed_for(collection regclass, input bytea); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.embed_for(collection regclass, input bytea) IS 'The vector that the very version of a pipeline gives whose features a collection holds; of the largest region of a picture';


--
-- Name: explain_search(regclass, bytea, integer, text, double precision, double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.explain_search(collection regclass, query bytea, k integer DEFAULT 10, filter text DEFAULT NULL::text, max_distance double precision DEFAULT NULL::double precision, target_recall double precision DEFAULT 0.95) RETURNS jsonb
    LANGUAGE plpgsql STABLE COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic.explain_search(collection, open_analytic.embed_for(collection, query), k, filter, max_distance, target_recall); END $$;


--
-- Name: FUNCTION explain_search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.explain_search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision) IS 'How a search is done, why, and how long it took';


--
-- Name: explain_search(regclass, public.vector, integer, text, double precision, double precision); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.explain_search(collection regclass, query public.vector, k integer DEFAULT 10, filter text DEFAULT NULL::text, max_distance double precision DEFAULT NULL::double precision, target_recall double precision DEFAULT 0.95) RETURNS jsonb
    LANGUAGE plpgsql STABLE COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic._explain_search(collection, query, k, filter, max_distance, target_recall, NULL); END $$;


--
-- Name: FUNCTION explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision) IS 'How a search is done, why, and how long it took';


--
-- Name: knn_join(regclass, regclass, integer); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.knn_join(a regclass, b regclass, k integer DEFAULT 10) RETURNS TABLE(name text, neighbour text, distance double precision, rank integer, part integer, neighbour_part integer)
    LANGUAGE plpgsql STABLE COST 1e+06 ROWS 10000
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET "hnsw.iterative_scan" TO 'relaxed_order'
    SET "hnsw.ef_search" TO '200'
    AS $_$
DECLARE
    info open_analytic.collections := open_analytic._collection(a);
    other open_analytic.collections := open_analytic._collection(b);
    measured CONSTANT text := open_analytic._measured(info.metric);
    part CONSTANT text := CASE WHEN info.many THEN 'part' ELSE '0' END;
    other_part CONSTANT text := CASE WHEN other.many THEN 'b.part' ELSE '0' END;
    -- The nearest of one row: a row is not its own neighbour. Adding 0 keeps the planner from taking the index.
    nearest CONSTANT text := format('SELECT b.image_name AS neighbour, %s AS neighbour_part, %s AS distance FROM %s AS b WHERE b.feature IS NOT NULL %s', other_part, measured, b,
        CASE WHEN a = b THEN format('AND (b.image_name, %s) <> (a.image_name, a.part)', other_part) END);
    exact CONSTANT text := format(' AS a CROSS JOIN LATERAL (SELECT e.* FROM (%s) AS e WHERE e.distance <> ''NaN'' ORDER BY e.distance + 0, e.neighbour COLLATE "C", e.neighbour_part LIMIT $1) AS n', nearest);
    found text;
BEGIN
    IF k IS NULL OR k < 1 THEN
        RAISE EXCEPTION 'k is %.', coalesce(k::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give how many neighbours each row has, 1 or more.';
    END IF;
    PERFORM open_analytic._check_table(a);
    PERFORM open_analytic._check_table(b);
    PERFORM open_analytic._check_alike(info, other);
    IF k <= 400 AND open_analytic._joins_by_index(b, other, 2500000) THEN
        PERFORM set_config('hnsw.ef_search', least(1000, greatest(200, 2 * k))::text, true);
        -- A row the index gives fewer than k for is measured against all.
        found := format(
            'open_analytic_near AS MATERIALIZED (SELECT a.image_name, a.part, n.* FROM open_analytic_rows AS a LEFT JOIN LATERAL (%s ORDER BY %s LIMIT $1) AS n ON true),'
            ' open_analytic_short AS MATERIALIZED (SELECT a.* FROM open_analytic_rows AS a JOIN (SELECT image_name, part FROM open_analytic_near GROUP BY image_name, part'
            ' HAVING count(*) FILTER (WHERE distance <> ''NaN'') < $1) AS s USING (image_name, part)),'
            ' open_analytic_found AS (SELECT n.* FROM open_analytic_near AS n WHERE NOT EXISTS (SELECT FROM open_analytic_short AS s WHERE (s.image_name, s.part) = (n.image_name, n.part)) UNION ALL %s)',
            nearest, measured, 'SELECT a.image_name, a.part, n.* FROM open_analytic_short' || exact);
    ELSE
        found := 'open_analytic_found AS (SELECT a.image_name, a.part, n.* FROM open_analytic_rows' || exact || ')';
    END IF;
    RETURN QUERY EXECUTE format(
        'WITH open_analytic_rows AS MATERIALIZED (SELECT image_name, %s AS part, feature FROM %s WHERE feature IS NOT NULL), %s'
        ' SELECT f.image_name, f.neighbour, f.distance, f.rank::integer, %s, %s FROM (SELECT n.*, row_number() OVER (PARTITION BY n.image_name, n.part'
        ' ORDER BY n.distance, n.neighbour COLLATE "C", n.neighbour_part) AS rank FROM open_analytic_found AS n) AS f ORDER BY f.image_name COLLATE "C", f.part, f.rank',
        part, a, found, CASE WHEN info.many THEN 'f.part' ELSE 'NULL::integer' END, CASE WHEN other.many THEN 'f.neighbour_part' ELSE 'NULL::integer' END) USING k;
END
$_$;


--
-- Name: FUNCTION knn_join(a regclass, b regclass, k integer); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.knn_join(a regclass, b regclass, k integer) IS 'For each row of a its k nearest rows of b';


--
-- Name: near_duplicates(regclass, double precision, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.near_duplicates(collection regclass, max_distance double precision, filter text DEFAULT NULL::text) RETURNS TABLE(name text, other text, distance double precision, part integer, other_part integer)
    LANGUAGE plpgsql STABLE COST 1e+06 ROWS 10000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    PERFORM open_analytic._check_table(collection);
    PERFORM open_analytic._check_distance(info, max_distance);
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter);
    END IF;
    -- The index finds a pair from one side, from the other, or from both.
    RETURN QUERY
        SELECT f.name, f.other, min(f.distance), CASE WHEN info.many THEN f.part END, CASE WHEN info.many THEN f.other_part END
        FROM open_analytic._near(collection, max_distance, filter, NULL, NULL) AS n
        CROSS JOIN LATERAL (SELECT n.name, n.part, n.other, n.other_part, n.distance WHERE (n.name COLLATE "C", n.part) < (n.other COLLATE "C", n.other_part)
                            UNION ALL SELECT n.other, n.other_part, n.name, n.part, n.distance WHERE (n.name COLLATE "C", n.part) > (n.other COLLATE "C", n.other_part)) AS f
        GROUP BY f.name, f.part, f.other, f.other_part
        ORDER BY 3, f.name COLLATE "C", f.part, f.other COLLATE "C", f.other_part;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported OR read_only_sql_transaction THEN
        IF filter IS NULL THEN
            RAISE;
        END IF;
        PERFORM open_analytic._blame_filter(collection, info, SQLERRM);
END
$$;


--
-- Name: FUNCTION near_duplicates(collection regclass, max_distance double precision, filter text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.near_duplicates(collection regclass, max_distance double precision, filter text) IS 'Pairs of rows at most max_distance apart, each once, nearest first';


--
-- Name: pipeline_create(text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.pipeline_create(name text) RETURNS jsonb
    LANGUAGE plpgsql STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic._create_pipeline(jsonb_build_object('name', name)); END $$;


--
-- Name: FUNCTION pipeline_create(name text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.pipeline_create(name text) IS 'Register a pipeline that comes with open_analytic';


--
-- Name: pipeline_create(text, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.pipeline_create(name text, definition jsonb) RETURNS jsonb
    LANGUAGE plpgsql STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic._create_pipeline(jsonb_build_object('name', name, 'definition', definition)); END $$;


--
-- Name: FUNCTION pipeline_create(name text, definition jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.pipeline_create(name text, definition jsonb) IS 'Register a pipeline of your own; a changed definition becomes a new version';


--
-- Name: pipeline_drop(text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.pipeline_drop(name text) RETURNS void
    LANGUAGE plpgsql STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
    users text;
BEGIN
    PERFORM open_analytic._pipeline(pipeline_drop.name);
    SELECT string_agg(concat_ws('.', nullif(c.schema_name, 'public'), c.table_name), ', ' ORDER BY c.schema_name, c.table_name) INTO users
    FROM open_analytic.collections AS c
    WHERE c.pipeline = pipeline_drop.name AND to_regclass(format('%I.%I', c.schema_name, c.table_name)) IS NOT NULL;
    IF users IS NOT NULL THEN
        RAISE EXCEPTION 'Pipeline % is used by %.', quote_literal(pipeline_drop.name), users USING ERRCODE = 'OA032', HINT = 'Drop these collections first.';
    END IF;
    UPDATE open_analytic.pipelines AS p SET dropped_at = now() WHERE p.name = pipeline_drop.name AND p.dropped_at IS NULL;
END
$$;


--
-- Name: FUNCTION pipeline_drop(name text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.pipeline_drop(name text) IS 'Take a pipeline out of use; refused while a collection holds its features';


--
-- Name: pipeline_run(text, bytea, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.pipeline_run(name text, input bytea, parameters jsonb DEFAULT '{}'::jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic._run_one('output', name, input, parameters, false)::jsonb; END $$;


--
-- Name: FUNCTION pipeline_run(name text, input bytea, parameters jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.pipeline_run(name text, input bytea, parameters jsonb) IS 'The output of a pipeline for one input';


--
-- Name: pipeline_run(text, text, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.pipeline_run(name text, input text, parameters jsonb DEFAULT '{}'::jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic._run_one('output', name, open_analytic._bytes(name, input), parameters, false)::jsonb; END $$;


--
-- Name: FUNCTION pipeline_run(name text, input text, parameters jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.pipeline_run(name text, input text, parameters jsonb) IS 'The output of a pipeline for one input; bytes may be written in hexadecimal';


--
-- Name: pipeline_run_batch(text, bytea[], jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.pipeline_run_batch(name text, inputs bytea[], parameters jsonb DEFAULT '{}'::jsonb) RETURNS SETOF jsonb
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000 ROWS 10
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    pipeline open_analytic.current_pipelines := open_analytic._pipeline(name);
BEGIN
    RETURN QUERY
    SELECT CASE WHEN r.error IS NULL THEN r.output::jsonb ELSE jsonb_build_object('error', r.error::jsonb) END
    FROM open_analytic._run_plan('output', name, pipeline.hash, pipeline.definition::text, parameters::text, inputs, false) AS r;
END
$$;


--
-- Name: FUNCTION pipeline_run_batch(name text, inputs bytea[], parameters jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.pipeline_run_batch(name text, inputs bytea[], parameters jsonb) IS 'The outputs of a pipeline, in order; a bad input gives {"error": {...}} in its place';


--
-- Name: pipeline_run_dist_random(text, bytea, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.pipeline_run_dist_random(name text, input bytea, parameters jsonb DEFAULT '{}'::jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic._run_one('output', name, input, parameters, true)::jsonb; END $$;


--
-- Name: FUNCTION pipeline_run_dist_random(name text, input bytea, parameters jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.pipeline_run_dist_random(name text, input bytea, parameters jsonb) IS 'pipeline_run on any node of the service';


--
-- Name: pipeline_run_dist_random(text, text, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.pipeline_run_dist_random(name text, input text, parameters jsonb DEFAULT '{}'::jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic._run_one('output', name, open_analytic._bytes(name, input), parameters, true)::jsonb; END $$;


--
-- Name: FUNCTION pipeline_run_dist_random(name text, input text, parameters jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.pipeline_run_dist_random(name text, input text, parameters jsonb) IS 'pipeline_run on any node of the service';


--
-- Name: search(regclass, real[], integer, text, double precision, double precision, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.search(collection regclass, query real[], k integer DEFAULT 10, filter text DEFAULT NULL::text, max_distance double precision DEFAULT NULL::double precision, target_recall double precision DEFAULT 0.95, after jsonb DEFAULT NULL::jsonb) RETURNS TABLE(name text, distance double precision, "row" jsonb, box jsonb, part integer)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    vector public.vector;
BEGIN
    BEGIN
        vector := query::public.vector;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        RAISE EXCEPTION 'The query is no vector: %.', SQLERRM USING ERRCODE = 'OA015', HINT = 'Give finite numbers.';
    END;
    RETURN QUERY SELECT * FROM open_analytic.search(collection, vector, k, filter, max_distance, target_recall, after);
END
$$;


--
-- Name: FUNCTION search(collection regclass, query real[], k integer, filter text, max_distance double precision, target_recall double precision, after jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.search(collection regclass, query real[], k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) IS 'The nearest k rows, nearest first, that meet the filter, an SQL condition on the collection''s columns; at least the recall asked for of them';


--
-- Name: search(regclass, bytea, integer, text, double precision, double precision, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.search(collection regclass, query bytea, k integer DEFAULT 10, filter text DEFAULT NULL::text, max_distance double precision DEFAULT NULL::double precision, target_recall double precision DEFAULT 0.95, after jsonb DEFAULT NULL::jsonb) RETURNS TABLE(name text, distance double precision, "row" jsonb, box jsonb, part integer)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN QUERY SELECT * FROM open_analytic.search(collection, open_analytic.embed_for(collection, query), k, filter, max_distance, target_recall, after); END $$;


--
-- Name: FUNCTION search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) IS 'The nearest k rows, nearest first, that meet the filter, an SQL condition on the collection''s columns; at least the recall asked for of them';


--
-- Name: search(regclass, text, integer, text, double precision, double precision, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.search(collection regclass, query text, k integer DEFAULT 10, filter text DEFAULT NULL::text, max_distance double precision DEFAULT NULL::double precision, target_recall double precision DEFAULT 0.95, after jsonb DEFAULT NULL::jsonb) RETURNS TABLE(name text, distance double precision, "row" jsonb, box jsonb, part integer)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    vector public.vector;
    problem text := 'it is neither bytes in hexadecimal nor numbers in brackets';
BEGIN
    BEGIN
        vector := CASE WHEN left(query, 2) = E'\\x' THEN open_analytic.embed_for(collection, decode(substr(query, 3), 'hex'))
                       WHEN left(ltrim(query), 1) = '[' OR query IS NULL THEN query::public.vector END;
    EXCEPTION WHEN data_exception THEN
        problem := SQLERRM;
    END;
    IF vector IS NULL AND query IS NOT NULL THEN
        RAISE EXCEPTION 'A text is no query: %.', problem USING ERRCODE = 'OA019', HINT = 'Cast it: search(collection, image_data::bytea).';
    END IF;
    RETURN QUERY SELECT * FROM open_analytic.search(collection, vector, k, filter, max_distance, target_recall, after);
END
$$;


--
-- Name: FUNCTION search(collection regclass, query text, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.search(collection regclass, query text, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) IS 'The nearest k rows, nearest first, that meet the filter, an SQL condition on the collection''s columns; at least the recall asked for of them';


--
-- Name: search(regclass, public.vector, integer, text, double precision, double precision, jsonb); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.search(collection regclass, query public.vector, k integer DEFAULT 10, filter text DEFAULT NULL::text, max_distance double precision DEFAULT NULL::double precision, target_recall double precision DEFAULT 0.95, after jsonb DEFAULT NULL::jsonb) RETURNS TABLE(name text, distance double precision, "row" jsonb, box jsonb, part integer)
    LANGUAGE plpgsql STABLE COST 100000 ROWS 10
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    shown text;
BEGIN
    PERFORM open_analytic._check_table(collection); -- before the types of its columns are looked at
    SELECT string_agg(open_analytic._shown(a.attname, a.atttypid), ', ' ORDER BY a.attnum) FILTER (WHERE a.attname <> ALL (open_analytic._own_columns(info.many)))
    INTO shown FROM pg_attribute AS a WHERE a.attrelid = collection AND a.attnum > 0 AND NOT a.attisdropped;
    RETURN QUERY EXECUTE format(
        'SELECT t.image_name, n.distance, (SELECT coalesce(to_jsonb(r.*), ''{}'') FROM (SELECT %s) AS r), %s, %s'
        ' FROM open_analytic._search($1, $2, $3, $4, $5, $6, $7, NULL) AS n JOIN %s AS t ON t.image_name = n.image_name %s ORDER BY n.distance, n.image_name, n.part',
        shown,
        CASE WHEN info.many THEN 'CASE WHEN t.box IS NOT NULL THEN jsonb_build_object(''x'', t.box[1], ''y'', t.box[2], ''width'', t.box[3], ''height'', t.box[4]) END' ELSE 'NULL::jsonb' END,
        CASE WHEN info.many THEN 't.part' ELSE 'NULL::integer' END, collection, CASE WHEN info.many THEN 'AND t.part = n.part' END) USING collection, query, k, filter, max_distance, target_recall, after;
END
$_$;


--
-- Name: FUNCTION search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) IS 'The nearest k rows, nearest first, that meet the filter, an SQL condition on the collection''s columns; at least the recall asked for of them';


--
-- Name: use_body(text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.use_body(body text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;


--
-- Name: FUNCTION use_body(body text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.use_body(body text) IS 'Choose how SQL reaches the inference service: plpython3u or dblink; without a word the better one that the server offers';


--
-- Name: verify(bytea, bytea, text, double precision, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.verify(a bytea, b bytea, pipeline text DEFAULT 'face_feature_extractor'::text, false_accept_rate double precision DEFAULT 0.01, metric text DEFAULT 'l2'::text) RETURNS open_analytic.verification
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER COST 100000
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    plan open_analytic.current_pipelines := open_analytic._pipeline(pipeline);
    vectors public.vector[];
    answer record;
    error jsonb;
BEGIN
    PERFORM open_analytic._rate(pipeline, false_accept_rate, metric); -- before the models run
    FOR answer IN SELECT r.output, r.error FROM open_analytic._run_plan('query', plan.name, plan.hash, plan.definition::text, '{}', ARRAY[a, b], false) AS r LOOP
        IF answer.error IS NOT NULL THEN
            error := answer.error::jsonb;
            PERFORM open_analytic._raise(jsonb_set(error, '{message}', to_jsonb(
                format('%s: %s', CASE WHEN vectors IS NULL THEN 'a' ELSE 'b' END, error ->> 'message'))));
        END IF;
        vectors := vectors || answer.output::public.vector;
    END LOOP;
    RETURN open_analytic.verify(vectors[1], vectors[2], pipeline, false_accept_rate, metric);
END
$$;


--
-- Name: FUNCTION verify(a bytea, b bytea, pipeline text, false_accept_rate double precision, metric text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.verify(a bytea, b bytea, pipeline text, false_accept_rate double precision, metric text) IS 'Whether two pictures, or two vectors of a pipeline, show the same, decided at a false accept rate';


--
-- Name: verify(public.halfvec, public.halfvec, text, double precision, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.verify(a public.halfvec, b public.halfvec, pipeline text DEFAULT 'face_feature_extractor'::text, false_accept_rate double precision DEFAULT 0.01, metric text DEFAULT 'l2'::text) RETURNS open_analytic.verification
    LANGUAGE plpgsql STABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$ BEGIN RETURN open_analytic.verify(a::public.vector, b::public.vector, pipeline, false_accept_rate, metric); END $$;


--
-- Name: FUNCTION verify(a public.halfvec, b public.halfvec, pipeline text, false_accept_rate double precision, metric text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.verify(a public.halfvec, b public.halfvec, pipeline text, false_accept_rate double precision, metric text) IS 'Whether two pictures, or two vectors of a pipeline, show the same, decided at a false accept rate';


--
-- Name: verify(public.vector, public.vector, text, double precision, text); Type: FUNCTION; Schema: open_analytic; Owner: -
--

CREATE FUNCTION open_analytic.verify(a public.vector, b public.vector, pipeline text DEFAULT 'face_feature_extractor'::text, false_accept_rate double precision DEFAULT 0.01, metric text DEFAULT 'l2'::text) RETURNS open_analytic.verification
    LANGUAGE plpgsql STABLE STRICT
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    rate open_analytic.current_rates := open_analytic._rate(pipeline, false_accept_rate, metric);
    dim integer := (open_analytic._pipeline(pipeline)).dim;
    distance float8;
BEGIN
    IF public.vector_dims(a) <> dim OR public.vector_dims(b) <> dim THEN
        RAISE EXCEPTION 'a has % numbers and b has %, pipeline % gives %.', public.vector_dims(a), public.vector_dims(b), quote_literal(pipeline), dim
            USING ERRCODE = 'OA015', HINT = format('Give vectors of pipeline %L version %s.', pipeline, rate.version);
    END IF;
    distance := CASE metric WHEN 'l2' THEN a OPERATOR(public.<->) b WHEN 'cosine' THEN a OPERATOR(public.<=>) b ELSE a OPERATOR(public.<#>) b END;
    IF distance = 'NaN' THEN
        RAISE EXCEPTION 'The distance of a and b is no number.' USING ERRCODE = 'OA015', HINT = 'A zero vector has no direction for the cosine: use the metric l2 for such.';
    END IF;
    RETURN ROW(distance < rate.distance, distance, rate.distance, rate.false_accept_rate, rate.true_accept_rate)::open_analytic.verification;
END
$$;


--
-- Name: FUNCTION verify(a public.vector, b public.vector, pipeline text, false_accept_rate double precision, metric text); Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON FUNCTION open_analytic.verify(a public.vector, b public.vector, pipeline text, false_accept_rate double precision, metric text) IS 'Whether two pictures, or two vectors of a pipeline, show the same, decided at a false accept rate';


--
-- Name: cosine_distance(real[], public.halfvec); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.cosine_distance(real[], public.halfvec) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $2 OPERATOR(public.<=>) ($1::public.halfvec) $_$;


--
-- Name: FUNCTION cosine_distance(real[], public.halfvec); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.cosine_distance(real[], public.halfvec) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: cosine_distance(real[], public.vector); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.cosine_distance(real[], public.vector) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $2 OPERATOR(public.<=>) ($1::public.vector) $_$;


--
-- Name: FUNCTION cosine_distance(real[], public.vector); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.cosine_distance(real[], public.vector) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: cosine_distance(public.halfvec, real[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.cosine_distance(public.halfvec, real[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $1 OPERATOR(public.<=>) ($2::public.halfvec) $_$;


--
-- Name: FUNCTION cosine_distance(public.halfvec, real[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.cosine_distance(public.halfvec, real[]) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: cosine_distance(public.halfvec, public.vector); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.cosine_distance(public.halfvec, public.vector) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $1 OPERATOR(public.<=>) ($2::public.halfvec) $_$;


--
-- Name: FUNCTION cosine_distance(public.halfvec, public.vector); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.cosine_distance(public.halfvec, public.vector) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: cosine_distance(public.vector, real[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.cosine_distance(public.vector, real[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $1 OPERATOR(public.<=>) ($2::public.vector) $_$;


--
-- Name: FUNCTION cosine_distance(public.vector, real[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.cosine_distance(public.vector, real[]) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: cosine_distance(public.vector, public.halfvec); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.cosine_distance(public.vector, public.halfvec) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $2 OPERATOR(public.<=>) ($1::public.halfvec) $_$;


--
-- Name: FUNCTION cosine_distance(public.vector, public.halfvec); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.cosine_distance(public.vector, public.halfvec) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: l2_distance(real[], public.halfvec); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.l2_distance(real[], public.halfvec) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $2 OPERATOR(public.<->) ($1::public.halfvec) $_$;


--
-- Name: FUNCTION l2_distance(real[], public.halfvec); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.l2_distance(real[], public.halfvec) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: l2_distance(real[], public.vector); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.l2_distance(real[], public.vector) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $2 OPERATOR(public.<->) ($1::public.vector) $_$;


--
-- Name: FUNCTION l2_distance(real[], public.vector); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.l2_distance(real[], public.vector) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: l2_distance(public.halfvec, real[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.l2_distance(public.halfvec, real[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $1 OPERATOR(public.<->) ($2::public.halfvec) $_$;


--
-- Name: FUNCTION l2_distance(public.halfvec, real[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.l2_distance(public.halfvec, real[]) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: l2_distance(public.halfvec, public.vector); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.l2_distance(public.halfvec, public.vector) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $1 OPERATOR(public.<->) ($2::public.halfvec) $_$;


--
-- Name: FUNCTION l2_distance(public.halfvec, public.vector); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.l2_distance(public.halfvec, public.vector) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: l2_distance(public.vector, real[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.l2_distance(public.vector, real[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $1 OPERATOR(public.<->) ($2::public.vector) $_$;


--
-- Name: FUNCTION l2_distance(public.vector, real[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.l2_distance(public.vector, real[]) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: l2_distance(public.vector, public.halfvec); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.l2_distance(public.vector, public.halfvec) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $2 OPERATOR(public.<->) ($1::public.halfvec) $_$;


--
-- Name: FUNCTION l2_distance(public.vector, public.halfvec); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.l2_distance(public.vector, public.halfvec) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: negative_inner_product(real[], public.halfvec); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.negative_inner_product(real[], public.halfvec) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $2 OPERATOR(public.<#>) ($1::public.halfvec) $_$;


--
-- Name: FUNCTION negative_inner_product(real[], public.halfvec); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.negative_inner_product(real[], public.halfvec) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: negative_inner_product(real[], public.vector); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.negative_inner_product(real[], public.vector) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $2 OPERATOR(public.<#>) ($1::public.vector) $_$;


--
-- Name: FUNCTION negative_inner_product(real[], public.vector); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.negative_inner_product(real[], public.vector) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: negative_inner_product(public.halfvec, real[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.negative_inner_product(public.halfvec, real[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $1 OPERATOR(public.<#>) ($2::public.halfvec) $_$;


--
-- Name: FUNCTION negative_inner_product(public.halfvec, real[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.negative_inner_product(public.halfvec, real[]) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: negative_inner_product(public.halfvec, public.vector); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.negative_inner_product(public.halfvec, public.vector) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $1 OPERATOR(public.<#>) ($2::public.halfvec) $_$;


--
-- Name: FUNCTION negative_inner_product(public.halfvec, public.vector); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.negative_inner_product(public.halfvec, public.vector) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: negative_inner_product(public.vector, real[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.negative_inner_product(public.vector, real[]) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $1 OPERATOR(public.<#>) ($2::public.vector) $_$;


--
-- Name: FUNCTION negative_inner_product(public.vector, real[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.negative_inner_product(public.vector, real[]) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: negative_inner_product(public.vector, public.halfvec); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.negative_inner_product(public.vector, public.halfvec) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$ SELECT $2 OPERATOR(public.<#>) ($1::public.halfvec) $_$;


--
-- Name: FUNCTION negative_inner_product(public.vector, public.halfvec); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.negative_inner_product(public.vector, public.halfvec) IS 'open_analytic: the query becomes what the feature is, so that its index is used';


--
-- Name: ann; Type: ACCESS METHOD; Schema: -; Owner: -
--

CREATE ACCESS METHOD ann TYPE INDEX HANDLER public.hnswhandler;


--
-- Name: ACCESS METHOD ann; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON ACCESS METHOD ann IS 'open_analytic: hnsw of pgvector, under the name of AnalyticDB';


--
-- Name: <#>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<#> (
    FUNCTION = public.negative_inner_product,
    LEFTARG = real[],
    RIGHTARG = public.halfvec,
    COMMUTATOR = OPERATOR(public.<#>)
);


--
-- Name: <#>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<#> (
    FUNCTION = public.negative_inner_product,
    LEFTARG = real[],
    RIGHTARG = public.vector,
    COMMUTATOR = OPERATOR(public.<#>)
);


--
-- Name: <#>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<#> (
    FUNCTION = public.negative_inner_product,
    LEFTARG = public.halfvec,
    RIGHTARG = real[],
    COMMUTATOR = OPERATOR(public.<#>)
);


--
-- Name: <#>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<#> (
    FUNCTION = public.negative_inner_product,
    LEFTARG = public.halfvec,
    RIGHTARG = public.vector,
    COMMUTATOR = OPERATOR(public.<#>)
);


--
-- Name: <#>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<#> (
    FUNCTION = public.negative_inner_product,
    LEFTARG = public.vector,
    RIGHTARG = real[],
    COMMUTATOR = OPERATOR(public.<#>)
);


--
-- Name: <#>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<#> (
    FUNCTION = public.negative_inner_product,
    LEFTARG = public.vector,
    RIGHTARG = public.halfvec,
    COMMUTATOR = OPERATOR(public.<#>)
);


--
-- Name: <->; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<-> (
    FUNCTION = public.l2_distance,
    LEFTARG = real[],
    RIGHTARG = public.halfvec,
    COMMUTATOR = OPERATOR(public.<->)
);


--
-- Name: <->; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<-> (
    FUNCTION = public.l2_distance,
    LEFTARG = real[],
    RIGHTARG = public.vector,
    COMMUTATOR = OPERATOR(public.<->)
);


--
-- Name: <->; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<-> (
    FUNCTION = public.l2_distance,
    LEFTARG = public.halfvec,
    RIGHTARG = real[],
    COMMUTATOR = OPERATOR(public.<->)
);


--
-- Name: <->; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<-> (
    FUNCTION = public.l2_distance,
    LEFTARG = public.halfvec,
    RIGHTARG = public.vector,
    COMMUTATOR = OPERATOR(public.<->)
);


--
-- Name: <->; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<-> (
    FUNCTION = public.l2_distance,
    LEFTARG = public.vector,
    RIGHTARG = real[],
    COMMUTATOR = OPERATOR(public.<->)
);


--
-- Name: <->; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<-> (
    FUNCTION = public.l2_distance,
    LEFTARG = public.vector,
    RIGHTARG = public.halfvec,
    COMMUTATOR = OPERATOR(public.<->)
);


--
-- Name: <=>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<=> (
    FUNCTION = public.cosine_distance,
    LEFTARG = real[],
    RIGHTARG = public.halfvec,
    COMMUTATOR = OPERATOR(public.<=>)
);


--
-- Name: <=>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<=> (
    FUNCTION = public.cosine_distance,
    LEFTARG = real[],
    RIGHTARG = public.vector,
    COMMUTATOR = OPERATOR(public.<=>)
);


--
-- Name: <=>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<=> (
    FUNCTION = public.cosine_distance,
    LEFTARG = public.halfvec,
    RIGHTARG = real[],
    COMMUTATOR = OPERATOR(public.<=>)
);


--
-- Name: <=>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<=> (
    FUNCTION = public.cosine_distance,
    LEFTARG = public.halfvec,
    RIGHTARG = public.vector,
    COMMUTATOR = OPERATOR(public.<=>)
);


--
-- Name: <=>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<=> (
    FUNCTION = public.cosine_distance,
    LEFTARG = public.vector,
    RIGHTARG = real[],
    COMMUTATOR = OPERATOR(public.<=>)
);


--
-- Name: <=>; Type: OPERATOR; Schema: public; Owner: -
--

CREATE OPERATOR public.<=> (
    FUNCTION = public.cosine_distance,
    LEFTARG = public.vector,
    RIGHTARG = public.halfvec,
    COMMUTATOR = OPERATOR(public.<=>)
);


--
-- Name: halfvec_cosine_ops; Type: OPERATOR FAMILY; Schema: public; Owner: -
--

CREATE OPERATOR FAMILY public.halfvec_cosine_ops USING ann;


--
-- Name: halfvec_cosine_ops; Type: OPERATOR CLASS; Schema: public; Owner: -
--

CREATE OPERATOR CLASS public.halfvec_cosine_ops
    FOR TYPE public.halfvec USING ann FAMILY public.halfvec_cosine_ops AS
    OPERATOR 1 public.<=>(public.halfvec,public.halfvec) FOR ORDER BY pg_catalog.float_ops ,
    FUNCTION 1 (public.halfvec, public.halfvec) public.halfvec_negative_inner_product(public.halfvec,public.halfvec) ,
    FUNCTION 2 (public.halfvec, public.halfvec) public.l2_norm(public.halfvec) ,
    FUNCTION 3 (public.halfvec, public.halfvec) public.hnsw_halfvec_support(internal);


--
-- Name: halfvec_ip_ops; Type: OPERATOR FAMILY; Schema: public; Owner: -
--

CREATE OPERATOR FAMILY public.halfvec_ip_ops USING ann;


--
-- Name: halfvec_ip_ops; Type: OPERATOR CLASS; Schema: public; Owner: -
--

CREATE OPERATOR CLASS public.halfvec_ip_ops
    FOR TYPE public.halfvec USING ann FAMILY public.halfvec_ip_ops AS
    OPERATOR 1 public.<#>(public.halfvec,public.halfvec) FOR ORDER BY pg_catalog.float_ops ,
    FUNCTION 1 (public.halfvec, public.halfvec) public.halfvec_negative_inner_product(public.halfvec,public.halfvec) ,
    FUNCTION 3 (public.halfvec, public.halfvec) public.hnsw_halfvec_support(internal);


--
-- Name: halfvec_l2_ops; Type: OPERATOR FAMILY; Schema: public; Owner: -
--

CREATE OPERATOR FAMILY public.halfvec_l2_ops USING ann;


--
-- Name: halfvec_l2_ops; Type: OPERATOR CLASS; Schema: public; Owner: -
--

CREATE OPERATOR CLASS public.halfvec_l2_ops
    DEFAULT FOR TYPE public.halfvec USING ann FAMILY public.halfvec_l2_ops AS
    OPERATOR 1 public.<->(public.halfvec,public.halfvec) FOR ORDER BY pg_catalog.float_ops ,
    FUNCTION 1 (public.halfvec, public.halfvec) public.halfvec_l2_squared_distance(public.halfvec,public.halfvec) ,
    FUNCTION 3 (public.halfvec, public.halfvec) public.hnsw_halfvec_support(internal);


--
-- Name: vector_cosine_ops; Type: OPERATOR FAMILY; Schema: public; Owner: -
--

CREATE OPERATOR FAMILY public.vector_cosine_ops USING ann;


--
-- Name: vector_cosine_ops; Type: OPERATOR CLASS; Schema: public; Owner: -
--

CREATE OPERATOR CLASS public.vector_cosine_ops
    FOR TYPE public.vector USING ann FAMILY public.vector_cosine_ops AS
    OPERATOR 1 public.<=>(public.vector,public.vector) FOR ORDER BY pg_catalog.float_ops ,
    FUNCTION 1 (public.vector, public.vector) public.vector_negative_inner_product(public.vector,public.vector) ,
    FUNCTION 2 (public.vector, public.vector) public.vector_norm(public.vector);


--
-- Name: vector_ip_ops; Type: OPERATOR FAMILY; Schema: public; Owner: -
--

CREATE OPERATOR FAMILY public.vector_ip_ops USING ann;


--
-- Name: vector_ip_ops; Type: OPERATOR CLASS; Schema: public; Owner: -
--

CREATE OPERATOR CLASS public.vector_ip_ops
    FOR TYPE public.vector USING ann FAMILY public.vector_ip_ops AS
    OPERATOR 1 public.<#>(public.vector,public.vector) FOR ORDER BY pg_catalog.float_ops ,
    FUNCTION 1 (public.vector, public.vector) public.vector_negative_inner_product(public.vector,public.vector);


--
-- Name: vector_l2_ops; Type: OPERATOR FAMILY; Schema: public; Owner: -
--

CREATE OPERATOR FAMILY public.vector_l2_ops USING ann;


--
-- Name: vector_l2_ops; Type: OPERATOR CLASS; Schema: public; Owner: -
--

CREATE OPERATOR CLASS public.vector_l2_ops
    DEFAULT FOR TYPE public.vector USING ann FAMILY public.vector_l2_ops AS
    OPERATOR 1 public.<->(public.vector,public.vector) FOR ORDER BY pg_catalog.float_ops ,
    FUNCTION 1 (public.vector, public.vector) public.vector_l2_squared_distance(public.vector,public.vector);


--
-- Name: alembic_version; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: cluster_changes; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.cluster_changes (
    clustering integer NOT NULL,
    kind text NOT NULL,
    cluster_id bigint NOT NULL,
    earlier_id bigint,
    name text,
    part integer,
    CONSTRAINT cluster_changes_kind_check CHECK ((kind = ANY (ARRAY['new'::text, 'joined'::text, 'merged'::text, 'split'::text, 'left'::text, 'gone'::text])))
);


--
-- Name: TABLE cluster_changes; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.cluster_changes IS 'What the last run changed';


--
-- Name: cluster_members; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.cluster_members (
    clustering integer NOT NULL,
    name text NOT NULL,
    part integer NOT NULL,
    feature_hash bytea NOT NULL,
    cluster_id bigint,
    next_id bigint
);


--
-- Name: TABLE cluster_members; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.cluster_members IS 'The cluster of every row; one that is near no other is a cluster of its own';


--
-- Name: COLUMN cluster_members.feature_hash; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.cluster_members.feature_hash IS 'Eight bytes of SHA-256: tells that a feature has changed';


--
-- Name: COLUMN cluster_members.next_id; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.cluster_members.next_id IS 'During a run the cluster it goes to: 0 not known yet, negative for parts that have no id, NULL when the row is gone. Else cluster_id';


--
-- Name: clusterings; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.clusterings (
    id integer NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    place oid NOT NULL,
    made_at timestamp with time zone NOT NULL,
    max_distance double precision,
    last_id bigint DEFAULT 0 NOT NULL,
    clustered_at timestamp with time zone
);


--
-- Name: TABLE clusterings; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.clusterings IS 'Collections whose rows were put into clusters';


--
-- Name: COLUMN clusterings.place; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.clusterings.place IS 'The very table: whoever makes another of its name does not get to see its clusters';


--
-- Name: COLUMN clusterings.made_at; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.clusterings.made_at IS 'When the collection was created: another table of the same name starts anew';


--
-- Name: COLUMN clusterings.max_distance; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.clusterings.max_distance IS 'Of the last run; NULL before the first';


--
-- Name: COLUMN clusterings.last_id; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.clusterings.last_id IS 'The highest id given: none is given twice';


--
-- Name: clusterings_id_seq; Type: SEQUENCE; Schema: open_analytic; Owner: -
--

ALTER TABLE open_analytic.clusterings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME open_analytic.clusterings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: nodes; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.nodes (
    name text NOT NULL,
    "position" integer DEFAULT 0 NOT NULL,
    http text,
    wire text,
    token text,
    timeout_ms integer DEFAULT 60000 NOT NULL,
    wait_ms integer DEFAULT 0 NOT NULL,
    CONSTRAINT nodes_check CHECK (((http IS NOT NULL) OR (wire IS NOT NULL))),
    CONSTRAINT nodes_name_check CHECK ((name <> ''::text)),
    CONSTRAINT nodes_timeout_ms_check CHECK ((timeout_ms > 0)),
    CONSTRAINT nodes_wait_ms_check CHECK ((wait_ms >= 0))
);


--
-- Name: TABLE nodes; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.nodes IS 'Processes of the inference service: that with the first position is asked, pipeline_run_dist_random asks any; a table, since a setting could be changed by any role';


--
-- Name: COLUMN nodes.http; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.nodes.http IS 'unix:/path or http://host:port, for functions in plpython3u';


--
-- Name: COLUMN nodes.wire; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.nodes.wire IS 'libpq''s words (host=... port=...) without password, for functions that use dblink';


--
-- Name: COLUMN nodes.token; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.nodes.token IS 'What the service asks for over TCP; over dblink it is the password';


--
-- Name: COLUMN nodes.timeout_ms; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.nodes.timeout_ms IS 'How long a call may take';


--
-- Name: COLUMN nodes.wait_ms; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON COLUMN open_analytic.nodes.wait_ms IS 'How long a service that is just starting is waited for';


--
-- Name: search_audits; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.search_audits (
    at timestamp with time zone DEFAULT now() NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    plan text NOT NULL,
    k integer NOT NULL,
    filtered boolean NOT NULL,
    target_recall double precision NOT NULL,
    recall double precision NOT NULL,
    CONSTRAINT search_audits_recall_check CHECK (((recall >= (0)::double precision) AND (recall <= (1)::double precision))),
    CONSTRAINT search_audits_target_recall_check CHECK (((target_recall > (0)::double precision) AND (target_recall <= (1)::double precision)))
);


--
-- Name: TABLE search_audits; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.search_audits IS 'Searches that were done again exactly, of the last thirty days';


--
-- Name: search_quality; Type: VIEW; Schema: open_analytic; Owner: -
--

CREATE VIEW open_analytic.search_quality AS
 SELECT schema_name,
    table_name,
    plan,
    count(*) AS searches,
    avg(recall) AS recall,
    avg(target_recall) AS target_recall,
    (avg(recall) < avg(target_recall)) AS under_target,
    max(at) AS last_at
   FROM open_analytic.search_audits a
  WHERE (at > (now() - '7 days'::interval))
  GROUP BY schema_name, table_name, plan;


--
-- Name: VIEW search_quality; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON VIEW open_analytic.search_quality IS 'The recall that searches had in the last week, by collection and plan';


--
-- Name: settings; Type: TABLE; Schema: open_analytic; Owner: -
--

CREATE TABLE open_analytic.settings (
    name text NOT NULL,
    value text NOT NULL,
    CONSTRAINT settings_check CHECK (((name <> 'max_bytes'::text) OR (value ~ '^[1-9][0-9]{0,8}$'::text))),
    CONSTRAINT settings_name_check CHECK ((name = ANY (ARRAY['max_bytes'::text, 'python_path'::text])))
);


--
-- Name: TABLE settings; Type: COMMENT; Schema: open_analytic; Owner: -
--

COMMENT ON TABLE open_analytic.settings IS 'max_bytes: of one input (50000000 when not set); python_path: the folder in which plpython3u finds the package open_analytic';


--
-- Name: photos; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.photos (
    image_name text NOT NULL,
    image_data bytea,
    feature public.halfvec(1024),
    district text,
    image_sha256 bytea,
    pipeline_version integer DEFAULT open_analytic._version('general_feature_extractor'::text, 1) NOT NULL,
    imported_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT open_analytic_version CHECK ((pipeline_version = 1))
)
WITH (toast_tuple_target='3072');
ALTER TABLE ONLY public.photos ALTER COLUMN image_data SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.photos ALTER COLUMN feature SET STORAGE PLAIN;


--
-- Name: TABLE photos; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.photos IS 'Collection of open_analytic: pipeline general_feature_extractor version 1, dim 1024, metric l2';


--
-- Name: COLUMN photos.image_name; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.photos.image_name IS 'Name of the picture, unique';


--
-- Name: COLUMN photos.image_data; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.photos.image_data IS 'Its bytes as imported; NULL when only the vector was given';


--
-- Name: COLUMN photos.feature; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.photos.feature IS 'Its vector; NULL when nothing was found in it';


--
-- Name: COLUMN photos.image_sha256; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.photos.image_sha256 IS 'SHA-256 of image_data when it was imported: an unchanged file is left alone';


--
-- Name: COLUMN photos.pipeline_version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.photos.pipeline_version IS 'Version of the pipeline the feature comes from';


--
-- Name: COLUMN photos.imported_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.photos.imported_at IS 'When the row was written';


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.alembic_version (version_num) FROM stdin;
0012
\.


--
-- Data for Name: calibrations; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.calibrations (schema_name, table_name, measured_at, rows, queries, scan_cost, scan_ms, exact_ms, efforts, first_ms, all_ms, ranks, recalls) FROM stdin;
public	photos	2026-11-30 07:09:12.070507+00	3	3	1.03	0.026	0.4	{40}	{0.061}	{0.077}	{1}	{{1}}
\.


--
-- Data for Name: cluster_changes; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.cluster_changes (clustering, kind, cluster_id, earlier_id, name, part) FROM stdin;
1	new	1	\N	\N	\N
\.


--
-- Data for Name: cluster_members; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.cluster_members (clustering, name, part, feature_hash, cluster_id, next_id) FROM stdin;
1	0.jpg	0	\\xb8b613c2cc4c5f7e	2	2
1	1.jpg	0	\\xdd9af37868a85665	1	1
1	2.jpg	0	\\x9e51aea8ba544f6d	1	1
\.


--
-- Data for Name: clusterings; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.clusterings (id, schema_name, table_name, place, made_at, max_distance, last_id, clustered_at) FROM stdin;
1	public	photos	17218	2026-11-30 07:09:11.717243+00	0.6	2	2026-11-30 07:09:12.094005+00
\.


--
-- Data for Name: collections; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.collections (schema_name, table_name, pipeline, version, dim, metric, many, parameters, migrated, created_at, created_by) FROM stdin;
public	photos	general_feature_extractor	1	1024	l2	f	{}	f	2026-11-30 07:09:11.717243+00	postgres
\.


--
-- Data for Name: distance_rates; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.distance_rates (pipeline, version, metric, same_pairs, different_pairs, source, measured_at, rates, created_by) FROM stdin;
\.


--
-- Data for Name: nodes; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.nodes (name, "position", http, wire, token, timeout_ms, wait_ms) FROM stdin;
embedded	0	unix:/run/open_analytic/http.sock	host=/run/open_analytic port=5433	\N	60000	10000
\.


--
-- Data for Name: pipelines; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.pipelines (name, version, input, output, dim, many, hash, definition, created_at, created_by, dropped_at) FROM stdin;
general_feature_extractor	1	bytes	{feature}	1024	f	c80597c263c258f562d0b986c767c93a1e8a0074d048f661b4162354a1afd873	{"description": "Look at a picture as a whole and give 1,024 numbers: copies of it and pictures of the same kind lie close.", "input": "bytes", "parameters": {}, "steps": [{"operator": "decode_image", "output": "image", "shrink_to": 260}, {"operator": "embed", "model": "efficientnet_lite2", "input": "image", "output": "embedding", "role": "descriptor"}, {"operator": "normalize", "input": "embedding", "output": "feature"}], "output": {"feature": "feature"}}	2026-11-30 07:09:11.712205+00	postgres	\N
\.


--
-- Data for Name: preset_rates; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.preset_rates (hash, metric, same_pairs, different_pairs, source, measured_at, rates) FROM stdin;
45b4447336bb48deaacbe1930cc41cdb5ffd31944be8448e8df409b42d381abd	l2	265	2585	54 photos of 5 people (dlib's examples/johns, one of its 55 left out as it is there twice) and 22 photos of one stranger each (of 200 photos of ImageNet those whose largest face has 40 pixels or more, looked at one by one): every pair of the 76	2026-11-26 05:23:12+00	[{"distance": 0.7257636223723599, "upper_bound": 0.11003601575544314, "false_accepts": 258, "true_accept_rate": 1.0, "false_accept_rate": 0.1}, {"distance": 0.6354089862346677, "upper_bound": 0.013481255376656376, "false_accepts": 25, "true_accept_rate": 1.0, "false_accept_rate": 0.01}, {"distance": 0.5074232435877913, "upper_bound": 0.002433487210743832, "false_accepts": 2, "true_accept_rate": 0.9773584905660377, "false_accept_rate": 0.001}]
\.


--
-- Data for Name: search_audits; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.search_audits (at, schema_name, table_name, plan, k, filtered, target_recall, recall) FROM stdin;
\.


--
-- Data for Name: settings; Type: TABLE DATA; Schema: open_analytic; Owner: -
--

COPY open_analytic.settings (name, value) FROM stdin;
python_path	/opt/open_analytic
\.


--
-- Data for Name: photos; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.photos (image_name, image_data, feature, district, image_sha256, pipeline_version, imported_at) FROM stdin;
0.jpg	\\xffd8ffe000104a46494600010100000100010000ffdb00430006040506050406060506070706080a100a0a09090a140e0f0c1017141818171416161a1d251f1a1b231c1616202c20232627292a29191f2d302d283025282928ffdb0043010707070a080a130a0a13281a161a2828282828282828282828282828282828282828282828282828282828282828282828282828282828282828282828282828ffc00011080030004003012200021101031101ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffc4001f0100030101010101010101010000000000000102030405060708090a0bffc400b51100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9faffda000c03010002110311003f00e2a8a2aa5e4e54ec4383dcd7df633194f0749d5a9b7e679594e555f36c4ac350ddeadbd925d5fe5ead13bcb1a7de600fa509346e70ae33efc565d15f28f89ebf3dd4172f6d6ff7ff00c03f4b5e1ce0fd959d6973f7d2df75afff00931b14551b49c8608e72a781ed57abea3018ea78ea5ed21a775d8fce73ac9abe4f88f615b5ea9ad9aff3eeba7e2145145769e40564331662c7a939ad7aca9d3cb9597181dbe95f2dc5109ba74e4b64ddfe7b7ea7e93e1cd5a51af5e9cbe26935e89bbfe686514515f1a7eb015ad1b168d58f5201aca452ee157a9ad65014003a0e2beb385e13bd49fd9d17cffafccfcc7c47ab4f96852fb7ef3f45a7e6ff002168a28afaf3f2c0a8a785660012411d0d7befc32d7748b3f03e9b05e6a96104e9e6ee8e5b84565ccae464139e845753ff00093683ff0041bd2fff0002e3ff001afcf732e2eab1ab57092c139c536af77ad9eff0795f73dec0e1a7879431342b72cd6abcaebd7e47c96f6f2a7f0e47a8e68482563c211f5e2bddfe32eb1a66a1e18b58ac351b3ba945e2b1486757603638ce01e9c8fcebc6eba326cae8e674162671953d5ae56eef4f3b2fc8fa9c471ee3b0ebd972c252b7c567f95ff5f9105bc022e73962306a7a28afb4c3e1e9e1e0a9d25648f83c6e3abe3eb3c46225cd27fd7c90514515b1c87fffd9	[0.00070858,0.014732361,0.017440796,0.0053138733,0.030532837,0.027435303,-0.00844574,0.0104522705,0.019805908,0.020217896,-0.017425537,-0.0017576218,-0.0018129349,-0.00566864,-0.026367188,-0.031951904,0.010025024,-0.017745972,-0.04348755,-0.018829346,-0.030258179,0.02279663,-0.019607544,0.032073975,-0.0062828064,-0.022460938,0.00040578842,0.013793945,-0.028259277,-0.028289795,-0.056488037,0.00466156,-0.0049438477,-0.00029826164,0.011886597,-0.010734558,0.0058555603,0.014076233,0.0038032532,-0.014038086,-0.033477783,-0.011787415,-0.031021118,0.02407837,-0.01600647,-0.029022217,-0.0126953125,-0.028930664,-0.006752014,-0.012504578,-0.027404785,-0.035614014,-0.022125244,-0.031280518,-0.037597656,-0.040252686,-0.021209717,-0.035064697,-0.023117065,-0.017044067,-0.044769287,-0.06829834,-0.033477783,-0.03390503,-0.038238525,-0.004524231,-0.032226562,-0.0026779175,0.008049011,-0.008522034,-0.01802063,-0.050048828,-0.026428223,0.046875,-0.026184082,0.023086548,-0.02017212,-0.0044555664,0.03314209,-0.028060913,0.043395996,-0.023101807,0.007160187,0.0008802414,-0.06524658,-0.024795532,-0.019821167,-0.017868042,0.008522034,-0.040740967,0.0010118484,-0.022232056,-0.03640747,-0.012748718,0.0049209595,-0.016723633,-0.01222229,-0.049926758,-0.017745972,-0.04220581,-0.0060653687,0.024841309,-0.014694214,0.046173096,-0.016296387,-0.025100708,-0.011314392,0.03677368,0.0010757446,0.042388916,0.012573242,0.021865845,-0.09460449,-0.034729004,-0.038848877,-0.015686035,0.041931152,-0.012290955,0.015777588,-0.005001068,-0.022979736,-0.009223938,0.007434845,-0.009117126,-0.015930176,-0.030334473,0.008918762,0.006931305,0.010665894,0.014160156,-0.015701294,-0.017196655,-0.005001068,-0.010795593,0.061523438,-0.0053138733,0.03677368,0.005847931,0.0019311905,-0.049224854,-0.007850647,0.021743774,-0.029312134,0.02583313,-0.030151367,0.020309448,-0.029022217,0.03024292,-0.0007042885,0.05493164,-0.004009247,-0.020553589,-0.0042304993,-0.018234253,-0.0025959015,0.010238647,-0.02267456,0.0040397644,0.010566711,-0.017974854,0.011352539,-0.008598328,-0.013977051,0.0073928833,0.0055618286,0.036956787,-0.016540527,0.021392822,0.029190063,-0.0020160675,-0.02218628,-0.031829834,0.00042176247,-0.011688232,0.0054016113,0.03100586,0.00032258034,-0.01020813,0.016525269,-0.016067505,-0.02027893,0.028869629,-0.009475708,0.007820129,-0.017242432,0.0062713623,-0.006969452,0.0011978149,0.009147644,-0.019042969,0.021957397,0.015930176,0.02758789,-0.014167786,0.0011148453,-0.0067749023,-0.007858276,-0.019973755,-0.016311646,0.01574707,0.0016469955,-0.008888245,0.016082764,-0.007980347,-0.029693604,0.0011444092,-0.0085372925,0.030883789,0.013549805,0.016342163,0.013702393,0.005619049,0.0008454323,-0.015945435,0.022949219,-0.02418518,0.014923096,-0.010017395,-0.046020508,-0.013931274,0.025283813,0.0030765533,0.0154418945,0.023101807,0.023666382,0.009208679,0.030471802,-0.0027122498,0.040863037,-0.0032577515,0.0095825195,-0.013397217,0.00712204,0.0028820038,-0.009941101,0.021133423,0.033111572,-0.010398865,-0.016662598,-0.029586792,0.00598526,0.014625549,-0.056640625,-0.047546387,-0.006401062,-0.009361267,-0.009101868,-0.004623413,0.002817154,-0.011749268,-0.029296875,-0.029190063,-0.0062408447,0.01675415,-0.011451721,-0.027145386,0.018066406,-0.013923645,0.0014925003,-0.02079773,-0.012016296,-0.015022278,0.013038635,0.021530151,0.0056419373,-0.032714844,-0.013305664,0.00077819824,-0.018569946,-0.00079250336,-0.00062799454,0.00299263,0.030548096,-0.026855469,-0.0005283356,0.020187378,-0.016937256,0.04324341,-0.009399414,0.00995636,-0.013786316,-0.025390625,-0.0064468384,-0.0038394928,-0.037353516,-0.016860962,-0.0010147095,-0.02053833,0.039733887,-0.0070343018,0.0023117065,-0.023025513,0.023254395,0.0032291412,0.012931824,0.019317627,0.03527832,0.016830444,0.0003657341,-0.00299263,-0.024734497,0.042663574,0.008110046,-0.029571533,0.010147095,0.029556274,-0.03201294,-0.0016651154,0.048919678,-0.013442993,0.031829834,-0.04156494,-0.039276123,-0.0362854,0.00027155876,-0.02406311,-0.037872314,-0.018722534,0.017120361,-0.0043945312,-0.004966736,-0.03213501,-0.024398804,-0.03463745,-0.023895264,-0.029067993,-0.031097412,-0.04812622,0.021453857,-0.039093018,-0.025894165,-0.0014324188,-0.01209259,0.0065460205,0.0004503727,-0.0052261353,-0.014129639,0.020187378,-0.013313293,-0.00084114075,-0.007461548,0.0025978088,-0.0093688965,-0.0019664764,0.015159607,-0.035736084,0.0053138733,0.022338867,-0.045135498,-0.01889038,-0.01828003,0.01953125,-0.020980835,-0.0043640137,0.0073165894,-0.033843994,-0.022232056,-0.02822876,-0.04724121,-0.04699707,0.0155181885,-0.02168274,-0.037719727,0.018127441,-0.02420044,-0.033233643,-0.0019292831,-0.03024292,-0.010284424,0.005645752,0.017669678,0.047668457,0.044952393,0.018112183,-0.0009384155,0.018798828,0.012763977,0.003622055,-0.048858643,-0.009475708,-0.020904541,-0.0061569214,0.0030727386,0.0135269165,0.03729248,-0.0099105835,0.031463623,-0.0044174194,-0.016418457,-0.011917114,-0.03125,-0.0034828186,0.059143066,0.00680542,-0.018325806,-0.0066947937,-0.012542725,-0.0034427643,0.0011949539,0.0069885254,0.009094238,-0.045288086,0.0057640076,-0.004825592,-0.0027580261,-0.0026950836,-0.009315491,0.031173706,-0.009262085,0.05923462,-0.032409668,0.017959595,-0.0026245117,-0.034576416,-0.009056091,-0.026870728,-0.018920898,0.08856201,0.034362793,0.0758667,-0.011711121,-0.012367249,-0.026641846,0.04324341,-0.01852417,0.012702942,-0.008361816,0.057403564,-0.015670776,0.020248413,0.01927185,0.0013465881,0.007007599,0.057281494,-0.03302002,-0.01751709,0.0011711121,0.04421997,0.0010290146,0.07293701,-0.05126953,-0.0010652542,-0.024749756,0.023635864,0.0049591064,-0.012542725,0.101745605,0.0038070679,0.023284912,0.007160187,-0.017044067,0.037902832,-0.022888184,0.0068855286,-0.02508545,0.056121826,0.018615723,-0.05456543,-0.05496216,0.010810852,-0.02949524,-0.022232056,0.013900757,0.019699097,-0.017868042,0.03656006,0.00017666817,-0.017578125,0.011383057,-0.062561035,-0.003742218,-0.027709961,-0.023544312,0.045074463,-0.02255249,-0.016036987,-0.008354187,-0.014541626,0.009819031,-0.060516357,0.030441284,0.043151855,0.030456543,0.0035591125,0.012969971,-0.025238037,0.010765076,-0.06793213,0.016906738,0.031585693,-0.022201538,0.036621094,-0.010032654,-0.012878418,0.01889038,-0.030761719,0.0071372986,-0.021133423,-0.015274048,0.029296875,-0.01763916,0.015609741,0.005554199,0.03878784,-0.036468506,-0.011894226,-0.045959473,0.056030273,-0.009292603,0.005039215,-0.023452759,0.016311646,-0.020401001,-0.06750488,-0.052124023,-0.016174316,0.0032215118,-0.036010742,-0.0062446594,-0.039978027,-0.012283325,-0.000916481,0.12261963,0.023361206,-0.002544403,-0.019302368,-0.026931763,0.0067596436,-0.02508545,-0.010551453,0.050598145,0.055664062,0.013259888,-0.0063819885,-0.011756897,-0.02482605,-0.05758667,-0.014434814,-0.005367279,0.053863525,0.039855957,0.0152282715,0.022857666,0.030380249,0.012374878,-0.007888794,-0.014930725,-0.017623901,0.007549286,0.07672119,-0.02456665,0.15112305,-0.0034999847,0.015579224,-0.009117126,0.026123047,-0.0011548996,0.021850586,-0.03744507,0.0036144257,-0.011627197,-0.021484375,-0.016235352,-0.07824707,-0.018249512,-0.03765869,-0.0211792,0.049865723,-0.0107040405,0.002231598,0.014137268,0.04522705,-0.045288086,-0.036743164,0.075683594,-0.0051994324,0.004928589,0.050720215,-0.025177002,-0.003540039,-0.038360596,-0.054473877,-0.018310547,0.042388916,0.047698975,0.05218506,-0.010681152,-0.038238525,-0.016647339,0.023101807,0.05102539,0.018218994,0.006126404,-0.043823242,-0.010826111,0.005645752,0.011558533,-0.046875,0.007385254,0.02557373,-0.0040893555,0.00012624264,0.0051612854,-0.00554657,0.060913086,-0.00793457,0.012069702,-0.016357422,-0.029556274,0.0023269653,0.046142578,0.004886627,0.06768799,0.091674805,-0.035949707,0.083740234,-0.026565552,-0.016738892,-0.017562866,-0.020507812,0.045196533,-0.022140503,-0.0023880005,0.04547119,0.019485474,-0.016174316,0.038360596,-0.037017822,-0.032348633,0.07922363,-0.025238037,0.038208008,0.041259766,0.07562256,-0.021408081,0.055786133,0.018447876,0.014854431,-0.05053711,0.022460938,0.05328369,0.060760498,-0.022903442,-0.052703857,0.044708252,-0.038726807,-0.0007972717,0.043914795,-0.0079422,0.03112793,0.019515991,0.03555298,-0.018081665,0.027648926,-0.014884949,-0.058410645,0.015289307,0.030090332,0.03253174,-0.0023078918,0.0016069412,-0.0211792,0.03326416,-0.0009727478,-0.006767273,0.020523071,-0.05960083,0.004714966,-0.0110321045,-0.036834717,0.011604309,0.017471313,-0.00043010712,-0.004085541,0.026245117,0.012046814,-0.0010557175,0.05105591,0.0078086853,-0.0033016205,0.050079346,-0.0158844,-0.0043296814,0.0063056946,0.026947021,0.009140015,0.03387451,-0.024642944,-0.0059165955,0.0126953125,-0.006626129,-0.03845215,0.05593872,0.033325195,0.030029297,0.006187439,0.050750732,-0.02909851,-0.008163452,0.042877197,0.0050697327,0.01473999,0.009216309,-0.022781372,0.03274536,-0.010406494,0.00017976761,0.016204834,-0.0008749962,-0.041259766,0.027770996,-0.024047852,0.1340332,-0.013511658,0.15930176,0.025802612,0.02986145,-0.014480591,-0.04727173,0.028533936,0.061828613,0.00831604,0.20129395,0.029632568,-0.008583069,-0.020080566,0.009864807,0.043273926,-0.005115509,0.013870239,0.007091522,0.05795288,0.014808655,-0.021133423,-0.014205933,-0.042816162,0.035858154,0.017333984,-0.0057296753,0.0018968582,0.0046463013,0.012390137,-0.029067993,-0.016998291,0.0058288574,-0.056243896,0.07940674,0.12536621,-0.013328552,-0.042236328,-0.0012731552,-0.032989502,0.055633545,-0.009681702,-0.064453125,-0.005428314,0.008155823,-0.040130615,-0.025543213,-0.059783936,0.009735107,0.009681702,-0.011459351,0.024398804,-0.032073975,0.0077667236,-0.0027923584,0.11743164,-0.013580322,0.023208618,-0.030517578,0.021850586,0.046875,0.02822876,-0.03277588,-0.046844482,-0.010368347,-0.079711914,0.018325806,0.0056915283,0.0076522827,0.051116943,0.0579834,0.0017089844,-0.020828247,0.0031337738,-0.033355713,-0.016448975,-0.068481445,-0.0030155182,-0.00034093857,-0.0068740845,-0.03616333,0.010650635,0.030700684,0.010826111,0.004096985,-0.0019264221,0.03173828,0.046936035,0.0574646,-0.024353027,-0.013397217,-0.0045280457,0.04800415,0.0020713806,0.013534546,-0.00881958,-0.02658081,-0.008720398,-0.009536743,0.015594482,0.008430481,0.08538818,0.027999878,-0.008407593,-0.08239746,-0.018569946,0.0541687,-0.030334473,-0.013412476,0.0018091202,-0.032714844,-0.010070801,-0.037017822,0.024719238,0.0647583,-0.041656494,0.020187378,-0.0069351196,-0.018417358,0.029052734,-0.017623901,-0.011672974,-0.031921387,-0.055786133,-0.008354187,-0.017837524,0.08190918,-0.044158936,-0.005794525,0.029937744,0.0019044876,-0.030181885,0.14208984,-0.015731812,0.032043457,-0.0064735413,-0.023239136,-0.028167725,0.008911133,0.0014181137,0.06762695,-0.029510498,0.015686035,0.01777649,0.033569336,0.04748535,-0.041870117,-0.018005371,-0.0027008057,0.05596924,-0.016693115,-0.006454468,-0.028030396,-0.012779236,-0.011161804,-0.019210815,-0.015853882,-0.0031471252,0.0033779144,-0.018478394,-0.010665894,-0.02027893,0.0070724487,-0.048736572,-0.045562744,0.038116455,-0.009529114,-0.022857666,-0.013809204,-0.0158844,-0.027694702,-0.021697998,-0.018035889,0.07324219,0.048706055,0.018798828,0.007331848,-0.03744507,-0.013587952,0.014091492,0.04837036,0.022018433,0.003036499,-0.015205383,-0.039642334,-0.014472961,-0.016296387,-0.020584106,0.014442444,-0.00116539,0.087524414,-0.034729004,0.024856567,-0.013328552,0.048034668,-0.04373169,0.015777588,-6.5505505e-05,-0.0079193115,0.0129852295,0.0057525635,-0.038116455,0.008239746,-0.027236938,0.034942627,0.016616821,-0.01461792,0.048980713,0.1217041,0.05630493,0.008102417,0.021316528,-0.017684937,0.045410156,-0.01574707,-0.022659302,0.029037476,0.02532959,-0.038391113,-0.036346436,-0.0725708,-0.014602661,-0.024856567,-0.020523071,-0.036193848,-0.029815674,0.014518738,-0.046539307,0.06524658,0.0058631897,0.0027065277,-0.055877686,-0.02835083,0.015838623,0.008895874,0.012466431,0.016708374,0.0385437,0.036193848,0.041015625,-0.011932373,-0.019454956,-0.0031547546,0.040222168,-0.030380249,0.017456055,0.031341553,-0.007774353,-0.033477783,0.0016517639,-0.01876831,-0.007335663,-0.0335083,-0.02468872,0.0040016174,-0.06402588,0.0024719238,0.0074920654,-0.0031852722,-0.021850586,0.023742676,0.0011291504,0.027160645,0.03427124,-0.00504303,0.0065078735,-0.014808655,0.03704834,0.0048446655,-0.012397766,-0.03277588,0.0017194748,-0.013214111,0.0054779053,-0.015220642,0.008598328,0.0005054474,0.06896973,-0.008201599,0.00995636,0.015975952,-0.00617218,0.0013475418,0.019515991,-0.012054443,0.0067710876,-0.04071045,-0.01927185,-0.0075683594,0.0028591156,-0.007297516,0.0058670044,-0.0030002594,0.0019950867,-0.024093628,-0.023010254,0.0060539246,-0.00819397,-0.0016469955,0.0027313232,0.0030345917,0.010917664,0.0015153885,0.0067367554,-0.0024681091,0.009963989,-0.005218506,2.7298927e-05,-0.005191803,0.008285522,-0.01058197,0.00390625]	A	\\xa361f614d7a6119fd0acebe52af912cb21b259ea8fc060b28962970291e673f6	1	2026-11-30 07:09:11.959632+00
1.jpg	\\xffd8ffe000104a46494600010100000100010000ffdb00430006040506050406060506070706080a100a0a09090a140e0f0c1017141818171416161a1d251f1a1b231c1616202c20232627292a29191f2d302d283025282928ffdb0043010707070a080a130a0a13281a161a2828282828282828282828282828282828282828282828282828282828282828282828282828282828282828282828282828ffc00011080030004003012200021101031101ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffc4001f0100030101010101010101010000000000000102030405060708090a0bffc400b51100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9faffda000c03010002110311003f00e6a8a28afa000a508c7b5488b8193d69f5f398bcfb926e34229dbabfd2c7d6e0b86b9e0a789934df45d3d6fd7cac40411d452558a8645c723a57465f9c2c4cbd9545697e0ce4cd32196120eb52973456fdd7f9fe0368a28af6cf9d0a541961494aa7041ac711194a94e30dda76fb8df0b28c2bc253d9357f4b93d14515f9d9fab2770a6b8ca9a75324385fad74612329d78286f7472e3a70861aa4a7b59fe445451457e847e581457b77c38d6b4ab4f0669d05dea76304cbe66e8e49d158664623209cf435d2ff00c247a27fd0674dff00c0a4ff001af91c4f1356a15a749619b516d5eef5b3b5fe137545357b9f3723e383d2a40ca7b8afa37fe123d13fe833a6ff00e0527f8d66789b5fd1e6f0dead143ab69f248f692aaa2dca12c4a1c0033c9af1ab663f5baa9fd5a516dead3efd7e13dcc1e715f090f66da925b5fa7cee7821703dea36258e4d2515f6f83cb68e13de86afbb3831f9be231deecf48f65faf70a28a2bd03cb3ffd9	[-0.024291992,0.021896362,0.019546509,-0.0025997162,0.002948761,0.012680054,-0.041931152,-0.017120361,-0.026779175,0.0099487305,0.015258789,-0.01687622,-0.040985107,-0.017944336,-0.008171082,0.028869629,0.011749268,-0.0015678406,-0.037994385,-0.010055542,-0.009384155,0.01751709,0.022201538,0.024658203,0.019500732,-0.004699707,0.019088745,0.04815674,-0.022232056,-0.03189087,-0.037872314,-0.014411926,-0.029464722,-0.024810791,0.0046539307,-0.020706177,-0.046081543,-0.014152527,0.012466431,-0.02947998,-0.022094727,-0.020904541,-0.00504303,0.045806885,-0.022888184,-0.017074585,-0.004951477,-0.01777649,-0.027053833,0.0013570786,-0.025360107,-0.020614624,-0.0385437,0.006877899,-0.038635254,-0.043792725,-0.013313293,-0.025924683,-0.03048706,0.0017127991,-0.04827881,-0.03390503,0.0033435822,-0.013885498,-0.017150879,-0.011390686,-0.019699097,-0.01751709,-0.0061798096,-0.053771973,-0.017944336,-0.035064697,-0.037475586,0.0385437,-0.01802063,-0.034362793,-0.011665344,-0.014755249,0.031951904,-0.026046753,0.011749268,-0.037078857,-0.0149383545,0.044555664,-0.022994995,-0.019088745,-0.0178833,-0.02015686,-0.007598877,-0.021621704,-0.0067253113,0.015090942,-0.021743774,-0.012077332,-0.0062217712,0.016159058,-0.004737854,-0.021194458,-0.008728027,-0.03060913,-0.020736694,0.010681152,-0.016326904,0.04876709,-0.007965088,-0.015617371,-0.022354126,0.02583313,0.008903503,0.04550171,-0.025360107,0.040374756,-0.06121826,-0.036468506,-0.029556274,-0.009376526,0.028839111,0.0079956055,0.014877319,-0.0074424744,-0.011207581,-0.008758545,0.008560181,-0.006263733,-0.04284668,-0.036346436,-0.009597778,-0.021743774,0.021392822,-0.016799927,0.0004594326,0.0036849976,-0.01965332,-0.0018634796,0.036743164,0.0028820038,0.0050735474,0.0026226044,0.027557373,-0.024749756,0.013084412,0.012191772,-0.0181427,-0.010391235,0.009376526,0.03793335,-0.0070114136,0.012763977,-0.005744934,0.06695557,-0.012428284,-0.022598267,-0.0026512146,-0.010665894,-0.017913818,0.0013723373,-0.021759033,0.011856079,0.0052986145,-0.013633728,0.0050811768,0.0026874542,-0.011375427,-0.0054855347,0.0045661926,0.016677856,-0.009735107,0.023361206,0.029296875,-0.020202637,-0.039855957,-0.028503418,-0.016952515,-0.008155823,0.0012769699,0.022766113,-0.015808105,-0.008773804,-0.0034770966,-0.017578125,-0.03656006,0.037109375,-0.01146698,0.018829346,0.004547119,-0.017547607,-0.007858276,-0.020629883,-0.0016212463,-0.02748108,0.019638062,0.0012350082,0.013954163,-0.029663086,-0.016708374,0.010177612,0.010612488,-0.008094788,-0.008903503,0.026260376,0.00057554245,0.00056266785,0.011566162,-0.03527832,-0.020446777,0.005519867,0.010734558,0.0045547485,0.0047302246,-0.002325058,-0.0109939575,-0.0121154785,-0.014533997,-0.026733398,0.0009536743,-0.015945435,0.015411377,-0.010734558,-0.05545044,0.007820129,0.02192688,0.004966736,0.02330017,0.024719238,0.012939453,-0.0029296875,-0.003419876,-0.03112793,0.020751953,-0.0043029785,-0.010803223,-0.024490356,-0.02368164,-0.015625,-0.0007829666,-0.0054969788,-0.0070648193,-0.014526367,-0.0009274483,-0.016143799,-0.0076293945,0.041931152,-0.037506104,-0.047912598,0.010192871,0.00018656254,-0.011932373,0.010856628,0.014007568,-0.025665283,-0.028198242,-0.0077323914,0.009460449,0.032073975,-0.02772522,-0.020385742,0.021453857,0.009765625,-0.01625061,-0.01473999,-0.012214661,-0.0056419373,0.0024795532,0.0103302,0.027496338,0.0018453598,-0.018676758,-0.0039405823,0.036132812,-0.008529663,-0.006175995,-0.0236969,-0.013679504,-0.018478394,0.008613586,0.04434204,-0.036468506,0.018722534,-0.014984131,0.015510559,-0.019714355,-0.027954102,-0.0024204254,-0.007911682,-0.023635864,-0.006427765,-0.018203735,-0.04562378,0.018722534,0.0059928894,-0.005970001,-0.012634277,0.01864624,-0.0014629364,-0.0121536255,-0.00793457,0.040100098,0.012054443,0.00091934204,-0.016021729,-0.028366089,0.02822876,-0.022857666,-0.028411865,-0.00083208084,-0.002105713,-0.02015686,0.0054359436,0.018325806,-0.00022399426,0.018295288,-0.030334473,-0.035827637,-0.032684326,-0.022598267,-0.009063721,-0.07910156,-0.0105896,0.0054473877,-0.0013093948,0.014732361,-0.04498291,0.010185242,-0.031234741,-0.01864624,-0.017318726,-0.007648468,-0.054595947,-0.009353638,-0.03100586,-0.020095825,-0.013961792,-0.0037269592,0.0054779053,-0.023071289,0.038391113,0.0072669983,-0.0036392212,-0.029052734,0.01826477,-0.01159668,-0.015129089,-0.017181396,-0.010696411,-0.012359619,-0.033081055,-0.011238098,0.01966858,-0.020431519,0.01939392,0.006252289,0.045562744,0.009803772,-0.0031108856,0.01612854,-0.029190063,-0.00680542,-0.009391785,-0.017654419,-0.021835327,0.021392822,0.009544373,-0.035888672,-0.005970001,-0.020385742,-0.0060157776,0.0056495667,-0.008239746,-0.0048446655,0.013832092,0.027740479,0.04827881,0.008743286,-0.013336182,0.011291504,0.0058135986,0.022415161,0.000104248524,-0.018951416,0.0033950806,-0.021972656,-0.022521973,-0.0066604614,0.0058631897,-0.0030212402,-0.007129669,0.037963867,0.007736206,-0.019454956,-0.013793945,-0.027633667,-0.00049209595,0.09411621,0.019500732,-0.028182983,0.0052604675,-0.011039734,-0.005470276,-0.0010089874,0.027526855,0.0033397675,-0.050964355,0.024414062,-0.0010623932,0.013641357,-0.025222778,-0.027282715,0.013938904,-0.0060653687,0.06903076,-0.034820557,-0.00029611588,0.006767273,-0.028747559,0.010108948,-0.049865723,0.010231018,0.07910156,0.017745972,0.16174316,-0.007419586,0.002998352,-0.029846191,0.016937256,-0.008636475,0.006454468,0.024627686,0.045532227,0.013198853,0.006000519,0.107421875,-0.0134887695,-0.008880615,0.02696228,-0.018432617,-0.009460449,-0.012184143,0.019470215,0.03652954,0.07702637,-0.039794922,0.014381409,-0.03314209,0.029525757,-0.01991272,-0.030273438,0.096069336,-0.038146973,0.0025501251,0.0005493164,-0.04385376,0.053985596,-0.024215698,-0.0066337585,-0.017791748,0.026748657,0.003660202,-0.055725098,-0.037078857,0.02494812,-0.017501831,-0.032806396,0.03387451,0.012557983,0.003440857,0.04425049,-0.0008702278,-0.030914307,0.0034179688,-0.06161499,0.0015821457,-0.055541992,-0.020599365,0.040649414,-0.024734497,-0.015640259,-0.0181427,0.008766174,0.042419434,-0.03515625,0.034942627,0.033081055,0.046203613,-0.03074646,-0.008979797,-0.021316528,0.05316162,-0.06097412,-0.017700195,0.030303955,-0.0063591003,0.07373047,-0.02482605,0.0021133423,0.035583496,-0.052093506,-0.0017910004,-0.034423828,-0.029388428,0.06616211,0.00092077255,0.0011320114,-0.016479492,0.045959473,-0.023635864,-0.031204224,-0.065979004,0.026397705,-0.038726807,-0.017974854,-0.030532837,-0.00079870224,-0.0069007874,-0.039398193,-0.04083252,-0.009262085,0.014259338,-0.017044067,0.010734558,-0.022979736,-0.023132324,0.005470276,0.09259033,-0.01852417,0.005050659,-0.018341064,-0.0036449432,0.02067566,-0.045013428,-2.9325485e-05,0.03137207,0.014175415,0.016983032,0.0053520203,0.035705566,-0.020904541,-0.032958984,0.0037975311,0.039611816,0.028335571,0.023605347,0.0023155212,-0.012771606,-0.0068130493,-0.035125732,-0.0012702942,-0.023666382,-0.016143799,0.01083374,0.10662842,-0.002817154,0.16394043,-0.0012454987,0.008659363,-0.045013428,-0.03503418,0.011390686,-0.024276733,-0.03781128,0.0184021,0.007911682,-0.018615723,-0.019180298,-0.07446289,-0.020629883,-0.013786316,0.0008802414,0.056518555,-0.041046143,-0.022277832,-0.0017929077,0.029968262,-0.03366089,-0.019058228,0.049804688,-0.0045051575,-0.010261536,0.07086182,-0.019897461,-0.037322998,-0.057769775,-0.029663086,-0.0066947937,0.03253174,0.0036468506,0.039245605,-0.042541504,-0.013046265,-0.0008006096,-0.0012321472,0.058898926,-0.019485474,0.0149383545,-0.002670288,-0.007068634,-0.020980835,0.009025574,-0.029647827,-0.005847931,0.0435791,-0.0036563873,-0.008239746,-0.03805542,0.00090932846,0.055358887,-0.0034065247,0.006706238,0.020446777,-0.0069351196,-0.013916016,0.0440979,-0.00422287,0.019561768,0.023132324,-0.015975952,0.10900879,-0.025848389,-0.0054397583,0.027526855,0.0064086914,0.05102539,-0.024749756,-0.024261475,0.08795166,0.014251709,0.013290405,0.02935791,-0.015411377,-0.018356323,0.030166626,-0.008033752,0.05206299,0.028289795,0.032409668,0.007987976,0.078430176,0.037078857,-0.009208679,-0.064453125,-0.0038032532,0.034362793,0.055114746,-0.0065956116,-0.04309082,0.083496094,-0.051361084,-4.631281e-05,0.028808594,0.0064430237,0.016494751,0.0055885315,0.04699707,-0.02960205,0.017623901,-0.007987976,-0.06335449,0.01939392,-0.007610321,0.02255249,0.010696411,-0.018615723,-0.011489868,0.05392456,0.0021038055,0.005508423,0.011108398,-0.014717102,-0.020080566,0.0060424805,-0.020690918,0.020904541,-0.010360718,0.002275467,-0.03463745,0.06652832,0.047973633,-0.005504608,0.051452637,0.029205322,-0.023757935,0.07965088,-0.038604736,-0.0079422,-0.009292603,0.037353516,0.0015611649,0.062683105,0.0005068779,-0.01234436,0.012779236,-0.0071868896,-0.013259888,0.057678223,0.058563232,0.014503479,-0.01776123,0.07019043,-0.018356323,-0.010604858,0.039642334,-0.0012187958,-0.009010315,0.005836487,0.010093689,0.020553589,-0.022567749,0.0015544891,0.020217896,0.025604248,-0.02305603,0.024749756,0.01071167,0.07116699,0.005908966,0.101989746,0.019973755,0.027999878,-0.031280518,-0.022705078,0.0036125183,0.060699463,-0.0031547546,0.15759277,0.006843567,-0.026046753,-0.012039185,0.048431396,0.037017822,-0.013008118,0.03955078,-0.018203735,0.04248047,0.0051193237,-0.040100098,-0.018188477,-0.032592773,0.018081665,0.036010742,-0.008369446,0.012786865,0.0018978119,0.014045715,-0.026046753,-0.019943237,0.00484848,-0.03552246,0.06707764,0.10668945,-0.017822266,-0.039978027,-0.012634277,-0.040130615,0.023376465,-0.02029419,-0.04647827,-0.0071372986,0.020141602,-0.035461426,-0.017181396,-0.072265625,0.015090942,-0.006210327,-0.032684326,0.02684021,-0.039001465,0.010353088,-0.008392334,0.054748535,-0.012199402,0.035095215,-0.02130127,0.02835083,0.057800293,0.011169434,-0.019577026,-0.022201538,-0.004886627,-0.02279663,0.03717041,-0.011192322,-0.00831604,0.029541016,0.07019043,-0.0357666,-0.004611969,0.015327454,-0.04827881,0.0028324127,-0.045715332,0.013389587,0.0029640198,-0.023712158,-0.0021972656,0.0076904297,0.01687622,0.02923584,0.012649536,-0.0077667236,0.10345459,0.037719727,0.024627686,-0.053955078,0.016815186,0.0029201508,0.04373169,-0.014678955,0.024612427,0.022460938,-0.017837524,0.015579224,-0.030838013,0.008811951,0.03414917,0.13171387,0.031433105,-0.008857727,-0.048583984,-0.01953125,0.055267334,-0.03161621,-0.00894165,0.008232117,-0.05593872,-0.010902405,-0.03778076,0.0090408325,0.059448242,-0.036071777,0.0047035217,-0.02960205,-0.01953125,0.028717041,-0.020507812,-0.0335083,-0.04611206,-0.024124146,0.0027103424,-0.04864502,0.13183594,-0.03640747,-0.027038574,-0.0053863525,0.0066986084,-0.05517578,0.08770752,-0.020980835,0.0769043,-0.021194458,-0.032165527,-0.026275635,0.0045928955,0.029663086,0.040161133,-0.0335083,0.0132751465,-0.01625061,0.015609741,0.03717041,-0.030578613,-0.0036334991,2.6226044e-06,0.06311035,-0.012039185,-0.015930176,-0.040802002,-0.025482178,-0.034423828,-0.0058631897,-0.024230957,-0.0023498535,-0.040924072,-0.004886627,-0.0073127747,-0.025772095,-0.00039076805,-0.028686523,-0.010520935,0.035247803,-0.037231445,-0.06530762,-0.04397583,-0.004180908,-0.011955261,-0.0063591003,-0.011779785,0.04159546,0.055541992,0.022613525,-0.010101318,-0.014587402,0.002696991,0.014160156,0.062805176,0.039489746,0.016235352,-0.015403748,-0.00027132034,-0.030090332,-0.045440674,-0.01146698,-0.0012979507,0.035705566,0.072265625,-0.030029297,0.016403198,-0.011268616,0.045410156,-0.047943115,0.013023376,-0.01146698,0.057647705,-0.0024909973,0.027832031,-0.050811768,0.011169434,-0.04800415,0.061645508,0.02456665,-0.013381958,0.068115234,0.046539307,0.077697754,-0.006916046,0.0103302,-0.017974854,0.060668945,-0.0036315918,-0.05331421,0.037231445,0.0473938,-0.028274536,-0.01260376,-0.06213379,-0.023849487,0.014762878,-0.010047913,-0.023880005,-0.025390625,-0.018920898,-0.025924683,0.09674072,-0.0037555695,0.04812622,-0.064086914,-0.02468872,0.008178711,0.0013847351,0.013069153,0.033477783,0.015586853,0.113220215,0.08105469,0.0013122559,-0.0028209686,0.02381897,0.082092285,-0.025344849,-0.023284912,0.007598877,0.013587952,-0.014152527,-0.0262146,-0.026855469,-0.052490234,-0.04815674,-0.03955078,-0.03967285,-0.04525757,-0.007293701,0.048919678,0.008163452,-0.03237915,0.013244629,0.019058228,0.020629883,0.015602112,-0.009521484,0.004589081,-0.0021858215,0.019989014,-0.0063552856,-0.023101807,-0.021636963,0.026290894,-0.007247925,0.019638062,0.014411926,0.033996582,0.04296875,0.02293396,0.0154418945,0.004310608,-0.008132935,-0.0069770813,0.0005774498,8.2969666e-05,-0.011497498,0.024932861,-0.018615723,0.0056381226,0.00598526,0.009773254,-0.0074539185,0.0069885254,-0.01222229,0.011604309,0.00092315674,-0.013092041,-0.010818481,-0.004840851,0.003627777,0.0079422,0.022827148,0.006008148,-0.002500534,0.011741638,0.012039185,0.009254456,0.0067253113,-0.03152466,-0.0024166107,0.0050849915,-0.006839752,0.005092621]	A	\\x5d6cc49f7eb8456f8cfee6a1fca5d888db2c491eb0248f6f2c075426ecdb9d75	1	2026-11-30 07:09:11.959632+00
2.jpg	\\xffd8ffe000104a46494600010100000100010000ffdb00430006040506050406060506070706080a100a0a09090a140e0f0c1017141818171416161a1d251f1a1b231c1616202c20232627292a29191f2d302d283025282928ffdb0043010707070a080a130a0a13281a161a2828282828282828282828282828282828282828282828282828282828282828282828282828282828282828282828282828ffc00011080030004003012200021101031101ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffc4001f0100030101010101010101010000000000000102030405060708090a0bffc400b51100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9faffda000c03010002110311003f00caa28a2b9cfa70a5556760aa0b13d80cd3a18da6955131b8fad6fdbc11c0bb635c67a9ee6b87198e8e155ad76cda8d1753d0c616372402223cfa902abba321c3ab29eb82315d2d32589264db22865eb5e753ce27cdfbc8ab791d12c22b7bace728a9aee036f3143d3aa9f5150d7bb09a9c54a3b3389a71766145145508d1d15419257e72001f9fff00aab56b1b4997cbb8284e038c7e3dbfad6cd7cbe69192c436fadac7a58669d3d028a28af38e833f5950618df9c86c7e7ffeaac9ad2d625cb2440f4f99bfa566d7d565b19470f1e63ccc434ea3b0515ec7f0ff0058d32d7c23610dd6a3670ccbe66e492755619918f209f4ae8bfe120d1bfe82da7ffe04a7f8d79f5b3aa94ea4a0a8b766d5efdbe4703acd3b58f9eab52d752046db8e0ff780fe75ee3ff09068dff416d3ff00f0253fc68ff848346ffa0b69ff00f8129fe35c788cd1e223cb3a0fefff00ed4ba78b9d3778a3c6c5cc0402268f9f5602aadc6a48ab883e76f523815eddff0009068dff00416d3fff000253fc6bc2bc47224de21d52489d5e37ba959594e4302e7041ee2af2ca30c4d47ed20d5bbbff00808ea8e3a7534b58a0ec5d8b31c92726928a2bea12b688c8ffd9	[-0.040405273,0.026535034,-0.013252258,-0.013092041,0.008377075,-0.01461792,-0.062164307,-0.021636963,-0.022994995,0.0076446533,0.019302368,-0.028152466,-0.05331421,-0.009971619,-0.032836914,0.030914307,0.016036987,0.014175415,-0.029220581,-0.0037231445,-0.0018835068,0.0076141357,0.017364502,0.03074646,0.021697998,0.0069122314,0.007663727,0.038330078,-0.023498535,-0.03845215,-0.016723633,0.015945435,-0.011627197,-0.034729004,1.2874603e-05,-0.019088745,-0.034698486,-0.015457153,0.003982544,-0.020217896,-0.025482178,-0.03793335,-0.015319824,0.019882202,-0.032043457,-0.027267456,-0.01121521,-0.020019531,-0.008270264,-0.0038547516,-0.019485474,-0.019683838,-0.039154053,-0.017852783,-0.028030396,-0.021942139,-0.024261475,-0.019607544,-0.029815674,-0.002380371,-0.03842163,-0.052520752,-0.01171875,-0.012283325,-0.02116394,-0.04473877,-0.011741638,-0.0072135925,-0.018707275,-0.021881104,-0.012832642,-0.02229309,-0.015434265,0.030731201,-0.0035648346,-0.024536133,-0.0070533752,0.014511108,0.031982422,0.008522034,0.0010728836,-0.017349243,-0.027282715,0.057403564,-0.02545166,-0.013458252,-0.026504517,-0.03060913,0.01448822,-0.03479004,-0.006866455,0.019134521,-0.003484726,0.0028858185,-0.020004272,0.02645874,0.011756897,-0.01802063,-0.021087646,-0.03353882,-0.042175293,0.023361206,-4.529953e-06,0.021240234,-0.013404846,-0.008087158,0.0022525787,0.008468628,-0.00907135,0.0317688,-0.042633057,0.04510498,-0.06549072,-0.0552063,-0.035186768,-0.000323534,0.017623901,0.0033111572,0.006904602,-0.015205383,-0.012809753,-0.0012149811,-0.004436493,-0.007949829,-0.014533997,-0.034362793,-0.029785156,-0.007286072,0.013145447,-0.015563965,0.013809204,0.0015134811,-0.01953125,0.012199402,0.020629883,-0.014663696,0.0022945404,-0.0074920654,0.031311035,-0.0069770813,0.014213562,0.011955261,-0.009048462,-0.014511108,0.026489258,0.039855957,-0.011306763,0.017196655,-0.03164673,0.04397583,-0.020889282,-0.017822266,-0.016357422,-0.01159668,0.0016412735,0.0015802383,-0.003522873,-0.0026340485,0.004119873,-0.01878357,0.0078086853,-0.01109314,-0.017440796,0.016403198,0.0063591003,0.013908386,-0.0024414062,0.015960693,0.030975342,-0.012489319,-0.0385437,-0.037109375,0.006965637,-0.008529663,-0.0031013489,0.005428314,-0.013069153,-0.014251709,-0.0059013367,-0.02142334,-0.04473877,0.042022705,-0.015975952,0.020080566,0.0024681091,-0.019363403,-0.020355225,-0.024978638,-0.00060224533,-0.02859497,0.0010900497,0.010108948,0.006038666,-0.039245605,-0.009628296,0.02142334,0.0074157715,-0.007850647,-0.004196167,-0.005340576,-0.0055732727,0.0063667297,0.036865234,-0.023391724,-0.011352539,0.010147095,-0.01158905,-0.0014190674,-0.008308411,-0.020965576,-0.015792847,-0.012374878,-0.010246277,-0.020812988,0.015090942,0.00085639954,-0.007980347,-0.0062065125,-0.04345703,0.0043182373,0.025436401,-0.018585205,0.030273438,0.030914307,0.0060691833,-0.0030555725,-0.02180481,-0.040893555,0.03668213,0.01210022,-0.011558533,-0.020492554,-0.024093628,-0.00034689903,0.005672455,0.024658203,-0.016174316,-0.02810669,-0.0027675629,-0.020889282,-0.008796692,0.045074463,-0.035125732,-0.04812622,-0.002243042,-0.018493652,-0.01689148,0.017456055,0.012138367,-0.0317688,-0.018569946,-0.019546509,-0.0013341904,0.010505676,-0.0046043396,-0.0095825195,-0.0053520203,0.009742737,-0.01852417,-0.022659302,-0.024307251,-0.010986328,0.021697998,0.017959595,0.027389526,0.0045204163,-0.019683838,0.0007452965,0.012298584,-0.0071792603,-0.023727417,-0.027542114,-0.004058838,-0.032806396,0.011245728,0.047943115,-0.037078857,0.013328552,-0.024414062,0.022659302,-0.016067505,-0.007007599,0.01789856,-0.021316528,-0.026535034,-0.0016012192,-0.02418518,-0.027786255,0.016525269,-0.005256653,-0.006412506,-0.0023880005,0.016998291,-0.01159668,-0.012390137,-0.014595032,0.053497314,0.014572144,-0.008628845,-0.010734558,-0.017120361,0.032470703,-0.022491455,-0.029052734,-0.0143966675,0.0016746521,-0.018707275,0.0070648193,0.033325195,0.01663208,0.025756836,-0.028701782,-0.0119018555,-0.027816772,0.010787964,-0.007259369,-0.07055664,-0.014312744,0.0065078735,-0.0206604,-0.0032997131,-0.061035156,-0.0027160645,-0.013839722,-0.020263672,-0.017425537,-0.038116455,-0.044433594,0.00027632713,-0.04296875,-0.023910522,-0.013687134,-0.0028362274,0.0045547485,-0.021499634,0.033081055,0.006664276,-0.008674622,-0.035339355,0.018417358,-0.013435364,-0.0035915375,-0.01576233,-0.0236969,-0.013473511,-0.03756714,0.019012451,0.009048462,-0.0050354004,0.00894928,0.0013866425,0.037353516,-0.004196167,0.0044555664,0.028549194,-0.024520874,-0.0042304993,-0.018554688,-0.008056641,-0.0043754578,0.015106201,-0.0012159348,-0.022872925,-0.018615723,-0.029586792,0.0065078735,-0.0039367676,0.00843811,-0.006702423,0.03756714,0.05343628,0.046661377,-0.0030612946,-0.0074882507,-0.000106692314,0.0063323975,0.040863037,0.0019369125,-0.0067481995,0.0021839142,-0.011459351,-0.015037537,-0.0005707741,0.009208679,0.023788452,-0.013626099,0.042755127,0.0096588135,-0.015136719,-0.014144897,-0.05090332,0.010772705,0.07739258,0.012802124,-0.026351929,-0.008300781,-0.022872925,-0.009277344,0.005027771,0.023635864,0.016555786,-0.040161133,0.011146545,0.016479492,-0.013092041,-0.049957275,-0.01927185,0.012458801,-0.007785797,0.047943115,-0.017456055,0.006614685,0.014793396,-0.025497437,-0.0016422272,-0.04727173,0.012969971,0.043670654,0.009025574,0.10406494,0.009437561,0.018447876,-0.03994751,-0.013999939,-0.026321411,-0.0044441223,0.02355957,0.057128906,0.01777649,-0.0053100586,0.07867432,-0.008781433,-0.008300781,0.015426636,-0.0014686584,0.000111460686,0.009010315,0.002046585,0.053344727,0.053131104,-0.05883789,0.016281128,-0.04006958,0.035827637,-0.0061569214,-0.029907227,0.11029053,-0.020950317,-0.006175995,-0.010002136,-0.05355835,0.049713135,-0.027404785,-0.014678955,-0.0107803345,0.052520752,-0.0072364807,-0.05505371,-0.00043082237,0.03717041,-0.008674622,-0.017837524,0.032470703,0.024627686,-0.013748169,0.048339844,0.003440857,-0.011436462,0.014778137,-0.05847168,0.034088135,-0.015365601,-0.028762817,0.026901245,-0.0014104843,-0.031982422,-0.000667572,0.00207901,0.051635742,-0.043426514,0.017333984,0.033843994,0.028915405,-0.03253174,0.0022697449,-0.020889282,0.05142212,-0.07348633,-0.011543274,0.028442383,-0.0005841255,0.08520508,-0.022567749,0.03060913,0.046966553,-0.039215088,-0.018554688,-0.036987305,-0.04437256,0.05303955,-0.0082473755,0.0010919571,-0.052001953,0.035491943,-0.020126343,-0.029754639,-0.061462402,0.01184082,-0.022201538,-0.018951416,-0.03427124,0.0039138794,-0.0345459,-0.04168701,-0.046783447,-0.012176514,0.037628174,-0.0019006729,-0.015113831,-0.015640259,0.0007929802,-0.009254456,0.074157715,-0.038024902,-0.0020866394,-0.03314209,-0.021331787,0.009925842,-0.010856628,-0.0033798218,0.028427124,0.004890442,0.034454346,0.024887085,0.013458252,-0.019851685,-0.029785156,-0.0018997192,0.03338623,0.02810669,0.02545166,0.021850586,-0.018157959,-0.005558014,-0.023513794,-0.0010614395,-0.03164673,0.0056152344,-0.00182724,0.1307373,-0.020523071,0.17565918,0.012901306,0.012992859,-0.012001038,-0.03829956,0.010681152,-0.038513184,-0.016494751,0.022064209,-0.006626129,-0.006576538,-0.02015686,-0.05154419,-0.010192871,-0.01864624,-0.006401062,0.086120605,-0.026321411,-0.018875122,0.0022182465,0.03302002,-0.023529053,0.00015628338,0.022003174,9.560585e-05,-0.0138549805,0.09277344,-0.023544312,-0.010856628,-0.037628174,-0.038146973,-0.014129639,0.056732178,-0.004459381,0.040374756,-0.030227661,-0.014564514,0.018722534,5.6505203e-05,0.055511475,0.007247925,0.024261475,0.015007019,0.01109314,-0.007247925,0.00053977966,-0.016784668,-0.013633728,0.06695557,-0.018234253,0.0045776367,-0.018630981,-0.009773254,0.047576904,0.008842468,-0.006275177,0.022445679,-0.0017690659,-0.010391235,0.041168213,0.01436615,0.02645874,0.029174805,0.013023376,0.10095215,-0.025222778,-0.0146865845,0.027267456,0.023162842,0.049468994,-0.007293701,0.0038108826,0.07751465,0.009223938,0.036102295,0.03213501,-0.04257202,-0.022079468,0.03466797,-0.0062561035,0.036712646,0.0067977905,0.07507324,0.008361816,0.06842041,0.048583984,-0.025497437,-0.06707764,-0.011291504,0.024551392,0.030227661,0.004878998,-0.04373169,0.026016235,-0.030380249,-0.003929138,0.052459717,-0.0014753342,0.016983032,-0.037841797,0.028945923,-0.038879395,0.03062439,-0.02734375,-0.06500244,0.020233154,-0.009338379,-0.008781433,-0.0016937256,-0.015701294,0.0006570816,0.031402588,-0.019485474,-0.018569946,0.0031700134,-0.024612427,-0.019088745,-0.022537231,-0.011741638,0.0025959015,0.003818512,0.021560669,-0.038848877,0.045135498,0.039123535,-0.0018024445,0.04699707,0.012161255,-0.017791748,0.06542969,-0.048034668,-0.0029525757,0.010108948,0.03111267,0.004535675,0.044433594,-0.0040016174,0.0020275116,0.029922485,-0.016860962,-0.017730713,0.05960083,0.034851074,0.019470215,-0.0056037903,0.056243896,-0.01259613,-0.013923645,0.04815674,-0.0013074875,0.009170532,-0.00036382675,-0.0039520264,0.026062012,-0.026779175,-0.0027370453,0.019577026,0.016860962,-0.02229309,0.03186035,0.01651001,0.10601807,3.3974648e-05,0.07092285,0.010757446,0.036071777,-0.024490356,-0.0055389404,-0.0040016174,0.09106445,-0.009170532,0.15478516,0.010475159,-0.01878357,-0.0036182404,0.018417358,-0.020523071,-0.01651001,0.059906006,5.2392483e-05,0.046813965,0.024932861,-0.04257202,-0.009117126,-0.024124146,0.00605011,0.035125732,0.0005054474,0.032562256,-0.010627747,0.01776123,-0.019714355,-0.007701874,0.010154724,-0.046661377,0.09210205,0.07342529,-0.027511597,-0.050872803,-0.0027332306,-0.029312134,0.0038604736,0.0002194643,-0.053588867,-0.0071411133,0.019973755,-0.058410645,-0.014923096,-0.045837402,0.041381836,-0.011459351,-0.024230957,0.04083252,-0.038330078,0.010551453,-0.020050049,0.04473877,-0.010108948,0.06781006,-0.03741455,0.00333786,0.046813965,0.03314209,-0.034088135,-0.009284973,-0.013763428,-0.038116455,0.035705566,0.015449524,0.0064086914,-0.001001358,0.06591797,-0.034698486,-0.029190063,-0.005542755,-0.039916992,0.019805908,-0.040039062,0.04095459,-0.0037975311,-0.039245605,-0.0087890625,0.01889038,0.037872314,0.014320374,-0.026107788,-0.016921997,0.111572266,0.06732178,0.018661499,-0.055633545,0.013114929,0.0206604,0.03842163,-0.020446777,0.012214661,0.017959595,-0.031555176,0.036621094,-0.01676941,0.016845703,0.04269409,0.1104126,0.024093628,0.008857727,-0.03326416,-0.023117065,0.063964844,-0.03753662,0.00058984756,0.016479492,-0.024032593,-0.020492554,-0.0016803741,0.007949829,0.038757324,-0.042175293,-0.0034713745,-0.038757324,-0.019638062,0.02279663,-0.008308411,-0.029281616,-0.042114258,-0.045898438,0.024139404,-0.02268982,0.120910645,-0.034210205,-0.034423828,0.0026893616,0.018920898,-0.048553467,0.107055664,-0.021484375,0.06185913,-0.027389526,-0.040161133,-0.03062439,0.005168915,0.022918701,0.039367676,-0.034240723,-0.001865387,-0.026611328,0.031829834,0.036376953,-0.015960693,-0.012145996,-0.012382507,0.07757568,-0.015579224,-0.01689148,-0.04888916,-0.024032593,-0.03378296,-0.039611816,0.0018358231,0.0002567768,-0.014533997,0.0029010773,-0.016952515,-0.019760132,0.009902954,-0.03326416,0.0053977966,0.029159546,-0.02357483,-0.048736572,-0.030593872,0.01776123,0.0033016205,-0.033325195,-0.0016326904,0.041503906,0.04031372,0.018615723,-0.0073280334,-0.006439209,-0.0076789856,0.019470215,0.043914795,0.032043457,0.02897644,0.013542175,0.023010254,-0.03451538,-0.03579712,-0.0029258728,-0.036102295,0.01725769,0.082458496,-0.038635254,0.011940002,0.0010128021,0.05050659,-0.043640137,0.024627686,0.0031147003,0.02810669,-0.014976501,0.0034179688,-0.058288574,0.011528015,-0.030960083,0.06616211,0.041625977,-0.015403748,0.055755615,0.043640137,0.10998535,0.03677368,-0.0020580292,-0.028366089,0.060577393,-0.015274048,-0.059631348,0.03982544,0.02848816,-0.04324341,-0.011047363,-0.06506348,-0.023361206,-0.0075263977,0.0015735626,-0.015296936,-0.03213501,-0.028793335,-0.044891357,0.09411621,-0.0009212494,0.05883789,-0.053527832,-0.04260254,-0.0029315948,-0.012329102,-0.010734558,0.01727295,0.007511139,0.12927246,0.11016846,-0.013053894,-0.003396988,-0.0021324158,0.072631836,-0.06036377,-0.05041504,0.0065307617,0.0011577606,-0.04244995,0.015014648,-0.035064697,-0.042785645,-0.045837402,-0.051605225,-0.06274414,-0.04473877,-0.0028934479,0.066345215,-3.7133694e-05,-0.0046081543,-0.010360718,0.010520935,0.018539429,0.008628845,-0.002576828,0.015396118,0.014816284,0.024810791,-0.008468628,-0.03213501,-0.024154663,0.0010251999,0.013648987,0.0012178421,0.017410278,0.045288086,0.023269653,0.003616333,0.0034885406,0.03201294,0.004863739,0.009170532,-0.0062789917,0.0025978088,-0.009979248,0.0052871704,0.005531311,0.015220642,0.014320374,0.014373779,-0.008148193,-0.006023407,-0.00592041,0.0072250366,0.0040016174,-0.013542175,-0.010032654,0.00068330765,-0.003479004,0.008262634,0.0141067505,0.0051727295,-0.0007004738,-0.008293152,0.006034851,-0.0036239624,0.006866455,-0.022720337,-0.010696411,0.0032138824,0.00058317184,-0.002696991]	B	\\x417dbba71171cd304da813a27148112487bff507d04ff1fa6e2de1982d68f5f5	1	2026-11-30 07:09:11.959632+00
\.


--
-- Name: clusterings_id_seq; Type: SEQUENCE SET; Schema: open_analytic; Owner: -
--

SELECT pg_catalog.setval('open_analytic.clusterings_id_seq', 1, true);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: calibrations calibrations_pkey; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.calibrations
    ADD CONSTRAINT calibrations_pkey PRIMARY KEY (schema_name, table_name);


--
-- Name: cluster_members cluster_members_pkey; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.cluster_members
    ADD CONSTRAINT cluster_members_pkey PRIMARY KEY (clustering, name, part);


--
-- Name: clusterings clusterings_pkey; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.clusterings
    ADD CONSTRAINT clusterings_pkey PRIMARY KEY (id);


--
-- Name: clusterings clusterings_schema_name_table_name_place_key; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.clusterings
    ADD CONSTRAINT clusterings_schema_name_table_name_place_key UNIQUE (schema_name, table_name, place);


--
-- Name: collections collections_pkey; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.collections
    ADD CONSTRAINT collections_pkey PRIMARY KEY (schema_name, table_name);


--
-- Name: distance_rates distance_rates_pkey; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.distance_rates
    ADD CONSTRAINT distance_rates_pkey PRIMARY KEY (pipeline, version, metric);


--
-- Name: nodes nodes_pkey; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (name);


--
-- Name: pipelines pipelines_pkey; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.pipelines
    ADD CONSTRAINT pipelines_pkey PRIMARY KEY (name, version);


--
-- Name: preset_rates preset_rates_pkey; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.preset_rates
    ADD CONSTRAINT preset_rates_pkey PRIMARY KEY (hash, metric);


--
-- Name: settings settings_pkey; Type: CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);


--
-- Name: photos photos_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.photos
    ADD CONSTRAINT photos_pkey PRIMARY KEY (image_name);


--
-- Name: cluster_changes_clustering_idx; Type: INDEX; Schema: open_analytic; Owner: -
--

CREATE INDEX cluster_changes_clustering_idx ON open_analytic.cluster_changes USING btree (clustering);


--
-- Name: collections_pipeline_version_idx; Type: INDEX; Schema: open_analytic; Owner: -
--

CREATE INDEX collections_pipeline_version_idx ON open_analytic.collections USING btree (pipeline, version);


--
-- Name: search_audits_schema_name_table_name_at_idx; Type: INDEX; Schema: open_analytic; Owner: -
--

CREATE INDEX search_audits_schema_name_table_name_at_idx ON open_analytic.search_audits USING btree (schema_name, table_name, at);


--
-- Name: photos_feature_idx1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX photos_feature_idx1 ON public.photos USING hnsw (feature public.halfvec_l2_ops) WITH (m='16', ef_construction='64');


--
-- Name: calibrations calibrations_schema_name_table_name_fkey; Type: FK CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.calibrations
    ADD CONSTRAINT calibrations_schema_name_table_name_fkey FOREIGN KEY (schema_name, table_name) REFERENCES open_analytic.collections(schema_name, table_name) ON DELETE CASCADE;


--
-- Name: cluster_changes cluster_changes_clustering_fkey; Type: FK CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.cluster_changes
    ADD CONSTRAINT cluster_changes_clustering_fkey FOREIGN KEY (clustering) REFERENCES open_analytic.clusterings(id) ON DELETE CASCADE;


--
-- Name: cluster_members cluster_members_clustering_fkey; Type: FK CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.cluster_members
    ADD CONSTRAINT cluster_members_clustering_fkey FOREIGN KEY (clustering) REFERENCES open_analytic.clusterings(id) ON DELETE CASCADE;


--
-- Name: clusterings clusterings_schema_name_table_name_fkey; Type: FK CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.clusterings
    ADD CONSTRAINT clusterings_schema_name_table_name_fkey FOREIGN KEY (schema_name, table_name) REFERENCES open_analytic.collections(schema_name, table_name) ON DELETE CASCADE;


--
-- Name: collections collections_pipeline_version_fkey; Type: FK CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.collections
    ADD CONSTRAINT collections_pipeline_version_fkey FOREIGN KEY (pipeline, version) REFERENCES open_analytic.pipelines(name, version) MATCH FULL;


--
-- Name: distance_rates distance_rates_pipeline_version_fkey; Type: FK CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.distance_rates
    ADD CONSTRAINT distance_rates_pipeline_version_fkey FOREIGN KEY (pipeline, version) REFERENCES open_analytic.pipelines(name, version);


--
-- Name: search_audits search_audits_schema_name_table_name_fkey; Type: FK CONSTRAINT; Schema: open_analytic; Owner: -
--

ALTER TABLE ONLY open_analytic.search_audits
    ADD CONSTRAINT search_audits_schema_name_table_name_fkey FOREIGN KEY (schema_name, table_name) REFERENCES open_analytic.collections(schema_name, table_name) ON DELETE CASCADE;


--
-- Name: cluster_changes; Type: ROW SECURITY; Schema: open_analytic; Owner: -
--

ALTER TABLE open_analytic.cluster_changes ENABLE ROW LEVEL SECURITY;

--
-- Name: cluster_members; Type: ROW SECURITY; Schema: open_analytic; Owner: -
--

ALTER TABLE open_analytic.cluster_members ENABLE ROW LEVEL SECURITY;

--
-- Name: clusterings; Type: ROW SECURITY; Schema: open_analytic; Owner: -
--

ALTER TABLE open_analytic.clusterings ENABLE ROW LEVEL SECURITY;

--
-- Name: cluster_changes reads; Type: POLICY; Schema: open_analytic; Owner: -
--

CREATE POLICY reads ON open_analytic.cluster_changes FOR SELECT USING ((clustering IN ( SELECT c.id
   FROM open_analytic.clusterings c)));


--
-- Name: cluster_members reads; Type: POLICY; Schema: open_analytic; Owner: -
--

CREATE POLICY reads ON open_analytic.cluster_members FOR SELECT USING ((clustering IN ( SELECT c.id
   FROM open_analytic.clusterings c)));


--
-- Name: clusterings reads; Type: POLICY; Schema: open_analytic; Owner: -
--

CREATE POLICY reads ON open_analytic.clusterings FOR SELECT USING (open_analytic._may(schema_name, table_name, 'SELECT'::text, place));


--
-- Name: cluster_changes writes; Type: POLICY; Schema: open_analytic; Owner: -
--

CREATE POLICY writes ON open_analytic.cluster_changes USING ((clustering IN ( SELECT c.id
   FROM open_analytic.clusterings c
  WHERE open_analytic._may(c.schema_name, c.table_name, 'UPDATE'::text, c.place))));


--
-- Name: cluster_members writes; Type: POLICY; Schema: open_analytic; Owner: -
--

CREATE POLICY writes ON open_analytic.cluster_members USING ((clustering IN ( SELECT c.id
   FROM open_analytic.clusterings c
  WHERE open_analytic._may(c.schema_name, c.table_name, 'UPDATE'::text, c.place))));


--
-- Name: clusterings writes; Type: POLICY; Schema: open_analytic; Owner: -
--

CREATE POLICY writes ON open_analytic.clusterings USING (open_analytic._may(schema_name, table_name, 'UPDATE'::text, place));


--
-- Name: SCHEMA open_analytic; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA open_analytic TO open_analytic_user;


--
-- Name: FUNCTION _after(after jsonb, distance text, name text, part text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._after(after jsonb, distance text, name text, part text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._after(after jsonb, distance text, name text, part text) TO open_analytic_user;


--
-- Name: FUNCTION _ask(link text, head text, body text, timeout_ms integer, kind text, OUT outputs text[], OUT errors text[]); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._ask(link text, head text, body text, timeout_ms integer, kind text, OUT outputs text[], OUT errors text[]) FROM PUBLIC;


--
-- Name: TABLE collections; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.collections TO open_analytic_user;
GRANT INSERT,DELETE,UPDATE ON TABLE open_analytic.collections TO open_analytic_admin;


--
-- Name: FUNCTION _blame_filter(collection regclass, info open_analytic.collections, problem text, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._blame_filter(collection regclass, info open_analytic.collections, problem text, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._blame_filter(collection regclass, info open_analytic.collections, problem text, path text) TO open_analytic_user;


--
-- Name: FUNCTION _bytes(name text, input text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._bytes(name text, input text) FROM PUBLIC;


--
-- Name: FUNCTION _check_alike(a open_analytic.collections, b open_analytic.collections); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._check_alike(a open_analytic.collections, b open_analytic.collections) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._check_alike(a open_analytic.collections, b open_analytic.collections) TO open_analytic_user;


--
-- Name: FUNCTION _check_column(name text, type text, many boolean, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._check_column(name text, type text, many boolean, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._check_column(name text, type text, many boolean, path text) TO open_analytic_admin;


--
-- Name: FUNCTION _check_distance(info open_analytic.collections, max_distance double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._check_distance(info open_analytic.collections, max_distance double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._check_distance(info open_analytic.collections, max_distance double precision) TO open_analytic_user;


--
-- Name: FUNCTION _check_filter(collection regclass, info open_analytic.collections, filter text, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._check_filter(collection regclass, info open_analytic.collections, filter text, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._check_filter(collection regclass, info open_analytic.collections, filter text, path text) TO open_analytic_user;


--
-- Name: FUNCTION _check_may(collection regclass, info open_analytic.collections, privilege text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._check_may(collection regclass, info open_analytic.collections, privilege text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._check_may(collection regclass, info open_analytic.collections, privilege text) TO open_analytic_user;


--
-- Name: FUNCTION _check_search(k integer, max_distance double precision, target_recall double precision, after jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._check_search(k integer, max_distance double precision, target_recall double precision, after jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._check_search(k integer, max_distance double precision, target_recall double precision, after jsonb) TO open_analytic_user;


--
-- Name: FUNCTION _check_size(min_size integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._check_size(min_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._check_size(min_size integer) TO open_analytic_user;


--
-- Name: FUNCTION _check_table(collection regclass); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._check_table(collection regclass) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._check_table(collection regclass) TO open_analytic_user;


--
-- Name: FUNCTION _cluster_compare(collection regclass, run integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._cluster_compare(collection regclass, run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._cluster_compare(collection regclass, run integer) TO open_analytic_user;


--
-- Name: FUNCTION _cluster_link(collection regclass, run integer, max_distance double precision, anew boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._cluster_link(collection regclass, run integer, max_distance double precision, anew boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._cluster_link(collection regclass, run integer, max_distance double precision, anew boolean) TO open_analytic_user;


--
-- Name: FUNCTION _cluster_loosen(run integer, anew boolean, OUT names text[], OUT parts integer[], OUT broken bigint[]); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._cluster_loosen(run integer, anew boolean, OUT names text[], OUT parts integer[], OUT broken bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._cluster_loosen(run integer, anew boolean, OUT names text[], OUT parts integer[], OUT broken bigint[]) TO open_analytic_user;


--
-- Name: FUNCTION _cluster_name(run integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._cluster_name(run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._cluster_name(run integer) TO open_analytic_user;


--
-- Name: FUNCTION _cluster_tell(run integer, min_size integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._cluster_tell(run integer, min_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._cluster_tell(run integer, min_size integer) TO open_analytic_user;


--
-- Name: FUNCTION _cluster_within(collection regclass, run integer, max_distance double precision, clusters bigint[]); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._cluster_within(collection regclass, run integer, max_distance double precision, clusters bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._cluster_within(collection regclass, run integer, max_distance double precision, clusters bigint[]) TO open_analytic_user;


--
-- Name: FUNCTION _clustering(info open_analytic.collections, max_distance double precision, OUT clustering integer, OUT anew boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._clustering(info open_analytic.collections, max_distance double precision, OUT clustering integer, OUT anew boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._clustering(info open_analytic.collections, max_distance double precision, OUT clustering integer, OUT anew boolean) TO open_analytic_user;


--
-- Name: FUNCTION _collection(place regclass); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._collection(place regclass) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._collection(place regclass) TO open_analytic_user;


--
-- Name: FUNCTION _create_collection(name text, pipeline text, columns json, metric text, parameters jsonb, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._create_collection(name text, pipeline text, columns json, metric text, parameters jsonb, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._create_collection(name text, pipeline text, columns json, metric text, parameters jsonb, path text) TO open_analytic_admin;


--
-- Name: FUNCTION _create_pipeline(request jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._create_pipeline(request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._create_pipeline(request jsonb) TO open_analytic_admin;


--
-- Name: FUNCTION _curve(info open_analytic.collections, target double precision, plan open_analytic._plan, OUT plan_ open_analytic._plan, OUT unit_ms double precision, OUT distance_ms double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._curve(info open_analytic.collections, target double precision, plan open_analytic._plan, OUT plan_ open_analytic._plan, OUT unit_ms double precision, OUT distance_ms double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._curve(info open_analytic.collections, target double precision, plan open_analytic._plan, OUT plan_ open_analytic._plan, OUT unit_ms double precision, OUT distance_ms double precision) TO open_analytic_user;


--
-- Name: FUNCTION _describe(request jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._describe(request jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._describe(request jsonb) TO open_analytic_admin;


--
-- Name: FUNCTION _error(type text, sqlstate text, message text, hint text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._error(type text, sqlstate text, message text, hint text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._error(type text, sqlstate text, message text, hint text) TO open_analytic_user;


--
-- Name: FUNCTION _explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, path text) TO open_analytic_user;


--
-- Name: FUNCTION _explained(collection regclass, filter text, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._explained(collection regclass, filter text, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._explained(collection regclass, filter text, path text) TO open_analytic_user;


--
-- Name: FUNCTION _few(number double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._few(number double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._few(number double precision) TO open_analytic_user;


--
-- Name: FUNCTION _half(info open_analytic.collections, query public.vector); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._half(info open_analytic.collections, query public.vector) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._half(info open_analytic.collections, query public.vector) TO open_analytic_user;


--
-- Name: FUNCTION _hang_up(); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._hang_up() FROM PUBLIC;


--
-- Name: FUNCTION _hex(inputs bytea[]); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._hex(inputs bytea[]) FROM PUBLIC;


--
-- Name: FUNCTION _index_ms(plan open_analytic._plan, k double precision, matches double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._index_ms(plan open_analytic._plan, k double precision, matches double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._index_ms(plan open_analytic._plan, k double precision, matches double precision) TO open_analytic_user;


--
-- Name: FUNCTION _indexes(collection regclass, opclass text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._indexes(collection regclass, opclass text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._indexes(collection regclass, opclass text) TO open_analytic_user;


--
-- Name: FUNCTION _joins_by_index(collection regclass, info open_analytic.collections, worth double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._joins_by_index(collection regclass, info open_analytic.collections, worth double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._joins_by_index(collection regclass, info open_analytic.collections, worth double precision) TO open_analytic_user;


--
-- Name: FUNCTION _link(node record); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._link(node record) FROM PUBLIC;


--
-- Name: FUNCTION _lock_dblink(); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._lock_dblink() FROM PUBLIC;


--
-- Name: FUNCTION _make_collection(name text, dim integer, metric text, many boolean, columns json, pipeline text, version integer, parameters json, migrated boolean, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._make_collection(name text, dim integer, metric text, many boolean, columns json, pipeline text, version integer, parameters json, migrated boolean, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._make_collection(name text, dim integer, metric text, many boolean, columns json, pipeline text, version integer, parameters json, migrated boolean, path text) TO open_analytic_admin;


--
-- Name: FUNCTION _max_bytes(); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._max_bytes() FROM PUBLIC;


--
-- Name: FUNCTION _may(schema_name text, table_name text, privilege text, place oid); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._may(schema_name text, table_name text, privilege text, place oid) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._may(schema_name text, table_name text, privilege text, place oid) TO open_analytic_user;


--
-- Name: FUNCTION _measured(metric text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._measured(metric text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._measured(metric text) TO open_analytic_user;


--
-- Name: FUNCTION _ms(efforts integer[], ms double precision[], tuples double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._ms(efforts integer[], ms double precision[], tuples double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._ms(efforts integer[], ms double precision[], tuples double precision) TO open_analytic_user;


--
-- Name: FUNCTION _near(collection regclass, max_distance double precision, filter text, names text[], parts integer[]); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._near(collection regclass, max_distance double precision, filter text, names text[], parts integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._near(collection regclass, max_distance double precision, filter text, names text[], parts integer[]) TO open_analytic_user;


--
-- Name: FUNCTION _nearest(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._nearest(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._nearest(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text) TO open_analytic_user;


--
-- Name: FUNCTION _needed(ranks integer[], needed double precision[], rank double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._needed(ranks integer[], needed double precision[], rank double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._needed(ranks integer[], needed double precision[], rank double precision) TO open_analytic_user;


--
-- Name: FUNCTION _no_python(problem text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._no_python(problem text) FROM PUBLIC;


--
-- Name: FUNCTION _node(any_node boolean, OUT name text, OUT wire text, OUT token text, OUT timeout_ms integer, OUT wait_ms integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._node(any_node boolean, OUT name text, OUT wire text, OUT token text, OUT timeout_ms integer, OUT wait_ms integer) FROM PUBLIC;


--
-- Name: FUNCTION _own_columns(many boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._own_columns(many boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._own_columns(many boolean) TO open_analytic_user;


--
-- Name: TABLE pipelines; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.pipelines TO open_analytic_user;
GRANT INSERT,UPDATE ON TABLE open_analytic.pipelines TO open_analytic_admin;


--
-- Name: TABLE current_pipelines; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.current_pipelines TO open_analytic_user;


--
-- Name: FUNCTION _pipeline(wanted text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._pipeline(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._pipeline(wanted text) TO open_analytic_user;


--
-- Name: FUNCTION _plan_search(collection regclass, info open_analytic.collections, k double precision, filter text, max_distance double precision, target double precision, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._plan_search(collection regclass, info open_analytic.collections, k double precision, filter text, max_distance double precision, target double precision, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._plan_search(collection regclass, info open_analytic.collections, k double precision, filter text, max_distance double precision, target double precision, path text) TO open_analytic_user;


--
-- Name: FUNCTION _raise(error jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._raise(error jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._raise(error jsonb) TO open_analytic_user;


--
-- Name: TABLE distance_rates; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.distance_rates TO open_analytic_user;
GRANT INSERT,DELETE,UPDATE ON TABLE open_analytic.distance_rates TO open_analytic_admin;


--
-- Name: TABLE preset_rates; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.preset_rates TO open_analytic_user;


--
-- Name: TABLE current_rates; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.current_rates TO open_analytic_user;


--
-- Name: FUNCTION _rate(pipeline text, wanted double precision, metric text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._rate(pipeline text, wanted double precision, metric text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._rate(pipeline text, wanted double precision, metric text) TO open_analytic_user;


--
-- Name: FUNCTION _reason(plan open_analytic._plan, k integer, target double precision, done jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._reason(plan open_analytic._plan, k integer, target double precision, done jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._reason(plan open_analytic._plan, k integer, target double precision, done jsonb) TO open_analytic_user;


--
-- Name: FUNCTION _recalls(walked double precision[], exact double precision[], efforts integer[], ranks integer[]); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._recalls(walked double precision[], exact double precision[], efforts integer[], ranks integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._recalls(walked double precision[], exact double precision[], efforts integer[], ranks integer[]) TO open_analytic_user;


--
-- Name: FUNCTION _record_audit(collection regclass, plan text, k integer, filtered boolean, target_recall double precision, recall double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._record_audit(collection regclass, plan text, k integer, filtered boolean, target_recall double precision, recall double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._record_audit(collection regclass, plan text, k integer, filtered boolean, target_recall double precision, recall double precision) TO open_analytic_user;


--
-- Name: FUNCTION _register_pipeline(name text, input text, output text[], dim integer, many boolean, hash text, definition json); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._register_pipeline(name text, input text, output text[], dim integer, many boolean, hash text, definition json) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._register_pipeline(name text, input text, output text[], dim integer, many boolean, hash text, definition json) TO open_analytic_user;


--
-- Name: FUNCTION _request(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._request(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean) FROM PUBLIC;


--
-- Name: FUNCTION _run_one(operation text, name text, input bytea, parameters jsonb, any_node boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._run_one(operation text, name text, input bytea, parameters jsonb, any_node boolean) FROM PUBLIC;


--
-- Name: FUNCTION _run_plan(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._run_plan(operation text, name text, hash text, definition text, parameters text, inputs bytea[], any_node boolean) FROM PUBLIC;


--
-- Name: FUNCTION _run_single(operation text, name text, hash text, definition text, parameters text, input bytea, any_node boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._run_single(operation text, name text, hash text, definition text, parameters text, input bytea, any_node boolean) FROM PUBLIC;


--
-- Name: FUNCTION _sample(collection regclass, filter text, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._sample(collection regclass, filter text, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._sample(collection regclass, filter text, path text) TO open_analytic_user;


--
-- Name: FUNCTION _schema_of(extension text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._schema_of(extension text) FROM PUBLIC;


--
-- Name: FUNCTION _search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb, path text) TO open_analytic_user;


--
-- Name: FUNCTION _shown(name text, type oid); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._shown(name text, type oid) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._shown(name text, type oid) TO open_analytic_user;


--
-- Name: FUNCTION _split(name text, OUT schema_name text, OUT table_name text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._split(name text, OUT schema_name text, OUT table_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._split(name text, OUT schema_name text, OUT table_name text) TO open_analytic_user;


--
-- Name: FUNCTION _told(plan open_analytic._plan, k integer, target double precision, done jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._told(plan open_analytic._plan, k integer, target double precision, done jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._told(plan open_analytic._plan, k integer, target double precision, done jsonb) TO open_analytic_user;


--
-- Name: FUNCTION _too_large(size bigint, most bigint); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._too_large(size bigint, most bigint) FROM PUBLIC;


--
-- Name: FUNCTION _type(type text, path text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._type(type text, path text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._type(type text, path text) TO open_analytic_admin;


--
-- Name: FUNCTION _unavailable(node text, detail text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._unavailable(node text, detail text) FROM PUBLIC;


--
-- Name: FUNCTION _walk(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text, OUT settled boolean, OUT names text[], OUT parts integer[], OUT distances double precision[], OUT walked integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic._walk(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text, OUT settled boolean, OUT names text[], OUT parts integer[], OUT distances double precision[], OUT walked integer) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic._walk(collection regclass, info open_analytic.collections, half public.halfvec, k integer, filter text, max_distance double precision, after jsonb, plan open_analytic._plan, path text, OUT settled boolean, OUT names text[], OUT parts integer[], OUT distances double precision[], OUT walked integer) TO open_analytic_user;


--
-- Name: TABLE calibrations; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.calibrations TO open_analytic_user;
GRANT INSERT,DELETE,UPDATE ON TABLE open_analytic.calibrations TO open_analytic_admin;


--
-- Name: FUNCTION calibrate(collection regclass, queries integer, seconds double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.calibrate(collection regclass, queries integer, seconds double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.calibrate(collection regclass, queries integer, seconds double precision) TO open_analytic_admin;


--
-- Name: FUNCTION cluster(collection regclass, max_distance double precision, min_size integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.cluster(collection regclass, max_distance double precision, min_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.cluster(collection regclass, max_distance double precision, min_size integer) TO open_analytic_user;


--
-- Name: FUNCTION cluster_changes(collection regclass); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.cluster_changes(collection regclass) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.cluster_changes(collection regclass) TO open_analytic_user;


--
-- Name: FUNCTION clusters(collection regclass, min_size integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.clusters(collection regclass, min_size integer) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.clusters(collection regclass, min_size integer) TO open_analytic_user;


--
-- Name: FUNCTION create_ann_index(collection regclass, dim integer, metric text, m integer, ef_construction integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.create_ann_index(collection regclass, dim integer, metric text, m integer, ef_construction integer) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.create_ann_index(collection regclass, dim integer, metric text, m integer, ef_construction integer) TO open_analytic_admin;


--
-- Name: FUNCTION create_collection(name text, pipeline text, columns json, metric text, parameters jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.create_collection(name text, pipeline text, columns json, metric text, parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.create_collection(name text, pipeline text, columns json, metric text, parameters jsonb) TO open_analytic_admin;


--
-- Name: FUNCTION dblink(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink(text, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink(text, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink(text, text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink(text, text) FROM PUBLIC;


--
-- Name: FUNCTION dblink(text, text, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink(text, text, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_build_sql_delete(text, int2vector, integer, text[]); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_build_sql_delete(text, int2vector, integer, text[]) FROM PUBLIC;


--
-- Name: FUNCTION dblink_build_sql_insert(text, int2vector, integer, text[], text[]); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_build_sql_insert(text, int2vector, integer, text[], text[]) FROM PUBLIC;


--
-- Name: FUNCTION dblink_build_sql_update(text, int2vector, integer, text[], text[]); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_build_sql_update(text, int2vector, integer, text[], text[]) FROM PUBLIC;


--
-- Name: FUNCTION dblink_cancel_query(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_cancel_query(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_close(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_close(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_close(text, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_close(text, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_close(text, text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_close(text, text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_close(text, text, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_close(text, text, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_connect(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_connect(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_connect(text, text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_connect(text, text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_current_query(); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_current_query() FROM PUBLIC;


--
-- Name: FUNCTION dblink_disconnect(); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_disconnect() FROM PUBLIC;


--
-- Name: FUNCTION dblink_disconnect(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_disconnect(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_error_message(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_error_message(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_exec(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_exec(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_exec(text, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_exec(text, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_exec(text, text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_exec(text, text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_exec(text, text, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_exec(text, text, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_fdw_validator(options text[], catalog oid); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_fdw_validator(options text[], catalog oid) FROM PUBLIC;


--
-- Name: FUNCTION dblink_fetch(text, integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_fetch(text, integer) FROM PUBLIC;


--
-- Name: FUNCTION dblink_fetch(text, integer, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_fetch(text, integer, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_fetch(text, text, integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_fetch(text, text, integer) FROM PUBLIC;


--
-- Name: FUNCTION dblink_fetch(text, text, integer, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_fetch(text, text, integer, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_get_connections(); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_get_connections() FROM PUBLIC;


--
-- Name: FUNCTION dblink_get_notify(OUT notify_name text, OUT be_pid integer, OUT extra text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_get_notify(OUT notify_name text, OUT be_pid integer, OUT extra text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_get_notify(conname text, OUT notify_name text, OUT be_pid integer, OUT extra text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_get_notify(conname text, OUT notify_name text, OUT be_pid integer, OUT extra text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_get_pkey(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_get_pkey(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_get_result(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_get_result(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_get_result(text, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_get_result(text, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_is_busy(text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_is_busy(text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_open(text, text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_open(text, text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_open(text, text, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_open(text, text, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_open(text, text, text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_open(text, text, text) FROM PUBLIC;


--
-- Name: FUNCTION dblink_open(text, text, text, boolean); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_open(text, text, text, boolean) FROM PUBLIC;


--
-- Name: FUNCTION dblink_send_query(text, text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.dblink_send_query(text, text) FROM PUBLIC;


--
-- Name: FUNCTION drop_collection(name text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.drop_collection(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.drop_collection(name text) TO open_analytic_admin;


--
-- Name: FUNCTION embed(name text, input bytea, parameters jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.embed(name text, input bytea, parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.embed(name text, input bytea, parameters jsonb) TO open_analytic_user;


--
-- Name: FUNCTION embed(name text, input text, parameters jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.embed(name text, input text, parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.embed(name text, input text, parameters jsonb) TO open_analytic_user;


--
-- Name: FUNCTION embed_for(collection regclass, input bytea); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.embed_for(collection regclass, input bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.embed_for(collection regclass, input bytea) TO open_analytic_user;


--
-- Name: FUNCTION explain_search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.explain_search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.explain_search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision) TO open_analytic_user;


--
-- Name: FUNCTION explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.explain_search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision) TO open_analytic_user;


--
-- Name: FUNCTION knn_join(a regclass, b regclass, k integer); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.knn_join(a regclass, b regclass, k integer) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.knn_join(a regclass, b regclass, k integer) TO open_analytic_user;


--
-- Name: FUNCTION near_duplicates(collection regclass, max_distance double precision, filter text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.near_duplicates(collection regclass, max_distance double precision, filter text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.near_duplicates(collection regclass, max_distance double precision, filter text) TO open_analytic_user;


--
-- Name: FUNCTION pipeline_create(name text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.pipeline_create(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.pipeline_create(name text) TO open_analytic_admin;


--
-- Name: FUNCTION pipeline_create(name text, definition jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.pipeline_create(name text, definition jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.pipeline_create(name text, definition jsonb) TO open_analytic_admin;


--
-- Name: FUNCTION pipeline_drop(name text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.pipeline_drop(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.pipeline_drop(name text) TO open_analytic_admin;


--
-- Name: FUNCTION pipeline_run(name text, input bytea, parameters jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.pipeline_run(name text, input bytea, parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.pipeline_run(name text, input bytea, parameters jsonb) TO open_analytic_user;


--
-- Name: FUNCTION pipeline_run(name text, input text, parameters jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.pipeline_run(name text, input text, parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.pipeline_run(name text, input text, parameters jsonb) TO open_analytic_user;


--
-- Name: FUNCTION pipeline_run_batch(name text, inputs bytea[], parameters jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.pipeline_run_batch(name text, inputs bytea[], parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.pipeline_run_batch(name text, inputs bytea[], parameters jsonb) TO open_analytic_user;


--
-- Name: FUNCTION pipeline_run_dist_random(name text, input bytea, parameters jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.pipeline_run_dist_random(name text, input bytea, parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.pipeline_run_dist_random(name text, input bytea, parameters jsonb) TO open_analytic_user;


--
-- Name: FUNCTION pipeline_run_dist_random(name text, input text, parameters jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.pipeline_run_dist_random(name text, input text, parameters jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.pipeline_run_dist_random(name text, input text, parameters jsonb) TO open_analytic_user;


--
-- Name: FUNCTION search(collection regclass, query real[], k integer, filter text, max_distance double precision, target_recall double precision, after jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.search(collection regclass, query real[], k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.search(collection regclass, query real[], k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) TO open_analytic_user;


--
-- Name: FUNCTION search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.search(collection regclass, query bytea, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) TO open_analytic_user;


--
-- Name: FUNCTION search(collection regclass, query text, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.search(collection regclass, query text, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.search(collection regclass, query text, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) TO open_analytic_user;


--
-- Name: FUNCTION search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.search(collection regclass, query public.vector, k integer, filter text, max_distance double precision, target_recall double precision, after jsonb) TO open_analytic_user;


--
-- Name: FUNCTION use_body(body text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.use_body(body text) FROM PUBLIC;


--
-- Name: FUNCTION verify(a bytea, b bytea, pipeline text, false_accept_rate double precision, metric text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.verify(a bytea, b bytea, pipeline text, false_accept_rate double precision, metric text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.verify(a bytea, b bytea, pipeline text, false_accept_rate double precision, metric text) TO open_analytic_user;


--
-- Name: FUNCTION verify(a public.halfvec, b public.halfvec, pipeline text, false_accept_rate double precision, metric text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.verify(a public.halfvec, b public.halfvec, pipeline text, false_accept_rate double precision, metric text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.verify(a public.halfvec, b public.halfvec, pipeline text, false_accept_rate double precision, metric text) TO open_analytic_user;


--
-- Name: FUNCTION verify(a public.vector, b public.vector, pipeline text, false_accept_rate double precision, metric text); Type: ACL; Schema: open_analytic; Owner: -
--

REVOKE ALL ON FUNCTION open_analytic.verify(a public.vector, b public.vector, pipeline text, false_accept_rate double precision, metric text) FROM PUBLIC;
GRANT ALL ON FUNCTION open_analytic.verify(a public.vector, b public.vector, pipeline text, false_accept_rate double precision, metric text) TO open_analytic_user;


--
-- Name: TABLE alembic_version; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.alembic_version TO open_analytic_user;


--
-- Name: TABLE cluster_changes; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE open_analytic.cluster_changes TO open_analytic_user;


--
-- Name: TABLE cluster_members; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE open_analytic.cluster_members TO open_analytic_user;


--
-- Name: TABLE clusterings; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE open_analytic.clusterings TO open_analytic_user;


--
-- Name: TABLE search_audits; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.search_audits TO open_analytic_user;


--
-- Name: TABLE search_quality; Type: ACL; Schema: open_analytic; Owner: -
--

GRANT SELECT ON TABLE open_analytic.search_quality TO open_analytic_user;


--
-- Name: TABLE photos; Type: ACL; Schema: public; Owner: -
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.photos TO open_analytic_user;


--
-- PostgreSQL database dump complete
--


