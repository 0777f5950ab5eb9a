-- Runs first: drops functions of other versions that cannot be replaced in place, since their
-- arguments or results differ. What stays keeps the views, defaults and grants that depend on it.
DO $do$
DECLARE
    -- signatures.txt: every function of this version.
    current CONSTANT text[] := ARRAY[
        @signatures@
    ];
    stale regprocedure;
    problem text;
BEGIN
    PERFORM '[1]'::@vector@.vector; -- loads pgvector's library: functions below name its settings
    DROP POLICY IF EXISTS reads ON open_analytic.clusterings;
    DROP POLICY IF EXISTS writes ON open_analytic.clusterings;
    DROP POLICY IF EXISTS reads ON open_analytic.cluster_members;
    DROP POLICY IF EXISTS writes ON open_analytic.cluster_members;
    DROP POLICY IF EXISTS reads ON open_analytic.cluster_changes;
    DROP POLICY IF EXISTS writes ON open_analytic.cluster_changes;
    FOR stale IN
        SELECT p.oid
        FROM pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace
            AND (
                p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ') '
                    || pg_get_function_result(p.oid) <> ALL (current)
                OR to_regtype('open_analytic._plan') = ANY (p.proargtypes::oid[] || p.prorettype)
            )
            AND NOT EXISTS (
                SELECT
                FROM pg_depend AS d
                WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
            )
    LOOP
        EXECUTE format('DROP FUNCTION %s', stale);
    END LOOP;
    DROP TYPE IF EXISTS open_analytic._plan;
EXCEPTION WHEN dependent_objects_still_exist THEN
    GET STACKED DIAGNOSTICS problem = PG_EXCEPTION_DETAIL;
    RAISE EXCEPTION 'The upgrade replaces functions that other objects use: %.', problem
        USING ERRCODE = 'OA030',
        HINT = 'Nothing was changed. Save the definitions of these objects, drop them, run the '
            'upgrade, and create them again.';
END
$do$;
