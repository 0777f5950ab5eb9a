-- The body of a server that has neither plpython3u nor dblink: every call says what is missing.

CREATE OR REPLACE FUNCTION open_analytic._request(
    operation text, name text, hash text, definition text, parameters text, inputs bytea[],
    any_node boolean
)
RETURNS TABLE (output text, error text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT NULL, open_analytic._error(
        'MissingExtension', 'OA054',
        'This server has neither plpython3u nor dblink, '
        'so SQL cannot reach the inference service.',
        'Let a superuser install dblink, then, as the owner of the schema open_analytic: '
        'SELECT open_analytic.use_body().'
    )
$$;
