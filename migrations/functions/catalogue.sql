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
    c.sha256_column
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
           || CASE WHEN info.many THEN ARRAY['part', 'box'] ELSE '{}' END
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

CREATE OR REPLACE FUNCTION open_analytic._hold(collection regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name CONSTANT text := collection::text;
BEGIN
    -- Locked first, so that its owner cannot put another in its place between this look and what
    -- is done with it. VOLATILE sees what is there now. A view would run code of its owner's with
    -- the rights of who reads it.
    IF EXISTS (SELECT FROM pg_class AS t WHERE t.oid = collection AND t.relkind IN ('r', 'p')) THEN
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', name);
    END IF;
    IF to_regclass(name) IS DISTINCT FROM collection THEN
        RAISE EXCEPTION 'Table % was replaced meanwhile.', name
            USING ERRCODE = 'OA006', HINT = 'Run it again.';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class AS t WHERE t.oid = collection AND t.relkind IN ('r', 'p'))
    THEN
        RAISE EXCEPTION '% is not a table as create_collection makes them.', name
            USING ERRCODE = 'OA006', HINT = 'Give a table, not a view or a foreign table.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._hold IS
    'Lock a table against being replaced until the transaction ends; refuse what is none';

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

CREATE OR REPLACE FUNCTION open_analytic._is_superuser(role oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce((SELECT r.rolsuper FROM pg_roles AS r WHERE r.oid = role), false) $$;
COMMENT ON FUNCTION open_analytic._is_superuser IS 'Whether a role is a superuser';

CREATE OR REPLACE FUNCTION open_analytic._base_type(type oid) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    facts record;
BEGIN
    LOOP
        SELECT t.typtype, t.typbasetype, t.typelem, t.typcategory INTO facts
        FROM pg_type AS t
        WHERE t.oid = type;
        IF facts.typtype = 'd' THEN
            type := facts.typbasetype;
        ELSIF facts.typcategory = 'A' AND facts.typelem <> 0 THEN
            type := facts.typelem;
        ELSE
            RETURN type;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._base_type IS 'The type below domains and arrays';

CREATE OR REPLACE FUNCTION open_analytic._attached(collection regclass) RETURNS regprocedure
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Arrays, so that each catalogue is read by its index. A reader of a table reads its
    -- partitions and the tables that inherit from it.
    tables CONSTANT oid[] := ARRAY(
        WITH RECURSIVE tree (relation) AS (
            SELECT collection::oid
            UNION
            SELECT i.inhrelid FROM pg_inherits AS i JOIN tree ON tree.relation = i.inhparent
        )
        SELECT t.relation FROM tree AS t
    );
    indexes CONSTANT oid[] := ARRAY(
        SELECT i.indexrelid FROM pg_index AS i WHERE i.indrelid = ANY (tables)
    );
    others CONSTANT oid[] := ARRAY(
        SELECT s.oid FROM pg_statistic_ext AS s WHERE s.stxrelid = ANY (tables)
        UNION ALL
        SELECT k.oid FROM pg_constraint AS k WHERE k.conrelid = ANY (tables)
        UNION ALL
        SELECT d.oid
        FROM pg_attrdef AS d
        JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        WHERE d.adrelid = ANY (tables) AND a.attgenerated <> ''
    );
    -- Only who owns a type can make casts of it.
    types CONSTANT oid[] := ARRAY(
        SELECT y.oid
        FROM pg_attribute AS a
        CROSS JOIN LATERAL (
            VALUES (a.atttypid), (open_analytic._base_type(a.atttypid))
        ) AS v (type)
        JOIN pg_type AS y ON y.oid = v.type
        WHERE a.attrelid = ANY (tables)
            AND a.attnum > 0
            AND a.atttypid >= 16384
            AND NOT open_analytic._is_superuser(y.typowner)
    );
    functions oid[];
BEGIN
    -- What PostgreSQL runs or folds when it plans or reads: of indexes, statistics, constraints,
    -- generated columns, keys of partitions; then the casts of the columns' types. Functions of
    -- PostgreSQL itself have no dependency.
    functions := ARRAY(
        SELECT coalesce(o.oprcode::oid, d.refobjid)
        FROM pg_depend AS d
        LEFT JOIN pg_operator AS o
            ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
        WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
            AND (
                d.classid = 'pg_class'::regclass AND d.objid = ANY (tables || indexes)
                OR d.classid IN (
                    'pg_statistic_ext'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass
                ) AND d.objid = ANY (others)
            )
    );
    IF types <> '{}' THEN
        functions := functions || ARRAY(
            SELECT c.castfunc
            FROM pg_cast AS c
            WHERE c.castsource = ANY (types) OR c.casttarget = ANY (types)
        );
    END IF;
    RETURN (
        SELECT p.oid::regprocedure
        FROM pg_proc AS p
        WHERE p.oid = ANY (functions) AND NOT open_analytic._is_superuser(p.proowner)
        ORDER BY p.oid
        LIMIT 1
    );
END
$$;
COMMENT ON FUNCTION open_analytic._attached IS
    'A function of somebody who is no superuser that runs when the table is read; NULL when none';

CREATE OR REPLACE FUNCTION open_analytic._refuse_attached(collection regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    code regprocedure;
BEGIN
    -- Others read with few rights, and have policies and functions of each other's on purpose.
    IF EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = current_user AND r.rolsuper)
       AND NOT open_analytic._is_superuser((
           SELECT t.relowner FROM pg_class AS t WHERE t.oid = collection
       ))
    THEN
        code := open_analytic._attached(collection);
        IF code IS NOT NULL THEN
            RAISE EXCEPTION 'Reading table % would run % with the rights of a superuser.',
                collection, code
                USING ERRCODE = 'OA006',
                HINT = 'SET ROLE to a role of few rights that can read it, and search again.';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._refuse_attached IS
    'Keep a superuser from running what the owner of a table, who is none, has attached to it';

CREATE OR REPLACE FUNCTION open_analytic._opened(collection regclass)
RETURNS open_analytic.collections
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- The collection that this transaction opened, whose lock it holds. The time of the
    -- transaction keeps the setting of an earlier one from being accepted.
    here CONSTANT text := concat_ws(
        ' ', collection::oid, pg_backend_pid(), extract(epoch FROM transaction_timestamp())
    );
    info open_analytic.collections;
BEGIN
    IF collection IS NULL THEN
        RAISE EXCEPTION 'There is no table of this name any more.'
            USING ERRCODE = 'OA006',
            HINT = 'A renamed table stays its collection: open it again by the name it has now. '
                'The view current_collections lists them.';
    END IF;
    IF current_setting('open_analytic.opened', true) = here THEN
        RETURN open_analytic._collection(collection);
    END IF;
    PERFORM open_analytic._hold(collection);
    PERFORM open_analytic._refuse_attached(collection);
    -- A view, or another type in place of the right one, would run its owner's code with the
    -- rights of the role that searches.
    info := open_analytic._collection(collection);
    IF (CASE WHEN info.many THEN 4 ELSE 2 END) <> (
        SELECT count(*)
        FROM pg_attribute AS a
        WHERE a.attrelid = collection
            AND NOT a.attisdropped
            AND (
                a.attname = info.name_column AND a.atttypid = 'text'::regtype
                OR a.attname = 'feature' AND a.atttypid = '@vector@.halfvec'::regtype
                OR info.many AND a.attname = 'part' AND a.atttypid = 'int4'::regtype
                OR info.many AND a.attname = 'box' AND a.atttypid = 'float4[]'::regtype
            )
    )
    THEN
        RAISE EXCEPTION 'Table % is not as create_collection made it.', collection
            USING ERRCODE = 'OA006',
            HINT = format(
                'Its columns %I (text) and feature (halfvec) must be there, and be a table''s.',
                info.name_column
            );
    END IF;
    PERFORM set_config('open_analytic.opened', here, true);
    RETURN info;
END
$$;
COMMENT ON FUNCTION open_analytic._opened IS
    'What the catalogue says of a table, which is locked against being replaced; what is no '
        'table as create_collection makes them is refused';
