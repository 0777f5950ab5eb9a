-- pictures_names --
-- The pictures by name, a page of them, with how many regions each has.
SELECT image_name, count(feature)
FROM {table}
WHERE image_name > %(after)s
GROUP BY image_name
ORDER BY image_name
LIMIT %(limit)s

-- pictures_feature --
-- The vector of a row, as searches take it.
SELECT feature
FROM {table}
WHERE image_name = %(name)s {part}

-- pictures_uncomputed --
-- Names after one, of rows with bytes that no pipeline has run on, and where they come from.
SELECT image_name, {source}
FROM {table}
WHERE image_name > %(after)s AND feature IS NULL AND image_sha256 IS NULL AND image_data IS NOT NULL
ORDER BY image_name
LIMIT %(limit)s

-- pictures_whole --
-- A picture's bytes.
SELECT image_data, NULL
FROM {table}
WHERE image_name = %(name)s

-- pictures_regions --
-- A picture's bytes, which its first row has, and where in it a region is.
SELECT p.image_data, (SELECT r.box FROM {table} AS r WHERE r.image_name = p.image_name AND r.part = %(part)s)
FROM {table} AS p
WHERE p.image_name = %(name)s AND p.part = 0

-- pictures_rename --
-- All rows of a picture.
UPDATE {table}
SET image_name = %(new)s
WHERE image_name = %(name)s

-- pictures_bytes --
-- What the table takes with its long values, and its indexes.
SELECT pg_table_size(to_regclass(%(table)s)), pg_indexes_size(to_regclass(%(table)s))

-- pictures_values --
-- The values of a column, should they be few: of the first rows only, since a table may be long.
SELECT DISTINCT {column}::text
FROM (SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT %(rows)s) AS first_rows
LIMIT %(most)s

-- statement --
-- What a search is in SQL, for people to copy.
SELECT name, distance, "row"
FROM open_analytic.search({table}, {vector}::vector, {options});
