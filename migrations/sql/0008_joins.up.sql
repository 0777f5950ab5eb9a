-- Names of pgvector's objects are written with @vector@, the schema it was installed into.

CREATE FUNCTION open_analytic._check_distance(info open_analytic.collections, max_distance float8) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF max_distance IS NULL OR max_distance = 'NaN' OR (max_distance < 0 AND info.metric <> 'ip') THEN
        RAISE EXCEPTION 'max_distance is %.', coalesce(max_distance::text, 'NULL') USING ERRCODE = 'OA019',
            HINT = format('Give a number%s.', CASE WHEN info.metric <> 'ip' THEN format(', 0 or more: the metric is %s', info.metric) END);
    END IF;
END
$$;

CREATE FUNCTION open_analytic._check_size(min_size integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF min_size IS NULL OR min_size < 1 THEN
        RAISE EXCEPTION 'min_size is %.', coalesce(min_size::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give how many rows make a cluster, 1 or more.';
    END IF;
END
$$;

CREATE FUNCTION open_analytic._check_alike(a open_analytic.collections, b open_analytic.collections) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    they CONSTANT text := format('Collections %L and %L', concat_ws('.', nullif(a.schema_name, 'public'), a.table_name), concat_ws('.', nullif(b.schema_name, 'public'), b.table_name));
BEGIN
    IF a.dim <> b.dim THEN
        RAISE EXCEPTION '% hold vectors of % and of % numbers.', they, a.dim, b.dim USING ERRCODE = 'OA015', HINT = 'Join collections of one and the same pipeline.';
    END IF;
    IF a.metric <> b.metric THEN
        RAISE EXCEPTION '% have the metrics % and %.', they, a.metric, b.metric USING ERRCODE = 'OA019', HINT = 'Create both with the same metric.';
    END IF;
    IF a.pipeline = b.pipeline AND a.version <> b.version THEN
        RAISE EXCEPTION '% hold features of versions % and % of pipeline %.', they, a.version, b.version, quote_literal(a.pipeline)
            USING ERRCODE = 'OA033', HINT = 'Import the older one''s pictures into a collection of the newer version.';
    END IF;
END
$$;

CREATE FUNCTION open_analytic._joins_by_index(collection regclass, info open_analytic.collections, worth float8) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- To measure a vector takes as long as 400 numbers of it more.
    SELECT EXISTS (SELECT FROM open_analytic._indexes(collection, format('halfvec_%s_ops', info.metric)))
        AND (info.dim + 400) * greatest(t.reltuples, pg_relation_size(t.oid) / (150 + CASE WHEN info.dim <= 3000 THEN 2 * info.dim ELSE 0 END)) > worth
    FROM pg_class AS t WHERE t.oid = collection
$$;

DO $do$
DECLARE
    vector_schema text := open_analytic._schema_of('vector');
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY[
$sql$
-- pgvector's library is loaded now, so that its settings are known where functions below name them.
DO $$ BEGIN PERFORM '[1]'::@vector@.vector; END $$
$sql$,
$sql$
CREATE FUNCTION open_analytic._measured(metric text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('b.feature OPERATOR(@vector@.%s) a.feature', CASE metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END) $$
$sql$,
$sql$
CREATE FUNCTION open_analytic._near(collection regclass, max_distance float8, filter text, names text[], parts integer[])
RETURNS TABLE (name text, part integer, other text, other_part integer, distance float8)
LANGUAGE plpgsql STABLE ROWS 10000 COST 1000000
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan SET hnsw.iterative_scan = relaxed_order SET hnsw.ef_search = 200
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    measured CONSTANT text := open_analytic._measured(info.metric);
    part CONSTANT text := CASE WHEN info.many THEN 'part' ELSE '0' END;
    every CONSTANT boolean := names IS NULL;
    -- From which rows: all that meet the filter, then pairs are of such rows only, or those named, then the others are any.
    wanted CONSTANT text := CASE WHEN every THEN format(E'SELECT image_name, %s AS part, feature FROM %s WHERE feature IS NOT NULL AND (\n%s\n)', part, collection, coalesce(filter, 'true'))
        ELSE format('SELECT b.image_name, w.part, b.feature FROM unnest($2, $3) AS w (name, part) JOIN %s AS b ON b.image_name = w.name %s WHERE b.feature IS NOT NULL',
                    collection, CASE WHEN info.many THEN 'AND b.part = w.part' END) END;
    rows CONSTANT text := format('SELECT image_name, %s AS part, feature FROM %s WHERE feature IS NOT NULL', part, collection);
    -- No text with a table's name in it is ever a format: the name may have a percent sign.
    nearest CONSTANT text := format(' AS a CROSS JOIN LATERAL (SELECT e.*, bool_or(e.distance > $1) OVER () AS beyond FROM (SELECT b.image_name AS other, %s AS other_part, %s AS distance'
        ' FROM %s AS b WHERE b.feature IS NOT NULL ORDER BY %2$s LIMIT ', CASE WHEN info.many THEN 'b.part' ELSE '0' END, measured, collection);
    -- Whoever has seen nothing beyond max_distance looks further.
    within CONSTANT text := ') AS e) AS n WHERE n.distance <= $1';
    unfinished CONSTANT text := 'SELECT a.* FROM %s AS a WHERE EXISTS (SELECT FROM %s AS n WHERE n.image_name = a.image_name AND n.part = a.part AND NOT n.beyond)';
    memory CONSTANT text := current_setting('work_mem');
BEGIN
    IF open_analytic._joins_by_index(collection, info, 9000000) THEN -- where measuring every pair takes longer
        RETURN QUERY EXECUTE format(
            'WITH open_analytic_rows AS MATERIALIZED (%s), open_analytic_first AS MATERIALIZED (%s),'
            ' open_analytic_more AS MATERIALIZED (%s), open_analytic_second AS MATERIALIZED (%s), open_analytic_most AS MATERIALIZED (%s)'
            ' SELECT n.image_name, n.part, n.other, n.other_part, n.distance FROM (SELECT * FROM open_analytic_first UNION ALL SELECT * FROM open_analytic_second UNION ALL'
            ' SELECT a.image_name, a.part, b.image_name, %s, %s, true FROM open_analytic_most AS a JOIN %s AS b ON %7$s <= $1) AS n %9$s'
            ' WHERE (n.image_name, n.part) <> (n.other, n.other_part)',
            wanted, 'SELECT a.image_name, a.part, n.* FROM open_analytic_rows' || nearest || '100' || within, format(unfinished, 'open_analytic_rows', 'open_analytic_first'),
            'SELECT a.image_name, a.part, n.* FROM open_analytic_more' || nearest || '1000' || within, format(unfinished, 'open_analytic_more', 'open_analytic_second'),
            CASE WHEN info.many THEN 'b.part' ELSE '0' END, measured, collection,
            CASE WHEN every AND filter IS NOT NULL THEN 'JOIN open_analytic_rows AS r ON (r.image_name, r.part) = (n.other, n.other_part)' END) USING max_distance, names, parts;
    ELSE
        -- All vectors are read again for each row: in memory, when 256 MB are enough for them.
        PERFORM set_config('work_mem', greatest(pg_size_bytes(memory) / 1024, least(262144, 3 * pg_relation_size(collection) / 2048)) || 'kB', true);
        RETURN QUERY EXECUTE format(
            'WITH open_analytic_rows AS MATERIALIZED (%s) SELECT a.image_name, a.part, b.image_name, b.part, %s FROM open_analytic_rows AS a JOIN %s AS b'
            ' ON (a.image_name COLLATE "C", a.part) %s (b.image_name COLLATE "C", b.part) AND %2$s <= $1',
            wanted, measured, CASE WHEN every THEN 'open_analytic_rows' ELSE format('(%s)', rows) END, CASE WHEN every THEN '<' ELSE '<>' END) USING max_distance, names, parts;
        PERFORM set_config('work_mem', memory, true);
    END IF;
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic.near_duplicates(collection regclass, max_distance float8, filter text DEFAULT NULL)
RETURNS TABLE (name text, other text, distance float8, part integer, other_part integer)
LANGUAGE plpgsql STABLE ROWS 10000 COST 1000000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    PERFORM open_analytic._check_table(collection);
    PERFORM open_analytic._check_distance(info, max_distance);
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter);
    END IF;
    -- The index finds a pair from one side, from the other, or from both.
    RETURN QUERY
        SELECT f.name, f.other, min(f.distance), CASE WHEN info.many THEN f.part END, CASE WHEN info.many THEN f.other_part END
        FROM open_analytic._near(collection, max_distance, filter, NULL, NULL) AS n
        CROSS JOIN LATERAL (SELECT n.name, n.part, n.other, n.other_part, n.distance WHERE (n.name COLLATE "C", n.part) < (n.other COLLATE "C", n.other_part)
                            UNION ALL SELECT n.other, n.other_part, n.name, n.part, n.distance WHERE (n.name COLLATE "C", n.part) > (n.other COLLATE "C", n.other_part)) AS f
        GROUP BY f.name, f.part, f.other, f.other_part
        ORDER BY 3, f.name COLLATE "C", f.part, f.other COLLATE "C", f.other_part;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE;
    WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported OR read_only_sql_transaction THEN
        IF filter IS NULL THEN
            RAISE;
        END IF;
        PERFORM open_analytic._blame_filter(collection, info, SQLERRM);
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic.knn_join(a regclass, b regclass, k integer DEFAULT 10)
RETURNS TABLE (name text, neighbour text, distance float8, rank integer, part integer, neighbour_part integer)
LANGUAGE plpgsql STABLE ROWS 10000 COST 1000000
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan SET hnsw.iterative_scan = relaxed_order SET hnsw.ef_search = 200
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(a);
    other open_analytic.collections := open_analytic._collection(b);
    measured CONSTANT text := open_analytic._measured(info.metric);
    part CONSTANT text := CASE WHEN info.many THEN 'part' ELSE '0' END;
    other_part CONSTANT text := CASE WHEN other.many THEN 'b.part' ELSE '0' END;
    -- The nearest of one row: a row is not its own neighbour. Adding 0 keeps the planner from taking the index.
    nearest CONSTANT text := format('SELECT b.image_name AS neighbour, %s AS neighbour_part, %s AS distance FROM %s AS b WHERE b.feature IS NOT NULL %s', other_part, measured, b,
        CASE WHEN a = b THEN format('AND (b.image_name, %s) <> (a.image_name, a.part)', other_part) END);
    exact CONSTANT text := format(' AS a CROSS JOIN LATERAL (SELECT e.* FROM (%s) AS e WHERE e.distance <> ''NaN'' ORDER BY e.distance + 0, e.neighbour COLLATE "C", e.neighbour_part LIMIT $1) AS n', nearest);
    found text;
BEGIN
    IF k IS NULL OR k < 1 THEN
        RAISE EXCEPTION 'k is %.', coalesce(k::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give how many neighbours each row has, 1 or more.';
    END IF;
    PERFORM open_analytic._check_table(a);
    PERFORM open_analytic._check_table(b);
    PERFORM open_analytic._check_alike(info, other);
    IF k <= 400 AND open_analytic._joins_by_index(b, other, 2500000) THEN
        PERFORM set_config('hnsw.ef_search', least(1000, greatest(200, 2 * k))::text, true);
        -- A row the index gives fewer than k for is measured against all.
        found := format(
            'open_analytic_near AS MATERIALIZED (SELECT a.image_name, a.part, n.* FROM open_analytic_rows AS a LEFT JOIN LATERAL (%s ORDER BY %s LIMIT $1) AS n ON true),'
            ' open_analytic_short AS MATERIALIZED (SELECT a.* FROM open_analytic_rows AS a JOIN (SELECT image_name, part FROM open_analytic_near GROUP BY image_name, part'
            ' HAVING count(*) FILTER (WHERE distance <> ''NaN'') < $1) AS s USING (image_name, part)),'
            ' open_analytic_found AS (SELECT n.* FROM open_analytic_near AS n WHERE NOT EXISTS (SELECT FROM open_analytic_short AS s WHERE (s.image_name, s.part) = (n.image_name, n.part)) UNION ALL %s)',
            nearest, measured, 'SELECT a.image_name, a.part, n.* FROM open_analytic_short' || exact);
    ELSE
        found := 'open_analytic_found AS (SELECT a.image_name, a.part, n.* FROM open_analytic_rows' || exact || ')';
    END IF;
    RETURN QUERY EXECUTE format(
        'WITH open_analytic_rows AS MATERIALIZED (SELECT image_name, %s AS part, feature FROM %s WHERE feature IS NOT NULL), %s'
        ' SELECT f.image_name, f.neighbour, f.distance, f.rank::integer, %s, %s FROM (SELECT n.*, row_number() OVER (PARTITION BY n.image_name, n.part'
        ' ORDER BY n.distance, n.neighbour COLLATE "C", n.neighbour_part) AS rank FROM open_analytic_found AS n) AS f ORDER BY f.image_name COLLATE "C", f.part, f.rank',
        part, a, found, CASE WHEN info.many THEN 'f.part' ELSE 'NULL::integer' END, CASE WHEN other.many THEN 'f.neighbour_part' ELSE 'NULL::integer' END) USING k;
END
$$
$sql$,
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
    ] LOOP
        EXECUTE replace(statement, '@vector@', vector_schema);
    END LOOP;
END
$do$;

CREATE TABLE open_analytic.clusterings (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    made_at timestamptz NOT NULL,
    max_distance float8,
    last_id bigint NOT NULL DEFAULT 0,
    clustered_at timestamptz,
    UNIQUE (schema_name, table_name),
    FOREIGN KEY (schema_name, table_name) REFERENCES open_analytic.collections (schema_name, table_name) ON DELETE CASCADE
);
COMMENT ON TABLE open_analytic.clusterings IS 'Collections whose rows were put into clusters';
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

CREATE FUNCTION open_analytic._may(schema_name text, table_name text, privilege text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- Whoever sees a part of the rows only would see, or make, clusters of rows he may not see.
    SELECT EXISTS (
        SELECT FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
        WHERE n.nspname = schema_name AND t.relname = table_name AND t.relkind IN ('r', 'p') AND has_schema_privilege(n.oid, 'USAGE')
          AND has_table_privilege(t.oid, 'SELECT') AND has_table_privilege(t.oid, privilege) AND NOT row_security_active(t.oid))
$$;

-- The caller writes here with his own rights: of a collection whose rows he may read, and change, and of no other.
ALTER TABLE open_analytic.clusterings ENABLE ROW LEVEL SECURITY;
ALTER TABLE open_analytic.cluster_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE open_analytic.cluster_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON open_analytic.clusterings FOR SELECT USING (open_analytic._may(schema_name, table_name, 'SELECT'));
CREATE POLICY writes ON open_analytic.clusterings USING (open_analytic._may(schema_name, table_name, 'UPDATE'));
CREATE POLICY reads ON open_analytic.cluster_members FOR SELECT USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c));
CREATE POLICY writes ON open_analytic.cluster_members USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c WHERE open_analytic._may(c.schema_name, c.table_name, 'UPDATE')));
CREATE POLICY reads ON open_analytic.cluster_changes FOR SELECT USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c));
CREATE POLICY writes ON open_analytic.cluster_changes USING (clustering IN (SELECT c.id FROM open_analytic.clusterings AS c WHERE open_analytic._may(c.schema_name, c.table_name, 'UPDATE')));

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
BEGIN
    INSERT INTO open_analytic.clusterings AS c (schema_name, table_name, made_at) VALUES (info.schema_name, info.table_name, info.created_at) ON CONFLICT DO NOTHING;
    -- One run at a time.
    SELECT c.* INTO found FROM open_analytic.clusterings AS c WHERE (c.schema_name, c.table_name) = (info.schema_name, info.table_name) FOR UPDATE;
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
        $$, collection, CASE WHEN info.many THEN 'AND t.part = m.part' END, open_analytic._measured(info.metric)) USING run, max_distance, clusters;
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
              WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name AND c.made_at = info.created_at) AS f
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
        WHERE c.schema_name = info.schema_name AND c.table_name = info.table_name AND c.made_at = info.created_at
        ORDER BY d.cluster_id, array_position(ARRAY['new', 'split', 'merged', 'joined', 'left', 'gone'], d.kind), d.earlier_id, d.name COLLATE "C", d.part;
END
$$;

CREATE FUNCTION open_analytic.cluster(collection regclass, max_distance float8, min_size integer DEFAULT 2) RETURNS TABLE (cluster_id bigint, name text, part integer)
LANGUAGE plpgsql ROWS 10000 COST 1000000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
    started record;
BEGIN
    PERFORM open_analytic._check_table(collection);
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

COMMENT ON FUNCTION open_analytic._check_distance IS 'Refuse what is no distance of the metric';
COMMENT ON FUNCTION open_analytic._check_size IS 'Refuse a size that no cluster has';
COMMENT ON FUNCTION open_analytic._check_alike IS 'Refuse two collections whose vectors cannot be compared';
COMMENT ON FUNCTION open_analytic._check_may IS 'Refuse who may not do this with all rows of a collection';
COMMENT ON FUNCTION open_analytic._joins_by_index IS 'Whether the index is there, and worth its small losses, when every row is searched for';
COMMENT ON FUNCTION open_analytic._measured IS 'How far b.feature is from a.feature, as a part of a statement';
COMMENT ON FUNCTION open_analytic._near IS 'Pairs of rows at most max_distance apart, from the rows named or from all; by the index a pair may come from both sides';
COMMENT ON FUNCTION open_analytic._may IS 'Whether the caller has this right on a table, and sees all its rows';
COMMENT ON FUNCTION open_analytic._clustering IS 'The clustering of a collection, locked; anew when all its rows are to be looked at';
COMMENT ON FUNCTION open_analytic._cluster_compare IS 'Mark the rows that are new or have changed (next_id 0), and those that are gone (NULL)';
COMMENT ON FUNCTION open_analytic._cluster_within IS 'Pairs within clusters that are put together anew';
COMMENT ON FUNCTION open_analytic._cluster_loosen IS 'Number the rows whose cluster is to be found; which are searched for, NULL for all, and clusters that are linked from their own rows';
COMMENT ON FUNCTION open_analytic._cluster_link IS 'Put rows together that are linked: the same next_id, of a cluster that was there, or negative';
COMMENT ON FUNCTION open_analytic._cluster_name IS 'Give clusters the id most of their rows had, or a new one';
COMMENT ON FUNCTION open_analytic._cluster_tell IS 'Write down what changes';
COMMENT ON FUNCTION open_analytic.near_duplicates IS 'Pairs of rows at most max_distance apart, each once, nearest first';
COMMENT ON FUNCTION open_analytic.knn_join IS 'For each row of a its k nearest rows of b';
COMMENT ON FUNCTION open_analytic.cluster IS 'Put the rows of a collection into clusters, the new ones into those that are there; rows of clusters of at least min_size';
COMMENT ON FUNCTION open_analytic.clusters IS 'Clusters as the last run of cluster left them';
COMMENT ON FUNCTION open_analytic.cluster_changes IS 'What the last run of cluster changed';

DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN SELECT p.oid FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proacl IS NULL LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON open_analytic.clusterings, open_analytic.cluster_members, open_analytic.cluster_changes TO open_analytic_user;
GRANT EXECUTE ON FUNCTION open_analytic._check_distance, open_analytic._check_size, open_analytic._check_alike, open_analytic._check_may, open_analytic._joins_by_index,
    open_analytic._measured, open_analytic._near, open_analytic._may, open_analytic._clustering, open_analytic._cluster_compare, open_analytic._cluster_within,
    open_analytic._cluster_loosen, open_analytic._cluster_link, open_analytic._cluster_name, open_analytic._cluster_tell, open_analytic.near_duplicates, open_analytic.knn_join,
    open_analytic.cluster, open_analytic.clusters, open_analytic.cluster_changes TO open_analytic_user;
