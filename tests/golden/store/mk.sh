#!/bin/sh
# Makes v1.sql again: a store of schema 1 with something in every table, as sqlite3 dumps
# it.  Only the program of that schema can do it: a released one is never made again.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
"${ASSAY_BUILD:-../../../build}/tests/store/store-conformance" --fill "$tmp/v1.db" >/dev/null
{
	sqlite3 "$tmp/v1.db" .dump
	echo "PRAGMA application_id = $(sqlite3 "$tmp/v1.db" 'PRAGMA application_id');"
	echo "PRAGMA user_version = $(sqlite3 "$tmp/v1.db" 'PRAGMA user_version');"
} >v1.sql
