DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', function);
    END LOOP;
    -- One that was here before us is in a schema of its own, and stays.
    IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'dblink' AND extnamespace = 'open_analytic'::regnamespace) THEN
        DROP EXTENSION dblink;
    END IF;
END
$$;
DROP TABLE open_analytic.settings;
DROP TABLE open_analytic.nodes;
