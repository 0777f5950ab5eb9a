CREATE OR REPLACE FUNCTION open_analytic._mark(id uuid) RETURNS name
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT ('open_analytic_' || replace(id::text, '-', ''))::name $$;
COMMENT ON FUNCTION open_analytic._mark IS
    'The constraint that a collection''s table carries, by which it is known when it is renamed';

CREATE OR REPLACE FUNCTION open_analytic._relation(info open_analytic.collections) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- Any role can write such a constraint on a table of its own: it counts on tables of those who
    -- can make collections. Partitions inherit it from their table and do not count.
    SELECT coalesce(
        (
            SELECT k.conrelid
            FROM pg_constraint AS k
            JOIN pg_class AS t ON t.oid = k.conrelid
            JOIN pg_namespace AS n ON n.oid = t.relnamespace
            WHERE k.conname = open_analytic._mark(info.id)
                AND k.contype = 'c'
                AND k.coninhcount = 0
                AND open_analytic._trusted(t.relowner, info.created_by)
            ORDER BY (n.nspname, t.relname) = (info.schema_name, info.table_name) DESC
            LIMIT 1
        ),
        (
            SELECT t.oid
            FROM pg_class AS t
            JOIN pg_namespace AS n ON n.oid = t.relnamespace
            WHERE n.nspname = info.schema_name AND t.relname = info.table_name
        )
    )
$$;
COMMENT ON FUNCTION open_analytic._relation IS
    'The table of a collection, under whatever name it has now; NULL when it is gone';

CREATE OR REPLACE FUNCTION open_analytic._trusted(owner oid, creator text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- A database that was restored on another server can be without our roles.
    SELECT pg_get_userbyid(owner) = creator
        OR owner = (SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'open_analytic')
        OR (SELECT r.rolsuper FROM pg_roles AS r WHERE r.oid = owner)
        OR coalesce(pg_has_role(owner, to_regrole('open_analytic_admin')::oid, 'MEMBER'), false)
$$;
COMMENT ON FUNCTION open_analytic._trusted IS
    'Whether a table''s owner can make collections, or made this one';

CREATE OR REPLACE FUNCTION open_analytic._known(place regclass) RETURNS open_analytic.collections
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections;
BEGIN
    -- Every search comes here. A table with the recorded name, constraint and owner needs no more
    -- looks.
    SELECT c.*
    INTO info
    FROM pg_class AS t
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    JOIN open_analytic.collections AS c ON c.schema_name = n.nspname AND c.table_name = t.relname
    JOIN pg_constraint AS k
        ON k.conrelid = t.oid
        AND k.contypid = 0
        AND k.conname = 'open_analytic_' || replace(c.id::text, '-', '')
    WHERE t.oid = place AND pg_get_userbyid(t.relowner) = c.created_by;
    IF NOT FOUND THEN
        SELECT c.*
        INTO info
        FROM pg_class AS t
        JOIN pg_namespace AS n ON n.oid = t.relnamespace
        JOIN open_analytic.collections AS c
            ON c.schema_name = n.nspname AND c.table_name = t.relname
            OR c.id IN (
                SELECT substr(k.conname, 15)::uuid
                FROM pg_constraint AS k
                WHERE k.conrelid = place AND k.conname ~ '^open_analytic_[0-9a-f]{32}$'
            )
        WHERE t.oid = place AND open_analytic._relation(c) = place
        ORDER BY (c.schema_name, c.table_name) = (n.nspname, t.relname)
        LIMIT 1;
    END IF;
    RETURN info;
END
$$;
COMMENT ON FUNCTION open_analytic._known IS
    'What the catalogue says of a table; NULL when it is no collection';

CREATE OR REPLACE VIEW open_analytic.current_collections AS
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
    c.sha256_column,
    c.region
FROM open_analytic.collections AS c
JOIN pg_catalog.pg_class AS t ON t.oid = open_analytic._relation(c)
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace;
COMMENT ON VIEW open_analytic.current_collections IS
    'Collections whose table is there, under the name it has now';

CREATE OR REPLACE FUNCTION open_analytic._follow_renames() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    renamed open_analytic.current_collections[];
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM open_analytic.current_collections AS c
        WHERE (c.schema_name, c.table_name) <> (c.recorded_schema, c.recorded_table)
    )
    THEN
        RETURN;
    END IF;
    LOCK TABLE open_analytic.collections IN SHARE ROW EXCLUSIVE MODE;
    renamed := ARRAY(
        SELECT c
        FROM open_analytic.current_collections AS c
        WHERE (c.schema_name, c.table_name) <> (c.recorded_schema, c.recorded_table)
    );
    -- Names that the tables have now, and that the catalogue gives to tables that are gone.
    DELETE FROM open_analytic.collections AS o
    USING unnest(renamed) AS r
    WHERE (o.schema_name, o.table_name) = (r.schema_name, r.table_name)
        AND o.id <> r.id
        AND open_analytic._relation(o) = r.relation;
    -- In two steps, since tables can have changed names with each other.
    UPDATE open_analytic.collections AS c
    SET table_name = c.id::text
    FROM unnest(renamed) AS r
    WHERE r.id = c.id;
    UPDATE open_analytic.collections AS c
    SET schema_name = r.schema_name, table_name = r.table_name
    FROM unnest(renamed) AS r
    WHERE r.id = c.id;
END
$$;
COMMENT ON FUNCTION open_analytic._follow_renames IS
    'Record the names that the tables of collections have now';

CREATE OR REPLACE FUNCTION open_analytic._names() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(
        string_agg(
            concat_ws('.', nullif(c.schema_name, 'public'), c.table_name), ', '
            ORDER BY c.schema_name <> 'public', c.schema_name, c.table_name
        ),
        'none yet'
    )
    FROM open_analytic.current_collections AS c
$$;
COMMENT ON FUNCTION open_analytic._names IS 'The names of all collections, for a hint';

CREATE OR REPLACE FUNCTION open_analytic._collection(place regclass)
RETURNS open_analytic.collections
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info CONSTANT open_analytic.collections := open_analytic._known(place);
BEGIN
    IF info.table_name IS NULL THEN
        RAISE EXCEPTION 'There is no collection %.', quote_literal(place::text)
            USING ERRCODE = 'OA006', HINT = format('There are: %s.', open_analytic._names());
    END IF;
    RETURN info;
END
$$;
COMMENT ON FUNCTION open_analytic._collection IS 'What the catalogue says of a table';

CREATE OR REPLACE FUNCTION open_analytic._split(
    name text, OUT schema_name text, OUT table_name text
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parts text[] := string_to_array(name, '.');
BEGIN
    IF cardinality(parts) = 1 THEN
        parts := ARRAY['public'] || parts;
    END IF;
    IF cardinality(parts) <> 2
       OR EXISTS (SELECT FROM unnest(parts) AS part WHERE octet_length(part) NOT BETWEEN 1 AND 63)
    THEN
        RAISE EXCEPTION '% cannot be a collection''s name.', quote_literal(name)
            USING ERRCODE = 'OA017',
            HINT = 'Use table or schema.table, each of 1 to 63 bytes, without further dots.';
    END IF;
    schema_name := parts[1];
    table_name := parts[2];
END
$$;
COMMENT ON FUNCTION open_analytic._split IS
    'Schema and table of a collection''s name: "table" is in public, "schema.table" says where';

CREATE OR REPLACE FUNCTION open_analytic._own_columns(info open_analytic.collections)
RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY[
        info.name_column, info.data_column, 'feature', info.sha256_column, 'pipeline_version',
        'imported_at'
    ]
           || CASE WHEN info.many THEN ARRAY['part', info.region] ELSE '{}' END
$$;
COMMENT ON FUNCTION open_analytic._own_columns IS
    'The columns of a collection that are no columns of the user''s';

CREATE OR REPLACE FUNCTION open_analytic._version(pipeline text, version integer) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    newest integer := (
        SELECT max(p.version) FROM open_analytic.pipelines AS p WHERE p.name = pipeline
    );
BEGIN
    IF newest > version THEN
        RAISE EXCEPTION 'Pipeline % has version % now, and this collection holds features of '
            'version %.',
            quote_literal(pipeline),
            newest,
            version
            USING ERRCODE = 'OA033',
            HINT = format(
                'Of which is this feature? embed_for(collection, input) gives those of version '
                    '%1$s; say so in the INSERT: pipeline_version = %1$s.',
                version
            );
    END IF;
    RETURN version;
END
$$;
COMMENT ON FUNCTION open_analytic._version IS
    'The version of a feature that an INSERT says nothing of: there is no doubt while the '
        'pipeline has no newer one';

CREATE OR REPLACE FUNCTION open_analytic._rows(collection regclass, dim integer) RETURNS float8
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- As PostgreSQL estimates it: as dense as when it was analysed; else as dense as such rows
    -- are.
    RETURN (SELECT greatest(1, CASE
                WHEN t.relkind = 'p'
                    THEN (
                        SELECT sum(greatest(0, c.reltuples))
                        FROM pg_partition_tree(t.oid) AS p
                        JOIN pg_class AS c ON c.oid = p.relid
                        WHERE p.isleaf
                    )
                WHEN t.reltuples > 0
                    AND t.relpages > 0
                        THEN t.reltuples * greatest(1, s.bytes / 8192.0 / t.relpages)
                ELSE s.bytes / (150 + CASE WHEN dim <= 3000 THEN 2 * dim ELSE 0 END) END)
            FROM pg_class AS t
            CROSS JOIN LATERAL pg_relation_size(t.oid) AS s (bytes)
            WHERE t.oid = collection);
END
$$;
COMMENT ON FUNCTION open_analytic._rows IS 'How many rows a collection has, more or less';
