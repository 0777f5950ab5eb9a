-- Image search: from an empty database to the nearest pictures.
CREATE EXTENSION IF NOT EXISTS open_analytic;
CREATE EXTENSION IF NOT EXISTS fastann;

SELECT open_analytic.pipeline_create('general_feature_extractor');

/* One row a picture: its name, its bytes, its 1,024 numbers. */
CREATE TABLE image_search_table (
    image_name text PRIMARY KEY,
    image_data bytea NOT NULL,
    feature REAL[] NOT NULL
) DISTRIBUTED BY (image_name);

CREATE INDEX ON image_search_table USING ann (feature) WITH (dim = 1024);

INSERT INTO image_search_table (image_name, image_data, feature)
SELECT name, data,
       translate((open_analytic.pipeline_run_dist_random('general_feature_extractor', data)::json->'feature')::text,
                 '[]', '{}')::real[]
FROM (VALUES ('one.jpg', pg_read_binary_file('one.jpg'))) AS files (name, data);

SELECT image_name,
       l2_distance(feature, translate((open_analytic.pipeline_run_dist_random('general_feature_extractor',
           pg_read_binary_file('query.jpg'))::json->'feature')::text, '[]', '{}')::real[]) AS distance
FROM image_search_table
ORDER BY feature <-> (SELECT translate((open_analytic.pipeline_run_dist_random('general_feature_extractor',
    pg_read_binary_file('query.jpg'))::json->'feature')::text, '[]', '{}')::real[])
LIMIT 10;
