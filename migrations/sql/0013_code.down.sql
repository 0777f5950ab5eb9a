-- Functions are not history: there are no older ones to put back. What the older revisions name on
-- their way down is left or made as an empty shell; a package of an older version needs a backup.
DROP POLICY IF EXISTS reads ON open_analytic.clusterings;
DROP POLICY IF EXISTS writes ON open_analytic.clusterings;
DROP POLICY IF EXISTS reads ON open_analytic.cluster_members;
DROP POLICY IF EXISTS writes ON open_analytic.cluster_members;
DROP POLICY IF EXISTS reads ON open_analytic.cluster_changes;
DROP POLICY IF EXISTS writes ON open_analytic.cluster_changes;
DROP VIEW IF EXISTS open_analytic.current_collections;
DO $$
DECLARE
    function regprocedure;
    name text;
BEGIN
    FOR function IN
        SELECT p.oid
        FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace
            AND p.proname NOT IN ('_version', '_schema_of')
            AND NOT EXISTS (
                SELECT
                FROM pg_catalog.pg_depend AS d
                WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
            )
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        '_check_distance', '_check_alike', '_joins_by_index', '_near', 'near_duplicates',
        'knn_join', '_check_size', '_may', '_check_may', '_clustering', '_cluster_within',
        '_cluster_loosen', '_cluster_link', '_cluster_name', '_cluster_tell', 'clusters',
        'cluster_changes', 'cluster', '_cluster_compare'
    ]
    LOOP
        EXECUTE format(
            'CREATE FUNCTION open_analytic.%I() RETURNS void LANGUAGE sql AS %L', name, 'SELECT'
        );
        EXECUTE format('REVOKE ALL ON FUNCTION open_analytic.%I FROM PUBLIC', name);
    END LOOP;
END
$$;

ALTER TABLE open_analytic.clusterings
    DROP CONSTRAINT clusterings_schema_name_table_name_key;
ALTER TABLE open_analytic.clusterings ADD COLUMN place oid;
UPDATE open_analytic.clusterings AS c
SET place = t.oid
FROM pg_catalog.pg_class AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE n.nspname = c.schema_name AND t.relname = c.table_name;
DELETE FROM open_analytic.clusterings AS c WHERE c.place IS NULL;
ALTER TABLE open_analytic.clusterings ALTER COLUMN place SET NOT NULL;
ALTER TABLE open_analytic.clusterings
    ADD CONSTRAINT clusterings_schema_name_table_name_place_key
    UNIQUE (schema_name, table_name, place);

ALTER TABLE open_analytic.calibrations ADD COLUMN indexrelid oid NOT NULL DEFAULT 0;
ALTER TABLE open_analytic.calibrations ALTER COLUMN indexrelid DROP DEFAULT;
UPDATE open_analytic.calibrations AS c
SET indexrelid = x.oid
FROM pg_catalog.pg_class AS x
JOIN pg_catalog.pg_namespace AS n ON n.oid = x.relnamespace
WHERE n.nspname = c.schema_name AND x.relname = c.index_name AND x.relkind = 'i';
ALTER TABLE open_analytic.calibrations DROP COLUMN index_name;

-- Collections are the user's tables and stay; the constraint that names them goes.
DO $$
DECLARE
    mark record;
BEGIN
    FOR mark IN
        SELECT k.conrelid::regclass AS relation, k.conname AS name
        FROM open_analytic.collections AS c
        JOIN pg_catalog.pg_constraint AS k
            ON k.conname = 'open_analytic_' || replace(c.id::text, '-', '')
        WHERE k.contype = 'c' AND k.coninhcount = 0
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', mark.relation, mark.name);
    END LOOP;
END
$$;
ALTER TABLE open_analytic.collections DROP COLUMN id;
DROP TABLE open_analytic.bodies;
DROP TABLE open_analytic.code;
