-- What keeps a table from being a collection, with the statements that its owner can run.
CREATE OR REPLACE FUNCTION open_analytic._candidate(
    relation regclass, names text[], types regtype[]
)
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.attname::text
    FROM unnest(names) WITH ORDINALITY AS n (name, place)
    JOIN pg_attribute AS a
        ON a.attrelid = relation
        AND a.attname = n.name
        AND a.attnum > 0
        AND NOT a.attisdropped
        AND a.atttypid = ANY (types)
    ORDER BY n.place
    LIMIT 1
$$;
COMMENT ON FUNCTION open_analytic._candidate IS
    'The first of these columns that a table has with one of these types; NULL when none';

CREATE OR REPLACE FUNCTION open_analytic._adopted_columns(
    relation regclass, info open_analytic.collections, data_type regtype, renamed jsonb
)
RETURNS open_analytic.collections
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name_given CONSTANT text := renamed ->> 'name';
    data_given CONSTANT text := renamed ->> 'data';
    doubled text;
BEGIN
    -- Last come the names that a collection of an earlier version has. A name that is no text is
    -- copied into a column of the usual name; the next call means that one.
    info.name_column := coalesce(
        open_analytic._candidate(
            relation, ARRAY[name_given, info.name_column, 'image_name'], '{text,varchar,bpchar}'
        ),
        CASE
            WHEN NOT EXISTS (
                SELECT FROM pg_attribute AS a
                WHERE a.attrelid = relation AND a.attname = name_given AND a.attnum > 0
            )
                THEN name_given
        END,
        info.name_column
    );
    info.data_column := coalesce(
        open_analytic._candidate(
            relation, ARRAY[data_given, info.data_column, 'image_data'],
            ARRAY[data_type, 'bytea'::regtype]
        ),
        data_given,
        info.data_column
    );
    info.sha256_column := coalesce(
        open_analytic._candidate(
            relation, ARRAY[info.sha256_column, 'image_sha256'], '{bytea}'
        ),
        info.sha256_column
    );
    doubled := (
        SELECT o.name
        FROM unnest(open_analytic._own_columns(info)) AS o (name)
        GROUP BY o.name
        HAVING count(*) > 1
    );
    IF doubled IS NOT NULL THEN
        RAISE EXCEPTION 'Column % cannot hold two things of a collection.', quote_literal(doubled)
            USING ERRCODE = 'OA017',
            HINT = format(
                'These are columns of their own: %s.',
                array_to_string(open_analytic._own_columns(info), ', ')
            );
    END IF;
    RETURN info;
END
$$;
COMMENT ON FUNCTION open_analytic._adopted_columns IS
    'The collection with the names that the columns of its inputs have in a table';

CREATE OR REPLACE FUNCTION open_analytic._needed_columns(
    info open_analytic.collections, data_type regtype
)
RETURNS TABLE (role text, name text, type text, clause text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.role, c.name,
        format_type(to_regtype(c.type), CASE WHEN c.role = 'feature' THEN info.dim END), c.clause
    FROM (
        VALUES
        (1, 'name', info.name_column, 'text', ''),
        (2, 'data', info.data_column, data_type::text, ''),
        (3, 'feature', 'feature', '@vector@.halfvec', ''),
        (4, 'sha256', info.sha256_column, 'bytea', ''),
        (5, 'version', 'pipeline_version', 'int4', ''),
        (6, 'time', 'imported_at', 'timestamptz', 'NOT NULL DEFAULT pg_catalog.now()'),
        (7, 'part', 'part', 'int4', 'NOT NULL DEFAULT 0'),
        (8, 'region', info.region, open_analytic._region_type(info.region)::text, '')
    ) AS c (place, role, name, type, clause)
    WHERE c.name = ANY (open_analytic._own_columns(info))
    ORDER BY c.place
$$;
COMMENT ON FUNCTION open_analytic._needed_columns IS
    'The columns that a collection needs, their types, and what ADD COLUMN says more of them';

CREATE OR REPLACE FUNCTION open_analytic._adoption_columns(
    relation regclass, info open_analytic.collections, data_type regtype, renamed jsonb
)
RETURNS TABLE (
    role text, name text, type text, clause text, present text, present_type text
)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- "renamed" is {"name": "id", "feature": "vec"}: the name that a column has in this table.
    SELECT
        n.role,
        n.name,
        CASE
            WHEN n.role = 'data' AND a.atttypid = 'bytea'::regtype THEN 'bytea' ELSE n.type
        END,
        n.clause,
        a.attname::text,
        format_type(a.atttypid, a.atttypmod)
    FROM open_analytic._needed_columns(info, data_type) AS n
    LEFT JOIN LATERAL (
        SELECT a.*
        FROM pg_attribute AS a
        WHERE a.attrelid = relation
            AND a.attnum > 0
            AND NOT a.attisdropped
            AND (
                a.attname = n.name
                OR n.role IN ('name', 'feature') AND a.attname = renamed ->> n.role
            )
        -- After the statements were run the same call means the column by its new name.
        ORDER BY
            n.role = 'name'
            AND a.atttypid NOT IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype),
            a.attname = renamed ->> n.role DESC NULLS LAST
        LIMIT 1
    ) AS a ON true
$$;
COMMENT ON FUNCTION open_analytic._adoption_columns IS
    'The columns that a collection needs, beside those that a table has for them';

CREATE OR REPLACE FUNCTION open_analytic._column_problems(
    relation regclass, info open_analytic.collections, data_type regtype, renamed jsonb
)
RETURNS TABLE (problem text, statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    one record;
    attribute record;
BEGIN
    FOR one IN
        SELECT c.*, renamed ->> c.role AS given
        FROM open_analytic._adoption_columns(relation, info, data_type, renamed) AS c
    LOOP
        -- A column that the caller named is expected to be there.
        IF one.present IS NULL
           AND (
               one.role IN ('name', 'feature') AND one.given <> one.name
               OR one.role = 'data' AND one.given IS NOT NULL
               OR one.role = 'name'
           )
        THEN
            problem := format(
                'it has no column %s', quote_ident(coalesce(one.given, one.name))
            );
            statement := format(
                'ALTER TABLE %s ADD COLUMN %I %s;', relation, one.name, one.type
            );
            RETURN NEXT;
        END IF;
        CONTINUE WHEN one.present IS NULL;
        SELECT a.attgenerated, a.attidentity, a.attnotnull
        INTO attribute
        FROM pg_attribute AS a
        WHERE a.attrelid = relation AND a.attname = one.present;
        IF one.present <> one.name
           AND EXISTS (
               SELECT FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname = one.name
           )
        THEN
            problem := format('column %I has the name that %I needs', one.name, one.present);
            statement := format(
                'ALTER TABLE %s RENAME COLUMN %I TO %I;', relation, one.name, one.name || '_before'
            );
            RETURN NEXT;
        END IF;
        IF attribute.attgenerated <> '' OR attribute.attidentity <> '' THEN
            problem := format('column %I is computed', one.present);
            statement := format(
                'ALTER TABLE %s ALTER COLUMN %I DROP %s;', relation, one.present,
                CASE WHEN attribute.attidentity <> '' THEN 'IDENTITY' ELSE 'EXPRESSION' END
            );
            RETURN NEXT;
        END IF;
        RETURN QUERY
        SELECT p.*
        FROM open_analytic._type_problems(
            relation, one.role, one.name, one.type, one.present, one.present_type
        ) AS p;
        IF attribute.attnotnull
           AND (one.role = 'feature' OR info.many AND one.role IN ('data', 'region'))
        THEN
            problem := format('column %I is NOT NULL, and rows without one exist', one.present);
            statement := format(
                'ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL;', relation, one.name
            );
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION open_analytic._column_problems IS
    'What of a table''s columns keeps it from being a collection, and the statements for it';

CREATE OR REPLACE FUNCTION open_analytic._type_problems(
    relation regclass, role text, name text, type text, present text, present_type text
)
RETURNS TABLE (problem text, statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    rename_text CONSTANT text := 'ALTER TABLE %s RENAME COLUMN %I TO %I;';
    vectors CONSTANT regtype[] := ARRAY[
        'real[]', 'double precision[]', '@vector@.vector', '@vector@.halfvec'
    ]::regtype[];
    spare CONSTANT text := left(present, 50) || '_before';
    actual record;
    converts boolean;
BEGIN
    SELECT a.attnum, a.atttypid, a.atttypmod
    INTO actual
    FROM pg_attribute AS a
    WHERE a.attrelid = relation AND a.attname = present;
    -- A type that its own values can be read as; another length is another pipeline's feature.
    converts := CASE role
        WHEN 'name' THEN actual.atttypid IN ('varchar'::regtype, 'bpchar'::regtype)
        WHEN 'data' THEN type = 'text'
            AND actual.atttypid IN ('varchar'::regtype, 'bpchar'::regtype)
        WHEN 'feature' THEN actual.atttypid = ANY (vectors)
            AND (actual.atttypmod = -1 OR type LIKE format('%%(%s)', actual.atttypmod))
        ELSE false
    END;
    IF present_type = type THEN
        IF name <> present THEN
            problem := format('column %I has to be named %s', present, name);
            statement := format(rename_text, relation, present, name);
            RETURN NEXT;
        END IF;
        RETURN;
    END IF;
    problem := format('column %I is %s, not %s', present, present_type, type);
    IF NOT converts THEN
        IF role = 'name' THEN
            statement := format(
                E'ALTER TABLE %1$s ADD COLUMN %3$I text;\n'
                'UPDATE %1$s SET %3$I = %2$I::text;',
                relation,
                CASE WHEN name = present THEN spare ELSE present END,
                name
            );
        ELSIF role = 'data' THEN
            statement := format('ALTER TABLE %s ADD COLUMN %I %s;', relation, name, type);
        END IF;
        IF name = present OR role <> 'name' THEN
            statement := concat_ws(
                E'\n', format(rename_text, relation, present, spare), statement
            );
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;
    statement := coalesce(
        (
            SELECT string_agg(format('DROP INDEX %s;', i.indexrelid::regclass), E'\n')
            FROM pg_index AS i
            WHERE i.indrelid = relation
                AND actual.attnum = ANY (i.indkey)
                AND name = 'feature'
        ) || E'\n',
        ''
    ) || CASE WHEN name = present THEN ''
        ELSE format(rename_text, relation, present, name) || E'\n'
    END || format('ALTER TABLE %1$s ALTER COLUMN %2$I TYPE %3$s USING %2$I::%3$s;', relation, name,
        type);
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION open_analytic._type_problems IS
    'What is wrong with the type or the name of a column that a collection needs';

CREATE OR REPLACE FUNCTION open_analytic._key_problems(
    relation regclass, info open_analytic.collections
)
RETURNS TABLE (problem text, statement text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    present CONSTANT text[] := ARRAY[info.name_column]
        || CASE WHEN info.many THEN ARRAY['part'] ELSE '{}' END;
    key CONSTANT text := quote_ident(info.name_column)
        || CASE WHEN info.many THEN ', part' ELSE '' END;
    one record;
    complete boolean := false;
BEGIN
    FOR one IN
        SELECT
            i.indexrelid::regclass AS index,
            k.conname AS constraint_name,
            ARRAY(
                SELECT a.attname::text
                FROM pg_attribute AS a
                WHERE a.attrelid = relation
                    AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                ORDER BY a.attname
            ) AS columns,
            i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate AND i.indisvalid AS whole
        FROM pg_index AS i
        LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
        WHERE i.indrelid = relation AND i.indisunique
    LOOP
        complete := complete
            OR one.whole AND one.columns @> present AND one.columns <@ present;
        IF info.many AND one.columns = present[1:1] THEN
            problem := format('%s allows one row a name, and there is one a region', one.index);
            statement := CASE
                WHEN one.constraint_name IS NULL THEN format('DROP INDEX %s;', one.index)
                ELSE format(
                    'ALTER TABLE %s DROP CONSTRAINT %I;', relation, one.constraint_name
                )
            END;
            RETURN NEXT;
        END IF;
    END LOOP;
    IF NOT complete THEN
        problem := format('(%s) is not unique', array_to_string(present, ', '));
        statement := CASE
            WHEN info.many AND NOT EXISTS (
                SELECT FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname = 'part'
            )
                THEN format(
                    E'ALTER TABLE %s ADD COLUMN part integer NOT NULL DEFAULT 0;\n', relation
                )
            ELSE ''
        END || format('ALTER TABLE %s ADD UNIQUE (%s);', relation, key);
        RETURN NEXT;
    END IF;
    IF NOT coalesce(
        (
            SELECT a.attnotnull
            FROM pg_attribute AS a
            WHERE a.attrelid = relation AND a.attname = present[1]
        ),
        false
    )
    THEN
        problem := format('column %I allows NULL', present[1]);
        statement := format(
            'ALTER TABLE %s ALTER COLUMN %I SET NOT NULL;', relation, info.name_column
        );
        RETURN NEXT;
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._key_problems IS
    'What keeps a name from being the key of a collection''s rows, and the statements for it';
