DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY[
            '_raise', '_error', '_node', '_unavailable', '_hex', '_schema_of', '_run_all', '_close', '_no_python', 'use_body', '_request', '_link', '_ask', '_hang_up', '_lock_dblink'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;

-- A dblink that was here before us is in a schema of its own, and stays.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'dblink' AND extnamespace = 'open_analytic'::regnamespace) THEN
        DROP EXTENSION dblink;
    END IF;
END
$$;

DROP TABLE open_analytic.settings;
DROP TABLE open_analytic.nodes;
