-- Collections stay, as ordinary tables: what their default was made of goes.
DO $$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT d.adrelid::regclass AS relation, c.version
        FROM pg_catalog.pg_attrdef AS d
        JOIN pg_catalog.pg_class AS t ON t.oid = d.adrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        JOIN open_analytic.collections AS c ON c.schema_name = n.nspname AND c.table_name = t.relname
        JOIN pg_catalog.pg_depend AS p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
        WHERE p.refclassid = 'pg_proc'::regclass AND p.refobjid = 'open_analytic._version'::regproc
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN pipeline_version SET DEFAULT %s', place.relation, place.version);
    END LOOP;
END
$$;

DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY[
            '_version', '_hold', '_indexes', '_condition', '_rows', '_collection', '_split', '_own_columns', '_type', '_check_column', '_make_collection', 'create_ann_index', '_create_collection', 'create_collection', 'drop_collection'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;
