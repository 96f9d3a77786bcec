#!/bin/sh
# Runs once, when PostgreSQL makes its data: the database, its owner for `baton migrate`, and the program's own login, which owns nothing and
# can only add to the audit (docs/audit.md); neither is a superuser. And the role of the second lock (docs/operations.md).
set -eu
psql --username postgres --set ON_ERROR_STOP=1 --set owner="$POSTGRES_BATON_PASSWORD" --set app="$POSTGRES_BATON_APP_PASSWORD" <<'SQL'
CREATE ROLE baton_runtime NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE baton_viewer NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE baton LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner';
CREATE ROLE baton_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app';
GRANT baton_viewer TO baton;
GRANT baton_viewer, baton_runtime TO baton_app;
CREATE DATABASE baton OWNER baton ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE baton FROM PUBLIC;
GRANT CONNECT ON DATABASE baton TO baton_app;
SQL
