DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY[
            '_collection', '_split', '_own_columns', '_type', '_check_column', '_create_collection', '_make_collection', 'embed', '_query_vector', '_half', '_use_index',
            '_check_filter', '_blame_filter', 'search', 'create_ann_index', 'create_collection', 'drop_collection'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;
