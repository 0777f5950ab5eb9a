DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY[
            '_check_search', '_search', 'search', '_few', '_reason', '_told', '_explain_search', 'explain_search'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;
