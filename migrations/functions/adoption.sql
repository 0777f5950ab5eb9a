-- adopt_collection: a table that exists becomes a collection. Columns and constraints are added;
-- what is there already is never changed: the error lists the statements that its owner can run.
CREATE OR REPLACE FUNCTION open_analytic._adoptable(name text) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place CONSTANT record := open_analytic._split(name);
    relation CONSTANT regclass := to_regclass(
        format('%I.%I', place.schema_name, place.table_name)
    );
    shape pg_class;
BEGIN
    PERFORM open_analytic._check_schema(name);
    IF relation IS NULL THEN
        RAISE EXCEPTION 'There is no table %.', quote_literal(name)
            USING ERRCODE = 'OA006', HINT = 'create_collection makes a new one.';
    END IF;
    SELECT t.* INTO shape FROM pg_class AS t WHERE t.oid = relation;
    IF NOT pg_has_role(shape.relowner, 'USAGE') THEN
        RAISE EXCEPTION 'Table % belongs to another role.', quote_literal(name)
            USING ERRCODE = 'OA055', HINT = 'Only the owner of a table can adopt it.';
    END IF;
    IF shape.relkind = 'r' THEN
        -- Locked first, so that nothing changes between this look and the ALTER TABLE.
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', relation);
        PERFORM open_analytic._hold(relation);
        PERFORM open_analytic._refuse_attached(relation);
        SELECT t.* INTO shape FROM pg_class AS t WHERE t.oid = relation;
    END IF;
    IF shape.relkind <> 'r'
       OR shape.relpersistence <> 'p'
       OR shape.reloftype <> 0
       OR shape.relhasrules
       OR EXISTS (
           SELECT FROM pg_inherits AS i WHERE relation IN (i.inhrelid, i.inhparent)
       )
    THEN
        RAISE EXCEPTION '% cannot be a collection: it is not an ordinary table.',
            quote_literal(name)
            USING ERRCODE = 'OA034',
            HINT = 'Views, foreign, unlogged, typed, partitioned and inherited tables, and tables '
                'with rules cannot be adopted: copy the rows into a table of their own.';
    END IF;
    IF (open_analytic._known(relation)).id IS NOT NULL THEN
        RAISE EXCEPTION 'There is a collection % already.', quote_literal(name)
            USING ERRCODE = 'OA031', HINT = 'Use it as it is.';
    END IF;
    RETURN relation;
END
$$;
COMMENT ON FUNCTION open_analytic._adoptable IS
    'The table, locked; refused when it is not the caller''s, no ordinary table, or a collection';

CREATE OR REPLACE FUNCTION open_analytic._check_adoption(
    relation regclass, info open_analytic.collections, data_type regtype, renamed jsonb
)
RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problems text;
    statements text;
BEGIN
    SELECT string_agg(p.problem, '; ' ORDER BY p.place, p.number),
        string_agg(p.statement, E'\n' ORDER BY p.place, p.number)
    INTO problems, statements
    FROM (
        SELECT 2 AS place, c.*
        FROM open_analytic._column_problems(relation, info, data_type, renamed)
            WITH ORDINALITY AS c (problem, statement, number)
        UNION ALL
        SELECT CASE WHEN k.statement ~ 'DROP' THEN 1 ELSE 3 END, k.*
        FROM open_analytic._key_problems(relation, info)
            WITH ORDINALITY AS k (problem, statement, number)
    ) AS p;
    IF problems IS NOT NULL THEN
        RAISE EXCEPTION 'Table % cannot be a collection as it is: %.', relation, problems
            USING ERRCODE = 'OA034', HINT = statements;
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_adoption IS
    'Refuse a table that lacks what a collection needs, with the statements that give it';

CREATE OR REPLACE FUNCTION open_analytic._check_features(
    relation regclass, version integer, feature_version integer
)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    has_features boolean := false;
BEGIN
    IF EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname = 'feature'
    )
    THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE feature IS NOT NULL)', relation)
        INTO has_features;
    END IF;
    IF feature_version <> version OR has_features AND version IS NOT NULL
        AND feature_version IS NULL
    THEN
        RAISE EXCEPTION 'Table % has features of %, and the pipeline has version %.', relation,
            coalesce('version ' || feature_version, 'a version that is not given'),
            coalesce(version::text, 'none')
            USING ERRCODE = 'OA033',
            HINT = format(
                'When version %s made them give feature_version = %1$s; else set them to NULL '
                    'first: UPDATE %s SET feature = NULL.',
                version,
                relation
            );
    END IF;
END
$$;
COMMENT ON FUNCTION open_analytic._check_features IS
    'Refuse features of which nobody says that this version of the pipeline made them';

CREATE OR REPLACE FUNCTION open_analytic._adopt_table(
    name text, dim integer, metric text, many boolean, pipeline text, version integer,
    parameters json, migrated boolean, renamed jsonb, feature_version integer,
    inputs jsonb DEFAULT '{}'
)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    relation CONSTANT regclass := open_analytic._adoptable(name);
    data_type CONSTANT regtype := open_analytic._data_type(inputs);
    -- The usual name need not be there.
    names CONSTANT jsonb := CASE
        WHEN renamed ->> 'data' = coalesce(inputs ->> 'data', 'image_data') THEN renamed - 'data'
        ELSE renamed
    END;
    info open_analytic.collections := open_analytic._adopted_columns(
        relation,
        open_analytic._new_collection(
            name, dim, metric, many, pipeline, version, parameters, migrated, inputs
        ),
        data_type,
        names
    );
    missing text[];
    statement text;
BEGIN
    PERFORM open_analytic._follow_renames(); -- a renamed table frees the name it had
    PERFORM open_analytic._check_adoption(relation, info, data_type, names);
    PERFORM open_analytic._check_features(relation, version, feature_version);
    info.has_source := NOT EXISTS (
        SELECT FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname = 'source'
    );
    missing := ARRAY(
        SELECT c.name
        FROM open_analytic._adoption_columns(relation, info, data_type, names) AS c
        WHERE c.present IS NULL
    );
    -- One statement, so that the rows are read once. Its defaults are no volatile functions: no
    -- row is written.
    SELECT concat_ws(
        ', ',
        string_agg(format('ADD COLUMN %I %s %s', c.name, c.type, c.clause), ', '),
        CASE WHEN info.has_source THEN 'ADD COLUMN source pg_catalog.text' END,
        CASE
            WHEN version IS NOT NULL AND NOT 'pipeline_version' = ANY (missing)
                THEN format(
                    'ALTER COLUMN pipeline_version SET DEFAULT open_analytic._version(%L, %s), '
                        'ALTER COLUMN pipeline_version SET NOT NULL',
                    pipeline,
                    version
                )
        END,
        CASE
            WHEN version IS NOT NULL
                THEN format(
                    'ADD CONSTRAINT open_analytic_version CHECK '
                    '(pipeline_version OPERATOR(pg_catalog.=) %s)',
                    version
                )
        END,
        CASE
            WHEN NOT 'imported_at' = ANY (missing)
                THEN 'ALTER COLUMN imported_at SET DEFAULT pg_catalog.now()'
        END,
        format('ADD CONSTRAINT %I CHECK (true)', open_analytic._mark(info.id)),
        'ADD CONSTRAINT open_analytic_adopted CHECK (true)'
    )
    INTO statement
    FROM (
        SELECT
            n.name, n.type,
            CASE
                WHEN n.name = 'pipeline_version' AND version IS NOT NULL
                    THEN format(
                        'NOT NULL DEFAULT open_analytic._version(%L, %s)', pipeline, version
                    )
                ELSE n.clause
            END AS clause
        FROM open_analytic._needed_columns(info, data_type) AS n
        WHERE n.name = ANY (missing)
    ) AS c;
    EXECUTE format('ALTER TABLE ONLY %s %s', relation, statement);
    IF 'feature' = ANY (missing) AND dim <= 3000 THEN
        -- A feature that stays in its row makes exact searches three times as fast.
        EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN feature SET STORAGE PLAIN', relation);
    END IF;
    PERFORM open_analytic._enter_collection(info);
END
$$;
COMMENT ON FUNCTION open_analytic._adopt_table IS
    'Make a collection of a table that is there: its rows, columns and rights stay';

CREATE OR REPLACE FUNCTION open_analytic._is_adopted(relation regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    -- A constraint, so that a dump without comments keeps it.
    SELECT EXISTS (
        SELECT
        FROM pg_constraint AS k
        WHERE k.conrelid = relation AND k.conname = 'open_analytic_adopted'
    )
$$;
COMMENT ON FUNCTION open_analytic._is_adopted IS
    'Whether the table of a collection was there before it, so that it outlives it';

CREATE OR REPLACE FUNCTION open_analytic._release(relation regclass, id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'ALTER TABLE ONLY %s DROP CONSTRAINT %I, DROP CONSTRAINT IF EXISTS open_analytic_version, '
        'DROP CONSTRAINT open_analytic_adopted, '
        'ALTER COLUMN pipeline_version DROP DEFAULT, ALTER COLUMN pipeline_version DROP NOT NULL',
        relation,
        open_analytic._mark(id)
    );
END
$$;
COMMENT ON FUNCTION open_analytic._release IS
    'Make a collection an ordinary table again: every column and row stays';

CREATE OR REPLACE FUNCTION open_analytic.adopt_collection(
    name text, pipeline text, metric text DEFAULT 'l2', parameters jsonb DEFAULT '{}',
    name_column text DEFAULT NULL, data_column text DEFAULT NULL,
    feature_column text DEFAULT 'feature', feature_version integer DEFAULT NULL
)
RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    pipeline_info open_analytic.current_pipelines := open_analytic._pipeline(pipeline);
    description jsonb := open_analytic._storable(pipeline_info, metric, parameters);
    place record := open_analytic._split(name);
BEGIN
    PERFORM open_analytic._adopt_table(
        name, (description ->> 'dim')::integer, metric, (description ->> 'many')::boolean,
        pipeline, pipeline_info.version, (description -> 'parameters')::json, false,
        jsonb_build_object(
            'name', name_column, 'data', data_column, 'feature', feature_column
        ),
        feature_version,
        description -> 'input_columns'
    );
    RETURN (SELECT to_jsonb(r) FROM (
        SELECT name, c.schema_name AS schema, c.pipeline, c.version, c.dim, c.metric, c.many,
            c.parameters, c.created_at
        FROM open_analytic.current_collections AS c
        WHERE c.schema_name = place.schema_name AND c.table_name = place.table_name) AS r);
END
$$;
COMMENT ON FUNCTION open_analytic.adopt_collection IS
    'Make a collection of your own table: columns are added, what is there stays';
