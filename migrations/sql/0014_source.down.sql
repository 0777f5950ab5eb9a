-- What is known of sources stays in the tables: older versions take it for a column of the user's.
DROP VIEW IF EXISTS open_analytic.current_collections;
ALTER TABLE open_analytic.collections DROP COLUMN has_source;
