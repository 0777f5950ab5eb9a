-- Older versions know boxes only. A table whose rows have other regions gets a column box without
-- values; the column with the regions stays, and older versions take it for one of the user's.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.relation, c.region
        FROM open_analytic.current_collections AS c
        WHERE c.many AND c.region <> 'box'
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s ADD COLUMN box pg_catalog.float4[]', one.relation);
            EXECUTE format(
                'COMMENT ON COLUMN %s.box IS %L',
                one.relation,
                'Empty, for versions before revision 0016: regions are in ' || one.region
            );
        EXCEPTION WHEN syntax_error_or_access_rule_violation OR too_many_columns THEN
            RAISE WARNING 'Table % cannot get the column box (%): versions of open_analytic before '
                'this one cannot open the collection.', one.relation, SQLERRM;
        END;
    END LOOP;
END
$$;
DELETE FROM open_analytic.code; -- the next upgrade creates the functions of its version
-- The view without the column, which the way down to older revisions reads.
DROP VIEW open_analytic.current_collections;
ALTER TABLE open_analytic.collections DROP COLUMN region;
CREATE VIEW open_analytic.current_collections AS
SELECT
    c.id,
    n.nspname::text AS schema_name,
    t.relname::text AS table_name,
    c.pipeline,
    c.version,
    c.dim,
    c.metric,
    c.many,
    c.parameters,
    c.migrated,
    c.created_at,
    c.created_by,
    t.oid::regclass AS relation,
    c.schema_name AS recorded_schema,
    c.table_name AS recorded_table,
    c.has_source,
    c.name_column,
    c.data_column,
    c.sha256_column
FROM open_analytic.collections AS c
JOIN pg_catalog.pg_class AS t ON t.oid = open_analytic._relation(c)
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace;
