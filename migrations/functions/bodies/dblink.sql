-- The way to the inference service over the PostgreSQL protocol. @dblink@ stands for the schema of
-- the extension dblink.

CREATE OR REPLACE FUNCTION open_analytic._link(node record) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret CONSTANT text := replace(replace(node.token, E'\\', E'\\\\'), '''', E'\\''');
BEGIN
    IF node.link = ANY (@dblink@.dblink_get_connections()) THEN
        RETURN;
    END IF;
    PERFORM @dblink@.dblink_connect(node.link, format('dbname=open_analytic '
        'user=open_analytic connect_timeout=5 gssencmode=disable %s %s',
        node.wire, 'password=''' || secret || ''''));
END
$$;
COMMENT ON FUNCTION open_analytic._link IS
    'Make the connection to a node, when this session has none';

CREATE OR REPLACE FUNCTION open_analytic._ask(
    link text, head text, body text, deadline timestamptz, kind text, OUT outputs text[],
    OUT errors text[]
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    piece CONSTANT integer := 4000000;
    size CONSTANT integer := octet_length(body); -- ASCII, all of it
    -- A piece of a text is looked for from its beginning, a piece of bytes is at its place.
    bytes CONSTANT bytea := CASE WHEN size > piece THEN convert_to(body, 'UTF8') END;
    asked CONSTANT timestamptz := clock_timestamp();
    -- How long the session's last call of this kind took. A hint only: a session that
    -- changes it makes its own calls wait longer.
    hint CONSTANT text := 'open_analytic.took_' || kind;
    usual float8 := least(to_number('0' || current_setting(hint, true), '9999D999999'), 0.1);
    waited float8;
    start integer := 0; -- of the body; before it, the head
    looks integer;
BEGIN
    -- Sending waits, and cannot be cancelled, while the service does not read what a socket does
    -- not hold. So before much is sent it has to show that it reads, and very much is sent in
    -- pieces, each of which it acknowledges.
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
            looks := @dblink@.dblink_send_query(
                link,
                CASE WHEN start + piece <= size THEN 'PART ' ELSE '' END
                    || convert_from(substr(bytes, start, piece), 'UTF8')
            );
            start := start + piece;
        END IF;
        IF looks = 0 THEN
            RAISE EXCEPTION 'the connection was lost' USING ERRCODE = '08006';
        END IF;
        -- an acknowledgement is there before a nap is over
        looks := CASE WHEN start <= size THEN 200 ELSE 0 END;
        WHILE @dblink@.dblink_is_busy(link) = 1 LOOP
            IF looks > 0 THEN
                looks := looks - 1;
                CONTINUE;
            END IF;
            waited := extract(epoch FROM clock_timestamp() - asked);
            IF clock_timestamp() > deadline + interval '2 s' THEN
                RAISE EXCEPTION 'The answer was not there in time.' USING ERRCODE = 'OA073',
                    HINT = 'Allow more time (timeout_ms of open_analytic.nodes), or send fewer '
                        'pictures at once.';
            END IF;
            -- Looking takes the processor from the models: at first not before an answer can be
            -- there, then the less often the longer it takes.
            PERFORM pg_sleep(
                least(
                    greatest(
                        CASE
                            WHEN start > size AND waited < usual / 2 THEN usual * 0.8 - waited
                        END,
                        (waited - 0.025) / 6,
                        0.0005
                    ),
                    0.08
                )
            );
        END LOOP;
        SELECT array_agg(t.output), array_agg(t.error)
        INTO outputs, errors
        FROM @dblink@.dblink_get_result(link) AS t (output text, error text);
        IF errors IS NULL THEN
            RAISE EXCEPTION 'the connection was lost' USING ERRCODE = '08006';
        END IF;
        PERFORM FROM @dblink@.dblink_get_result(link) AS t (output text, error text);
        EXIT WHEN start > size OR errors[1] IS NOT NULL; -- done, or refused before its end
    END LOOP;
    PERFORM set_config(
        hint, to_char(least(extract(epoch FROM clock_timestamp() - asked), 9), 'FM0D000000'), false
    );
END
$$;
COMMENT ON FUNCTION open_analytic._ask IS
    'Send one request over an open connection and wait for its answer, which can be cancelled';

CREATE OR REPLACE FUNCTION open_analytic._hang_up(link text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The service takes it as: nobody waits any more. dblink_cancel_query would wait for the
    -- service in its turn.
    IF link = ANY (@dblink@.dblink_get_connections()) THEN
        PERFORM @dblink@.dblink_disconnect(link);
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._hang_up IS
    'Close the connection that this session has to a node';

CREATE OR REPLACE FUNCTION open_analytic._look_again() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owing record;
BEGIN
    -- A node that hangs takes connections and says nothing, and connecting can wait without an end
    -- (since PostgreSQL 16 dblink knows no connect_timeout). So the connection on which it owes an
    -- answer stays open, and shows when it lives again.
    FOR owing IN
        SELECT m.node, c.link
        FROM open_analytic._marks() AS m
        LEFT JOIN unnest(@dblink@.dblink_get_connections()) AS c (link)
            ON substr(c.link, 15, 30) = m.node
        WHERE m.owes
    LOOP
        IF owing.link IS NULL OR @dblink@.dblink_is_busy(owing.link) = 0 THEN
            PERFORM open_analytic._hang_up(owing.link);
            PERFORM open_analytic._set_failed('open_analytic ' || owing.node, false);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._look_again IS
    'Take back the nodes that have answered since the call ended that waited for them';

CREATE OR REPLACE FUNCTION open_analytic._ask_node(
    link text, operation text, name text, hash text, definition text, parameters text, body text,
    deadline timestamptz, OUT outputs text[], OUT errors text[]
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind CONSTANT text := coalesce(left(hash, 16), operation);
    left_ms CONSTANT integer := greatest(
        1, 1000 * extract(epoch FROM deadline - clock_timestamp())
    );
    head CONSTANT text := CASE WHEN operation = 'describe' THEN 'DESCRIBE '
        ELSE format(
            'TIMEOUT %s RUN %s %s %s ', left_ms, operation, hash,
            encode(convert_to(parameters, 'UTF8'), 'hex')
        ) END;
    plan text;
BEGIN
    SELECT a.outputs, a.errors INTO outputs, errors
    FROM open_analytic._ask(link, head, body, deadline, kind) AS a;
    IF errors[1]::jsonb ->> 'sqlstate' = 'OA008' THEN
        plan := json_build_object('name', name, 'definition', definition::json);
        SELECT a.outputs, a.errors INTO outputs, errors
        FROM open_analytic._ask(
            link, format('DEFINE %s ', hash), encode(convert_to(plan, 'UTF8'), 'hex'), deadline,
            'define'
        ) AS a;
        IF errors[1] IS NULL THEN
            SELECT a.outputs, a.errors INTO outputs, errors
            FROM open_analytic._ask(link, head, body, deadline, kind) AS a;
        END IF;
    END IF;
    IF errors[1]::jsonb ->> 'sqlstate' = 'OA071' THEN -- it shuts down
        RAISE EXCEPTION '%', errors[1]::jsonb ->> 'message' USING ERRCODE = 'OA071';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._ask_node IS
    'Run a plan at a node, which is sent the definition when it does not know it';

CREATE OR REPLACE FUNCTION open_analytic._attempt(
    node record, operation text, name text, hash text, definition text, parameters text, body text,
    deadline timestamptz, OUT outputs text[], OUT errors text[], OUT failure text, OUT sent boolean
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept boolean := node.link = ANY (@dblink@.dblink_get_connections()) IS TRUE;
BEGIN
    sent := false;
    IF kept AND @dblink@.dblink_is_busy(node.link) = 1 THEN
        failure := format(
            'The inference service (node %s) has not answered an earlier call of this session.',
            node.name
        );
        RETURN;
    END IF;
    LOOP
        BEGIN
            PERFORM open_analytic._link(node);
            sent := true;
            SELECT a.outputs, a.errors INTO outputs, errors
            FROM open_analytic._ask_node(
                node.link, operation, name, hash, definition, parameters, body, deadline
            ) AS a;
            IF node.failed THEN
                PERFORM open_analytic._set_failed(node.link, false);
            END IF;
            RETURN;
        EXCEPTION
            WHEN connection_exception OR SQLSTATE 'OA071' THEN
                GET STACKED DIAGNOSTICS failure = PG_EXCEPTION_DETAIL;
                failure := split_part(coalesce(nullif(failure, ''), SQLERRM), E'\n', 1);
                PERFORM open_analytic._hang_up(node.link);
            WHEN query_canceled OR assert_failure OR OTHERS THEN
                IF SQLSTATE = 'OA073' THEN -- the node itself sent nothing
                    PERFORM open_analytic._set_failed(node.link, true, owes => true);
                ELSE
                    PERFORM open_analytic._hang_up(node.link);
                    IF NOT sent THEN -- it was waited for while it took the connection
                        PERFORM open_analytic._set_failed(node.link, true);
                    END IF;
                END IF;
                RAISE;
        END;
        IF NOT kept THEN
            failure := format(
                'The inference service (node %s) cannot be reached: %s.', node.name,
                trim(trailing '.' FROM failure)
            );
            PERFORM open_analytic._set_failed(node.link, true);
            RETURN;
        END IF;
        kept := false; -- the service was stopped or restarted since: once more, on a new one
        failure := NULL;
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._attempt IS
    'Ask one node; failure says why it did not answer, sent whether it can have begun to compute';

CREATE OR REPLACE FUNCTION open_analytic._request(
    operation text, name text, hash text, definition text, parameters text, inputs bytea[],
    any_node boolean
)
RETURNS TABLE (output text, error text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most_broken CONSTANT integer := 3; -- an input that crashes nodes must not crash them all
    started CONSTANT timestamptz := clock_timestamp();
    give_up CONSTANT timestamptz := started + make_interval(
        secs => (SELECT max(n.wait_ms) / 1000.0 FROM open_analytic.nodes AS n)
    );
    -- One input's without a function's call, which would copy it.
    body CONSTANT text := CASE
        WHEN cardinality(inputs) = 1 AND octet_length(inputs[1]) > 0 THEN encode(inputs[1], 'hex')
        ELSE open_analytic._hex(inputs)
    END;
    deadline timestamptz; -- of the whole call
    node record;
    answer record;
    busy text;
    failures text[];
    broken integer := 0;
BEGIN
    -- A node that broke the connection can have computed the answer; asking another is safe,
    -- because a pipeline is a function of its input and writes nothing.
    PERFORM open_analytic._look_again();
    LOOP
        failures := '{}';
        FOR node IN SELECT * FROM open_analytic._nodes(any_node) LOOP
            deadline := coalesce(
                deadline, started + make_interval(secs => node.timeout_ms / 1000.0)
            );
            EXIT WHEN busy IS NOT NULL AND node.failed;
            SELECT * INTO answer
            FROM open_analytic._attempt(
                node, operation, name, hash, definition, parameters, body, deadline
            );
            IF answer.failure IS NOT NULL THEN
                failures := failures || answer.failure;
                broken := broken + answer.sent::integer;
            ELSIF answer.errors[1]::jsonb ->> 'sqlstate' = 'OA072' THEN
                busy := answer.errors[1];
            ELSE
                RETURN QUERY SELECT * FROM unnest(answer.outputs, answer.errors);
                RETURN;
            END IF;
            EXIT WHEN broken >= most_broken OR clock_timestamp() >= deadline;
        END LOOP;
        IF busy IS NOT NULL OR broken >= most_broken
            OR clock_timestamp() >= least(give_up, deadline)
        THEN
            RETURN QUERY SELECT NULL::text, coalesce(busy, open_analytic._unavailable(failures));
            RETURN;
        END IF;
        PERFORM pg_sleep(0.05);
    END LOOP;
END
$$;
