#!/bin/sh
# Run once by the postgres image when its volume is empty: the owner of the tables, and the role that the product uses.
set -eu
owner=$(cat /run/secrets/owner_password)
application=$(cat /run/secrets/application_password)
psql --set ON_ERROR_STOP=1 --username postgres --set owner="$owner" --set application="$application" <<'SQL'
CREATE ROLE owner LOGIN PASSWORD :'owner';
CREATE ROLE application LOGIN PASSWORD :'application';
CREATE DATABASE provider OWNER owner;
SQL
