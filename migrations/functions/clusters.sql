CREATE OR REPLACE FUNCTION open_analytic._check_size(min_size integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF min_size IS NULL OR min_size < 1 THEN
        RAISE EXCEPTION 'min_size is %.', coalesce(min_size::text, 'NULL')
            USING ERRCODE = 'OA019', HINT = 'Give how many rows make a cluster, 1 or more.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_size IS 'Refuse a size that no cluster has';

CREATE OR REPLACE FUNCTION open_analytic._may(
    schema_name text, table_name text, privilege text
)
RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- A role that sees only some of the rows would see, or make, clusters of rows that are hidden
    -- from it. And clusters belong to a collection: a role of less trust that puts a table in its
    -- place does not get to see them.
    SELECT EXISTS (
        SELECT
        FROM open_analytic.collections AS c
        JOIN pg_class AS t ON t.oid = open_analytic._relation(c)
        WHERE c.schema_name = _may.schema_name
            AND c.table_name = _may.table_name
            AND t.relkind IN ('r', 'p')
            AND open_analytic._trusted(t.relowner, c.created_by)
            AND has_schema_privilege(t.relnamespace, 'USAGE')
            AND has_table_privilege(t.oid, 'SELECT')
            AND has_table_privilege(t.oid, privilege)
            AND NOT row_security_active(t.oid)
    )
$$;
COMMENT ON FUNCTION open_analytic._may IS
    'Whether the caller has this right on a table, and sees all its rows';

CREATE OR REPLACE FUNCTION open_analytic._check_may(
    collection regclass, info open_analytic.collections, privilege text
)
RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT open_analytic._may(info.schema_name, info.table_name, privilege) THEN
        RAISE EXCEPTION 'permission denied for the clusters of collection %',
            quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name))
            USING ERRCODE = 'insufficient_privilege',
            HINT = format(
                'Clusters are made of all its rows, for every role that can read it: needed are '
                'SELECT%s on table %s, and a role that row level security hides no rows from.',
                CASE WHEN privilege <> 'SELECT' THEN ' and ' || privilege END,
                collection
            );
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_may IS
    'Refuse a role without this right on all rows of a collection';

CREATE OR REPLACE FUNCTION open_analytic._clustering(
    info open_analytic.collections, max_distance float8, OUT clustering integer, OUT anew boolean
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry open_analytic.clusterings;
BEGIN
    INSERT INTO open_analytic.clusterings AS c (schema_name, table_name, made_at)
    VALUES (info.schema_name, info.table_name, info.created_at) ON CONFLICT DO NOTHING;
    -- One run at a time.
    SELECT c.*
    INTO entry
    FROM open_analytic.clusterings AS c
    WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name
    FOR UPDATE;
    IF entry.made_at <> info.created_at THEN
        DELETE FROM open_analytic.cluster_members AS m WHERE m.clustering = entry.id;
    END IF;
    clustering := entry.id;
    anew := entry.made_at <> info.created_at
        OR entry.max_distance IS DISTINCT FROM _clustering.max_distance;
    UPDATE open_analytic.clusterings AS c
    SET made_at = info.created_at, max_distance = _clustering.max_distance, clustered_at = now()
    WHERE c.id = entry.id;
END
$$;
COMMENT ON FUNCTION open_analytic._clustering IS
    'The clustering of a collection, locked; a new one when all its rows are compared again';

CREATE OR REPLACE FUNCTION open_analytic.clusters(collection regclass, min_size integer DEFAULT 2)
RETURNS TABLE (cluster_id bigint, name text, part integer)
LANGUAGE plpgsql STABLE ROWS 10000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    PERFORM open_analytic._check_size(min_size);
    PERFORM open_analytic._check_may(collection, info, 'SELECT');
    RETURN QUERY
        SELECT f.cluster_id, f.name, CASE WHEN info.many THEN f.part END
        FROM (
            SELECT m.cluster_id, m.name, m.part, count(*) OVER (PARTITION BY m.cluster_id) AS rows
            FROM open_analytic.cluster_members AS m
            JOIN open_analytic.clusterings AS c ON c.id = m.clustering
            WHERE c.schema_name = info.schema_name
                AND c.table_name = info.table_name
                AND c.made_at = info.created_at
        ) AS f
        WHERE f.rows >= min_size
        ORDER BY f.cluster_id, f.name COLLATE "C", f.part;
END
$$;
COMMENT ON FUNCTION open_analytic.clusters IS 'Clusters as the last run of cluster left them';

CREATE OR REPLACE FUNCTION open_analytic.cluster_changes(collection regclass)
RETURNS TABLE (kind text, cluster_id bigint, earlier_id bigint, name text, part integer)
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    PERFORM open_analytic._check_may(collection, info, 'SELECT');
    RETURN QUERY
        SELECT d.kind, d.cluster_id, d.earlier_id, d.name, CASE WHEN info.many THEN d.part END
        FROM open_analytic.cluster_changes AS d
        JOIN open_analytic.clusterings AS c ON c.id = d.clustering
        WHERE c.schema_name = info.schema_name
            AND c.table_name = info.table_name
            AND c.made_at = info.created_at
        ORDER BY d.cluster_id,
            array_position(ARRAY['new', 'split', 'merged', 'joined', 'left', 'gone'], d.kind),
            d.earlier_id,
            d.name COLLATE "C",
            d.part;
END
$$;
COMMENT ON FUNCTION open_analytic.cluster_changes IS 'What the last run of cluster changed';

CREATE OR REPLACE FUNCTION open_analytic.cluster(
    collection regclass, max_distance float8, min_size integer DEFAULT 2
)
RETURNS TABLE (cluster_id bigint, name text, part integer)
LANGUAGE plpgsql ROWS 10000 COST 1000000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._opened(collection);
    started record;
BEGIN
    PERFORM open_analytic._check_distance(info, max_distance);
    PERFORM open_analytic._check_size(min_size);
    PERFORM open_analytic._check_may(collection, info, 'UPDATE');
    -- as drop_collection does: the table first, then its row in the catalogue
    EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', collection);
    started := open_analytic._clustering(info, max_distance);
    PERFORM open_analytic._cluster_compare(collection, started.clustering);
    PERFORM open_analytic._cluster_link(
        collection, started.clustering, max_distance, started.anew
    );
    PERFORM open_analytic._cluster_name(started.clustering);
    PERFORM open_analytic._cluster_tell(started.clustering, min_size);
    DELETE
    FROM open_analytic.cluster_members AS m
    WHERE m.clustering = started.clustering AND m.next_id IS NULL;
    UPDATE open_analytic.cluster_members AS m
    SET cluster_id = m.next_id
    WHERE m.clustering = started.clustering AND m.cluster_id IS DISTINCT FROM m.next_id;
    RETURN QUERY SELECT * FROM open_analytic.clusters(collection, min_size);
END
$$;
COMMENT ON FUNCTION open_analytic.cluster IS
    'Put the rows of a collection into clusters, the new ones into those that are there; rows of '
        'clusters of at least min_size';

-- The caller writes these tables with the caller's own rights: rows of collections that the caller
-- can read and change in whole, and no others.
CREATE POLICY reads ON open_analytic.clusterings FOR SELECT
    USING (open_analytic._may(schema_name, table_name, 'SELECT'));
CREATE POLICY writes ON open_analytic.clusterings
    USING (open_analytic._may(schema_name, table_name, 'UPDATE'));
CREATE POLICY reads ON open_analytic.cluster_members FOR SELECT
    USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c));
CREATE POLICY writes ON open_analytic.cluster_members
    USING (
        clustering IN (
            SELECT c.id
            FROM open_analytic.clusterings AS c
            WHERE open_analytic._may(c.schema_name, c.table_name, 'UPDATE')
        )
    );
CREATE POLICY reads ON open_analytic.cluster_changes FOR SELECT
    USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c));
CREATE POLICY writes ON open_analytic.cluster_changes
    USING (
        clustering IN (
            SELECT c.id
            FROM open_analytic.clusterings AS c
            WHERE open_analytic._may(c.schema_name, c.table_name, 'UPDATE')
        )
    );
