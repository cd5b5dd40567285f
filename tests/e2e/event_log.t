#!/bin/bash
# assay event-log: real firmware logs are shown as recorded and replay to what the TPM held;
# tpm2_eventlog reads the same; a changed log, or another machine's values, is found out.
. "${0%/*}/lib.sh"

logs="$golden/debian12-vm"
for d in "$golden"/tcg_log/*/; do logs="$logs ${d%/}"; done
pcrs_of() { [ -f "$1/pcrs.txt" ] && echo "$1/pcrs.txt" || echo "$1/pcrs1.txt"; }

for d in $logs; do
	name=${d##*/}
	run event-log verify "$d/eventlog.bin" --pcrs "$(pcrs_of "$d")"
	exits 0 "$name: replays to the TPM's values"
	[ -f "$d/show.txt" ] || continue
	run event-log show "$d/eventlog.bin"
	cmp -s "$tmp/out" "$d/show.txt"; ok $? "$name: is shown as recorded (mk.sh)"
done

if have tpm2_eventlog python3; then
	for d in $logs; do
		run event-log show "$d/eventlog.bin" --json
		tpm2_eventlog "$d/eventlog.bin" >"$tmp/yaml" 2>/dev/null
		got=$(python3 "$here/compare_eventlog.py" "$tmp/out" "$tmp/yaml")
		ok $? "${d##*/}: tpm2_eventlog reads the same ($got events)"
	done
else
	skip "tpm2_eventlog reads the same" "tpm2_eventlog or python3 is missing"
fi

# schema NAME DESCRIPTION: the last run's JSON follows docs/schema/NAME.schema.json.
schema() {
	python3 "$here/schema.py" "$source_dir/docs/schema/$1.schema.json" "$tmp/out" >"$tmp/why" 2>&1
	local r=$?; ok $r "$2"; [ $r = 0 ] || diag "$(cat "$tmp/why")"
}
if python3 -c 'import jsonschema' 2>/dev/null; then
	for d in $logs; do
		run event-log show "$d/eventlog.bin" --json
		schema event-log "${d##*/}: show's JSON follows its schema"
		run event-log verify "$d/eventlog.bin" --pcrs "$(pcrs_of "$d")" --json
		schema event-log-verify "${d##*/}: verify's JSON follows its schema"
	done
else
	skip "JSON follows its schema" "python3-jsonschema is missing"
fi

# Facts.
shim=$golden/tcg_log/shim-grub
run event-log verify "$shim/eventlog.bin" --pcrs "$shim/pcrs.txt" --json
exits 0 "JSON"
is "$(json 'j["consistent"], j["boot"]["secure_boot"]["state"], j["boot"]["secure_boot"]["authentic"]')" \
	"(True, 'on', True)" "Secure Boot is on, and proven"
is "$(json '[s["sha256"][:16] for s in j["boot"]["signers"]]')" \
	"['48e99b991f57fc52', '079646974bce09b1']" "the signers"
is "$(json '[i["path_authentic"] for i in j["boot"]["images"]]')" "[False, False, False, False]" \
	"a device path is never authentic"
is "$(json 'j["boot"]["pcrs"]["7"]["log"]')" quoted "PCR 7 agrees"
run event-log verify "$shim/eventlog.bin" --json
is "$(json 'j["compared"], j["boot"]["secure_boot"]["authentic"]')" "(False, False)" \
	"without PCR values nothing is authentic"

# Changes.
run event-log verify "$shim/eventlog.bin" --pcrs "$golden/tcg_log/grub/pcrs.txt"
exits 1 "another machine's values"
like "$out" 'event-log-mismatch: the event log replays PCR 4' "and which PCR differs"

sed 's/loglevel=4/loglevel=7/g' "$shim/eventlog.bin" >"$tmp/altered"
run event-log verify "$tmp/altered" --pcrs "$shim/pcrs.txt"
exits 1 "an altered command line"
like "$out" 'event-data-mismatch: event 42 \(PCR 8, EV_IPL\)' "and which event it is"
run event-log verify "$tmp/altered"
exits 1 "even without PCR values"

head -c 9000 "$shim/eventlog.bin" >"$tmp/cut"
run event-log verify "$tmp/cut"
exits 3 "a log that breaks off: could not decide"
like "$err" 'cut: byte [0-9]+: event [0-9]+ of the event log: the log ends inside it' "says where"
run event-log show "$tmp/cut" --json
exits 3 "show too"
is "$(json 'j["error"]["code"], j["error"]["offset"] > 0')" "('truncated', True)" "as JSON"
run event-log verify "$tmp/cut" --pcrs "$shim/pcrs.txt"
exits 3 "with PCR values that it cannot reach, too"

{ cat "$shim/eventlog.bin"; head -c 4096 /dev/zero; } >"$tmp/padded"
run event-log verify "$tmp/padded" --pcrs "$shim/pcrs.txt"
exits 0 "padding behind the last event"
{ cat "$shim/eventlog.bin"; echo "bytes that are no event at all, left behind"; } >"$tmp/bogus"
run event-log verify "$tmp/bogus" --pcrs "$shim/pcrs.txt"
exits 0 "bogus bytes behind the last event, where the PCRs show that nothing is missing"
like "$out" 'warning: the event log ends at byte [0-9]+ with bytes that are no event' "and are told"
run event-log verify "$tmp/bogus"
exits 3 "without PCR values they leave it open"

: >"$tmp/empty"
run event-log verify "$tmp/empty"
exits 3 "an empty log"
run event-log show "$tmp/none"
exits 3 "no such file"
like "$err" 'none: cannot open' "says so"
run event-log show "$golden/debian12-vm/list1.bin"
exits 3 "a measurement list is no event log"
like "$err" 'binary_bios_measurements' "and what to give is said"
run event-log show "$shim/eventlog.bin" --bank sha512
exits 2 "a bank that the log lacks"
run event-log verify "$shim/eventlog.bin" --pcrs "$shim/ORIGIN"
exits 3 "PCR values that are none"

# A recorded boot in a policy, and whole evidence under it.
vm=$golden/debian12-vm
judge() {
	run evidence verify --ima-log "$vm/list3.bin" --quote "$vm/quote3.msg" --signature "$vm/quote3.sig" \
		--ak "$vm/ak.pub" --nonce 00112233445566778899aabbccddeeff0011223303 --pcrs "$vm/quote3.pcrs" \
		--policy "$tmp/policy.json" --json "$@"
}
state() { json "j['checks']['$1']['state']"; }
for c in debian12-vm tcg_log/shim-grub; do
	run policy build --from "digests:$vm/whitelist.txt" --boot-profile "$golden/$c/eventlog.bin" -o "$tmp/policy.json"
	exits 0 "a policy with the boot profile of $c"
	judge --event-log "$vm/eventlog.bin"
	is "$(state boot-policy)" "$([ $c = debian12-vm ] && echo pass || echo fail)" "judged by it"
done
judge
is "$(state boot-policy)" not-run "without an event log the demand stays open"
run policy build --from "digests:$vm/whitelist.txt" --boot-profile "$vm/eventlog.bin" --boot-pcrs 0,7 -o "$tmp/policy.json"
exits 0 "PCRs of one's own choice"
is "$(python3 -c 'import json,sys; print(list(json.load(open(sys.argv[1]))["boot"]["profile"]["pcrs"]))' "$tmp/policy.json")" \
	"['0', '7']" "and no others"
run policy build --from "digests:$vm/whitelist.txt" --boot-pcrs 0,7 -o "$tmp/policy.json"
exits 2 "--boot-pcrs without a profile"
run policy build --from "digests:$vm/whitelist.txt" --boot-profile "$vm/list1.bin" -o "$tmp/policy.json"
exits 3 "a profile of what is no event log"

# The same through a TPM: its PCRs, and the file that tpm2_quote writes.
if have swtpm tpm2_pcrextend tpm2_createak python3; then
	mkdir "$tmp/state"
	background swtpm socket --tpm2 --tpmstate "dir=$tmp/state" --server "type=unixio,path=$tmp/tpm" \
		--ctrl "type=unixio,path=$tmp/tpm.ctrl" --flags not-need-init,startup-clear >"$tmp/swtpm.log" 2>&1
	export TPM2TOOLS_TCTI="swtpm:path=$tmp/tpm"
	for _ in $(seq 100); do [ -S "$tmp/tpm" ] && break; sleep 0.05; done
	run event-log show "$shim/eventlog.bin" --json
	python3 - "$tmp/out" >"$tmp/extends" <<-'END'
		import json, sys
		for e in json.load(open(sys.argv[1]))["events"]:
		    if e["type"] != "EV_NO_ACTION":
		        print(f'{e["pcr"]}:sha256={e["digests"]["sha256"]}')
	END
	xargs tpm2_pcrextend <"$tmp/extends" >"$tmp/tpm.log" 2>&1; ok $? "a TPM takes the log's digests"
	tpm2_pcrread sha256:0,1,2,3,4,5,6,7,8,9,11,12,13,14 >"$tmp/read.txt"
	run event-log verify "$shim/eventlog.bin" --pcrs "$tmp/read.txt"
	exits 0 "its PCRs are those of the replay"
	tpm2_createek -c "$tmp/ek.ctx" -G ecc -u "$tmp/ek.pub" >/dev/null 2>&1 && tpm2_flushcontext -t &&
		tpm2_createak -C "$tmp/ek.ctx" -c "$tmp/ak.ctx" -G ecc -g sha256 -s ecdsa -u "$tmp/ak.pub" \
			>/dev/null 2>&1 && tpm2_flushcontext -t &&
		tpm2_quote -c "$tmp/ak.ctx" -l sha256:0,1,2,3,4,5,6,7,8,9,14 -q 00112233 -m "$tmp/q.msg" \
			-s "$tmp/q.sig" -o "$tmp/q.pcrs" -g sha256 >/dev/null 2>&1
	run event-log verify "$shim/eventlog.bin" --pcrs "$tmp/q.pcrs"
	exits 0 "from tpm2_quote's PCR file as well"
	tpm2_pcrextend 7:sha256="$(printf '%064d' 1)" >/dev/null
	tpm2_pcrread sha256:0,7 >"$tmp/read.txt"
	run event-log verify "$shim/eventlog.bin" --pcrs "$tmp/read.txt"
	exits 1 "extended once more they differ"
else
	skip "the log through a TPM" "swtpm or tpm2-tools is missing"
fi
finish
