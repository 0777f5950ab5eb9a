DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY[
            '_pipeline', '_max_bytes', '_too_large', '_run_plan', '_run_single', '_run_one', '_bytes', 'pipeline_run', 'pipeline_run_dist_random', 'pipeline_run_batch', '_describe', '_register_pipeline', '_create_pipeline', 'pipeline_create', 'pipeline_drop'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;
