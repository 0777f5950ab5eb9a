-- Indexes that were made USING ann go with it; the tables and their features stay.
DROP ACCESS METHOD IF EXISTS ann CASCADE;
DO $do$
DECLARE
    vector_schema text := (SELECT quote_ident(n.nspname) FROM pg_catalog.pg_extension AS e
                           JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'vector');
    kind text;
    distance record;
    template text;
BEGIN
    FOREACH kind IN ARRAY ARRAY['vector', 'halfvec'] LOOP
        FOR distance IN SELECT * FROM (VALUES ('l2_distance', '<->'), ('cosine_distance', '<=>'), ('negative_inner_product', '<#>')) AS d (name, sign) LOOP
            FOREACH template IN ARRAY ARRAY[
                'DROP OPERATOR @vector@.@sign@ (@vector@.@kind@, real[])',
                'DROP OPERATOR @vector@.@sign@ (real[], @vector@.@kind@)',
                'DROP FUNCTION @vector@.@name@(@vector@.@kind@, real[])',
                'DROP FUNCTION @vector@.@name@(real[], @vector@.@kind@)'
            ] LOOP
                EXECUTE replace(replace(replace(replace(template, '@vector@', vector_schema), '@kind@', kind), '@name@', distance.name), '@sign@', distance.sign);
            END LOOP;
        END LOOP;
    END LOOP;
END
$do$;
