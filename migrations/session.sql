-- What the session is set to, until the transaction ends. Its search_path can be the work of the database's owner, so it
-- is replaced before anything else is read; it only says into which schema pgvector is installed.
SELECT pg_catalog.set_config('open_analytic.path', pg_catalog.current_setting('search_path'), true),
       pg_catalog.set_config('open_analytic.schema', coalesce(pg_catalog.current_schema(), ''), true),
       pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
SET LOCAL standard_conforming_strings = on;
SET LOCAL check_function_bodies = on;
SET LOCAL quote_all_identifiers = off;
SET LOCAL row_security = on;
SET LOCAL transform_null_equals = off;
-- A superuser acts as one, where the database's owner has set another role for everybody who comes.
SELECT pg_catalog.set_config('role', 'none', true)
FROM pg_catalog.pg_roles AS r
WHERE r.rolname = session_user AND r.rolsuper AND current_user <> session_user
  AND EXISTS (
      SELECT
      FROM pg_catalog.pg_db_role_setting AS s
      JOIN pg_catalog.pg_database AS b ON b.oid = s.setdatabase AND b.datname = current_database()
      WHERE s.setrole = 0::oid AND 'role=' || current_user::text = ANY (s.setconfig)
  );
