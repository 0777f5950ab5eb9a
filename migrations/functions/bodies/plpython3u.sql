-- The way to the inference service over HTTP, with the client that the package brings.

CREATE OR REPLACE FUNCTION open_analytic._request(
    operation text, name text, hash text, definition text, parameters text, inputs bytea[],
    any_node boolean
)
RETURNS TABLE (output text, error text)
LANGUAGE plpython3u STABLE SET search_path = pg_catalog, pg_temp
AS $python$
    if "open_analytic" not in GD:
        import sys
        path = "SELECT value FROM open_analytic.settings WHERE name = 'python_path'"
        sys.path += {row["value"] for row in plpy.execute(path)} - set(sys.path)
        try:
            import open_analytic.plpython
        except ImportError as error:
            no_python = "SELECT NULL::text AS output, open_analytic._no_python($1) AS error"
            return plpy.execute(plpy.prepare(no_python, ["text"]), [str(error)])
        GD["open_analytic"] = open_analytic.plpython
    return GD["open_analytic"].request(
        plpy, operation, name, hash, definition, parameters, inputs, any_node
    )
$python$;
