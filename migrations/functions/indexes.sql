CREATE OR REPLACE FUNCTION open_analytic._indexes(collection regclass, opclass text)
RETURNS TABLE (indexrelid oid, partial boolean)
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
        WHERE i.indrelid = collection
            AND i.indisvalid
            AND m.amname IN ('hnsw', 'ann')
            AND o.opcname = opclass
            AND a.attname = 'feature'
        ORDER BY i.indpred IS NOT NULL, i.indexrelid;
END
$$;
COMMENT ON FUNCTION open_analytic._indexes IS
    'HNSW indexes of the feature, for a metric, that can be used: of all rows, or partial';

CREATE OR REPLACE FUNCTION open_analytic._condition(
    index regclass, OUT says text, OUT column_name text, OUT constant text
)
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
DECLARE
    predicate CONSTANT text := (
        SELECT pg_get_expr(i.indpred, i.indrelid) FROM pg_index AS i WHERE i.indexrelid = index
    );
    -- As pg_get_expr writes: a column, perhaps as text; a constant, perhaps with its type. Of a
    -- boolean also the column alone, or NOT.
    name CONSTANT text := '[a-z_][a-z0-9_]*|"(?:[^"]|"")+"';
    condition text[] := regexp_match(
        predicate,
        format(
            '^\((?:(%1$s)|\((%1$s)\)::text) = '
                '(-?[0-9.]+|true|false|''(?:[^'']|'''')*''::([a-z0-9_ ."]+))\)$',
            name
        )
    );
    type regtype;
BEGIN
    IF condition IS NULL THEN
        condition := regexp_match(predicate, format('^(?:(%1$s)|\(NOT (%1$s)\))$', name));
        condition := ARRAY[
            coalesce(condition[1], condition[2]), NULL,
            CASE WHEN condition[2] IS NULL THEN 'true' ELSE 'false' END, NULL
        ];
    END IF;
    SELECT a.attname, a.atttypid
    INTO column_name, type
    FROM pg_index AS i
    JOIN pg_attribute AS a ON a.attrelid = i.indrelid
    WHERE i.indexrelid = index
        AND quote_ident(a.attname) = coalesce(condition[1], condition[2])
        AND NOT a.attisdropped;
    -- Written again, with nothing that could run code of the index's owner, such as a cast that
    -- the owner defined.
    IF (
        SELECT
            bool_and(
                t.typnamespace = 'pg_catalog'::regnamespace
                OR t.typtype = 'e' AND condition[2] IS NULL
            )
            AND count(*) = num_nonnulls(column_name, condition[4])
        FROM unnest(ARRAY[type, to_regtype(condition[4])]) AS u (type)
        JOIN pg_type AS t ON t.oid = u.type
    )
    THEN
        constant := condition[3];
        says := format(
            '%s OPERATOR(pg_catalog.=) %s',
            coalesce(condition[1], format('(%s)::text', condition[2])),
            constant
        );
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._condition IS
    'Which rows a partial index has, when they are those with one value of a column; '
        'otherwise NULL';

CREATE OR REPLACE FUNCTION open_analytic._has_index(collection regclass, column_name text)
RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT
        FROM pg_index AS i
        JOIN pg_class AS x ON x.oid = i.indexrelid
        JOIN pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
        JOIN pg_attribute AS a
            ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = column_name
        WHERE i.indrelid = collection AND i.indisvalid AND i.indpred IS NULL
    );
END
$$;
COMMENT ON FUNCTION open_analytic._has_index IS 'Whether an ordinary index finds rows by a column';

CREATE OR REPLACE FUNCTION open_analytic._check_partition_by(
    collection regclass, name text, type regtype
)
RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind record;
BEGIN
    IF type IS NULL
       OR name = 'feature'
       OR name = ANY (open_analytic._own_columns(open_analytic._known(collection)))
    THEN
        RAISE EXCEPTION 'Table % has no column % of its own.', collection,
            coalesce(quote_literal(name), 'NULL')
            USING ERRCODE = 'OA019', HINT = 'Give a column that filters compare with a value.';
    END IF;
    SELECT t.typtype, t.typnamespace = 'pg_catalog'::regnamespace AS builtin
    INTO kind
    FROM pg_type AS t
    WHERE t.oid = type;
    IF NOT (
        kind.typtype = 'e'
        OR kind.builtin AND EXISTS (
            SELECT
            FROM pg_opclass AS o
            JOIN pg_am AS m ON m.oid = o.opcmethod
            WHERE m.amname = 'btree'
                AND o.opcdefault
                AND o.opcintype
                    = CASE WHEN type = 'varchar'::regtype THEN 'text'::regtype ELSE type END
        )
    )
    THEN
        RAISE EXCEPTION 'Column % is of type %, by whose values rows cannot be parted.',
            quote_literal(name),
            type
            USING ERRCODE = 'OA019',
                HINT = 'Give a column of text, numbers, dates, booleans or an enumeration.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_partition_by IS
    'Refuse a column that has no values to make indexes for';

CREATE OR REPLACE FUNCTION open_analytic._values(
    collection regclass, column_name text, opclass text
)
RETURNS TABLE (condition text, rows bigint, indexes text[])
LANGUAGE plpgsql VOLATILE ROWS 10 SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
AS $$
DECLARE
    type regtype;
    least_rows CONSTANT integer := 1000; -- fewer are measured about as fast
    most CONSTANT integer := 100;
    known jsonb := '{}';
    most_seen integer := 0;
    value text;
    built record;
BEGIN
    PERFORM open_analytic._hold(collection);
    type := (
        SELECT a.atttypid
        FROM pg_attribute AS a
        WHERE a.attrelid = collection
            AND a.attname = column_name
            AND a.attnum > 0
            AND NOT a.attisdropped
    );
    PERFORM open_analytic._check_partition_by(collection, column_name, type);
    -- format writes a value as its type does: a cast to text could be somebody's own.
    FOR built IN SELECT x.relname AS name, c.constant
        FROM open_analytic._indexes(collection, opclass) AS i
        JOIN pg_class AS x ON x.oid = i.indexrelid
                 CROSS JOIN LATERAL open_analytic._condition(x.oid) AS c
                 WHERE i.partial
                     AND c.says IS NOT NULL
                     AND c.column_name = _values.column_name LOOP
        EXECUTE format('SELECT format(''%%s'', %s)', built.constant) INTO value;
        known := known
            || jsonb_build_object(value, coalesce(known -> value, '[]') || to_jsonb(built.name));
    END LOOP;
    FOR value,
        rows IN EXECUTE format('SELECT format(''%%s'', %1$I), count(*) FROM %2$s WHERE %1$I IS '
            'NOT NULL AND feature IS NOT NULL GROUP BY %1$I HAVING count(*) >= %3$s ORDER BY '
            'count(*) DESC LIMIT %4$s',
                                column_name, collection, least_rows, most + 1) LOOP
        most_seen := most_seen + 1;
        condition := format(
            '%I OPERATOR(pg_catalog.=) %L::%s', column_name, value, format_type(type, -1)
        );
        indexes := ARRAY(SELECT jsonb_array_elements_text(known -> value));
        RETURN NEXT;
    END LOOP;
    IF most_seen > most THEN
        RAISE EXCEPTION 'Column % has more than % values with % rows or more.',
            quote_literal(column_name),
            most,
            least_rows
            USING ERRCODE = 'OA019',
            HINT = 'Each would have an index of its own, which every import pays for. Give a '
                'column with fewer.';
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._values IS
    'The values of a column that many rows have, as conditions, with the indexes there are of '
        'such rows';

CREATE OR REPLACE FUNCTION open_analytic._index_values(
    collection regclass, column_name text, opclass text, building text
)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    condition text;
BEGIN
    FOR condition IN SELECT v.condition
        FROM open_analytic._values(collection, column_name, opclass) AS v
        WHERE v.indexes = '{}' LOOP
        EXECUTE format('%s WHERE %s', building, condition);
    END LOOP;
    -- Values that few rows have are measured: found by this.
    IF NOT open_analytic._has_index(collection, column_name) THEN
        EXECUTE format('CREATE INDEX ON %s (%I)', collection, column_name);
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._index_values IS
    'An index of its own for every value of a column that many rows have, and one to find the '
        'others by';

CREATE OR REPLACE FUNCTION open_analytic.create_ann_index(
    collection regclass, dim integer DEFAULT NULL, metric text DEFAULT NULL,
    m integer DEFAULT 16, ef_construction integer DEFAULT 200, partition_by text DEFAULT NULL
)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    kind text;
    has integer;
    info CONSTANT open_analytic.collections := open_analytic._known(collection);
    own CONSTANT text := coalesce(metric, info.metric, 'l2');
    opclass text;
    building text;
    present text;
BEGIN
    SELECT t.typname, nullif(a.atttypmod, -1) INTO kind, has
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = collection AND a.attname = 'feature' AND NOT a.attisdropped;
    IF kind IS NULL OR kind NOT IN ('vector', 'halfvec') THEN
        RAISE EXCEPTION 'Table % has no column "feature" of type vector or halfvec.', collection
            USING ERRCODE = 'OA019', HINT = 'create_collection makes a table that has one.';
    END IF;
    IF has IS NULL THEN
        RAISE EXCEPTION 'The feature of % has no dimension of its own.', collection
            USING ERRCODE = 'OA019',
                HINT = format('ALTER TABLE %s ALTER COLUMN feature TYPE %s(n).', collection, kind);
    END IF;
    IF dim <> has THEN
        RAISE EXCEPTION 'The feature of % has % numbers, not %.', collection, has, dim
            USING ERRCODE = 'OA015', HINT = format('Say dim => %s, or nothing.', has);
    END IF;
    IF own NOT IN ('l2', 'cosine', 'ip') THEN
        RAISE EXCEPTION 'There is no metric %.', quote_literal(own)
            USING ERRCODE = 'OA019', HINT = 'Choose of: l2, cosine, ip.';
    END IF;
    IF m IS NULL OR m NOT BETWEEN 2 AND 100 THEN
        RAISE EXCEPTION 'm is %.', coalesce(m::text, 'NULL')
            USING ERRCODE = 'OA019', HINT = 'Give 2 to 100.';
    END IF;
    IF ef_construction IS NULL OR ef_construction NOT BETWEEN greatest(4, 2 * m) AND 1000 THEN
        RAISE EXCEPTION 'ef_construction is %.', coalesce(ef_construction::text, 'NULL')
            USING ERRCODE = 'OA019', HINT = format('Give %s to 1000.', greatest(4, 2 * m));
    END IF;
    opclass := format('%s_%s_ops', kind, own);
    building := format(
        'CREATE INDEX ON %s USING hnsw (feature @vector@.%I) WITH (m = %s, ef_construction = %s)',
        collection,
        opclass,
        m,
        ef_construction
    );
    SELECT i.indexrelid::regclass::text INTO present
    FROM open_analytic._indexes(collection, opclass) AS i WHERE NOT i.partial;
    IF partition_by IS NOT NULL THEN
        PERFORM open_analytic._index_values(collection, partition_by, opclass, building);
    END IF;
    IF present IS NOT NULL THEN
        RETURN present; -- there already
    END IF;
    EXECUTE building;
    -- Searches of what is large walk the index as far as was measured; of less they measure every
    -- row.
    IF pg_relation_size(collection) / (2.0 * has + 150) * has > 20000000
       AND pg_has_role('open_analytic_admin', 'USAGE')
       AND info.table_name IS NOT NULL
    THEN
        PERFORM open_analytic.measure_index(collection);
    END IF;
    SELECT i.indexrelid::regclass::text INTO present
    FROM open_analytic._indexes(collection, opclass) AS i WHERE NOT i.partial;
    RETURN present;
END
$$;
COMMENT ON FUNCTION open_analytic.create_ann_index IS
    'Build the HNSW index of a collection, or of any table with a column "feature"; its name';
