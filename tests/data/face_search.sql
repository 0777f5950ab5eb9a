-- Face search: the photos of the person in a picture, best first.
CREATE EXTENSION IF NOT EXISTS open_analytic;
CREATE EXTENSION IF NOT EXISTS fastann;

SELECT open_analytic.pipeline_create('face_feature_extractor');

SELECT name FROM open_analytic.current_pipelines;

CREATE TABLE face_search_table (
    image_name text PRIMARY KEY,
    image_data bytea NOT NULL,
    feature real[] NOT NULL
) DISTRIBUTED RANDOMLY;

CREATE INDEX face_feature_index ON face_search_table
    USING ann (feature) WITH (dim = 512, distancemeasure = L2, hnsw_m = 32, hnsw_ef_construction = 200, pq_enable = 0);

INSERT INTO face_search_table
SELECT image_name, image_data,
       translate((open_analytic.pipeline_run_dist_random('face_feature_extractor', image_data)::json->'face_emb')::text,
                 '[]', '{}')::real[]
FROM image_search_table;

SELECT image_name, feature <-> query.face AS distance
FROM face_search_table,
     (SELECT translate((open_analytic.pipeline_run_dist_random('face_feature_extractor', image_data)::json
                        ->'face_emb')::text, '[]', '{}')::real[] AS face
      FROM image_search_table WHERE image_name = 'one.jpg') AS query
ORDER BY distance
LIMIT 10;
