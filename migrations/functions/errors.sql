CREATE OR REPLACE FUNCTION open_analytic._raise(error jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF error ->> 'hint' IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = error ->> 'sqlstate', MESSAGE = error ->> 'message';
    END IF;
    RAISE EXCEPTION
        USING ERRCODE = error ->> 'sqlstate', MESSAGE = error ->> 'message',
            HINT = error ->> 'hint';
END
$$;
COMMENT ON FUNCTION open_analytic._raise IS 'Raise an error as JSON tells it';

CREATE OR REPLACE FUNCTION open_analytic._error(type text, sqlstate text, message text, hint text)
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'type', type, 'sqlstate', sqlstate, 'message', message, 'hint', hint
    )::text
$$;
COMMENT ON FUNCTION open_analytic._error IS 'An error as JSON tells it everywhere';
