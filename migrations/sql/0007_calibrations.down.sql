DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY[
            'calibrate', '_record_audit', '_recalls', '_needed', '_ms', '_check_partition_by', '_values', '_index_values', '_has_index'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;
DROP VIEW open_analytic.search_quality;
DROP TABLE open_analytic.search_audits, open_analytic.calibrations;
