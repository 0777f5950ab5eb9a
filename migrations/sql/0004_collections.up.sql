-- Names of pgvector's objects are written with @vector@, the schema it was installed into. Nothing here trusts the
-- caller's search_path: its operators are named with their schema.

CREATE FUNCTION open_analytic._collection(place regclass) RETURNS open_analytic.collections
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found open_analytic.collections;
BEGIN
    SELECT c.* INTO found
    FROM open_analytic.collections AS c
    JOIN pg_namespace AS n ON n.nspname = c.schema_name
    JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = c.table_name
    WHERE t.oid = place;
    IF found.table_name IS NULL THEN
        RAISE EXCEPTION 'There is no collection %.', quote_literal(place::text) USING ERRCODE = 'OA006',
            HINT = format('There are: %s.', coalesce((
                SELECT string_agg(concat_ws('.', nullif(c.schema_name, 'public'), c.table_name), ', ' ORDER BY c.schema_name <> 'public', c.schema_name, c.table_name)
                FROM open_analytic.collections AS c
                WHERE to_regclass(format('%I.%I', c.schema_name, c.table_name)) IS NOT NULL), 'none yet'));
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION open_analytic._collection IS 'What the catalogue says of a table';

CREATE FUNCTION open_analytic._split(name text, OUT schema_name text, OUT table_name text)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parts text[] := string_to_array(name, '.');
BEGIN
    IF cardinality(parts) = 1 THEN
        parts := ARRAY['public'] || parts;
    END IF;
    IF cardinality(parts) <> 2 OR EXISTS (SELECT FROM unnest(parts) AS part WHERE octet_length(part) NOT BETWEEN 1 AND 63) THEN
        RAISE EXCEPTION '% cannot be a collection''s name.', quote_literal(name) USING ERRCODE = 'OA017',
            HINT = 'Use table or schema.table, each of 1 to 63 bytes, without further dots.';
    END IF;
    schema_name := parts[1];
    table_name := parts[2];
END
$$;
COMMENT ON FUNCTION open_analytic._split IS 'Schema and table of a collection''s name: "table" is in public, "schema.table" says where';

CREATE FUNCTION open_analytic._own_columns(many boolean) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY['image_name', 'image_data', 'feature', 'image_sha256', 'pipeline_version', 'imported_at']
           || CASE WHEN many THEN ARRAY['part', 'box'] ELSE '{}' END
$$;
COMMENT ON FUNCTION open_analytic._own_columns IS 'The columns every collection has';

CREATE FUNCTION open_analytic._version(pipeline text, version integer) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    newest integer := (SELECT max(p.version) FROM open_analytic.pipelines AS p WHERE p.name = pipeline);
BEGIN
    IF newest > version THEN
        RAISE EXCEPTION 'Pipeline % has version % now, and this collection holds features of version %.', quote_literal(pipeline), newest, version USING ERRCODE = 'OA033',
            HINT = format('Of which is this feature? embed_for(collection, input) gives those of version %1$s; say so in the INSERT: pipeline_version = %1$s.', version);
    END IF;
    RETURN version;
END
$$;
COMMENT ON FUNCTION open_analytic._version IS 'The version of a feature that an INSERT says nothing of: there is no doubt while the pipeline has no newer one';

CREATE FUNCTION open_analytic._hold(collection regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name CONSTANT text := collection::text;
BEGIN
    -- Locked first, so that its owner cannot put another in its place between this look and what is done with it. VOLATILE sees what is there now.
    -- A view would run code of its owner's with the rights of who reads it.
    IF EXISTS (SELECT FROM pg_class AS t WHERE t.oid = collection AND t.relkind IN ('r', 'p')) THEN
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', name);
    END IF;
    IF to_regclass(name) IS DISTINCT FROM collection THEN
        RAISE EXCEPTION 'Table % was replaced meanwhile.', name USING ERRCODE = 'OA006', HINT = 'Run it again.';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class AS t WHERE t.oid = collection AND t.relkind IN ('r', 'p')) THEN
        RAISE EXCEPTION '% is not a table as create_collection makes them.', name USING ERRCODE = 'OA006', HINT = 'Give a table, not a view or a foreign table.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._hold IS 'Lock a table against being replaced until the transaction ends; refuse what is none';

CREATE FUNCTION open_analytic._indexes(collection regclass, opclass text) RETURNS TABLE (indexrelid oid, partial boolean)
LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
        SELECT i.indexrelid, i.indpred IS NOT NULL
        FROM pg_index AS i
        JOIN pg_class AS x ON x.oid = i.indexrelid
        JOIN pg_am AS m ON m.oid = x.relam
        JOIN pg_opclass AS o ON o.oid = i.indclass[0]
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = collection AND i.indisvalid AND m.amname IN ('hnsw', 'ann') AND o.opcname = opclass AND a.attname = 'feature'
        ORDER BY i.indpred IS NOT NULL, i.indexrelid;
END
$$;
COMMENT ON FUNCTION open_analytic._indexes IS 'HNSW indexes of the feature, for a metric, that can be used: of all rows, or partial';

CREATE FUNCTION open_analytic._condition(index regclass, OUT says text, OUT column_name text, OUT constant text)
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
DECLARE
    predicate CONSTANT text := (SELECT pg_get_expr(i.indpred, i.indrelid) FROM pg_index AS i WHERE i.indexrelid = index);
    -- As pg_get_expr writes: a column, perhaps as text; a constant, perhaps with its type. Of a boolean also the column alone, or NOT.
    name CONSTANT text := '[a-z_][a-z0-9_]*|"(?:[^"]|"")+"';
    said text[] := regexp_match(predicate, format('^\((?:(%1$s)|\((%1$s)\)::text) = (-?[0-9.]+|true|false|''(?:[^'']|'''')*''::([a-z0-9_ ."]+))\)$', name));
    type regtype;
BEGIN
    IF said IS NULL THEN
        said := regexp_match(predicate, format('^(?:(%1$s)|\(NOT (%1$s)\))$', name));
        said := ARRAY[coalesce(said[1], said[2]), NULL, CASE WHEN said[2] IS NULL THEN 'true' ELSE 'false' END, NULL];
    END IF;
    SELECT a.attname, a.atttypid INTO column_name, type FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid
    WHERE i.indexrelid = index AND quote_ident(a.attname) = coalesce(said[1], said[2]) AND NOT a.attisdropped;
    -- Written anew, with nothing that could run code of the index's owner, such as a cast of his own.
    IF (SELECT bool_and(t.typnamespace = 'pg_catalog'::regnamespace OR t.typtype = 'e' AND said[2] IS NULL) AND count(*) = num_nonnulls(column_name, said[4])
        FROM unnest(ARRAY[type, to_regtype(said[4])]) AS u (type) JOIN pg_type AS t ON t.oid = u.type) THEN
        constant := said[3];
        says := format('%s OPERATOR(pg_catalog.=) %s', coalesce(said[1], format('(%s)::text', said[2])), constant);
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._condition IS 'Which rows a partial index has, when they are those with one value of a column; else nothing is said';

CREATE FUNCTION open_analytic._rows(collection regclass, dim integer) RETURNS float8
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- As PostgreSQL estimates it: as dense as when it was analysed; else as dense as such rows are.
    RETURN (SELECT greatest(1, CASE
                WHEN t.relkind = 'p' THEN (SELECT sum(greatest(0, c.reltuples)) FROM pg_partition_tree(t.oid) AS p JOIN pg_class AS c ON c.oid = p.relid WHERE p.isleaf)
                WHEN t.reltuples > 0 AND t.relpages > 0 THEN t.reltuples * greatest(1, s.bytes / 8192.0 / t.relpages)
                ELSE s.bytes / (150 + CASE WHEN dim <= 3000 THEN 2 * dim ELSE 0 END) END)
            FROM pg_class AS t CROSS JOIN LATERAL pg_relation_size(t.oid) AS s (bytes) WHERE t.oid = collection);
END
$$;
COMMENT ON FUNCTION open_analytic._rows IS 'How many rows a collection has, more or less';

CREATE FUNCTION open_analytic._type(type text, path text) RETURNS regtype
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('search_path', path, true);
    RETURN pg_catalog.to_regtype(type);
END
$$;
COMMENT ON FUNCTION open_analytic._type IS 'What a type''s text means under a search_path; nothing but a type is read';

CREATE FUNCTION open_analytic._check_column(name text, type text, many boolean, path text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- PostgreSQL's own, and what a search computes.
    taken CONSTANT text[] := open_analytic._own_columns(many) || ARRAY['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid', 'open_analytic_distance'];
    problem text := 'the server knows no such type for a column';
BEGIN
    IF octet_length(name) NOT BETWEEN 1 AND 63 THEN
        RAISE EXCEPTION '% cannot be a column''s name.', quote_literal(name) USING ERRCODE = 'OA017', HINT = 'Use 1 to 63 bytes.';
    END IF;
    IF name = ANY (taken) THEN
        RAISE EXCEPTION 'Column % is one every collection has.', quote_literal(name) USING ERRCODE = 'OA017',
            HINT = format('Choose another name than %s.', array_to_string(taken, ', '));
    END IF;
    BEGIN
        IF EXISTS (SELECT FROM pg_type AS t WHERE t.oid = open_analytic._type(type, path) AND t.typtype <> 'p') THEN
            RETURN;
        END IF;
    EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception OR feature_not_supported THEN
        problem := SQLERRM;
    END;
    RAISE EXCEPTION 'Column % cannot have the type %: %.', quote_literal(name), quote_literal(type), problem USING ERRCODE = 'OA019',
        HINT = 'For example: text, integer, real, numeric(10,2), timestamptz, text[].';
END
$$;
COMMENT ON FUNCTION open_analytic._check_column IS 'Refuse a column''s name that is taken, and a type that is none';

SELECT open_analytic._run_all(
$sql$
CREATE FUNCTION open_analytic._make_collection(
    name text, dim integer, metric text, many boolean, columns json, pipeline text, version integer, parameters json, migrated boolean, path text
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    place record := open_analytic._split(name);
    relation text := format('%I.%I', place.schema_name, place.table_name);
    plain boolean := dim <= 3000; -- a feature that stays in its row makes exact searches three times as fast
    own record;
    column_name text;
    column_type text;
    own_columns text := '';
    statement text;
BEGIN
    FOR column_name, column_type IN SELECT * FROM json_each_text(columns) LOOP
        PERFORM open_analytic._check_column(column_name, column_type, many, path);
        -- A newline, so that a comment inside a type's text ends with it.
        own_columns := own_columns || format(E'%I %s\n, ', column_name, column_type);
    END LOOP;
    statement := format(
        'CREATE TABLE %s (image_name pg_catalog.text NOT NULL, %s image_data pg_catalog.bytea, feature @vector@.halfvec(%s), %s image_sha256 pg_catalog.bytea,'
        ' pipeline_version pg_catalog.int4 %s, imported_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(), PRIMARY KEY (%s)) WITH (toast_tuple_target = %s)',
        relation, CASE WHEN many THEN 'part pg_catalog.int4 NOT NULL DEFAULT 0, box pg_catalog.float4[],' END, dim, own_columns,
        CASE WHEN version IS NOT NULL THEN format('NOT NULL DEFAULT open_analytic._version(%L, %s) CONSTRAINT open_analytic_version CHECK (pipeline_version OPERATOR(pg_catalog.=) %2$s)', pipeline, version) END,
        CASE WHEN many THEN 'image_name, part' ELSE 'image_name' END, CASE WHEN plain THEN 2 * dim + 1024 ELSE 2040 END);
    PERFORM set_config('search_path', path, true); -- for the types of the caller's columns only
    EXECUTE statement;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    -- Pictures are compressed already: compressing them again costs time and gains nothing.
    EXECUTE format('ALTER TABLE %s ALTER COLUMN image_data SET STORAGE EXTERNAL, ALTER COLUMN feature SET STORAGE %s',
                   relation, CASE WHEN plain THEN 'PLAIN' ELSE 'EXTERNAL' END);
    EXECUTE format('COMMENT ON TABLE %s IS %L', relation, format('Collection of open_analytic: %s, dim %s, metric %s',
        CASE WHEN pipeline IS NULL THEN 'vectors computed elsewhere' ELSE format('pipeline %s version %s', pipeline, version) END, dim, metric));
    FOR own IN SELECT * FROM (VALUES
        ('image_name', 'Name of the picture, unique'),
        ('image_data', 'Its bytes as imported; NULL when only the vector was given'),
        ('feature', 'Its vector; NULL when nothing was found in it'),
        ('image_sha256', 'SHA-256 of image_data when it was imported: an unchanged file is left alone'),
        ('pipeline_version', 'Version of the pipeline the feature comes from'),
        ('imported_at', 'When the row was written'),
        ('part', 'Number of the region (face) in its picture, from 0; image_data is in row 0'),
        ('box', 'Where the region is in pixels: {x, y, width, height}')) AS c (name, says)
        WHERE c.name = ANY (open_analytic._own_columns(many))
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', relation, own.name, own.says);
    END LOOP;
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO open_analytic_user', relation);
    -- A row left by a table that was dropped with plain SQL is replaced.
    INSERT INTO open_analytic.collections AS c (schema_name, table_name, pipeline, version, dim, metric, many, parameters, migrated)
    VALUES (place.schema_name, place.table_name, pipeline, version, dim, metric, many, parameters, migrated)
    ON CONFLICT ON CONSTRAINT collections_pkey DO UPDATE
    SET pipeline = excluded.pipeline, version = excluded.version, dim = excluded.dim, metric = excluded.metric,
        many = excluded.many, parameters = excluded.parameters, migrated = excluded.migrated, created_at = now(), created_by = current_user;
END
$$
$sql$,
$sql$
CREATE FUNCTION open_analytic.create_ann_index(collection regclass, dim integer DEFAULT NULL, metric text DEFAULT NULL, m integer DEFAULT 16, ef_construction integer DEFAULT 200, partition_by text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    kind text;
    has integer;
    own text := coalesce(metric, (SELECT c.metric FROM open_analytic.collections AS c JOIN pg_namespace AS n ON n.nspname = c.schema_name
                                  JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = c.table_name WHERE t.oid = collection), 'l2');
    opclass text;
    building text;
    made text;
BEGIN
    SELECT t.typname, nullif(a.atttypmod, -1) INTO kind, has
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = collection AND a.attname = 'feature' AND NOT a.attisdropped;
    IF kind IS NULL OR kind NOT IN ('vector', 'halfvec') THEN
        RAISE EXCEPTION 'Table % has no column "feature" of type vector or halfvec.', collection USING ERRCODE = 'OA019', HINT = 'create_collection makes a table that has one.';
    END IF;
    IF has IS NULL THEN
        RAISE EXCEPTION 'The feature of % has no dimension of its own.', collection USING ERRCODE = 'OA019', HINT = format('ALTER TABLE %s ALTER COLUMN feature TYPE %s(n).', collection, kind);
    END IF;
    IF dim <> has THEN
        RAISE EXCEPTION 'The feature of % has % numbers, not %.', collection, has, dim USING ERRCODE = 'OA015', HINT = format('Say dim => %s, or nothing.', has);
    END IF;
    IF own NOT IN ('l2', 'cosine', 'ip') THEN
        RAISE EXCEPTION 'There is no metric %.', quote_literal(own) USING ERRCODE = 'OA019', HINT = 'Choose of: l2, cosine, ip.';
    END IF;
    IF m IS NULL OR m NOT BETWEEN 2 AND 100 THEN
        RAISE EXCEPTION 'm is %.', coalesce(m::text, 'NULL') USING ERRCODE = 'OA019', HINT = 'Give 2 to 100.';
    END IF;
    IF ef_construction IS NULL OR ef_construction NOT BETWEEN greatest(4, 2 * m) AND 1000 THEN
        RAISE EXCEPTION 'ef_construction is %.', coalesce(ef_construction::text, 'NULL') USING ERRCODE = 'OA019', HINT = format('Give %s to 1000.', greatest(4, 2 * m));
    END IF;
    opclass := format('%s_%s_ops', kind, own);
    building := format('CREATE INDEX ON %s USING hnsw (feature @vector@.%I) WITH (m = %s, ef_construction = %s)', collection, opclass, m, ef_construction);
    SELECT i.indexrelid::regclass::text INTO made
    FROM open_analytic._indexes(collection, opclass) AS i WHERE NOT i.partial;
    IF partition_by IS NOT NULL THEN -- with revision 0007
        PERFORM open_analytic._index_values(collection, partition_by, opclass, building);
    END IF;
    IF made IS NOT NULL THEN
        RETURN made; -- there already
    END IF;
    EXECUTE building;
    -- Searches of what is large walk the index as far as was measured; of less they measure every row. (calibrate comes with revision 0007.)
    IF pg_relation_size(collection) / (2.0 * has + 150) * has > 20000000 AND pg_has_role('open_analytic_admin', 'USAGE') AND to_regproc('open_analytic.calibrate') IS NOT NULL
       AND EXISTS (SELECT FROM open_analytic.collections AS c JOIN pg_namespace AS n ON n.nspname = c.schema_name
                   JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = c.table_name WHERE t.oid = collection) THEN
        PERFORM open_analytic.calibrate(collection);
    END IF;
    SELECT i.indexrelid::regclass::text INTO made
    FROM open_analytic._indexes(collection, opclass) AS i WHERE NOT i.partial;
    RETURN made;
END
$$
$sql$
);

CREATE FUNCTION open_analytic._create_collection(name text, pipeline text, columns json, metric text, parameters jsonb, path text) RETURNS jsonb
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    found open_analytic.current_pipelines := open_analytic._pipeline(pipeline);
    told jsonb := open_analytic._describe(jsonb_build_object('name', pipeline, 'definition', found.definition::jsonb, 'parameters', parameters));
    place record := open_analytic._split(name);
BEGIN
    IF json_typeof(columns) <> 'object' THEN
        RAISE EXCEPTION 'columns is not an object.' USING ERRCODE = 'OA019', HINT = 'Give {"name": "SQL type", ...}.';
    END IF;
    IF told ->> 'hash' <> found.hash THEN
        RAISE EXCEPTION 'The models of pipeline % version % have changed since it was created: its vectors would not be comparable.', quote_literal(pipeline), found.version
            USING ERRCODE = 'OA033', HINT = format('Put the models'' cards back, or pipeline_create(%L) for a new version and import into a new collection.', pipeline);
    END IF;
    IF told ->> 'dim' IS NULL THEN
        RAISE EXCEPTION 'Pipeline % gives no vector, so there is nothing to search by.', quote_literal(pipeline) USING ERRCODE = 'OA016',
            HINT = 'A collection needs a pipeline that gives one, such as general_feature_extractor.';
    END IF;
    IF metric NOT IN ('l2', 'cosine', 'ip') THEN
        RAISE EXCEPTION 'There is no metric %.', quote_literal(metric) USING ERRCODE = 'OA019', HINT = 'Choose of: l2, cosine, ip.';
    END IF;
    PERFORM open_analytic._make_collection(name, (told ->> 'dim')::integer, metric, (told ->> 'many')::boolean, columns, pipeline, found.version, (told -> 'parameters')::json, false, path);
    RETURN (SELECT to_jsonb(r) FROM (
        SELECT name, c.schema_name AS schema, c.pipeline, c.version, c.dim, c.metric, c.many, c.parameters, _create_collection.columns AS columns, c.created_at
        FROM open_analytic.collections AS c WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name) AS r);
EXCEPTION
    WHEN duplicate_table OR duplicate_object THEN
        RAISE EXCEPTION 'The table is there already: %.', SQLERRM USING ERRCODE = 'OA031', HINT = 'Choose another name, or drop it first.';
    WHEN invalid_schema_name THEN
        RAISE EXCEPTION 'There is no such schema: %.', SQLERRM USING ERRCODE = 'OA017', HINT = 'Create it first: CREATE SCHEMA name.';
END
$$;
COMMENT ON FUNCTION open_analytic._create_collection IS 'create_collection, with the search_path for the types of columns';

-- Every name is qualified, since this function alone sees its caller's search_path.
CREATE FUNCTION open_analytic.create_collection(name text, pipeline text, columns json DEFAULT '{}', metric text DEFAULT 'l2', parameters jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STRICT
AS $$ SELECT open_analytic._create_collection(name, pipeline, columns, metric, parameters, pg_catalog.current_setting('search_path')) $$;
COMMENT ON FUNCTION open_analytic.create_collection IS 'Make a table for a pipeline''s vectors, with columns of your own (name -> SQL type)';

CREATE FUNCTION open_analytic.drop_collection(name text) RETURNS void
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    place record := open_analytic._split(name);
    relation regclass := to_regclass(format('%I.%I', place.schema_name, place.table_name));
BEGIN
    IF relation IS NULL OR NOT EXISTS (SELECT FROM open_analytic.collections AS c WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name) THEN
        RAISE EXCEPTION 'There is no collection %.', quote_literal(name) USING ERRCODE = 'OA006',
            HINT = format('There are: %s.', coalesce((SELECT string_agg(concat_ws('.', nullif(c.schema_name, 'public'), c.table_name), ', ' ORDER BY c.schema_name <> 'public', c.schema_name, c.table_name)
                FROM open_analytic.collections AS c WHERE to_regclass(format('%I.%I', c.schema_name, c.table_name)) IS NOT NULL), 'none yet'));
    END IF;
    EXECUTE format('DROP TABLE %s', relation);
    DELETE FROM open_analytic.collections AS c WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name;
END
$$;
COMMENT ON FUNCTION open_analytic.drop_collection IS 'Drop a collection with its table: its pictures and vectors are gone';

COMMENT ON FUNCTION open_analytic._make_collection IS 'The table of a collection and its row in the catalogue';
COMMENT ON FUNCTION open_analytic.create_ann_index IS 'Build the HNSW index of a collection, or of any table with a column "feature"; its name';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA open_analytic FROM PUBLIC;
-- Whoever may insert into a collection is asked nothing else.
GRANT EXECUTE ON FUNCTION open_analytic._version TO PUBLIC;
GRANT EXECUTE ON FUNCTION open_analytic._collection, open_analytic._split, open_analytic._own_columns, open_analytic._hold, open_analytic._indexes, open_analytic._condition, open_analytic._rows TO open_analytic_user;
GRANT EXECUTE ON FUNCTION open_analytic._type, open_analytic._check_column, open_analytic._make_collection, open_analytic._create_collection,
    open_analytic.create_collection, open_analytic.drop_collection, open_analytic.create_ann_index TO open_analytic_admin;
