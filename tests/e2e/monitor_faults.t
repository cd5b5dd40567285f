#!/bin/bash
# Whatever happens to the monitor, the host's executions go on within seconds, and what was not
# seen meanwhile is in the list as a gap: stopped, killed, hung, overrun, without a disk.
# shellcheck disable=SC2317  # called by wait_for
. "${0%/*}/monitor.sh"
have python3 || { skip "faults of the monitor" "python3 is missing"; finish; }
printf '#!/bin/sh\nexit 0\n' >"$w/script"; chmod 755 "$w/script"
cp /bin/true "$w/true"
# takes LIMIT COMMAND...: it must end well within LIMIT seconds.
takes() {
	local limit=$1 start end; shift
	start=$(date +%s%N); timeout 20 "$@"; local r=$?; end=$(date +%s%N)
	took=$(((end - start) / 1000000))
	[ $r = 0 ] && [ $took -le $((limit * 1000)) ]
}
again() { [ "$(grep -c '^monitor running' "$tmp/monitor.err")" -gt "$1" ]; }
running() { sed -n 's/,//g; /^monitor running/p' "$tmp/monitor.err" | tail -1 | awk '$4 > 1 {print $4}'; }
new() { printf '#!/bin/sh\nexit 0 # %s\n' "$1" >"$w/$1"; chmod 755 "$w/$1"; }
start_monitor --mount "$w"
"$w/script"; seen "$w/script"; ok $? "it sees"

# --- stopped: it holds the execution until the watchdog kills it
new while_stopped
kill -STOP "$mon_pid"
takes 4 "$w/while_stopped"; ok $? "an execution goes on though the monitor is stopped ($took ms)"
wait_for 10 again 1; ok $? "another one is started"
seen 'why=silent'; ok $? "the gap is listed, with its reason"
new after_stopped; "$w/after_stopped"; seen "$w/after_stopped"; ok $? "and it sees again"

# --- killed
kill -9 "$(running)"
takes 2 "$w/script"; ok $? "an execution goes on when it is killed"
wait_for 10 again 2; ok $? "another one is started"
seen 'why=died'; ok $? "the gap is listed, with its reason"
new after_killed; "$w/after_killed"; seen "$w/after_killed"; ok $? "and it sees again"

# --- the watchdog killed: the monitor does not go on unwatched, and the command says so
kill -9 "$dog_pid"
takes 2 "$w/script"; ok $? "an execution goes on when the watchdog is killed"
wait "$mon"; is $? 3 "the command ends, and says that it cannot go on"; mon=
start_monitor --mount "$w"
seen 'why=absent'; ok $? "the next start lists the gap"
stop_monitor
start_monitor --mount "$w"
seen 'why=stopped'; ok $? "a time between an orderly end and a start is a gap too"
run ima-log verify "$data/monitor/list"; exits 0 "the list agrees with itself after all this"
run monitor show --data "$data"; exits 0 "and with its sidecar"

# --- a file system that does not answer
mkdir "$tmp/hang"
if [ -e /dev/fuse ]; then
	stop_monitor
	background python3 "$helper" hangfs "$tmp/hang" /bin/true 2>"$tmp/fuse.err"; fuse=$!
	mounted() { mountpoint -q "$tmp/hang"; }
	wait_for 5 mounted; ok $? "a FUSE file system of the test's"
	start_monitor --mount "$w" --mount "$tmp/hang"
	"$tmp/hang/good"; is $? 0 "a program in it runs"
	seen "$(sha /bin/true)  $tmp/hang/good"; ok $? "and is listed"
	("$tmp/hang/hang" 2>/dev/null & echo $! >"$tmp/hung"; wait) &
	new beside; takes 1 "$w/beside"; ok $? "an execution is not held up by another file that cannot be read ($took ms)"
	seen "$(printf '%064d' 0)  $tmp/hang/hang"; ok $? "the file that cannot be read is listed, with no digest"
	for i in 1 2 3; do new "beside$i"; takes 1 "$w/beside$i" || break; done
	is "$i" 3 "nor are others"
	seen "$w/beside3"; ok $? "and they are still seen"
	is "$(running)" "$mon_pid" "by the same monitor"
	# Its thread hangs in a read that no signal ends: only a table of descriptors of its own
	# lets the rest of the process go.
	new while_hung; kill -STOP "$mon_pid"
	takes 4 "$w/while_hung"; ok $? "a stopped monitor is killed though a thread of it cannot be ($took ms)"
	wait_for 10 again 1; ok $? "another one is started"
	new after_hung; takes 1 "$w/after_hung"; seen "$w/after_hung"; ok $? "and it sees again"
	kill "$fuse"; umount -l "$tmp/hang"
	stop_monitor
else
	skip "a file system that does not answer" "there is no /dev/fuse"
	stop_monitor
fi

# --- storms
: >"$tmp/lines"; data=$tmp/data-storm
mount -t tmpfs -o mode=755 none "$tmp/storm" 2>/dev/null || { mkdir "$tmp/storm"; mount -t tmpfs -o mode=755 none "$tmp/storm"; }
start_monitor --mount "$tmp/storm" --mount "$w"
r=$(python3 "$helper" storm "${STORM:-1000}" "$tmp/storm" "$w/script"); ok $? "${STORM:-1000} new files executed at once: $r"
r=$(python3 "$helper" same "${STORM:-1000}" "$w/true"); ok $? "one file executed ${STORM:-1000} times at once: $r"
settle; all() { [ "$(times "$tmp/storm/storm")" = "${STORM:-1000}" ]; }
wait_for 20 all; ok $? "each of them is listed"
is "$(times monitor_gap)" 0 "without a gap"
stop_monitor
run monitor show --data "$data"; exits 0 "the sidecar agrees with all of them"

# --- no room for the list
: >"$tmp/lines"; mkdir "$tmp/full"; mount -t tmpfs -o size=64k none "$tmp/full"; data=$tmp/full/data
start_monitor --mount "$w"
"$w/script"; seen "$w/script"
dd if=/dev/zero of="$tmp/full/fill" bs=1k count=100 2>/dev/null
for i in $(seq 40); do new "full$i"; "$w/full$i" || break; done
is "$i" 40 "executions go on when records cannot be written"
rm "$tmp/full/fill"
wait_for 5 grep -q 'why=write-failed' "$tmp/lines"; ok $? "once there is room again, the gap is listed"
like "$(grep write-failed "$tmp/lines")" 'count=[1-9]' "with the number that was lost"
new roomy; "$w/roomy"; seen "$w/roomy"; ok $? "and what is new is listed"
"$w/full40"; seen "$w/full40"; ok $? "as is what was lost, when it runs again"
stop_monitor
run ima-log verify "$data/monitor/list"; exits 0 "the list agrees with itself"
run monitor show --data "$data"; exits 0 "and with its sidecar"

# --- what is not whole is cut off
data=$tmp/data
for cut in 1 40 100; do
	size=$(stat -c %s "$data/monitor/list"); truncate -s $((size - cut)) "$data/monitor/list"
	: >"$tmp/lines"; start_monitor --mount "$w"; stop_monitor
	run ima-log verify "$data/monitor/list"; exits 0 "a list that was cut by $cut bytes is taken up again"
done

# --- refusals
run monitor run; exits 2 "no directory"
run monitor run --data "$data" --pcr 10; exits 2 "not the kernel's PCR"
run monitor run --data "$data" --pcr 16; exits 2 "not one that can be reset"
run monitor run --data "$data" --pcr 23; exits 2 "nor that"
start_monitor --mount "$w"
run monitor run --data "$data" --mount "$w"; exits 3 "not two on one list"
stop_monitor
run monitor run --data "$data" --mount "$tmp/nothing"; exits 3 "not what is not there"
finish
