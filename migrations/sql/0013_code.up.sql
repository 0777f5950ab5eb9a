-- What the functions in the database are, and the texts of those that exist once per language.
CREATE TABLE open_analytic.code (
    hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    version text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE open_analytic.code IS
    'The functions, views and operators of the schema: one row, written when they are applied';
COMMENT ON COLUMN open_analytic.code.hash IS
    'SHA-256 of migrations/functions of the package that applied them';
COMMENT ON COLUMN open_analytic.code.version IS 'Version of that package';

CREATE TABLE open_analytic.bodies (
    name text PRIMARY KEY,
    source text NOT NULL
);
COMMENT ON TABLE open_analytic.bodies IS
    'Functions that reach the inference service, by the language they use; use_body takes one';

REVOKE ALL ON open_analytic.code, open_analytic.bodies FROM PUBLIC;
GRANT SELECT ON open_analytic.code TO open_analytic_user;

-- Policies name a column that goes; the current ones are created with the functions.
DROP POLICY IF EXISTS reads ON open_analytic.clusterings;
DROP POLICY IF EXISTS writes ON open_analytic.clusterings;
DROP POLICY IF EXISTS reads ON open_analytic.cluster_members;
DROP POLICY IF EXISTS writes ON open_analytic.cluster_members;
DROP POLICY IF EXISTS reads ON open_analytic.cluster_changes;
DROP POLICY IF EXISTS writes ON open_analytic.cluster_changes;

-- A collection keeps its identity when its table is renamed, moved to another schema, dumped and
-- restored: the table carries a constraint whose name ends with this id.
ALTER TABLE open_analytic.collections ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE open_analytic.collections ADD CONSTRAINT collections_id_key UNIQUE (id);
COMMENT ON COLUMN open_analytic.collections.id IS
    'The table of the collection has a constraint open_analytic_<id>, which stays with it';
COMMENT ON COLUMN open_analytic.collections.schema_name IS
    'Schema of the table when it was last recorded; current_collections follows a renamed table';

DO $$
DECLARE
    collection record;
BEGIN
    FOR collection IN
        SELECT format('%I.%I', c.schema_name, c.table_name) AS name, c.id
        FROM open_analytic.collections AS c
        JOIN pg_catalog.pg_namespace AS n ON n.nspname = c.schema_name
        JOIN pg_catalog.pg_class AS t ON t.relnamespace = n.oid AND t.relname = c.table_name
        WHERE t.relkind IN ('r', 'p')
    LOOP
        BEGIN
            EXECUTE format(
                'ALTER TABLE %s ADD CONSTRAINT %I CHECK (true) NOT VALID',
                collection.name, 'open_analytic_' || replace(collection.id::text, '-', '')
            );
        EXCEPTION WHEN insufficient_privilege THEN
            -- Such a table is still known by its name.
            RAISE WARNING 'Table % belongs to another role, so open_analytic cannot follow it when '
                'it is renamed.', collection.name;
        END;
    END LOOP;
END
$$;

ALTER TABLE open_analytic.calibrations
    DROP CONSTRAINT calibrations_schema_name_table_name_fkey;
ALTER TABLE open_analytic.calibrations
    ADD CONSTRAINT calibrations_schema_name_table_name_fkey
    FOREIGN KEY (schema_name, table_name)
    REFERENCES open_analytic.collections (schema_name, table_name)
    ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE open_analytic.search_audits
    DROP CONSTRAINT search_audits_schema_name_table_name_fkey;
ALTER TABLE open_analytic.search_audits
    ADD CONSTRAINT search_audits_schema_name_table_name_fkey
    FOREIGN KEY (schema_name, table_name)
    REFERENCES open_analytic.collections (schema_name, table_name)
    ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE open_analytic.clusterings
    DROP CONSTRAINT clusterings_schema_name_table_name_fkey;
ALTER TABLE open_analytic.clusterings
    ADD CONSTRAINT clusterings_schema_name_table_name_fkey
    FOREIGN KEY (schema_name, table_name)
    REFERENCES open_analytic.collections (schema_name, table_name)
    ON UPDATE CASCADE ON DELETE CASCADE;

-- An OID means nothing after a restore: the index that was measured is known by its name.
ALTER TABLE open_analytic.calibrations ADD COLUMN index_name text;
COMMENT ON COLUMN open_analytic.calibrations.index_name IS
    'The index that was measured, in the schema of the table; NULL when that was not recorded';
DO $$
BEGIN
    IF EXISTS (
        SELECT
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = 'open_analytic.calibrations'::regclass
            AND a.attname = 'indexrelid'
            AND NOT a.attisdropped
    )
    THEN
        UPDATE open_analytic.calibrations AS c
        SET index_name = x.relname
        FROM pg_catalog.pg_class AS x
        WHERE x.oid = c.indexrelid AND x.relkind = 'i';
        ALTER TABLE open_analytic.calibrations DROP COLUMN indexrelid;
    END IF;
END
$$;

-- Of several clusterings under one name, that of the table as it is now stays; where none is (the
-- database was restored from a dump), the newest of the collection.
DELETE FROM open_analytic.clusterings AS c
WHERE c.id <> (
    SELECT o.id
    FROM open_analytic.clusterings AS o
    JOIN open_analytic.collections AS k USING (schema_name, table_name)
    WHERE o.schema_name = c.schema_name AND o.table_name = c.table_name
    ORDER BY
        EXISTS (
            SELECT
            FROM pg_catalog.pg_class AS t
            JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
            WHERE t.oid = o.place AND n.nspname = o.schema_name AND t.relname = o.table_name
        ) DESC,
        o.made_at = k.created_at DESC,
        o.clustered_at DESC NULLS LAST,
        o.id DESC
    LIMIT 1
);
ALTER TABLE open_analytic.clusterings DROP COLUMN place;
ALTER TABLE open_analytic.clusterings
    ADD CONSTRAINT clusterings_schema_name_table_name_key UNIQUE (schema_name, table_name);
