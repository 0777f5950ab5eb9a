-- The way to the inference service over the PostgreSQL protocol. @dblink@ stands for the schema of
-- the extension dblink.

CREATE OR REPLACE FUNCTION open_analytic._link(node record) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Of the node as it is now: one that was moved, or has another token, gets a connection of its
    -- own.
    link CONSTANT text := 'open_analytic '
        || md5(
            concat_ws(
                ' ', quote_nullable(node.name), quote_nullable(node.wire),
                quote_nullable(node.token)
            )
        );
    secret CONSTANT text := replace(replace(node.token, E'\\', E'\\\\'), '''', E'\\''');
    give_up timestamptz := clock_timestamp() + make_interval(secs => node.wait_ms / 1000.0);
BEGIN
    IF link = ANY (@dblink@.dblink_get_connections()) THEN
        RETURN link;
    END IF;
    LOOP
        BEGIN
            PERFORM @dblink@.dblink_connect(link, format('dbname=open_analytic '
                'user=open_analytic connect_timeout=5 gssencmode=disable %s %s',
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
COMMENT ON FUNCTION open_analytic._link IS
    'The open connection to a node, made when there is none';

CREATE OR REPLACE FUNCTION open_analytic._ask(
    link text, head text, body text, timeout_ms integer, kind text, OUT outputs text[],
    OUT errors text[]
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    piece CONSTANT integer := 4000000;
    size CONSTANT integer := octet_length(body); -- ASCII, all of it
    asked CONSTANT timestamptz := clock_timestamp();
    -- How long the session's last call of this kind took. A hint: whoever changes it only waits
    -- longer himself.
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
                    || substr(body, start, piece)
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
            IF waited > timeout_ms / 1000.0 + 2 THEN
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

CREATE OR REPLACE FUNCTION open_analytic._hang_up() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The service takes it as: nobody waits any more. dblink_cancel_query would wait for the
    -- service in its turn.
    PERFORM @dblink@.dblink_disconnect(c.link)
        FROM unnest(@dblink@.dblink_get_connections()) AS c (link)
    WHERE c.link LIKE 'open@_analytic %' ESCAPE '@';
END
$$;
COMMENT ON FUNCTION open_analytic._hang_up IS
    'Close the connections to the inference service that this session has open';

CREATE OR REPLACE FUNCTION open_analytic._request(
    operation text, name text, hash text, definition text, parameters text, inputs bytea[],
    any_node boolean
)
RETURNS TABLE (output text, error text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    node record;
    link text;
    head text;
    -- One input's without a function's call, which would copy it.
    body CONSTANT text := CASE
        WHEN cardinality(inputs) = 1 AND octet_length(inputs[1]) > 0 THEN encode(inputs[1], 'hex')
        ELSE open_analytic._hex(inputs)
    END;
    outputs text[];
    errors text[];
    tries integer := 0;
    detail text;
BEGIN
    SELECT * INTO node FROM open_analytic._node(any_node);
    head := CASE WHEN operation = 'describe' THEN 'DESCRIBE '
        ELSE format(
            'TIMEOUT %s RUN %s %s %s ', node.timeout_ms, operation, hash,
            encode(convert_to(parameters, 'UTF8'), 'hex')
        ) END;
    LOOP
        BEGIN
            link := open_analytic._link(node);
            SELECT a.outputs, a.errors INTO outputs, errors
            FROM open_analytic._ask(
                link, head, body, node.timeout_ms, coalesce(left(hash, 16), operation)
            ) AS a;
            IF errors[1]::jsonb ->> 'sqlstate' = 'OA008' THEN
                SELECT a.outputs, a.errors
                INTO outputs, errors
                FROM open_analytic._ask(link, format('DEFINE %s ', hash), encode(convert_to(
                    json_build_object('name', name, 'definition', definition::json)::text,
                        'UTF8'), 'hex'), node.timeout_ms, 'define') AS a;
                IF errors[1] IS NULL THEN
                    SELECT a.outputs, a.errors INTO outputs, errors
                    FROM open_analytic._ask(
                        link, head, body, node.timeout_ms, coalesce(left(hash, 16), operation)
                    ) AS a;
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
            -- it was stopped, or restarted since
            WHEN connection_exception OR SQLSTATE 'OA071' THEN
                GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
                PERFORM open_analytic._hang_up();
                tries := tries + 1;
                IF tries = 2 OR SQLSTATE = '08001' THEN
                    RETURN QUERY SELECT NULL::text,
                        open_analytic._unavailable(
                            node.name, coalesce(nullif(detail, ''), SQLERRM)
                        );
                    RETURN;
                END IF;
            WHEN OTHERS THEN
                PERFORM open_analytic._hang_up();
                RAISE;
        END;
    END LOOP;
END
$$;
