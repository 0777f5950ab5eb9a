-- Collections are the user's tables and stay, as ordinary tables. So does the extension, which they need.
DROP VIEW open_analytic.current_pipelines;
DROP TABLE open_analytic.collections;
DROP TABLE open_analytic.pipelines;
REVOKE ALL ON open_analytic.alembic_version FROM open_analytic_user;
REVOKE ALL ON SCHEMA open_analytic FROM open_analytic_user;

-- Roles go only when nothing else holds them: no other database, no table, no member.
DO $$
DECLARE
    unwanted text;
BEGIN
    FOREACH unwanted IN ARRAY ARRAY['open_analytic_admin', 'open_analytic_user'] LOOP
        IF NOT EXISTS (
            SELECT FROM pg_catalog.pg_auth_members AS m
            WHERE m.roleid = to_regrole(unwanted) AND m.member <> (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
        ) THEN
            BEGIN
                EXECUTE format('DROP ROLE IF EXISTS %I', unwanted);
            EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR undefined_object
                OR internal_error THEN
                NULL;  -- still needed, not ours to drop, or just dropped by another database's downgrade
            END;
        END IF;
    END LOOP;
END
$$;
