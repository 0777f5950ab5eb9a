-- Clusters that keep their ids. Names of pgvector's objects are written with @vector@, the schema it was installed into.

CREATE FUNCTION open_analytic._check_size(min_size integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF min_size IS NULL OR min_size < 1 THEN
        RAISE EXCEPTION 'min_size is %.', coalesce(min_size::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give how many rows make a cluster, 1 or more.';
    END IF;
END
$$;

CREATE TABLE open_analytic.clusterings (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    place oid NOT NULL,
    made_at timestamptz NOT NULL,
    max_distance float8,
    last_id bigint NOT NULL DEFAULT 0,
    clustered_at timestamptz,
    UNIQUE (schema_name, table_name, place),
    FOREIGN KEY (schema_name, table_name) REFERENCES open_analytic.collections (schema_name, table_name) ON DELETE CASCADE
);
COMMENT ON TABLE open_analytic.clusterings IS 'Collections whose rows were put into clusters';
COMMENT ON COLUMN open_analytic.clusterings.place IS 'The very table: whoever makes another of its name does not get to see its clusters';
COMMENT ON COLUMN open_analytic.clusterings.made_at IS 'When the collection was created: another table of the same name starts anew';
COMMENT ON COLUMN open_analytic.clusterings.max_distance IS 'Of the last run; NULL before the first';
COMMENT ON COLUMN open_analytic.clusterings.last_id IS 'The highest id given: none is given twice';

CREATE TABLE open_analytic.cluster_members (
    clustering integer NOT NULL REFERENCES open_analytic.clusterings (id) ON DELETE CASCADE,
    name text NOT NULL,
    part integer NOT NULL,
    feature_hash bytea NOT NULL,
    cluster_id bigint,
    next_id bigint,
    PRIMARY KEY (clustering, name, part)
);
COMMENT ON TABLE open_analytic.cluster_members IS 'The cluster of every row; one that is near no other is a cluster of its own';
COMMENT ON COLUMN open_analytic.cluster_members.feature_hash IS 'Eight bytes of SHA-256: tells that a feature has changed';
COMMENT ON COLUMN open_analytic.cluster_members.next_id IS 'During a run the cluster it goes to: 0 not known yet, negative for parts that have no id, NULL when the row is gone. Else cluster_id';

CREATE TABLE open_analytic.cluster_changes (
    clustering integer NOT NULL REFERENCES open_analytic.clusterings (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('new', 'joined', 'merged', 'split', 'left', 'gone')),
    cluster_id bigint NOT NULL,
    earlier_id bigint,
    name text,
    part integer
);
COMMENT ON TABLE open_analytic.cluster_changes IS 'What the last run changed';
CREATE INDEX ON open_analytic.cluster_changes (clustering);

CREATE FUNCTION open_analytic._may(schema_name text, table_name text, privilege text, place oid DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- Whoever sees a part of the rows only would see, or make, clusters of rows he may not see.
    SELECT EXISTS (
        SELECT FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
        WHERE n.nspname = schema_name AND t.relname = table_name AND (place IS NULL OR t.oid = place) AND t.relkind IN ('r', 'p') AND has_schema_privilege(n.oid, 'USAGE')
          AND has_table_privilege(t.oid, 'SELECT') AND has_table_privilege(t.oid, privilege) AND NOT row_security_active(t.oid))
$$;

-- The caller writes here with his own rights: of a collection whose rows he may read, and change, and of no other.
ALTER TABLE open_analytic.clusterings ENABLE ROW LEVEL SECURITY;
ALTER TABLE open_analytic.cluster_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE open_analytic.cluster_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON open_analytic.clusterings FOR SELECT USING (open_analytic._may(schema_name, table_name, 'SELECT', place));
CREATE POLICY writes ON open_analytic.clusterings USING (open_analytic._may(schema_name, table_name, 'UPDATE', place));
CREATE POLICY reads ON open_analytic.cluster_members FOR SELECT USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c));
CREATE POLICY writes ON open_analytic.cluster_members USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c WHERE open_analytic._may(c.schema_name, c.table_name, 'UPDATE', c.place)));
CREATE POLICY reads ON open_analytic.cluster_changes FOR SELECT USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c));
CREATE POLICY writes ON open_analytic.cluster_changes USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c WHERE open_analytic._may(c.schema_name, c.table_name, 'UPDATE', c.place)));

CREATE FUNCTION open_analytic._check_may(collection regclass, info open_analytic.collections, privilege text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT open_analytic._may(info.schema_name, info.table_name, privilege) THEN
        RAISE EXCEPTION 'permission denied for the clusters of collection %', quote_literal(concat_ws('.', nullif(info.schema_name, 'public'), info.table_name)) USING ERRCODE = 'insufficient_privilege',
            HINT = format('They are of all its rows, for everybody who may read it: needed are SELECT%s on table %s, and a role that row level security hides no rows from.',
                          CASE WHEN privilege <> 'SELECT' THEN ' and ' || privilege END, collection);
    END IF;
END
$$;

CREATE FUNCTION open_analytic._clustering(info open_analytic.collections, max_distance float8, OUT clustering integer, OUT anew boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found open_analytic.clusterings;
    here oid := (SELECT t.oid FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace WHERE n.nspname = info.schema_name AND t.relname = info.table_name);
BEGIN
    -- Those of a table that is gone: whoever may not see them leaves them unseen.
    DELETE FROM open_analytic.clusterings AS c WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name AND c.place <> here;
    INSERT INTO open_analytic.clusterings AS c (schema_name, table_name, place, made_at)
    VALUES (info.schema_name, info.table_name, here, info.created_at) ON CONFLICT DO NOTHING;
    -- One run at a time.
    SELECT c.* INTO found FROM open_analytic.clusterings AS c WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name
      AND c.place = here FOR UPDATE;
    IF found.made_at <> info.created_at THEN
        DELETE FROM open_analytic.cluster_members AS m WHERE m.clustering = found.id;
    END IF;
    clustering := found.id;
    anew := found.made_at <> info.created_at OR found.max_distance IS DISTINCT FROM _clustering.max_distance;
    UPDATE open_analytic.clusterings AS c SET made_at = info.created_at, max_distance = _clustering.max_distance, clustered_at = now() WHERE c.id = found.id;
END
$$;

CREATE FUNCTION open_analytic._cluster_within(collection regclass, run integer, max_distance float8, clusters bigint[])
RETURNS TABLE (name text, part integer, other text, other_part integer, distance float8)
LANGUAGE plpgsql STABLE ROWS 10000 COST 1000000 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $body$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    RETURN QUERY EXECUTE format($$
        WITH rows AS MATERIALIZED (
            SELECT m.cluster_id, m.name, m.part, t.feature
            FROM open_analytic.cluster_members AS m JOIN %s AS t ON t.image_name = m.name %s
            WHERE m.clustering = $1 AND m.next_id < 0 AND m.cluster_id = ANY ($3) AND t.feature IS NOT NULL)
        SELECT a.name, a.part, b.name, b.part, %s
        FROM rows AS a JOIN rows AS b ON a.cluster_id = b.cluster_id AND (a.name COLLATE "C", a.part) < (b.name COLLATE "C", b.part) AND %3$s <= $2
        $$, collection, CASE WHEN info.many THEN 'AND t.part = m.part' END, format('b.feature %s a.feature', open_analytic._operator(info.metric))) USING run, max_distance, clusters;
END
$body$;

CREATE FUNCTION open_analytic._cluster_loosen(run integer, anew boolean, OUT names text[], OUT parts integer[], OUT broken bigint[])
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    large bigint[];
BEGIN
    -- Clusters that lost a row, or hold one that has changed, are put together anew: from their own rows while these are few.
    broken := ARRAY(SELECT DISTINCT m.cluster_id FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND coalesce(m.next_id, 0) = 0 AND m.cluster_id IS NOT NULL);
    large := ARRAY(SELECT m.cluster_id FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND m.cluster_id = ANY (broken) GROUP BY m.cluster_id HAVING count(*) > 2000);
    IF NOT anew THEN
        SELECT coalesce(array_agg(m.name), '{}'), coalesce(array_agg(m.part), '{}') INTO names, parts
        FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND (m.next_id = 0 OR m.next_id IS NOT NULL AND m.cluster_id = ANY (large));
        IF 2 * cardinality(names) > (SELECT count(*) FROM open_analytic.cluster_members AS m WHERE m.clustering = run) THEN
            names := NULL; -- each pair of all rows once costs less
        END IF;
    END IF;
    UPDATE open_analytic.cluster_members AS m SET next_id = - l.number
    FROM (SELECT o.name, o.part, row_number() OVER (ORDER BY o.name COLLATE "C", o.part) AS number FROM open_analytic.cluster_members AS o
          WHERE o.clustering = run AND o.next_id IS NOT NULL AND (anew OR o.next_id = 0 OR o.cluster_id = ANY (broken))) AS l
    WHERE m.clustering = run AND m.name = l.name AND m.part = l.part;
    broken := CASE WHEN anew THEN '{}' ELSE ARRAY(SELECT unnest(broken) EXCEPT SELECT unnest(large)) END;
END
$$;

CREATE FUNCTION open_analytic._cluster_link(collection regclass, run integer, max_distance float8, anew boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    loose record := open_analytic._cluster_loosen(run, anew);
    keys bigint[];
    roots integer[];
    a integer;
    b integer;
BEGIN
    IF loose.names = '{}' AND loose.broken = '{}' THEN
        RETURN;
    END IF;
    -- What is linked are clusters that stay whole, first, and rows that have none now. Each points to one before it, or is a root.
    keys := ARRAY(SELECT n.next_id FROM (SELECT DISTINCT m.next_id FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND m.next_id IS NOT NULL) AS n ORDER BY n.next_id < 0, abs(n.next_id));
    roots := ARRAY(SELECT generate_series(1, cardinality(keys)));
    FOR a, b IN
        SELECT DISTINCT x.number, y.number
        FROM (SELECT n.name, n.part, n.other, n.other_part FROM open_analytic._near(collection, max_distance, NULL, loose.names, loose.parts) AS n
              UNION ALL SELECT n.name, n.part, n.other, n.other_part FROM open_analytic._cluster_within(collection, run, max_distance, loose.broken) AS n) AS n
        JOIN open_analytic.cluster_members AS f ON f.clustering = run AND f.name = n.name AND f.part = n.part
        JOIN open_analytic.cluster_members AS t ON t.clustering = run AND t.name = n.other AND t.part = n.other_part
        JOIN unnest(keys) WITH ORDINALITY AS x (key, number) ON x.key = f.next_id
        JOIN unnest(keys) WITH ORDINALITY AS y (key, number) ON y.key = t.next_id
        WHERE x.number <> y.number
    LOOP
        WHILE roots[a] <> a LOOP
            roots[a] := roots[roots[a]];
            a := roots[a];
        END LOOP;
        WHILE roots[b] <> b LOOP
            roots[b] := roots[roots[b]];
            b := roots[b];
        END LOOP;
        roots[greatest(a, b)] := least(a, b);
    END LOOP;
    FOR a IN 1 .. cardinality(keys) LOOP
        roots[a] := roots[roots[a]];
    END LOOP;
    UPDATE open_analytic.cluster_members AS m SET next_id = k.root
    FROM (SELECT u.key, keys[u.root] AS root FROM unnest(keys, roots) AS u (key, root)) AS k
    WHERE m.clustering = run AND m.next_id = k.key AND k.key <> k.root;
END
$$;

CREATE FUNCTION open_analytic._cluster_name(run integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    -- The id most rows of a cluster had is its own, unless more rows of another have it. The largest of the new ones comes first.
    WITH earlier AS (
        SELECT DISTINCT ON (m.next_id) m.next_id, m.cluster_id, count(*) AS rows, sum(count(*)) OVER (PARTITION BY m.next_id) AS size FROM open_analytic.cluster_members AS m
        WHERE m.clustering = run AND m.next_id IS NOT NULL AND m.cluster_id IS NOT NULL
        GROUP BY m.next_id, m.cluster_id ORDER BY m.next_id, count(*) DESC, m.cluster_id
    ), kept AS (
        SELECT DISTINCT ON (e.cluster_id) e.next_id, e.cluster_id FROM earlier AS e ORDER BY e.cluster_id, e.rows DESC, e.size DESC, abs(e.next_id)
    ), named AS (
        SELECT p.next_id, coalesce(k.cluster_id, c.last_id + row_number() OVER (PARTITION BY k.cluster_id IS NULL ORDER BY p.rows DESC, abs(p.next_id))) AS id
        FROM (SELECT m.next_id, count(*) AS rows FROM open_analytic.cluster_members AS m WHERE m.clustering = run AND m.next_id IS NOT NULL GROUP BY m.next_id) AS p
        JOIN open_analytic.clusterings AS c ON c.id = run
        LEFT JOIN kept AS k USING (next_id)
    )
    UPDATE open_analytic.cluster_members AS m SET next_id = n.id FROM named AS n
    WHERE m.clustering = run AND m.next_id = n.next_id AND n.id <> n.next_id;
    UPDATE open_analytic.clusterings AS c
    SET last_id = greatest(c.last_id, (SELECT max(m.next_id) FROM open_analytic.cluster_members AS m WHERE m.clustering = run))
    WHERE c.id = run;
END
$$;

CREATE FUNCTION open_analytic._cluster_tell(run integer, min_size integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    DELETE FROM open_analytic.cluster_changes AS c WHERE c.clustering = run;
    WITH before AS (
        SELECT m.cluster_id AS id FROM open_analytic.cluster_members AS m WHERE m.clustering = run GROUP BY m.cluster_id HAVING count(m.cluster_id) >= min_size
    ), after AS (
        SELECT m.next_id AS id FROM open_analytic.cluster_members AS m WHERE m.clustering = run GROUP BY m.next_id HAVING count(m.next_id) >= min_size
    ), moved AS ( -- a cluster of too few rows is none
        SELECT m.name, m.part, b.id AS earlier_id, a.id, b.id IN (SELECT id FROM after) AS stays, a.id IN (SELECT id FROM before) AS there
        FROM open_analytic.cluster_members AS m LEFT JOIN before AS b ON b.id = m.cluster_id LEFT JOIN after AS a ON a.id = m.next_id
        WHERE m.clustering = run AND m.cluster_id IS DISTINCT FROM m.next_id
    ), groups AS (
        SELECT DISTINCT CASE WHEN m.stays THEN 'split' ELSE 'merged' END AS kind, m.id, m.earlier_id FROM moved AS m WHERE m.id IS NOT NULL AND m.earlier_id IS NOT NULL AND NOT (m.stays AND m.there)
    ), told (kind, cluster_id, earlier_id, name, part) AS (
        SELECT g.kind, g.id, g.earlier_id, NULL, NULL::integer FROM groups AS g
        UNION ALL SELECT 'new', a.id, NULL, NULL, NULL FROM after AS a WHERE a.id NOT IN (SELECT id FROM before) AND a.id NOT IN (SELECT g.id FROM groups AS g WHERE g.kind = 'split')
        UNION ALL SELECT 'gone', b.id, NULL, NULL, NULL FROM before AS b WHERE b.id NOT IN (SELECT id FROM after) AND b.id NOT IN (SELECT g.earlier_id FROM groups AS g WHERE g.kind = 'merged')
        UNION ALL SELECT 'joined', m.id, m.earlier_id, m.name, m.part FROM moved AS m WHERE m.there AND (m.earlier_id IS NULL OR m.stays)
        UNION ALL SELECT 'left', m.earlier_id, NULL, m.name, m.part FROM moved AS m
        WHERE m.id IS NULL AND (m.stays OR m.earlier_id IN (SELECT g.earlier_id FROM groups AS g WHERE g.kind = 'merged'))
    )
    INSERT INTO open_analytic.cluster_changes (clustering, kind, cluster_id, earlier_id, name, part)
    SELECT run, t.kind, t.cluster_id, t.earlier_id, t.name, t.part FROM told AS t;
END
$$;

CREATE FUNCTION open_analytic.clusters(collection regclass, min_size integer DEFAULT 2) RETURNS TABLE (cluster_id bigint, name text, part integer)
LANGUAGE plpgsql STABLE ROWS 10000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    PERFORM open_analytic._check_size(min_size);
    PERFORM open_analytic._check_may(collection, info, 'SELECT');
    RETURN QUERY
        SELECT f.cluster_id, f.name, CASE WHEN info.many THEN f.part END
        FROM (SELECT m.cluster_id, m.name, m.part, count(*) OVER (PARTITION BY m.cluster_id) AS rows FROM open_analytic.cluster_members AS m
              JOIN open_analytic.clusterings AS c ON c.id = m.clustering
              WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name AND c.place = collection AND c.made_at = info.created_at) AS f
        WHERE f.rows >= min_size ORDER BY f.cluster_id, f.name COLLATE "C", f.part;
END
$$;

CREATE FUNCTION open_analytic.cluster_changes(collection regclass) RETURNS TABLE (kind text, cluster_id bigint, earlier_id bigint, name text, part integer)
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    PERFORM open_analytic._check_may(collection, info, 'SELECT');
    RETURN QUERY
        SELECT d.kind, d.cluster_id, d.earlier_id, d.name, CASE WHEN info.many THEN d.part END
        FROM open_analytic.cluster_changes AS d JOIN open_analytic.clusterings AS c ON c.id = d.clustering
        WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name AND c.place = collection AND c.made_at = info.created_at
        ORDER BY d.cluster_id, array_position(ARRAY['new', 'split', 'merged', 'joined', 'left', 'gone'], d.kind), d.earlier_id, d.name COLLATE "C", d.part;
END
$$;

CREATE FUNCTION open_analytic.cluster(collection regclass, max_distance float8, min_size integer DEFAULT 2) RETURNS TABLE (cluster_id bigint, name text, part integer)
LANGUAGE plpgsql ROWS 10000 COST 1000000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._opened(collection);
    started record;
BEGIN
    PERFORM open_analytic._check_distance(info, max_distance);
    PERFORM open_analytic._check_size(min_size);
    PERFORM open_analytic._check_may(collection, info, 'UPDATE');
    EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', collection); -- as drop_collection does: the table first, then its row in the catalogue
    started := open_analytic._clustering(info, max_distance);
    PERFORM open_analytic._cluster_compare(collection, started.clustering);
    PERFORM open_analytic._cluster_link(collection, started.clustering, max_distance, started.anew);
    PERFORM open_analytic._cluster_name(started.clustering);
    PERFORM open_analytic._cluster_tell(started.clustering, min_size);
    DELETE FROM open_analytic.cluster_members AS m WHERE m.clustering = started.clustering AND m.next_id IS NULL;
    UPDATE open_analytic.cluster_members AS m SET cluster_id = m.next_id WHERE m.clustering = started.clustering AND m.cluster_id IS DISTINCT FROM m.next_id;
    RETURN QUERY SELECT * FROM open_analytic.clusters(collection, min_size);
END
$$;

SELECT open_analytic._run_all(
$sql$
CREATE FUNCTION open_analytic._cluster_compare(collection regclass, run integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    EXECUTE format(
        'WITH now AS MATERIALIZED (SELECT t.image_name AS name, %s AS part, substr(sha256(@vector@.halfvec_send(t.feature)), 1, 8) AS feature_hash FROM %s AS t WHERE t.feature IS NOT NULL),'
        ' gone AS (UPDATE open_analytic.cluster_members AS m SET next_id = NULL WHERE m.clustering = $1 AND NOT EXISTS (SELECT FROM now AS n WHERE n.name = m.name AND n.part = m.part)),'
        ' changed AS (UPDATE open_analytic.cluster_members AS m SET next_id = 0, feature_hash = n.feature_hash FROM now AS n'
        ' WHERE m.clustering = $1 AND n.name = m.name AND n.part = m.part AND n.feature_hash <> m.feature_hash)'
        ' INSERT INTO open_analytic.cluster_members (clustering, name, part, feature_hash, next_id) SELECT $1, n.name, n.part, n.feature_hash, 0 FROM now AS n'
        ' WHERE NOT EXISTS (SELECT FROM open_analytic.cluster_members AS m WHERE m.clustering = $1 AND m.name = n.name AND m.part = n.part)',
        CASE WHEN (open_analytic._collection(collection)).many THEN 't.part' ELSE '0' END, collection) USING run;
END
$$
$sql$
);

COMMENT ON FUNCTION open_analytic._check_size IS 'Refuse a size that no cluster has';
COMMENT ON FUNCTION open_analytic._check_may IS 'Refuse who may not do this with all rows of a collection';
COMMENT ON FUNCTION open_analytic._may IS 'Whether the caller has this right on a table, and sees all its rows';
COMMENT ON FUNCTION open_analytic._clustering IS 'The clustering of a collection, locked; anew when all its rows are to be looked at';
COMMENT ON FUNCTION open_analytic._cluster_compare IS 'Mark the rows that are new or have changed (next_id 0), and those that are gone (NULL)';
COMMENT ON FUNCTION open_analytic._cluster_within IS 'Pairs within clusters that are put together anew';
COMMENT ON FUNCTION open_analytic._cluster_loosen IS 'Number the rows whose cluster is to be found; which are searched for, NULL for all, and clusters that are linked from their own rows';
COMMENT ON FUNCTION open_analytic._cluster_link IS 'Put rows together that are linked: the same next_id, of a cluster that was there, or negative';
COMMENT ON FUNCTION open_analytic._cluster_name IS 'Give clusters the id most of their rows had, or a new one';
COMMENT ON FUNCTION open_analytic._cluster_tell IS 'Write down what changes';
COMMENT ON FUNCTION open_analytic.cluster IS 'Put the rows of a collection into clusters, the new ones into those that are there; rows of clusters of at least min_size';
COMMENT ON FUNCTION open_analytic.clusters IS 'Clusters as the last run of cluster left them';
COMMENT ON FUNCTION open_analytic.cluster_changes IS 'What the last run of cluster changed';

SELECT open_analytic._close();
GRANT SELECT, INSERT, UPDATE, DELETE ON open_analytic.clusterings, open_analytic.cluster_members, open_analytic.cluster_changes TO open_analytic_user;
GRANT EXECUTE ON FUNCTION open_analytic._check_size, open_analytic._may, open_analytic._check_may, open_analytic._clustering, open_analytic._cluster_within,
    open_analytic._cluster_loosen, open_analytic._cluster_link, open_analytic._cluster_name, open_analytic._cluster_tell, open_analytic.clusters,
    open_analytic.cluster_changes, open_analytic.cluster, open_analytic._cluster_compare TO open_analytic_user;
