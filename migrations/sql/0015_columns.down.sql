-- Older versions know the columns by the names that those of images have: the columns of every
-- collection get them, and data that is text becomes its bytes. No value is lost.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.relation, c.relation::text AS name, n.present, n.earlier,
            a.atttypid = 'text'::regtype AND n.earlier = 'image_data' AS is_text
        FROM open_analytic.current_collections AS c
        CROSS JOIN LATERAL (
            VALUES
            (c.name_column, 'image_name'),
            (c.data_column, 'image_data'),
            (c.sha256_column, 'image_sha256')
        ) AS n (present, earlier)
        JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = c.relation AND a.attname = n.present AND NOT a.attisdropped
    LOOP
        BEGIN
            IF one.present <> one.earlier THEN
                EXECUTE format(
                    'ALTER TABLE %s RENAME COLUMN %I TO %I', one.name, one.present, one.earlier
                );
            END IF;
            one.present := one.earlier;
            IF one.is_text THEN
                -- The rows are written again: what the owner attached to them would run.
                EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', one.name);
                PERFORM open_analytic._refuse_attached(one.relation);
            END IF;
        EXCEPTION WHEN syntax_error_or_access_rule_violation OR SQLSTATE 'OA006' THEN
            RAISE WARNING 'Column % of table % cannot become % (%): versions of open_analytic '
                'before this one cannot open the collection.', quote_ident(one.present), one.name,
                one.earlier, SQLERRM;
            CONTINUE;
        END;
        CONTINUE WHEN NOT one.is_text;
        BEGIN
            EXECUTE format(
                'ALTER TABLE %s ALTER COLUMN %I TYPE pg_catalog.bytea '
                'USING pg_catalog.convert_to(%2$I, ''UTF8'')',
                one.name, one.present
            );
        EXCEPTION
            WHEN syntax_error_or_access_rule_violation OR feature_not_supported
                OR dependent_objects_still_exist
            THEN
                RAISE WARNING 'Column % of table % stays text (%): versions of open_analytic before '
                    'this one search the collection and cannot read its texts.',
                    quote_ident(one.present), one.name, SQLERRM;
        END;
    END LOOP;
END
$$;
DROP VIEW IF EXISTS open_analytic.current_collections;
DELETE FROM open_analytic.code; -- the next upgrade creates the view again
ALTER TABLE open_analytic.collections
    DROP COLUMN name_column,
    DROP COLUMN data_column,
    DROP COLUMN sha256_column;
