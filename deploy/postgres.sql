-- What an administrator makes once, in the database that Ringback is to have: its three roles, its login, its rights.
-- docker-compose.yml runs it on the first start; by hand:
--
--   createdb ringback
--   APPLICATION_PASSWORD=… psql --dbname ringback --file deploy/postgres.sql
--
-- The login may not make roles: where this was run, migrations/roles.py finds everything there.

\set ON_ERROR_STOP on
\getenv password APPLICATION_PASSWORD

BEGIN;

CREATE ROLE ringback_owner NOLOGIN NOINHERIT;
CREATE ROLE ringback_tenant NOLOGIN NOINHERIT;
CREATE ROLE ringback_engine NOLOGIN NOINHERIT;
CREATE ROLE ringback LOGIN NOINHERIT PASSWORD :'password';
GRANT ringback_owner, ringback_tenant, ringback_engine TO ringback;

SELECT format('GRANT CREATE ON DATABASE %I TO ringback_owner', current_database()) \gexec
GRANT CREATE, USAGE ON SCHEMA public TO ringback_owner;

COMMIT;
