# monitor.sh: what the tests of the execution monitor share.  Source it first:
#	. "${0%/*}/monitor.sh"
# It runs the test again in a mount namespace of its own, where only file systems that the
# test itself mounts are ever watched: the machine's own must not wait for a monitor under
# test.  Gives $w (a tmpfs, to be watched) and what lib.sh gives.
# shellcheck shell=bash
if [ "${ASSAY_MONITOR_TEST:-}" != 1 ]; then
	if [ "$(id -u)" = 0 ] && unshare -m --propagation private true 2>/dev/null; then
		ASSAY_MONITOR_TEST=1 exec unshare -m --propagation private bash "$0" "$@"
	fi
	echo "ok 1 - the execution monitor # SKIP needs root and mount namespaces"; echo 1..1; exit 0
fi
. "${0%/*}/lib.sh"
helper=$here/monitor_acts.py
w=$tmp/w
mkdir "$w"
mount -t tmpfs -o mode=755 none "$w" || { skip "the execution monitor" "no tmpfs can be mounted"; finish; }
mon=

# A test that fails must not leave processes, mounts or loop devices behind.
monitor_cleanup() {
	[ -z "$mon" ] || { kill -TERM "$mon"; wait "$mon"; } 2>/dev/null
	umount -l "$tmp"/* 2>/dev/null
	cleanup
}
trap monitor_cleanup EXIT

# wait_for SECONDS COMMAND...: until it succeeds; a condition, not a pause.
wait_for() {
	local until=$((SECONDS + $1)); shift
	until "$@" 2>/dev/null; do [ $SECONDS -lt $until ] || return 1; sleep 0.05; done
}
# start_monitor [OPTION...]: over $data; its lines are in $tmp/lines.
data=$tmp/data
start_monitor() {
	: >"$tmp/monitor.err"	# or what the last one said would be taken for its word
	"$assay" monitor run --data "$data" "$@" >>"$tmp/lines" 2>"$tmp/monitor.err" &
	mon=$!
	wait_for 20 grep -q '^monitor running' "$tmp/monitor.err"; ok $? "the monitor starts${*:+ ($*)}"
	read -r _ _ _ mon_pid _ dog_pid _ <<-X
		$(sed -n 's/,//g; /^monitor running/{p;q}' "$tmp/monitor.err")
	X
	# Process 0 would be the test's own group.
	[ "${mon_pid:-0}" -gt 1 ] && [ "${dog_pid:-0}" -gt 1 ] || { ok 1 "it names its processes"; diag "$(cat "$tmp/monitor.err")"; finish; }
}
stop_monitor() {
	kill -TERM "$mon"; wait "$mon"; local r=$?; mon=
	is $r 0 "the monitor ends in order"
}
# seen TEXT: a line with it; unseen the contrary, once what was done before is surely listed.
seen() { wait_for 10 grep -qF -- "$1" "$tmp/lines"; }
sha() { sha256sum "$1" | cut -d' ' -f1; }
times() { grep -cF -- "$1" "$tmp/lines"; }
# settle: something new is executed and listed, so all before it is too.
marker=0
settle() {
	marker=$((marker + 1))
	printf '#!/bin/sh\nexit 0 # %s\n' "$marker" >"$w/marker$marker" && chmod 755 "$w/marker$marker"
	"$w/marker$marker"
	seen "$w/marker$marker"
}
# old FILE...: last changed long enough ago to be remembered.
old() { sleep 0.06; }
