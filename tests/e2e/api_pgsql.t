#!/bin/bash
# shellcheck source=tests/e2e/lib.sh disable=SC1091 # pgsql.sh stands beside it
# The API again, with PostgreSQL below it: the same answers, and the same one of many who race.
. "${0%/*}/lib.sh"
. "$here/pgsql.sh"
pg_start || { echo "1..0 # SKIP there is no PostgreSQL"; exit 0; }
# shellcheck disable=SC2154 # pgsql.sh sets it
export ASSAY_SOURCE=$source_dir ASSAY_BUILD=${ASSAY_BUILD:-$source_dir/build} ASSAY_API_STORE=$pg_url
python3 "$here/api.t"
