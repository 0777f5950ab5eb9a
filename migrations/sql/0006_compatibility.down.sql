-- Indexes that were made USING ann go with it; the tables and their features stay.
DROP ACCESS METHOD IF EXISTS ann CASCADE;
DO $do$
DECLARE
    vector_schema text := open_analytic._schema_of('vector');
    kind record;
    distance record;
    template text;
BEGIN
    FOR kind IN SELECT * FROM (VALUES ('@vector@.vector', 'real[]'), ('@vector@.halfvec', 'real[]'), ('@vector@.halfvec', '@vector@.vector')) AS k (feature, query) LOOP
        FOR distance IN SELECT * FROM (VALUES ('l2_distance', '<->'), ('cosine_distance', '<=>'), ('negative_inner_product', '<#>')) AS d (name, sign) LOOP
            FOREACH template IN ARRAY ARRAY[
                'DROP OPERATOR IF EXISTS @vector@.@sign@ (@feature@, @query@)',
                'DROP OPERATOR IF EXISTS @vector@.@sign@ (@query@, @feature@)',
                'DROP FUNCTION IF EXISTS @vector@.@name@(@feature@, @query@)',
                'DROP FUNCTION IF EXISTS @vector@.@name@(@query@, @feature@)'
            ] LOOP
                EXECUTE replace(replace(replace(replace(replace(template, '@feature@', kind.feature), '@query@', kind.query), '@name@', distance.name), '@sign@', distance.sign), '@vector@', vector_schema);
            END LOOP;
        END LOOP;
    END LOOP;
END
$do$;
