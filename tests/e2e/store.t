#!/bin/bash
# Promise: the store keeps what it acknowledged: on PostgreSQL as on SQLite, when the writer
# is killed, when the database goes away, and when the disk is full.
. "${0%/*}/lib.sh"
. "${0%/*}/pgsql.sh"
bin=${ASSAY_BUILD:-$source_dir/build}/tests/store
# Killing processes asks nothing of a disk.
quick=$tmp
if [ -w /dev/shm ]; then
	quick=$(mktemp -d /dev/shm/assay-test.XXXXXX)
	trap 'rm -rf "$quick"; pg_cleanup; cleanup' EXIT
fi

# suite NAME COMMAND...: its points, counted here.
suite() {
	local name=$1 line; shift
	"$@" >"$tmp/suite" 2>&1; local status=$?
	while read -r line; do
		case $line in
		'ok '*) ok 0 "$name: ${line#* - }" ;;
		'not ok '*) ok 1 "$name: ${line#* - }" ;;
		'#'*) echo "$line" ;;
		esac
	done <"$tmp/suite"
	[ $status = 0 ]; ok $? "$name: all of it"
}

# until CONDITION...: waits for it, at most 20 s.
until_true() {
	for _ in $(seq 400); do
		"$@" && return 0
		sleep 0.05
	done
	return 1
}
# lines FILE WORD, more FILE WORD NUMBER: of what a writer said
lines() { grep -c "^$2" "$1"; }
# shellcheck disable=SC2317
more() { [ "$(lines "$1" "$2")" -gt "$3" ]; }

# SQLite -------------------------------------------------------------------------------------

suite 'SQLite, writer killed' "$bin/store-crash" kill "$quick/kill.db" 100

# Two writers for the same hosts: each revision is one writer's.
"$bin/store-crash" make "$quick/two.db"
background "$bin/store-crash" write "$quick/two.db" >"$tmp/a"
one=$!
background "$bin/store-crash" write "$quick/two.db" >"$tmp/b"
two=$!
until_true more "$tmp/a" ack 100 && until_true more "$tmp/b" ack 100
ok $? 'SQLite: two processes write for the same hosts'
kill -9 $one $two; wait $one $two 2>/dev/null
cat "$tmp/a" "$tmp/b" >"$tmp/acks"
suite 'SQLite, two writers' "$bin/store-crash" check "$quick/two.db" <"$tmp/acks"

# A file system of 2 MiB, in a mount namespace of its own.
full() {
	# shellcheck disable=SC2016,SC2317
	unshare -m bash -c '
		mount -t tmpfs -o size=2m none "$1" || exit 77
		dd if=/dev/zero of="$1/ballast" bs=64k count=4 status=none
		"$2" make "$1/s.db" || exit 1
		"$2" write "$1/s.db" >"$3/full.acks" & w=$!
		for _ in $(seq 400); do grep -q "^full" "$3/full.acks" && break; sleep 0.05; done
		grep -q "^full" "$3/full.acks" && echo "ok 1 - the writer is told that the disk is full" || echo "not ok 1 - the writer is told"
		n=$(grep -c ^ack "$3/full.acks"); rm "$1/ballast"
		for _ in $(seq 400); do [ "$(grep -c ^ack "$3/full.acks")" -gt "$n" ] && break; sleep 0.05; done
		[ "$(grep -c ^ack "$3/full.acks")" -gt "$n" ] && echo "ok 2 - and goes on once there is room" || echo "not ok 2 - and goes on"
		kill -9 $w; wait $w 2>/dev/null
		"$2" check "$1/s.db" <"$3/full.acks"' _ "$tmp/mnt" "$bin/store-crash" "$tmp"
}
mkdir "$tmp/mnt"
if unshare -m true 2>/dev/null; then suite 'SQLite, disk full' full
else skip 'SQLite, disk full' 'no mount namespaces here'; fi

# PostgreSQL ---------------------------------------------------------------------------------

if ! pg_start; then
	skip 'PostgreSQL' 'it is not installed, or does not start'
	finish
fi
suite 'PostgreSQL' "$bin/store-conformance" "$pg_url"

pg_database() {
	"$pg_bin/createdb" -h "$pg_dir" -U assay "$1"
	url="postgresql://assay@/$1?host=$pg_dir"
}
pg_database killing
suite 'PostgreSQL, writer killed' "$bin/store-crash" kill "$url" 30

pg_database two
"$bin/store-crash" make "$url"
background "$bin/store-crash" write "$url" >"$tmp/a"
one=$!
background "$bin/store-crash" write "$url" >"$tmp/b"
two=$!
until_true more "$tmp/a" ack 100 && until_true more "$tmp/b" ack 100
ok $? 'PostgreSQL: two processes write for the same hosts'
kill -9 $one $two; wait $one $two 2>/dev/null
cat "$tmp/a" "$tmp/b" >"$tmp/acks"
suite 'PostgreSQL, two writers' "$bin/store-crash" check "$url" <"$tmp/acks"

# The database goes away in the middle, cleanly and not, and comes back.
pg_database outage
"$bin/store-crash" make "$url"
: >"$tmp/out"
background "$bin/store-crash" write "$url" >"$tmp/out"
writer=$!
for how in INT KILL; do
	until_true more "$tmp/out" ack 50; ok $? "PostgreSQL: writing, then SIG$how"
	busy=$(lines "$tmp/out" busy)
	pg_stop $how
	until_true more "$tmp/out" busy "$busy"; ok $? 'the writer is told to try again'
	if [ $how = KILL ]; then
		# Its children end by themselves once they see it gone.
		until_true sh -c "! pgrep -f '$pg_dir/data' >/dev/null"
		rm -f "$pg_dir/data/postmaster.pid"
	fi
	before=$(lines "$tmp/out" ack)
	pg_start; ok $? 'PostgreSQL starts again'
	until_true more "$tmp/out" ack "$((before + 50))"; ok $? 'and the writer goes on by itself'
done
kill -0 $writer 2>/dev/null; ok $? 'the writer has not ended'
kill -9 $writer; wait $writer 2>/dev/null
suite 'PostgreSQL, gone and back' "$bin/store-crash" check "$url" <"$tmp/out"
finish
