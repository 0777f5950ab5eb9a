-- pictures_names --
-- The pictures by name, a page of them, with how many regions each has.
SELECT {name}, count(feature)
FROM {table}
WHERE {name} > %(after)s
GROUP BY {name}
ORDER BY {name}
LIMIT %(limit)s

-- pictures_feature --
-- The vector of a row, as searches take it.
SELECT feature
FROM {table}
WHERE {name} = %(name)s {part}

-- pictures_uncomputed --
-- Names after one, of rows with bytes that no pipeline has run on, and where they come from.
SELECT {name}, {source}
FROM {table}
WHERE {name} > %(after)s AND feature IS NULL AND {sha256} IS NULL AND {data} IS NOT NULL
ORDER BY {name}
LIMIT %(limit)s

-- pictures_whole --
-- A picture's bytes.
SELECT {bytes}, NULL
FROM {table}
WHERE {name} = %(name)s

-- pictures_regions --
-- A picture's bytes, which its first row has, and where in it a region is.
SELECT {bytes}, (SELECT r.{region} FROM {table} AS r WHERE r.{name} = p.{name} AND r.part = %(part)s)
FROM {table} AS p
WHERE p.{name} = %(name)s AND p.part = 0

-- pictures_rename --
-- All rows of a picture.
UPDATE {table}
SET {name} = %(new)s
WHERE {name} = %(name)s

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
