DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY[
            'embed', 'embed_for', '_operator', '_half', '_opened', '_shown', '_check_filter', '_blame_filter'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;
