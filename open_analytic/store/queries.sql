-- pipeline_register --
-- The newest version when it says the same, else a new one.
SELECT name, version, input, output, dim, hash, created_at, definition::text
FROM open_analytic._register_pipeline(
    %(name)s, %(input)s, %(output)s::text[], %(dim)s, %(many)s, %(hash)s, %(definition)s::json)

-- pipeline_current --
-- The version that runs under a name.
SELECT name, version, input, output, dim, hash, created_at, definition::text
FROM open_analytic.current_pipelines
WHERE name = %(name)s

-- pipeline_version --
-- A certain version, also when it was dropped.
SELECT name, version, input, output, dim, hash, created_at, definition::text
FROM open_analytic.pipelines
WHERE name = %(name)s AND version = %(version)s

-- pipeline_has --
-- Whether this very definition was registered with these models.
SELECT EXISTS (SELECT FROM open_analytic.pipelines WHERE hash = %(hash)s)

-- pipelines_current --
-- Everything that can be run.
SELECT name, version, input, output, dim, hash, created_at, definition::text
FROM open_analytic.current_pipelines
ORDER BY name

-- pipeline_drop --
-- Every version stays in the catalogue, none runs any more.
SELECT open_analytic.pipeline_drop(%(name)s)

-- collection_make --
-- The table, and its row in the catalogue.
SELECT open_analytic._make_collection(
    {name}, {dim}, {metric}, {many}, {columns}::pg_catalog.json, {pipeline}, {version}, {parameters}::pg_catalog.json, {migrated},
    {path}, {inputs}::pg_catalog.jsonb)

-- collection_adopt --
-- A table that is there becomes a collection.
SELECT open_analytic._adopt_table(
    {name}, {dim}, {metric}, {many}, {pipeline}, {version}, {parameters}::pg_catalog.json, {migrated}, {renamed}::pg_catalog.jsonb,
    {feature_version}, {inputs}::pg_catalog.jsonb)

-- collections --
-- Collections whose table is there, with the columns that are the user's own: what we made ourselves is left out.
SELECT c.schema_name, c.table_name, c.pipeline, c.version, c.dim, c.metric, c.many, c.parameters, c.created_at,
       coalesce(columns.types, '{}') AS columns, coalesce(columns.has_source, false),
       c.region, c.name_column, c.data_column, c.sha256_column,
       CASE WHEN columns.is_text THEN 'text' ELSE 'bytea' END
FROM open_analytic.current_collections AS c
LEFT JOIN LATERAL (
    SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
               FILTER (WHERE NOT (
                   c.has_source AND a.attname = 'source' OR a.attname IN (c.name_column, c.data_column, c.sha256_column)
                   OR a.attname = ANY (%(own)s::text[]) OR c.many AND a.attname IN ('part', c.region)
               )) AS types,
           bool_or(c.has_source AND a.attname = 'source') AS has_source,
           bool_or(a.attname = c.data_column AND a.atttypid = 'text'::regtype) AS is_text
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = c.relation AND a.attnum > 0 AND NOT a.attisdropped
) AS columns ON true
WHERE (%(schema)s::text IS NULL OR (c.schema_name, c.table_name) = (%(schema)s, %(table)s))
ORDER BY c.schema_name <> 'public', c.schema_name, c.table_name

-- collection_adopted --
-- Whether the table of a collection was there before it: drop_collection makes it an ordinary table again.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_constraint AS k
    WHERE k.conrelid = pg_catalog.to_regclass(%(table)s) AND k.conname = 'open_analytic_adopted'
)

-- collection_drop --
-- The table with everything in it, and its row in the catalogue.
SELECT open_analytic.drop_collection({name})

-- collections_there --
-- What autogenerate compares: every collection with all its columns and its ANN indexes.
SELECT c.schema_name, c.table_name, c.pipeline, c.version, c.dim, c.metric, c.many, c.parameters, c.migrated,
       (SELECT json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.relation AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
       array(SELECT x.relname::text
             FROM pg_catalog.pg_index AS i
             JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
             JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
             WHERE i.indrelid = c.relation AND m.amname IN ('hnsw', 'ann')) AS indexes,
       EXISTS (SELECT FROM pg_catalog.pg_index AS i
               JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
               JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
               WHERE i.indrelid = c.relation AND m.amname IN ('hnsw', 'ann') AND i.indpred IS NULL AND i.indisvalid) AS indexed,
       c.has_source, c.region, c.name_column, c.data_column, c.sha256_column
FROM open_analytic.current_collections AS c

-- table_check --
-- A table that is no collection any more is refused: reading it could run its owner's code.
SELECT FROM open_analytic._opened(to_regclass(%(table)s))

-- collection_count --
-- Pictures and table rows.
SELECT {pictures}, count(*)
FROM {table}

-- collection_vectors --
-- Table rows that have a vector.
SELECT count(feature)
FROM {table}

-- rows_known --
-- Which names are there, with the hash of the picture (of a row made by INSERT the bytes are hashed here), whether its
-- feature was computed, and where it comes from.
SELECT {name}, coalesce({sha256}, sha256({bytes})), feature IS NOT NULL OR {sha256} IS NOT NULL, {source}
FROM {table}
WHERE {name} = ANY (%(names)s) {first}

-- rows_lock --
-- The rows of these pictures that are there, which nobody else changes until the transaction ends.
SELECT {name}, {part}
FROM {table}
WHERE {name} = ANY (%(names)s)
ORDER BY 1, 2
FOR NO KEY UPDATE

-- rows_update --
-- Our columns and those that are given; the others stay, and so does what refers to the rows. Their types are cast to
-- without lengths: the assignment refuses a text that is too long, where a cast cuts it off.
UPDATE {table} AS t
SET feature = v.feature::{halfvec}, pipeline_version = %(version)s, imported_at = now(),
    {data} = CASE WHEN v.picture THEN {written} ELSE t.{data} END,
    {sha256} = CASE WHEN v.picture THEN v.sha256 ELSE t.{sha256} END {own} {values}
FROM unnest(%(names)s::text[], %(parts)s::integer[], %(data)b::bytea[], %(features)s::text[], %(sha256)b::bytea[],
            %(sources)s::text[], %(regions)s::text[], %(pictures)s::boolean[] {texts})
     AS v (name, part, data, feature, sha256, source, region, picture {names})
WHERE t.{name} = v.name {part}

-- rows_trim --
-- Regions that a picture no longer has.
DELETE FROM {table} AS t
USING unnest(%(names)s::text[], %(counts)s::integer[]) AS v (name, parts)
WHERE t.{name} = v.name AND t.part >= v.parts

-- rows_adopt --
-- Where pictures that are there come from.
UPDATE {table} AS t
SET source = v.source
FROM unnest(%(names)s::text[], %(sources)s::text[]) AS v (name, source)
WHERE t.{name} = v.name

-- rows_values --
-- Values of pictures that are there. Only rows in which one differs are written: a second import writes nothing. Values
-- are compared as text, because not every type can be compared.
UPDATE {table} AS t
SET {changes}
FROM unnest(%(names)s::text[] {texts}) AS v (name {columns})
WHERE t.{name} = v.name AND ({differ})
RETURNING t.{name}

-- records --
-- Rows with the user's values.
SELECT {name}, {part}, {region}, feature IS NOT NULL, octet_length({data}), {sha256}, {source}, imported_at {columns}
FROM {table}
{which}

-- records_texts --
-- Rows with the user's values only.
SELECT {name}, {part} {columns}
FROM {table}
{which}

-- records_update --
-- Values of the user's columns.
UPDATE {table}
SET {changes}
WHERE {name} = %(name)s {part}

-- rows_delete --
-- Every row of these pictures; how many pictures there were.
WITH gone AS (DELETE FROM {table} WHERE {name} = ANY (%(names)s) RETURNING {name})
SELECT count(DISTINCT {name}) FROM gone

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

-- search_timeout --
-- For this transaction only. The shorter of two timeouts holds, and 0 means none.
SELECT set_config('statement_timeout', coalesce(least(
           nullif(extract(epoch FROM current_setting('statement_timeout')::interval) * 1000::numeric, 0::numeric),
           %(timeout_ms)s::numeric), 0::numeric)::integer::text, true)

-- search --
-- The database decides how; here come the columns, with the types they have.
SELECT {columns}, n.distance
FROM open_analytic._search(to_regclass(%(table)s), %(vector)s, %(k)s::integer, %(filter)s::text, %(near)s::float8,
                           %(recall)s::float8, %(after)s::jsonb, %(path)s::text) AS n
JOIN {table} AS t ON t.{name} = n.name {part}
ORDER BY n.distance, n.name, n.part

-- search_explain --
-- The plan, the reason, and how it went.
SELECT open_analytic._explain_search(to_regclass(%(table)s), %(vector)s, %(k)s::integer, %(filter)s::text,
                                     %(near)s::float8, %(recall)s::float8, %(path)s::text)

-- measure_index --
-- Measures, and keeps what it measured.
SELECT measured_at, rows, queries, scan_ms, exact_ms, efforts, first_ms, all_ms, ranks, recalls
FROM open_analytic.measure_index(to_regclass(%(table)s), %(queries)s, %(seconds)s)

-- recall_curve --
-- What was measured last, of the collection as it is now.
SELECT c.measured_at, c.rows, c.queries, c.scan_ms, c.exact_ms, c.efforts, c.first_ms, c.all_ms, c.ranks, c.recalls
FROM open_analytic.calibrations AS c
JOIN open_analytic.current_collections AS o ON (c.schema_name, c.table_name) = (o.recorded_schema, o.recorded_table)
WHERE (o.schema_name, o.table_name) = (%(schema)s, %(table)s) AND c.measured_at >= o.created_at

-- audit_record --
-- In a transaction that writes, also for a role that reads by default.
SELECT open_analytic._record_audit(to_regclass(%(table)s), %(plan)s, %(k)s, %(filtered)s, %(target_recall)s, %(recall)s)

-- audit_quality --
-- Whether a plan of a collection is known to miss what was asked of it.
SELECT searches, recall, target_recall
FROM open_analytic.search_quality AS q
JOIN open_analytic.current_collections AS c ON (q.schema_name, q.table_name) = (c.recorded_schema, c.recorded_table)
WHERE (c.schema_name, c.table_name, q.plan) = (%(schema)s, %(table)s, %(plan)s)

-- evaluation_sample --
-- Rows that are searched for.
SELECT {name}, feature
FROM {table} TABLESAMPLE BERNOULLI ({percent})
WHERE feature IS NOT NULL
ORDER BY random()
LIMIT {count}

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
    JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname IN ('hnsw', 'ann')
    JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[0]
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = 'feature'
    WHERE i.indrelid = t.oid AND o.opcname = %(opclass)s AND (i.indpred IS NULL OR NOT i.indisvalid)
      AND (i.indpred IS NULL OR NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid))
) AS found (name, valid) ON true
WHERE t.oid IS NOT NULL
GROUP BY t.oid

-- index_partial --
-- Those of the rows with one value of a column.
SELECT x.relname
FROM open_analytic._indexes(to_regclass(%(table)s), %(opclass)s) AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
WHERE i.partial AND (open_analytic._condition(x.oid)).says IS NOT NULL

-- index_values --
-- The values that many rows have, as conditions, and the indexes there are of such rows.
SELECT condition, rows, indexes
FROM open_analytic._values(to_regclass(%(table)s), %(column)s, %(opclass)s)

-- index_ordinary --
-- Whether rows are found by the values of a column.
SELECT open_analytic._has_index(to_regclass(%(table)s), %(column)s)

-- index_broken --
-- B-trees of a column that nobody builds and none can use.
SELECT x.relname
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = %(column)s
WHERE i.indrelid = to_regclass(%(table)s) AND NOT i.indisvalid AND i.indnatts = 1
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid)

-- index_of_column --
-- A B-tree, beside searches and imports.
CREATE INDEX CONCURRENTLY ON {table} ({column})

-- index_lock --
-- Taken without waiting.
SELECT pg_try_advisory_lock(%(key)s::integer, to_regclass(%(table)s)::oid::integer)

-- index_unlock --
-- Given back, however often it was taken: the sessions that build hold no other.
SELECT pg_advisory_unlock_all()

-- index_budget --
-- At least the memory that is allowed now, at most what is sane. Workers only come for a table worth them.
SELECT set_config('maintenance_work_mem',
                  least(%(most)s, greatest(%(wanted)s, pg_size_bytes(current_setting('maintenance_work_mem')) / 1024::bigint))
                      || 'kB', false),
       set_config('max_parallel_maintenance_workers', %(workers)s, false)

-- index_watch --
-- PostgreSQL would finish the build of a client that was killed: look now and then whether it is there.
SELECT set_config('client_connection_check_interval', %(check_ms)s, false)

-- index_surplus --
-- Valid indexes, named as PostgreSQL names those of features, that are exact copies of an older one.
SELECT c.relname::text
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname IN ('hnsw', 'ann')
WHERE i.indrelid = to_regclass(%(table)s) AND i.indisvalid AND NOT i.indisunique AND i.indexprs IS NULL
  AND starts_with(c.relname, %(name)s) AND substr(c.relname, length(%(name)s) + 1) ~ '^[0-9]*$'
  AND EXISTS (
      SELECT FROM pg_catalog.pg_index AS e
      JOIN pg_catalog.pg_class AS f ON f.oid = e.indexrelid
      WHERE e.indrelid = i.indrelid AND e.indexrelid < i.indexrelid AND e.indisvalid AND e.indexprs IS NULL
        AND (e.indkey::text, e.indclass::text, e.indcollation::text, e.indoption::text)
            = (i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text)
        AND pg_get_expr(e.indpred, e.indrelid) IS NOT DISTINCT FROM pg_get_expr(i.indpred, i.indrelid)
        AND (f.relam, f.relowner, f.reltablespace) = (c.relam, c.relowner, c.reltablespace)
        AND f.reloptions IS NOT DISTINCT FROM c.reloptions
  )
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indexrelid)

-- index_rows --
-- How many rows there are to index: pgvector does not say while it builds.
SELECT count(feature)
FROM {table}

-- index_create --
-- HNSW with the operator class of the collection's metric.
CREATE INDEX {concurrently} {index} ON {table} USING hnsw (feature {opclass}) WITH (m = {m}, ef_construction = {ef_construction})
{where}

-- index_drop --
-- Without stopping searches.
DROP INDEX CONCURRENTLY IF EXISTS {index}

-- index_progress --
-- How many rows are in the index that a connection builds. What comes after counts anew.
SELECT tuples_done
FROM pg_stat_progress_create_index
WHERE pid = %(backend)s AND phase LIKE 'building index%%'

-- index_made --
-- The indexes of the metric as they were made, where the role may drop and build them again; and the rows of the table.
SELECT c.relname::text,
       coalesce((SELECT o.option_value::integer FROM pg_options_to_table(c.reloptions) AS o
                 WHERE o.option_name = 'm'), 16),
       coalesce((SELECT o.option_value::integer FROM pg_options_to_table(c.reloptions) AS o
                 WHERE o.option_name = 'ef_construction'), 64),
       (SELECT count(*) FROM {table})
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid AND c.reltablespace = 0::oid
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname = 'hnsw'
JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[0]
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = 'feature'
WHERE i.indrelid = to_regclass(%(table)s) AND i.indisvalid AND o.opcname = %(opclass)s AND i.indpred IS NULL
  AND pg_has_role(t.relowner, 'USAGE') AND has_schema_privilege(t.relnamespace, 'CREATE')

-- index_drop_soon --
-- In one step, or not at all: it waits only so long for sessions that use the table, since others queue behind it.
SELECT set_config('lock_timeout', %(lock_ms)s, true)

-- index_drop_now --
-- Searches measure every row from here on.
DROP INDEX {index}

-- server_facts --
-- What doctor says of a server and of the role that is connected; NULL where one of our roles does not exist.
SELECT current_setting('server_version'),
       (SELECT installed_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector'),
       (SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector'),
       current_user,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
       (SELECT pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles WHERE rolname = 'open_analytic_user'),
       (SELECT pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles WHERE rolname = 'open_analytic_admin'),
       has_schema_privilege('public', 'CREATE'),
       EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'open_analytic' AND pg_has_role(nspowner, 'USAGE')),
       pg_is_in_recovery()

-- node_is_known --
-- Whether the service's role, a node and the path are there already as they should be.
SELECT EXISTS (
           SELECT FROM pg_catalog.pg_auth_members AS m
           JOIN pg_catalog.pg_roles AS u ON u.oid = m.roleid AND u.rolname = 'open_analytic_user'
           JOIN pg_catalog.pg_roles AS s ON s.oid = m.member AND s.rolname = 'open_analytic_service')
   AND EXISTS (
           SELECT FROM open_analytic.nodes
           WHERE name = %(name)s AND http = %(http)s AND wire = %(wire)s AND wait_ms = %(wait_ms)s)
   AND EXISTS (
           SELECT FROM open_analytic.settings WHERE name = 'python_path' AND value = %(python_path)s)

-- node_upsert --
-- Where a service is.
INSERT INTO open_analytic.nodes AS n (name, http, wire, wait_ms)
VALUES (%(name)s, %(http)s, %(wire)s, %(wait_ms)s)
ON CONFLICT (name) DO UPDATE SET http = excluded.http, wire = excluded.wire, wait_ms = excluded.wait_ms

-- python_path_upsert --
-- Where the server's own Python finds the package.
INSERT INTO open_analytic.settings AS s (name, value)
VALUES ('python_path', %(python_path)s)
ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- service_role --
-- The role the service connects as: it reads the catalogue and the collections, and writes nothing.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'open_analytic_service') THEN
        BEGIN
            CREATE ROLE open_analytic_service LOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another process was faster
        END;
    END IF;
    ALTER ROLE open_analytic_service SET default_transaction_read_only = on;
    IF NOT pg_has_role('open_analytic_service', 'open_analytic_user', 'MEMBER') THEN
        BEGIN
            GRANT open_analytic_user TO open_analytic_service;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END IF;
END
$$

-- service_rights --
-- The role that is connected, and what a service must not have: roles it is or can become, functions it can run.
-- Functions that PostgreSQL or an extension withholds from PUBLIC read and write the server's files, or more.
WITH becomes AS (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, r.rolreplication, r.rolcreaterole
    FROM pg_catalog.pg_roles AS r
    WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
), excess (what) AS (
    SELECT CASE WHEN r.rolsuper THEN 'a superuser' ELSE r.rolname::text END
    FROM becomes AS r
    WHERE r.rolsuper
       OR r.oid < 16384 AND r.rolname LIKE 'pg\_%' AND r.rolname <> 'pg_database_owner'
    UNION
    SELECT r.rolname || ' (' || v.attribute || ')'
    FROM becomes AS r
    CROSS JOIN LATERAL (
        VALUES ('BYPASSRLS', r.rolbypassrls), ('REPLICATION', r.rolreplication), ('CREATEROLE', r.rolcreaterole)
    ) AS v (attribute, is_set)
    WHERE v.is_set AND NOT r.rolsuper
    UNION
    SELECT 'able to run ' || p.oid::regprocedure::text
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_init_privs AS i
      ON i.classoid = 'pg_catalog.pg_proc'::regclass AND i.objoid = p.oid
    WHERE NOT EXISTS (SELECT FROM becomes AS r WHERE r.rolsuper)
      AND NOT EXISTS (
          SELECT FROM pg_catalog.aclexplode(i.initprivs) AS a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE'
      )
      AND EXISTS (
          SELECT FROM becomes AS r
          WHERE r.oid >= 16384 AND pg_catalog.has_function_privilege(r.oid, p.oid, 'EXECUTE')
      )
)
SELECT session_user, (SELECT string_agg(what, ', ' ORDER BY what) FROM excess)

-- sql_facts --
-- What doctor says of the SQL functions.
SELECT (SELECT l.lanname FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
        WHERE p.pronamespace = to_regnamespace('open_analytic') AND p.proname = '_request'),
       EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'plpython3u'),
       (SELECT installed_version FROM pg_catalog.pg_available_extensions WHERE name = 'dblink'),
       coalesce(has_table_privilege(to_regclass('open_analytic.nodes'), 'SELECT'), false)

-- nodes --
-- Where the service is; for the owner's eyes.
SELECT name, http, wire, token
FROM open_analytic.nodes
ORDER BY position, name

-- python_path --
-- Where plpython3u finds this package.
SELECT value
FROM open_analytic.settings
WHERE name = 'python_path'

-- schema_owner --
-- Who owns the schema of our name, whether that is this role or a superuser, and a relation in it when none is ours.
SELECT pg_catalog.pg_get_userbyid(n.nspowner), coalesce(r.rolsuper OR r.rolname = current_user, false),
       (SELECT min(c.relname::text)
        FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        HAVING count(*) FILTER (WHERE c.relname IN ('pipelines', 'collections') AND c.relkind = 'r') < 2)
FROM pg_catalog.pg_namespace AS n
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner
WHERE n.nspname = 'open_analytic'

-- schema_is_there --
-- A row where our table of the schema's revision is, and whether there is one of the functions' hash. Reading a view
-- of such a name would run its owner's code.
SELECT EXISTS (
           SELECT
           FROM pg_catalog.pg_class AS c
           WHERE c.relnamespace = t.relnamespace AND c.relname = 'code' AND c.relkind = 'r'
       )
FROM pg_catalog.pg_class AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE n.nspname = 'open_analytic' AND t.relname = 'alembic_version' AND t.relkind = 'r'

-- vector_schema --
-- Where pgvector's objects are.
SELECT n.nspname
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'vector'

-- rates_check --
-- Refuses a pipeline without a table, and a rate that its pairs do not support.
SELECT FROM open_analytic._rate(%(pipeline)s, %(false_accept_rate)s::float8, %(metric)s)

-- rates_verify --
-- The verdict, by the pipeline's newest version.
SELECT same, distance, threshold, false_accept_rate, true_accept_rate
FROM open_analytic.verify(%(a)s, %(b)s, %(pipeline)s, %(false_accept_rate)s::float8, %(metric)s)

-- rates_keep --
-- One table for each version and metric.
INSERT INTO open_analytic.distance_rates AS d (pipeline, version, metric, same_pairs, different_pairs, source, measured_at, rates)
VALUES (%(pipeline)s, %(version)s, %(metric)s, %(same_pairs)s, %(different_pairs)s, %(source)s, %(measured_at)s, %(rates)s)
ON CONFLICT (pipeline, version, metric) DO UPDATE SET same_pairs = excluded.same_pairs, different_pairs = excluded.different_pairs,
    source = excluded.source, measured_at = excluded.measured_at, rates = excluded.rates, created_by = current_user

-- rates_current --
-- The lines of the tables in use, with what holds for the whole table.
SELECT jsonb_build_object('pipeline', pipeline, 'version', version, 'hash', hash, 'metric', metric, 'same_pairs', same_pairs,
                          'different_pairs', different_pairs, 'source', source),
       measured_at,
       jsonb_build_object('false_accept_rate', false_accept_rate, 'distance', distance, 'true_accept_rate', true_accept_rate,
                          'false_accepts', false_accepts, 'upper_bound', upper_bound)
FROM open_analytic.current_rates
WHERE pipeline = %(pipeline)s
ORDER BY metric, false_accept_rate DESC

-- near_duplicates --
-- Pairs of rows, nearest first.
SELECT name, other, distance, part, other_part
FROM open_analytic.near_duplicates(%(table)s::regclass, %(max_distance)s::float8, %(filter)s)

-- knn_join --
-- The nearest rows of b to each of a.
SELECT name, neighbour, distance, rank, part, neighbour_part
FROM open_analytic.knn_join(%(a)s::regclass, %(b)s::regclass, %(k)s::integer)

-- cluster --
-- Put new rows into their clusters; what these are now.
SELECT cluster_id, name, part
FROM open_analytic.cluster(%(table)s::regclass, %(max_distance)s::float8, %(min_size)s::integer)

-- cluster_changes --
-- What that changed.
SELECT kind, cluster_id, earlier_id, name, part
FROM open_analytic.cluster_changes(%(table)s::regclass)
