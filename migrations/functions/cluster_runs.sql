CREATE OR REPLACE FUNCTION open_analytic._cluster_compare(collection regclass, run integer)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    info CONSTANT open_analytic.collections := open_analytic._collection(collection);
BEGIN
    EXECUTE format(
        'WITH now AS MATERIALIZED (SELECT t.%I AS name, %s AS part, '
            'substr(sha256(@vector@.halfvec_send(t.feature)), 1, 8) AS feature_hash FROM %s AS t '
            'WHERE t.feature IS NOT NULL),'
        ' gone AS (UPDATE open_analytic.cluster_members AS m SET next_id = NULL WHERE '
            'm.clustering = $1 AND NOT EXISTS (SELECT FROM now AS n WHERE n.name = m.name AND '
            'n.part = m.part)),'
        ' changed AS (UPDATE open_analytic.cluster_members AS m SET next_id = 0, feature_hash = '
            'n.feature_hash FROM now AS n'
        ' WHERE m.clustering = $1 AND n.name = m.name AND n.part = m.part AND n.feature_hash <> '
            'm.feature_hash)'
        ' INSERT INTO open_analytic.cluster_members (clustering, name, part, feature_hash, '
            'next_id) SELECT $1, n.name, n.part, n.feature_hash, 0 FROM now AS n'
        ' WHERE NOT EXISTS (SELECT FROM open_analytic.cluster_members AS m WHERE m.clustering = '
            '$1 AND m.name = n.name AND m.part = n.part)',
        info.name_column,
        CASE WHEN info.many THEN 't.part' ELSE '0' END,
        collection
    ) USING run;
END
$$;
COMMENT ON FUNCTION open_analytic._cluster_compare IS
    'Mark the rows that are new or have changed (next_id 0), and those that are gone (NULL)';

CREATE OR REPLACE FUNCTION open_analytic._cluster_within(
    collection regclass, run integer, max_distance float8, clusters bigint[]
)
RETURNS TABLE (name text, part integer, other text, other_part integer, distance float8)
LANGUAGE plpgsql STABLE ROWS 10000 COST 1000000
    SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_custom_plan
AS $body$
DECLARE
    info open_analytic.collections := open_analytic._collection(collection);
BEGIN
    RETURN QUERY EXECUTE format($$
        WITH rows AS MATERIALIZED (
            SELECT m.cluster_id, m.name, m.part, t.feature
            FROM open_analytic.cluster_members AS m JOIN %s AS t ON t.%I = m.name %s
            WHERE m.clustering = $1
                AND m.next_id < 0
                AND m.cluster_id = ANY ($3)
                AND t.feature IS NOT NULL)
        SELECT a.name, a.part, b.name, b.part, %s
        FROM rows AS a
        JOIN rows AS b ON a.cluster_id = b.cluster_id
            AND (a.name COLLATE "C", a.part) < (b.name COLLATE "C", b.part)
            AND %4$s <= $2
        $$,
            collection,
            info.name_column,
            CASE WHEN info.many THEN 'AND t.part = m.part' END,
            format(
                'b.feature %s a.feature', open_analytic._operator(info.metric)
            )) USING run, max_distance, clusters;
END
$body$;
COMMENT ON FUNCTION open_analytic._cluster_within IS
    'Pairs within clusters that are built again';

CREATE OR REPLACE FUNCTION open_analytic._cluster_loosen(
    run integer, anew boolean, OUT names text[], OUT parts integer[], OUT broken bigint[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    large bigint[];
BEGIN
    -- Clusters that lost a row, or hold one that has changed, are built again: from their
    -- own rows while these are few.
    broken := ARRAY(
        SELECT DISTINCT m.cluster_id
        FROM open_analytic.cluster_members AS m
        WHERE m.clustering = run AND coalesce(m.next_id, 0) = 0 AND m.cluster_id IS NOT NULL
    );
    large := ARRAY(
        SELECT m.cluster_id
        FROM open_analytic.cluster_members AS m
        WHERE m.clustering = run AND m.cluster_id = ANY (broken)
        GROUP BY m.cluster_id
        HAVING count(*) > 2000
    );
    IF NOT anew THEN
        SELECT coalesce(array_agg(m.name), '{}'), coalesce(array_agg(m.part), '{}')
        INTO names, parts
        FROM open_analytic.cluster_members AS m
        WHERE m.clustering = run
            AND (m.next_id = 0 OR m.next_id IS NOT NULL AND m.cluster_id = ANY (large));
        IF 2
               * cardinality(names)
               > (SELECT count(*) FROM open_analytic.cluster_members AS m WHERE m.clustering = run)
        THEN
            names := NULL; -- each pair of all rows once costs less
        END IF;
    END IF;
    UPDATE open_analytic.cluster_members AS m SET next_id = - l.number
    FROM (
        SELECT o.name, o.part, row_number() OVER (ORDER BY o.name COLLATE "C", o.part) AS number
        FROM open_analytic.cluster_members AS o
        WHERE o.clustering = run
            AND o.next_id IS NOT NULL
            AND (anew OR o.next_id = 0 OR o.cluster_id = ANY (broken))
    ) AS l
    WHERE m.clustering = run AND m.name = l.name AND m.part = l.part;
    broken := CASE
        WHEN anew THEN '{}' ELSE ARRAY(SELECT unnest(broken) EXCEPT SELECT unnest(large))
    END;
END
$$;
COMMENT ON FUNCTION open_analytic._cluster_loosen IS
    'Number the rows whose cluster is to be found; which are searched for, NULL for all, and '
        'clusters that are linked from their own rows';

CREATE OR REPLACE FUNCTION open_analytic._cluster_link(
    collection regclass, run integer, max_distance float8, anew boolean
)
RETURNS void
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
    -- What is linked are clusters that stay whole, first, and rows that have none now. Each points
    -- to one before it, or is a root.
    keys := ARRAY(
        SELECT n.next_id
        FROM (
            SELECT DISTINCT m.next_id
            FROM open_analytic.cluster_members AS m
            WHERE m.clustering = run AND m.next_id IS NOT NULL
        ) AS n
        ORDER BY n.next_id < 0, abs(n.next_id)
    );
    roots := ARRAY(SELECT generate_series(1, cardinality(keys)));
    FOR a, b IN
        SELECT DISTINCT x.number, y.number
        FROM (
            SELECT n.name, n.part, n.other, n.other_part
            FROM open_analytic._near(
                collection, max_distance, NULL, loose.names, loose.parts
            ) AS n
            UNION ALL
            SELECT n.name, n.part, n.other, n.other_part
            FROM open_analytic._cluster_within(collection, run, max_distance, loose.broken) AS n
        ) AS n
        JOIN open_analytic.cluster_members AS f
            ON f.clustering = run AND f.name = n.name AND f.part = n.part
        JOIN open_analytic.cluster_members AS t
            ON t.clustering = run AND t.name = n.other AND t.part = n.other_part
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
COMMENT ON FUNCTION open_analytic._cluster_link IS
    'Put rows together that are linked: the same next_id, of a cluster that was there, or '
        'negative';

CREATE OR REPLACE FUNCTION open_analytic._cluster_name(run integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    -- The id most rows of a cluster had is its own, unless more rows of another have it. The
    -- largest of the new ones comes first.
    WITH earlier AS (
        SELECT DISTINCT ON (m.next_id) m.next_id,
            m.cluster_id,
            count(*) AS rows,
            sum(count(*)) OVER (PARTITION BY m.next_id) AS size
        FROM open_analytic.cluster_members AS m
        WHERE m.clustering = run AND m.next_id IS NOT NULL AND m.cluster_id IS NOT NULL
        GROUP BY m.next_id, m.cluster_id ORDER BY m.next_id, count(*) DESC, m.cluster_id
    ), kept AS (
        SELECT DISTINCT ON (e.cluster_id) e.next_id, e.cluster_id
        FROM earlier AS e
        ORDER BY e.cluster_id, e.rows DESC, e.size DESC, abs(e.next_id)
    ), named AS (
        SELECT p.next_id,
            coalesce(
                k.cluster_id,
                c.last_id
                    + row_number() OVER (
                        PARTITION BY k.cluster_id IS NULL ORDER BY p.rows DESC, abs(p.next_id)
                    )
            ) AS id
        FROM (
            SELECT m.next_id, count(*) AS rows
            FROM open_analytic.cluster_members AS m
            WHERE m.clustering = run AND m.next_id IS NOT NULL
            GROUP BY m.next_id
        ) AS p
        JOIN open_analytic.clusterings AS c ON c.id = run
        LEFT JOIN kept AS k USING (next_id)
    )
    UPDATE open_analytic.cluster_members AS m SET next_id = n.id FROM named AS n
    WHERE m.clustering = run AND m.next_id = n.next_id AND n.id <> n.next_id;
    UPDATE open_analytic.clusterings AS c
    SET last_id
        = greatest(
            c.last_id,
            (
                SELECT max(m.next_id)
                FROM open_analytic.cluster_members AS m
                WHERE m.clustering = run
            )
        )
    WHERE c.id = run;
END
$$;
COMMENT ON FUNCTION open_analytic._cluster_name IS
    'Give clusters the id most of their rows had, or a new one';

CREATE OR REPLACE FUNCTION open_analytic._cluster_tell(run integer, min_size integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    DELETE FROM open_analytic.cluster_changes AS c WHERE c.clustering = run;
    WITH before AS (
        SELECT m.cluster_id AS id
        FROM open_analytic.cluster_members AS m
        WHERE m.clustering = run
        GROUP BY m.cluster_id
        HAVING count(m.cluster_id) >= min_size
    ), after AS (
        SELECT m.next_id AS id
        FROM open_analytic.cluster_members AS m
        WHERE m.clustering = run
        GROUP BY m.next_id
        HAVING count(m.next_id) >= min_size
    ), moved AS ( -- a cluster of too few rows is none
        SELECT m.name, m.part, b.id AS earlier_id, a.id,
            b.id IN (SELECT id FROM after) AS stays, a.id IN (SELECT id FROM before) AS there
        FROM open_analytic.cluster_members AS m
        LEFT JOIN before AS b ON b.id = m.cluster_id
        LEFT JOIN after AS a ON a.id = m.next_id
        WHERE m.clustering = run AND m.cluster_id IS DISTINCT FROM m.next_id
    ), groups AS (
        SELECT DISTINCT CASE WHEN m.stays THEN 'split' ELSE 'merged' END AS kind,
            m.id,
            m.earlier_id
        FROM moved AS m
        WHERE m.id IS NOT NULL AND m.earlier_id IS NOT NULL AND NOT (m.stays AND m.there)
    ), told (kind, cluster_id, earlier_id, name, part) AS (
        SELECT g.kind, g.id, g.earlier_id, NULL, NULL::integer FROM groups AS g
        UNION ALL SELECT 'new', a.id, NULL, NULL, NULL
            FROM after AS a
            WHERE a.id NOT IN (SELECT id FROM before)
                AND a.id NOT IN (SELECT g.id FROM groups AS g WHERE g.kind = 'split')
        UNION ALL SELECT 'gone', b.id, NULL, NULL, NULL
            FROM before AS b
            WHERE b.id NOT IN (SELECT id FROM after)
                AND b.id NOT IN (SELECT g.earlier_id FROM groups AS g WHERE g.kind = 'merged')
        UNION ALL SELECT 'joined', m.id, m.earlier_id, m.name, m.part
            FROM moved AS m
            WHERE m.there AND (m.earlier_id IS NULL OR m.stays)
        UNION ALL SELECT 'left', m.earlier_id, NULL, m.name, m.part FROM moved AS m
        WHERE m.id IS NULL
            AND (
                m.stays
                OR m.earlier_id IN (SELECT g.earlier_id FROM groups AS g WHERE g.kind = 'merged')
            )
    )
    INSERT
    INTO open_analytic.cluster_changes (clustering, kind, cluster_id, earlier_id, name, part)
    SELECT run, t.kind, t.cluster_id, t.earlier_id, t.name, t.part FROM told AS t;
END
$$;
COMMENT ON FUNCTION open_analytic._cluster_tell IS 'Write down what changes';
