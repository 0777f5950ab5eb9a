-- Indexes that were made USING ann go with it; the tables and their features stay.
DROP ACCESS METHOD IF EXISTS ann CASCADE;
DO $do$
DECLARE
    vector_schema text := (SELECT quote_ident(n.nspname) FROM pg_catalog.pg_extension AS e
                           JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'vector');
    kind record;
    distance record;
    template text;
BEGIN
    FOR kind IN SELECT * FROM (VALUES ('@vector@.vector', 'real[]'), ('@vector@.halfvec', 'real[]'), ('@vector@.halfvec', '@vector@.vector')) AS k (feature, query) LOOP
        FOR distance IN SELECT * FROM (VALUES ('l2_distance', '<->'), ('cosine_distance', '<=>'), ('negative_inner_product', '<#>')) AS d (name, sign) LOOP
            FOREACH template IN ARRAY ARRAY[
                'DROP OPERATOR @vector@.@sign@ (@feature@, @query@)',
                'DROP OPERATOR @vector@.@sign@ (@query@, @feature@)',
                'DROP FUNCTION @vector@.@name@(@feature@, @query@)',
                'DROP FUNCTION @vector@.@name@(@query@, @feature@)'
            ] LOOP
                EXECUTE replace(replace(replace(replace(replace(template, '@feature@', kind.feature), '@query@', kind.query), '@name@', distance.name), '@sign@', distance.sign), '@vector@', vector_schema);
            END LOOP;
        END LOOP;
    END LOOP;
END
$do$;
