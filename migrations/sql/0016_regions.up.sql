-- The type of the regions of a collection, which is the name of their column: box, as before,
-- span, text_span or frame. NULL where a row is a whole input.
ALTER TABLE open_analytic.collections ADD COLUMN region text;
UPDATE open_analytic.collections SET region = 'box' WHERE many;
COMMENT ON COLUMN open_analytic.collections.region IS
    'The type of the regions that rows are, and the name of their column; NULL: whole inputs';

-- A downgrade gave tables with regions of another type an empty column box; its comment says which
-- column holds them.
DO $$
DECLARE
    one record;
    is_empty boolean;
BEGIN
    FOR one IN
        SELECT c.id, t.oid::regclass AS relation, a.attname AS region
        FROM open_analytic.collections AS c
        JOIN pg_catalog.pg_constraint AS k
            ON k.conname = 'open_analytic_' || replace(c.id::text, '-', '')
            AND k.contype = 'c'
            AND k.coninhcount = 0
        JOIN pg_catalog.pg_class AS t ON t.oid = k.conrelid AND t.relkind IN ('r', 'p')
        JOIN pg_catalog.pg_attribute AS b ON b.attrelid = t.oid AND b.attname = 'box'
        JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = t.oid
            AND a.attname IN ('span', 'text_span', 'frame')
            AND pg_catalog.col_description(t.oid, b.attnum)
                = 'Empty, for versions before revision 0016: regions are in ' || a.attname
        WHERE c.many
    LOOP
        UPDATE open_analytic.collections AS c SET region = one.region WHERE c.id = one.id;
        BEGIN
            EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', one.relation);
            PERFORM open_analytic._refuse_attached(one.relation);
            EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s WHERE box IS NOT NULL)', one.relation)
            INTO is_empty;
            IF is_empty THEN
                EXECUTE format('ALTER TABLE %s DROP COLUMN box', one.relation);
            END IF;
        EXCEPTION
            WHEN syntax_error_or_access_rule_violation OR dependent_objects_still_exist
                OR SQLSTATE 'OA006'
            THEN
                RAISE WARNING 'Table % keeps its empty column box: %.', one.relation, SQLERRM;
        END;
    END LOOP;
END
$$;
