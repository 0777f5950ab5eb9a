-- Regions of inputs in the rows of a collection. Each type has its column, an array: these are the
-- types of open_analytic/regions.py, and a test holds both equal.
CREATE OR REPLACE FUNCTION open_analytic._region_types()
RETURNS TABLE (region text, type regtype, fields text[], says text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    VALUES
    (
        'box', 'float4[]'::regtype, ARRAY['x', 'y', 'width', 'height'],
        'Where the region is in pixels: {x, y, width, height}'
    ),
    (
        'span', 'float8[]'::regtype, ARRAY['start', 'end'],
        'Where the region is, in seconds: {start, end}'
    ),
    (
        'text_span', 'int4[]'::regtype, ARRAY['start', 'end'],
        'Where the region is, in characters from 0: {start, end}, the end not included'
    ),
    (
        'frame', 'float8[]'::regtype, ARRAY['number', 'seconds'],
        'Which frame the region is: {number, seconds}'
    )
$$;
COMMENT ON FUNCTION open_analytic._region_types IS
    'The types of regions: the name of the column, its type, what its elements are';

CREATE OR REPLACE FUNCTION open_analytic._region_type(region text) RETURNS regtype
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.type FROM open_analytic._region_types() AS r WHERE r.region = _region_type.region
$$;
COMMENT ON FUNCTION open_analytic._region_type IS 'The SQL type of a column of regions';

CREATE OR REPLACE FUNCTION open_analytic._region_json(region text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format(
        'CASE WHEN t.%I IS NOT NULL THEN jsonb_build_object(%s) END',
        r.region,
        (
            SELECT string_agg(
                format('%L, t.%I[%s]', f.name, r.region, f.place), ', ' ORDER BY f.place
            )
            FROM unnest(r.fields) WITH ORDINALITY AS f (name, place)
        )
    )
    FROM open_analytic._region_types() AS r
    WHERE r.region = _region_json.region
$$;
COMMENT ON FUNCTION open_analytic._region_json IS
    'The expression that makes jsonb of the region of a row t';

CREATE OR REPLACE FUNCTION open_analytic.region(collection regclass, name text, part integer)
RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    info CONSTANT open_analytic.collections := open_analytic._opened(collection);
    answer jsonb;
BEGIN
    IF info.many THEN
        EXECUTE format(
            'SELECT %s FROM %s AS t WHERE t.%I = $1 AND t.part = $2',
            open_analytic._region_json(info.region), collection, info.name_column
        )
        INTO answer
        USING name, part;
    END IF;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION open_analytic.region IS
    'The region of a row, such as {"start": 1.5, "end": 3}; NULL where a row is a whole input';
