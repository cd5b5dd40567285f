# lib.sh: what every end-to-end test needs.  Source it first:
#	. "${0%/*}/lib.sh"
# Gives: $assay, $golden, $tmp (removed at exit), and the checks below.  A test ends
# with "finish".  Processes started with "background" are ended by their id at exit.
# shellcheck shell=bash
set -u
here=$(cd "${0%/*}" && pwd)
source_dir=${ASSAY_SOURCE:-$(cd "$here/../.." && pwd)}
assay=${ASSAY_BUILD:-$source_dir/build}/assay
golden=${ASSAY_GOLDEN:-$source_dir/tests/golden}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/assay-test.XXXXXX")
export NO_COLOR=1 LC_ALL=C.UTF-8
count=0 failed=0 pids=

cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
	rm -rf "$tmp"
}
trap cleanup EXIT

# ok STATUS DESCRIPTION: one point; STATUS 0 is good.
ok() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then echo "ok $count - $2"
	else echo "not ok $count - $2"; failed=$((failed + 1)); fi
}
diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

# skip DESCRIPTION WHY: a point that could not be made here.
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }

# have PROGRAM...: whether all are there.
have() { for p in "$@"; do command -v "$p" >/dev/null || return 1; done; }

# run ARG...: the program; its output is in $out (stdout) and $err, status in $status.
run() {
	"$assay" "$@" >"$tmp/out" 2>"$tmp/err"; status=$?
	# shellcheck disable=SC2034
	out=$(tr -d '\0' <"$tmp/out"); err=$(tr -d '\0' <"$tmp/err")
}

# exits STATUS DESCRIPTION: about the last run.
exits() {
	[ "$status" = "$1" ]; ok $? "$2"
	[ "$status" = "$1" ] || { diag "exit $status, want $1"; diag "$err"; diag "$(head -c 2000 "$tmp/out")"; }
}

# is GOT WANT DESCRIPTION
is() {
	[ "$1" = "$2" ]; ok $? "$3"
	[ "$1" = "$2" ] || { diag "got:  $1"; diag "want: $2"; }
}

# like TEXT PATTERN DESCRIPTION: an extended regular expression somewhere in TEXT.
like() {
	printf '%s\n' "$1" | grep -qE -- "$2"; local r=$?
	ok $r "$3"; [ $r = 0 ] || { diag "got:  $1"; diag "want: $2"; }
}

# json EXPRESSION: python expression over j, the JSON of the last run's output.
json() { python3 -c 'import json,sys; j=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$tmp/out" "$1"; }

# background COMMAND...: started, its id in $!, ended at exit.
background() { "$@" & pids="$pids $!"; }

finish() { echo "1..$count"; [ "$failed" = 0 ]; exit $?; }
