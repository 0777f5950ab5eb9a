-- pgvector 0.8 brought iterative scans; 0.8.4 repaired vacuum of HNSW indexes.
DO $$
DECLARE
    found text;
    have int[];
BEGIN
    SELECT coalesce(installed_version, default_version) INTO found
    FROM pg_catalog.pg_available_extensions WHERE name = 'vector';
    IF found IS NULL THEN
        RAISE EXCEPTION 'The server does not offer the extension "vector" (pgvector), which is needed.'
            USING ERRCODE = 'OA054', HINT = 'Install pgvector 0.8 or newer on the server, then run the upgrade again.';
    END IF;
    have := string_to_array(substring(found FROM '^[0-9.]*[0-9]'), '.')::int[];
    IF have < '{0,8}' THEN
        RAISE EXCEPTION 'The extension "vector" (pgvector) is at version %; 0.8 or newer is needed.', found
            USING ERRCODE = 'OA054',
                  HINT = 'Install a newer pgvector on the server and run ALTER EXTENSION vector UPDATE, then the upgrade again.';
    ELSIF have < '{0,8,4}' THEN
        RAISE WARNING 'The extension "vector" (pgvector) is at version %; before 0.8.4 vacuum can damage an HNSW index.', found
            USING HINT = 'Update pgvector on the server, then ALTER EXTENSION vector UPDATE.';
    END IF;
END
$$;

CREATE EXTENSION IF NOT EXISTS vector;

-- Roles belong to the whole cluster: another database may have made them, or be making them right now.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['open_analytic_user', 'open_analytic_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- the other upgrade was faster
            END;
        END IF;
    END LOOP;
    IF NOT pg_has_role('open_analytic_admin', 'open_analytic_user', 'MEMBER') THEN
        BEGIN
            GRANT open_analytic_user TO open_analytic_admin;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END IF;
END
$$;

COMMENT ON SCHEMA open_analytic IS 'Pipelines and collections of open_analytic';

CREATE TABLE open_analytic.pipelines (
    name text NOT NULL CHECK (name <> ''),
    version integer NOT NULL CHECK (version > 0),
    input text NOT NULL,
    output text[] NOT NULL,
    dim integer CHECK (dim > 0),
    many boolean NOT NULL,
    hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    definition json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL DEFAULT current_user,
    dropped_at timestamptz,
    PRIMARY KEY (name, version)
);
COMMENT ON TABLE open_analytic.pipelines IS 'Every version of every pipeline ever registered; rows are never deleted, so a version means one thing';
COMMENT ON COLUMN open_analytic.pipelines.hash IS 'SHA-256 of the definition with the identities of its models';
COMMENT ON COLUMN open_analytic.pipelines.definition IS 'json, not jsonb: numbers keep their spelling, so that the hash can be made again';
COMMENT ON COLUMN open_analytic.pipelines.many IS 'Features are one a region (face), not one a picture';

CREATE TABLE open_analytic.collections (
    schema_name text NOT NULL,
    table_name text NOT NULL,
    pipeline text,
    version integer,
    dim integer NOT NULL CHECK (dim BETWEEN 1 AND 4000),
    metric text NOT NULL CHECK (metric IN ('l2', 'cosine', 'ip')),
    many boolean NOT NULL,
    parameters json NOT NULL,
    migrated boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL DEFAULT current_user,
    PRIMARY KEY (schema_name, table_name),
    FOREIGN KEY (pipeline, version) REFERENCES open_analytic.pipelines (name, version) MATCH FULL
);
COMMENT ON TABLE open_analytic.collections IS 'Tables with a vector column, each bound to one version of one pipeline or to none';
COMMENT ON COLUMN open_analytic.collections.parameters IS 'What the pipeline is run with';
COMMENT ON COLUMN open_analytic.collections.migrated IS 'Made by a migration of the user''s own project, which also drops it';

CREATE INDEX ON open_analytic.collections (pipeline, version);

CREATE VIEW open_analytic.current_pipelines AS
SELECT DISTINCT ON (name) name, version, input, output, dim, created_at, hash, many, definition
FROM open_analytic.pipelines
WHERE dropped_at IS NULL
ORDER BY name, version DESC;
COMMENT ON VIEW open_analytic.current_pipelines IS 'The pipelines that can be run, each in its newest version';

-- A user runs pipelines and works with collections; an admin creates and drops both.
REVOKE ALL ON SCHEMA open_analytic FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA open_analytic FROM PUBLIC;
GRANT USAGE ON SCHEMA open_analytic TO open_analytic_user;
GRANT SELECT ON open_analytic.alembic_version, open_analytic.pipelines, open_analytic.collections,
    open_analytic.current_pipelines TO open_analytic_user;
GRANT INSERT, UPDATE ON open_analytic.pipelines TO open_analytic_admin;
GRANT INSERT, UPDATE, DELETE ON open_analytic.collections TO open_analytic_admin;
