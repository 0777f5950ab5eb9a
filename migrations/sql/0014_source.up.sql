-- Where each picture comes from: a path, a URL, "upload". An import never writes over a picture of
-- another source unless it is told to.
ALTER TABLE open_analytic.collections ADD COLUMN has_source boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN open_analytic.collections.has_source IS
    'The table''s column "source" is ours; false where the user has a column of that name';

DO $$
DECLARE
    collection record;
    -- The comment tells a column of ours from a user's own after a downgrade, which leaves it.
    says CONSTANT text := 'Where the picture comes from: a path, a URL, "upload"; NULL: unknown';
BEGIN
    FOR collection IN
        SELECT c.id, t.oid AS place, format('%I.%I', n.nspname, t.relname) AS name,
            a.attname IS NOT NULL AS has_column,
            pg_catalog.col_description(t.oid, a.attnum) IS NOT DISTINCT FROM says AS is_ours
        FROM open_analytic.collections AS c
        LEFT JOIN pg_catalog.pg_constraint AS k
            ON k.conname = 'open_analytic_' || replace(c.id::text, '-', '')
            AND k.contype = 'c'
            AND k.coninhcount = 0
        LEFT JOIN pg_catalog.pg_namespace AS s ON s.nspname = c.schema_name
        LEFT JOIN pg_catalog.pg_class AS o
            ON o.relnamespace = s.oid AND o.relname = c.table_name
        JOIN pg_catalog.pg_class AS t
            ON t.oid = coalesce(k.conrelid, o.oid) AND t.relkind IN ('r', 'p')
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
        LEFT JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = t.oid AND a.attname = 'source' AND NOT a.attisdropped
    LOOP
        IF collection.has_column AND NOT collection.is_ours THEN
            CONTINUE; -- the user's own: the collection works as before
        END IF;
        BEGIN
            IF NOT collection.has_column THEN
                EXECUTE format(
                    'ALTER TABLE %s ADD COLUMN source pg_catalog.text', collection.name
                );
                EXECUTE format('COMMENT ON COLUMN %s.source IS %L', collection.name, says);
            END IF;
            UPDATE open_analytic.collections AS c
            SET has_source = true
            WHERE c.id = collection.id;
        EXCEPTION WHEN insufficient_privilege OR too_many_columns THEN
            RAISE WARNING 'Table % cannot get the column source (%), so imports into it do not '
                'know where its pictures come from.', collection.name, SQLERRM;
        END;
    END LOOP;
END
$$;
