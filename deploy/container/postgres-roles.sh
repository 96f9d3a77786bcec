#!/bin/sh
# Runs once, when PostgreSQL makes its data: the database, its owner, who is no superuser, and the role of the second lock (docs/operations.md).
set -eu
psql --username postgres --set ON_ERROR_STOP=1 --set password="$POSTGRES_BATON_PASSWORD" <<'SQL'
CREATE ROLE baton LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
CREATE ROLE baton_viewer NOLOGIN NOSUPERUSER NOBYPASSRLS;
GRANT baton_viewer TO baton;
CREATE DATABASE baton OWNER baton ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE baton FROM PUBLIC;
SQL
