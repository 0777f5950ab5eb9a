DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY[
            '_record_audit', '_needed', '_ms', '_curve', '_after', '_sample', '_explained', '_plan_search', '_index_ms', '_walk', '_nearest', '_search', 'search', 'explain_search', '_explain_search',
            '_recalls', 'calibrate', '_check_search', '_few', '_reason', '_told'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;
DROP TYPE open_analytic._plan;
DROP VIEW open_analytic.search_quality;
DROP TABLE open_analytic.search_audits, open_analytic.calibrations;
