-- The columns that hold an input: what each collection calls them. A collection of texts has
-- text_name, text_data and text_sha256; those that exist keep the names they were made with.
ALTER TABLE open_analytic.collections
    ADD COLUMN name_column text NOT NULL DEFAULT 'image_name',
    ADD COLUMN data_column text NOT NULL DEFAULT 'image_data',
    ADD COLUMN sha256_column text NOT NULL DEFAULT 'image_sha256';
COMMENT ON COLUMN open_analytic.collections.name_column IS
    'The column of the table that holds the name of an input';
COMMENT ON COLUMN open_analytic.collections.data_column IS
    'The column that holds an input as it was imported: bytea, or text';
COMMENT ON COLUMN open_analytic.collections.sha256_column IS
    'The column that holds the SHA-256 of an input';
