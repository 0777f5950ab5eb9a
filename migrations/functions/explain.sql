CREATE OR REPLACE FUNCTION open_analytic._few(number float8) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN number IS NULL OR number = 'Infinity' THEN 'no end of'
                WHEN number >= 100 THEN trim(to_char(number, '999,999,999,999,990'))
                    WHEN number >= 10 THEN round(number::numeric)::text
                ELSE trim_scale(round(number::numeric, 1))::text END
$$;
COMMENT ON FUNCTION open_analytic._few IS 'A number as texts show it';

CREATE OR REPLACE FUNCTION open_analytic._reason(
    plan open_analytic._plan, k integer, target float8, done jsonb
)
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE plan.why
        WHEN 'no index'
            THEN 'Every row that matches is measured, since the collection has no index that can '
                'be used.'
        WHEN 'exact wanted'
            THEN 'Every row that matches is measured, since a recall of 1 was asked for.'
        WHEN 'nothing wanted' THEN 'Nothing is looked for, since k is 0.'
        WHEN 'small'
            THEN format(
                'Every row that matches is measured: with about %s rows that is quick, and the '
                    'index was never measured.',
                open_analytic._few(plan.rows)
            )
        WHEN 'out of reach'
            THEN format(
                'Every row that matches is measured (about %s ms), since the index does not '
                    'reach a recall of %s so far out, whatever the effort.',
                open_analytic._few(plan.exact_ms),
                target
            )
        WHEN 'tried'
            THEN format('The index is tried first: should the about %s rows that match be near '
                'the query it takes %s ms instead of %s ms for measuring them; if not, little is '
                'lost.',
            open_analytic._few(plan.matches), open_analytic._few(plan.try_ms),
                open_analytic._few(plan.exact_ms))
        ELSE format('%s of about %s rows%s match; for a recall of %s the index has to give about '
            '%s of its rows, which takes %s ms, and measuring every match takes %s ms: %s.',
            CASE
                WHEN plan.estimated IS NULL THEN 'All'
                ELSE 'About ' || open_analytic._few(plan.matches)
            END,
                open_analytic._few(plan.rows),
                ' in the index of ' || replace(plan.within, ' OPERATOR(pg_catalog.=) ', ' = '),
                target,
                open_analytic._few(plan.tuples),
            open_analytic._few(plan.index_ms),
                open_analytic._few(plan.exact_ms),
                CASE plan.kind
                    WHEN 'index' THEN 'the index is walked' ELSE 'every match is measured'
                END)
        END
            || CASE
                WHEN done ->> 'plan' = 'index, then exact'
                    THEN format(
                        ' After %s rows of the index that was not enough, so every match was '
                            'measured.',
                        open_analytic._few((done ->> 'walked')::float8)
                    )
                ELSE ''
            END
$$;
COMMENT ON FUNCTION open_analytic._reason IS 'Why a search is done as it is, in a sentence';

CREATE OR REPLACE FUNCTION open_analytic._told(
    plan open_analytic._plan, k integer, target float8, done jsonb
)
RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'plan', plan.kind, 'reason', open_analytic._reason(plan, k, target, done), 'k', k,
            'target_recall', target,
        'rows',
            round(plan.rows),
            'matches',
            jsonb_build_object(
                'estimated', round(plan.estimated), 'sampled', round(plan.sampled), 'used',
                round(plan.matches)
            ),
        'settings',
            CASE
                WHEN plan.kind = 'index'
                    THEN jsonb_build_object(
                        'hnsw.ef_search', plan.ef, 'hnsw.iterative_scan', 'relaxed_order'
                    )
                ELSE '{}'
            END,
        'alternatives', jsonb_build_array(
            jsonb_build_object(
                'plan', 'exact', 'ms', round(plan.exact_ms::numeric, 2), 'recall', 1
            ),
            jsonb_build_object(
                'plan',
                'index',
                'ms',
                CASE WHEN look.ms < 'Infinity' THEN round(look.ms::numeric, 2) END,
                'walked',
                ceil(look.walked),
                'recall',
                CASE WHEN look.walked IS NOT NULL THEN round(plan.goal::numeric, 4) END
            )),
        'calibrated_at', plan.calibrated_at, 'done', done)
    FROM (
        SELECT CASE plan.why WHEN 'tried' THEN plan.try_ms ELSE plan.index_ms END,
        CASE plan.why WHEN 'tried' THEN plan.taken ELSE plan.tuples END
    ) AS look (ms, walked)
$$;
COMMENT ON FUNCTION open_analytic._told IS 'A plan, and what came of it, in JSON';

CREATE OR REPLACE FUNCTION open_analytic._explain_search(
    collection regclass, query @vector@.vector, k integer, filter text, max_distance float8,
    target_recall float8, path text
)
RETURNS jsonb
LANGUAGE plpgsql STABLE COST 100000
    SET search_path = pg_catalog, pg_temp
    SET transform_null_equals = off
    SET gin_fuzzy_search_limit = 0
AS $$
DECLARE
    info open_analytic.collections := open_analytic._opened(collection);
    plan open_analytic._plan;
    begun timestamptz;
    planned timestamptz;
    begun_search timestamptz;
    hits bigint;
    done jsonb;
BEGIN
    IF query IS NULL THEN
        RETURN NULL;
    END IF;
    -- checks, and warms what planning reads
    PERFORM open_analytic._search(
        collection, query, 0, filter, max_distance, target_recall, NULL, path
    );
    begun := clock_timestamp();
    IF filter IS NOT NULL THEN
        PERFORM open_analytic._check_filter(collection, info, filter, path);
    END IF;
    plan := open_analytic._plan_search(
        collection, info, coalesce(k, 2147483647), filter, max_distance, target_recall,
        coalesce(path, 'pg_catalog, pg_temp')
    );
    planned := clock_timestamp();
    IF filter IS NOT NULL THEN
        BEGIN
            plan.sampled := open_analytic._sample(
                collection, filter, coalesce(path, 'pg_catalog, pg_temp')
            )
                * open_analytic._rows(collection, info.dim);
        EXCEPTION
            WHEN syntax_error
                OR data_exception
                OR feature_not_supported
                OR read_only_sql_transaction THEN
            PERFORM open_analytic._blame_filter(collection, info, SQLERRM, path);
        END;
    END IF;
    begun_search := clock_timestamp();
    hits := (
        SELECT count(*)
        FROM open_analytic._search(
            collection, query, k, filter, max_distance, target_recall, NULL, path
        )
    );
    done := coalesce(nullif(current_setting('open_analytic.last_search', true), ''), '{}')::jsonb
        || jsonb_build_object(
            'rows',
            hits,
            'ms',
            round(extract(epoch FROM clock_timestamp() - begun_search)::numeric * 1000, 2)
        );
    RETURN open_analytic._told(plan, k, target_recall, done)
        || jsonb_build_object(
            'planning_ms', round(extract(epoch FROM planned - begun)::numeric * 1000, 3)
        );
END
$$;
COMMENT ON FUNCTION open_analytic._explain_search IS
    'explain_search, with the search_path that the filter is read with';

CREATE OR REPLACE FUNCTION open_analytic.explain_search(
    collection regclass, query @vector@.vector, k integer DEFAULT 10, filter text DEFAULT NULL,
    max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95
)
RETURNS jsonb
LANGUAGE plpgsql STABLE COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic._explain_search(
        collection, query, k, filter, max_distance, target_recall, NULL
    );
END
$$;
COMMENT ON FUNCTION open_analytic.explain_search(
    regclass, @vector@.vector, integer, text, float8, float8
) IS
    'How a search is done, why, and how long it took';

CREATE OR REPLACE FUNCTION open_analytic.explain_search(
    collection regclass, query bytea, k integer DEFAULT 10, filter text DEFAULT NULL,
    max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95
)
RETURNS jsonb
LANGUAGE plpgsql STABLE COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic.explain_search(
        collection, open_analytic.embed_for(collection, query), k, filter, max_distance,
        target_recall
    );
END
$$;
COMMENT ON FUNCTION open_analytic.explain_search(
    regclass, bytea, integer, text, float8, float8
) IS
    'How a search is done, why, and how long it took';

CREATE OR REPLACE FUNCTION open_analytic.explain_search(
    collection regclass, query text, k integer DEFAULT 10, filter text DEFAULT NULL,
    max_distance float8 DEFAULT NULL, target_recall float8 DEFAULT 0.95
)
RETURNS jsonb
LANGUAGE plpgsql STABLE COST 100000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN open_analytic.explain_search(
        collection, open_analytic._query_vector(collection, query), k, filter, max_distance,
        target_recall
    );
END
$$;
COMMENT ON FUNCTION open_analytic.explain_search(
    regclass, text, integer, text, float8, float8
) IS
    'How a search is done, why, and how long it took';
