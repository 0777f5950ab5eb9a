-- Before an upgrade, after session.sql: pgvector, in the schema that the session's own search_path names first.
DO $$
DECLARE
    -- Of the schemas of other roles only public is accepted: their owners could add objects beside the extension's.
    place text := coalesce((
        SELECT n.nspname
        FROM pg_namespace AS n
        JOIN pg_roles AS r ON r.oid = n.nspowner
        WHERE n.nspname = current_setting('open_analytic.schema') AND (r.rolsuper OR r.rolname = current_user)
          AND n.nspname !~ '^pg_'), 'public');
    found text;
BEGIN
    SELECT coalesce(installed_version, default_version) INTO found FROM pg_available_extensions WHERE name = 'vector';
    -- Where the version is too old, the first revision says so.
    IF string_to_array(substring(found FROM '^[0-9.]*[0-9]'), '.')::int[] >= '{0,8}' THEN
        EXECUTE format('CREATE EXTENSION IF NOT EXISTS vector SCHEMA %I', place);
    END IF;
END
$$;
