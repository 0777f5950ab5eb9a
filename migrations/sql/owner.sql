-- The owner of our schema could change what runs with our rights afterwards: whoever else made it first is not trusted.
DO $$
DECLARE
    owner text := (SELECT r.rolname FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner
                   WHERE n.nspname = 'open_analytic' AND NOT r.rolsuper AND r.rolname <> current_user);
BEGIN
    IF owner IS NOT NULL THEN
        RAISE EXCEPTION 'The schema open_analytic belongs to %, who could change what runs with the rights of %.', owner, current_user
            USING ERRCODE = 'OA055', HINT = format('Run this as %s, or drop the schema when it is not ours.', owner);
    END IF;
END
$$
