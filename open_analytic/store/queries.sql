-- pipeline_newest --
-- The newest version under a name, dropped or not.
SELECT name, version, input, output, dim, hash, created_at, definition, dropped_at
FROM open_analytic.pipelines
WHERE name = %(name)s
ORDER BY version DESC
LIMIT 1

-- pipeline_insert --
-- A new version, one above the newest.
INSERT INTO open_analytic.pipelines (name, version, input, output, dim, many, hash, definition)
SELECT %(name)s, coalesce(max(version), 0) + 1, %(input)s, %(output)s, %(dim)s, %(many)s, %(hash)s, %(definition)s
FROM open_analytic.pipelines
WHERE name = %(name)s
RETURNING name, version, input, output, dim, hash, created_at, definition

-- pipeline_revive --
-- A dropped version comes back when the same definition is registered again.
UPDATE open_analytic.pipelines
SET dropped_at = NULL
WHERE name = %(name)s AND version = %(version)s

-- pipeline_current --
-- The version that runs under a name.
SELECT name, version, input, output, dim, hash, created_at, definition
FROM open_analytic.current_pipelines
WHERE name = %(name)s

-- pipeline_version --
-- A certain version, also when it was dropped.
SELECT name, version, input, output, dim, hash, created_at, definition
FROM open_analytic.pipelines
WHERE name = %(name)s AND version = %(version)s

-- pipelines_current --
-- Everything that can be run.
SELECT name, version, input, output, dim, hash, created_at, definition
FROM open_analytic.current_pipelines
ORDER BY name

-- pipeline_users --
-- The collections that hold a pipeline's features, in any version. Rows of dropped tables do not count.
SELECT schema_name, table_name
FROM open_analytic.collections
WHERE pipeline = %(name)s AND to_regclass(format('%%I.%%I', schema_name, table_name)) IS NOT NULL
ORDER BY schema_name, table_name

-- pipeline_drop --
-- Every version stays in the catalogue, none runs any more.
UPDATE open_analytic.pipelines
SET dropped_at = now()
WHERE name = %(name)s AND dropped_at IS NULL

-- column_type --
-- What a type's text means to the server; no row when it is no type a column can have.
SELECT format_type(oid, NULL)
FROM pg_catalog.pg_type
WHERE oid = to_regtype(%(type)s) AND typtype <> 'p'

-- collection_create --
-- The table. Its feature stays in the row (PLAIN) where it fits: measured on 20,000 x 1024, an exact search takes 20 ms, out of line 57.
CREATE TABLE {table} (
    image_name text NOT NULL,
    {part}
    image_data bytea,
    feature halfvec({dim}),
    {columns}
    image_sha256 bytea,
    pipeline_version integer {version},
    imported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY ({key})
) WITH (toast_tuple_target = {target})

-- collection_storage --
-- Pictures are compressed already: compressing them again costs time and gains nothing.
ALTER TABLE {table} ALTER COLUMN image_data SET STORAGE EXTERNAL, ALTER COLUMN feature SET STORAGE {storage}

-- collection_register --
-- A row left by a table that was dropped with plain SQL is replaced.
INSERT INTO open_analytic.collections
    (schema_name, table_name, pipeline, version, dim, metric, many, parameters, migrated)
VALUES ({schema}, {table}, {pipeline}, {version}, {dim}, {metric}, {many}, {parameters}, {migrated})
ON CONFLICT (schema_name, table_name) DO UPDATE
SET pipeline = excluded.pipeline, version = excluded.version, dim = excluded.dim, metric = excluded.metric,
    many = excluded.many, parameters = excluded.parameters, migrated = excluded.migrated,
    created_at = now(), created_by = current_user

-- collections --
-- Collections whose table is there, with the columns that are the user's own: what we made ourselves is left out.
SELECT c.schema_name, c.table_name, c.pipeline, c.version, c.dim, c.metric, c.many, c.parameters, c.created_at,
       coalesce(columns.types, '{}') AS columns
FROM open_analytic.collections AS c
CROSS JOIN LATERAL to_regclass(format('%%I.%%I', c.schema_name, c.table_name)) AS place (oid)
LEFT JOIN LATERAL (
    SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = place.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attname <> ALL (CASE WHEN c.many THEN %(many)s::text[] ELSE %(own)s::text[] END)
) AS columns ON true
WHERE place.oid IS NOT NULL
  AND (%(schema)s::text IS NULL OR (c.schema_name, c.table_name) = (%(schema)s, %(table)s))
ORDER BY c.schema_name <> 'public', c.schema_name, c.table_name

-- collection_unregister --
-- The catalogue forgets a collection.
DELETE FROM open_analytic.collections
WHERE schema_name = {schema} AND table_name = {table}

-- collections_there --
-- What autogenerate compares: every collection with all its columns and its ANN indexes.
SELECT c.schema_name, c.table_name, c.pipeline, c.version, c.dim, c.metric, c.many, c.parameters, c.migrated,
       (SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = place.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       array(SELECT x.relname::text
             FROM pg_catalog.pg_index AS i
             JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
             JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
             WHERE i.indrelid = place.oid AND m.amname = 'hnsw') AS indexes
FROM open_analytic.collections AS c
CROSS JOIN LATERAL to_regclass(format('%I.%I', c.schema_name, c.table_name)) AS place (oid)
WHERE place.oid IS NOT NULL

-- collection_count --
-- Pictures and table rows.
SELECT {pictures}, count(*)
FROM {table}

-- collection_image --
-- A picture's bytes.
SELECT image_data
FROM {table}
WHERE image_name = %(name)s {first}

-- rows_known --
-- Which names are there, with the hash of what was imported.
SELECT image_name, image_sha256
FROM {table}
WHERE image_name = ANY (%(names)s) {first}

-- rows_delete --
-- Every row of these pictures; how many pictures there were.
WITH gone AS (DELETE FROM {table} WHERE image_name = ANY (%(names)s) RETURNING image_name)
SELECT count(DISTINCT image_name) FROM gone

-- rows_columns --
-- The types values are cast to, without their lengths: a cast cuts a long text off silently, COPY refuses it.
SELECT attname, format_type(atttypid, -1), atttypid IN ('json'::regtype, 'jsonb'::regtype)
FROM pg_catalog.pg_attribute
WHERE attrelid = to_regclass(%(table)s) AND attname = ANY (%(names)s) AND NOT attisdropped

-- rows_convert --
-- The server reads the values of the user's columns; their binary form then goes into COPY as it is.
SELECT {casts}
FROM unnest({texts}) WITH ORDINALITY AS given ({names}, {order})
ORDER BY {order}

-- rows_copy --
-- Binary: bytes and vectors go over as they are.
COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)

-- search_settings --
-- For this search only: they go back with the savepoint.
SELECT set_config('transaction_read_only', 'on', true),
       set_config('hnsw.iterative_scan', 'relaxed_order', true),
       set_config('hnsw.ef_search', %(ef)s, true)

-- search_size --
-- How much there is to look at, and whether an index for the metric can be used.
SELECT pg_relation_size(t.oid), t.reltuples,
       EXISTS (
           SELECT FROM pg_catalog.pg_index AS i
           JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[0]
           WHERE i.indrelid = t.oid AND i.indisvalid AND o.opcname = %(opclass)s AND i.indpred IS NULL
       )
FROM pg_catalog.pg_class AS t
WHERE t.oid = to_regclass(%(table)s)

-- search_check --
-- A filter must be one condition: it stands alone here, where nothing closes a parenthesis it did not open.
EXPLAIN SELECT %(open_analytic_vector)s::text FROM {table} WHERE
{where}

-- search_exact --
-- Every row that matches is measured; MATERIALIZED keeps the planner from taking the index.
WITH open_analytic_matches AS MATERIALIZED (
    SELECT {key}, feature {operator} %(open_analytic_vector)s AS open_analytic_distance
    FROM {table}
    WHERE feature IS NOT NULL AND (
{where}
    )
), open_analytic_nearest AS MATERIALIZED (
    SELECT * FROM open_analytic_matches
    WHERE open_analytic_distance <> 'NaN' AND {near}
    ORDER BY open_analytic_distance, {key}
    LIMIT {k}
)
SELECT {columns}, open_analytic_distance
FROM open_analytic_nearest JOIN {table} AS open_analytic_table USING ({key})
ORDER BY open_analytic_distance, {key}

-- search_index --
-- The index gives the nearest, nearly in order; here they are put in order.
WITH open_analytic_nearest AS MATERIALIZED (
    SELECT {key}, feature {operator} %(open_analytic_vector)s AS open_analytic_distance
    FROM {table}
    WHERE feature IS NOT NULL
    ORDER BY feature {operator} %(open_analytic_vector)s
    LIMIT {k}
)
SELECT {columns}, open_analytic_distance
FROM open_analytic_nearest JOIN {table} AS open_analytic_table USING ({key})
ORDER BY open_analytic_distance, {key}

-- index_state --
-- Indexes for the metric that can be used, those that cannot, and whether one is being built right now.
SELECT coalesce(array_agg(found.name) FILTER (WHERE found.valid), '{}'),
       coalesce(array_agg(found.name) FILTER (WHERE NOT found.valid), '{}'),
       EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.relid = t.oid)
           OR EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
                      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
                      AND l.classid = %(key)s::integer::oid AND l.objid = t.oid)
FROM (SELECT to_regclass(%(table)s)::oid) AS t (oid)
LEFT JOIN LATERAL (
    SELECT c.relname::text, i.indisvalid
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[0]
    WHERE i.indrelid = t.oid AND o.opcname = %(opclass)s AND i.indpred IS NULL
) AS found (name, valid) ON true
WHERE t.oid IS NOT NULL
GROUP BY t.oid

-- index_lock --
-- Taken without waiting.
SELECT pg_try_advisory_lock(%(key)s::integer, to_regclass(%(table)s)::oid::integer)

-- index_unlock --
-- Given back.
SELECT pg_advisory_unlock(%(key)s::integer, to_regclass(%(table)s)::oid::integer)

-- index_budget --
-- At least the memory that is allowed now, at most what is sane. Workers only come for a table worth them.
SELECT set_config('maintenance_work_mem',
                  least(%(most)s, greatest(%(wanted)s, pg_size_bytes(current_setting('maintenance_work_mem')) / 1024))
                      || 'kB', false),
       set_config('max_parallel_maintenance_workers', %(workers)s, false)

-- index_rows --
-- How many rows there are to index: pgvector does not say while it builds.
SELECT count(feature)
FROM {table}

-- index_create --
-- HNSW with the operator class of the collection's metric.
CREATE INDEX {concurrently} {index} ON {table} USING hnsw (feature {opclass}) WITH (m = {m}, ef_construction = {ef_construction})

-- index_drop --
-- Without stopping searches.
DROP INDEX CONCURRENTLY IF EXISTS {index}

-- index_progress --
-- How many rows are in the index that a connection builds. What comes after counts anew.
SELECT tuples_done
FROM pg_stat_progress_create_index
WHERE pid = %(backend)s AND phase LIKE 'building index%%'

-- server_facts --
-- What doctor says of a server and of the role that is connected; NULL where one of our roles does not exist.
SELECT current_setting('server_version'),
       (SELECT installed_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector'),
       (SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector'),
       current_user,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
       (SELECT pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles WHERE rolname = 'open_analytic_user'),
       (SELECT pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles WHERE rolname = 'open_analytic_admin'),
       has_schema_privilege('public', 'CREATE')
