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
                OR info.many
                AND a.attname = info.region
                AND a.atttypid = open_analytic._region_type(info.region)
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
