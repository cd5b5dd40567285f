#!/bin/bash
# The monitor's list replays to its PCR in a real (software) TPM, in every bank, whatever is
# killed when; a quote of that PCR authenticates it, and an altered list is found out.
# shellcheck disable=SC2317  # called by wait_for
. "${0%/*}/monitor.sh"
have swtpm tpm2_quote python3 || { skip "the monitor's PCR" "swtpm, tpm2-tools or python3 is missing"; finish; }
cd "$tmp" || exit 1
mkdir state
start_tpm() {
	swtpm socket --tpm2 --tpmstate "dir=$tmp/state" --server "type=unixio,path=$tmp/tpm" \
		--ctrl "type=unixio,path=$tmp/tpm.ctrl" --flags "not-need-init,startup-$1" >>swtpm.log 2>&1 &
	swtpm=$!; pids="$pids $swtpm"
	wait_for 10 test -S "$tmp/tpm"
}
export TPM2TOOLS_TCTI="swtpm:path=$tmp/tpm"
tpm() { "$@" >tpm.log 2>&1 || { ok 1 "$1"; diag "$(cat tpm.log)"; return 1; }; }
# The value of PCR 13 in a bank, in hex; and what the list replays to there.
pcr() { tpm2_pcrread -Q "$1:13" -o value 2>/dev/null && od -An -v -tx1 value | tr -d ' \n'; }
replayed() { run ima-log verify --json --bank "$1" "$data/monitor/list"; json "j['pcr']['$1']['13']"; }
agree() { [ "$(pcr sha256)" = "$(replayed sha256)" ]; }
# quote: q.msg, q.sig, q.pcrs over the boot's PCRs and the monitor's.
nonce=00112233445566778899aabbccddeeff
quote() { tpm tpm2_quote -c ak.ctx -l sha256:0,1,2,3,4,5,6,7,8,9,10,13 -q $nonce -m q.msg -s q.sig -o q.pcrs; }
verify() {
	run evidence verify --json --ima-log "$1" --list-pcr "${2:-13}" --quote q.msg --signature q.sig --ak ak.pub \
		--nonce $nonce --pcrs q.pcrs "${@:3}"
}
start_tpm clear; ok $? "a software TPM"
make_ak() {
	tpm tpm2_createek -c ek.ctx -G ecc && tpm tpm2_createak -C ek.ctx -c ak.ctx -G ecc -s ecdsa -g sha256 -u ak.pub -n ak.name
	tpm tpm2_flushcontext -t
}
make_ak
printf '#!/bin/sh\nexit 0\n' >"$w/script"; chmod 755 "$w/script"; cp /bin/true "$w/true"
new() { printf '#!/bin/sh\nexit 0 # %s\n' "$1" >"$w/$1"; chmod 755 "$w/$1"; "$w/$1"; }

# --- extended as it goes, in every bank
start_monitor --mount "$w" --tcti "$TPM2TOOLS_TCTI"
"$w/script"; "$w/true"; seen "$w/true"; ok $? "entries are reported when they are extended"
settle; sleep 1.2
wait_for 10 agree; ok $? "the list replays to the PCR"
for b in sha1 sha384 sha512; do
	v=$(pcr $b); [ -n "$v" ] && [ "$v" != "$(printf '%0*d' ${#v} 0)" ] && is "$v" "$(replayed $b)" "in bank $b too"
done
quote; cp "$data/monitor/list" list1
verify list1 13 --integrity-only; exits 0 "a quote of PCR 13 authenticates the list"
is "$(json "j['entries']['authenticated'] == j['entries']['total'] > 4")" True "all of it"
verify list1 10 --integrity-only; [ "$status" != 0 ]; ok $? "but not as a list of PCR 10"
{ printf '{"assay_policy": 1, "layers": [{"name": "test", "files": {'; sep=
  for f in script true marker1; do printf '%s"%s": ["sha256:%s"]' "$sep" "$w/$f" "$(sha "$w/$f")"; sep=,; done
  printf '}}]}'; } >policy.json
verify list1 13 --policy policy.json; exits 0 "under a policy that lists the files it is trusted"
new unapproved; settle; sleep 1.2; wait_for 10 agree; quote; cp "$data/monitor/list" list2
verify list2 13 --policy policy.json; exits 1 "and is not, once something else was executed"
like "$out" "$w/unapproved" "which is named"
python3 - list2 altered "$w/unapproved" "$w/inapproved" <<'X'
import sys
d = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(d.replace(sys.argv[3].encode(), sys.argv[4].encode()))
X
verify altered 13 --policy policy.json; [ "$status" != 0 ]; ok $? "an altered list is not"
like "$out" 'template-digest-mismatch' "and is found out"
cp "$data/monitor/sidecar" sidecar
python3 - sidecar <<'X'
import sys
d = bytearray(open(sys.argv[1], "rb").read())
at = d.index(b"unapproved") if b"unapproved" in d else 80
d[60] ^= 1      # the first entry's process
open("sidecar.altered", "wb").write(d)
X
run monitor show --list list2 --sidecar sidecar; exits 0 "the sidecar is tied to the list"
run monitor show --list list2 --sidecar sidecar.altered; exits 1 "an altered one is found out"

# --- the monitor killed between disk and TPM; the TPM away and back
for i in 1 2 3; do
	new "quick$i"
	kill -9 "$(sed -n 's/,//g; /^monitor running/p' monitor.err | tail -1 | awk '$4 > 1 {print $4}')"
	running() { [ "$(grep -c '^monitor running' monitor.err)" -gt "$i" ]; }
	wait_for 15 running
done
seen "$w/quick3"; settle; sleep 1.2; wait_for 10 agree; ok $? "after kill -9 of the monitor the list replays to the PCR"
kill "$swtpm"; wait "$swtpm" 2>/dev/null
rm -f tpm tpm.ctrl
new without_tpm; ok $? "executions go on without a TPM"
kill -9 "$mon"; wait "$mon" 2>/dev/null; mon=
dogs() { ! kill -0 "$dog_pid"; }
wait_for 10 dogs; ok $? "the watchdog ends when the command was killed"
run monitor run --data "$data" --mount "$w" --tcti "$TPM2TOOLS_TCTI"; exits 3 "without its TPM it does not start"

# --- a new boot: the TPM was reset, but this kernel was not; the list of the same boot is extended again
start_tpm clear; make_ak
start_monitor --mount "$w" --tcti "$TPM2TOOLS_TCTI"
wait_for 20 agree; ok $? "a list of this boot that was never extended is extended whole"
stop_monitor
is "$(pcr sha256)" "$(replayed sha256)" "the last note is extended too"

# --- a list that goes on after an orderly end
start_monitor --mount "$w" --tcti "$TPM2TOOLS_TCTI"
new later; seen "$w/later"; stop_monitor
is "$(pcr sha256)" "$(replayed sha256)" "the list goes on where it was"
quote; verify "$data/monitor/list" 13 --integrity-only; exits 0 "and a quote authenticates it"

# --- somebody else extends the PCR
tpm tpm2_pcrextend "13:sha256=$(printf '%064x' 7)"
: >lines
start_monitor --mount "$w" --tcti "$TPM2TOOLS_TCTI"
seen 'why=pcr-foreign'; ok $? "a PCR that somebody else extended is told of in the list"
stop_monitor
run monitor run --data "$tmp/other" --mount "$w" --tcti "$TPM2TOOLS_TCTI"; exits 3 "a new list does not begin on a PCR that is in use"
like "$err" 'in use' "which is said"
run monitor run --data "$tmp/other" --pcr 12 --mount "$tmp/none" --tcti "$TPM2TOOLS_TCTI"; exits 3 "a path that is not there"
finish
