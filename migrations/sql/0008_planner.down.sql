DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY[
            '_curve', '_index_ms', '_ef', '_sample', '_explained', '_part', '_plan_search', '_after', '_take', '_further', '_rank', '_nearest'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;
DROP TYPE open_analytic._plan;
