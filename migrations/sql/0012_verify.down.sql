DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname = ANY (ARRAY['verify', '_rate'])
    LOOP
        EXECUTE format('DROP FUNCTION %s', function);
    END LOOP;
END
$$;
DROP TYPE open_analytic.verification;
DROP VIEW open_analytic.current_rates;
DROP TABLE open_analytic.preset_rates;
DROP TABLE open_analytic.distance_rates;
