#!/bin/bash
# assay evidence pack, show, and verify --bundle: a bundle is judged as the loose files in it
# are; one that was cut or altered is refused with its file and byte; what a bundle says of
# itself is not believed.
. "${0%/*}/lib.sh"
vm=$golden/debian12-vm
schema() { python3 "$here/schema.py" "$source_dir/docs/schema/$1.schema.json" "$2" >"$tmp/schema" 2>&1; local r=$?; ok $r "$3"; [ $r = 0 ] || diag "$(cat "$tmp/schema")"; }
# parts N: the options that name moment N of the machine, in the array of that name.
nonce() { echo "00112233445566778899aabbccddeeff001122330$1"; }
parts() {
	parts=(--ima-log "$vm/list$1.bin" --quote "$vm/quote$1.msg" --signature "$vm/quote$1.sig" --ak "$vm/ak.pub"
		--nonce "$(nonce "$1")" --pcrs "$vm/quote$1.pcrs" --event-log "$vm/eventlog.bin")
}
expect() { expect=(--expect-ak "$vm/ak.pub" --expect-nonce "$(nonce "$1")"); }
# manifest FILE OUT: the manifest of a bundle.
manifest() {
	python3 - "$1" "$2" <<-'PY'
		import struct, sys
		b = open(sys.argv[1], "rb").read(); at, n = struct.unpack_from("<QQ", b, 72)
		open(sys.argv[2], "wb").write(b[at:at + n])
	PY
}

"$assay" policy build --from "digests:$vm/whitelist.txt" --excludes "$vm/excludes.txt" --key "$vm/ima-rsa.der" \
	--key "$vm/ima-ec.der" --key "$vm/ima-p384.der" -o "$tmp/policy.json" 2>/dev/null
ok $? "a policy from the machine's list"
approved=$source_dir/data/demo/approved.json

for n in 1 2 3; do
	parts $n; expect $n
	run evidence pack "${parts[@]}" -o "$tmp/$n.bundle"
	exits 0 "moment $n is packed"
	manifest "$tmp/$n.bundle" "$tmp/manifest"
	schema evidence-bundle-manifest "$tmp/manifest" "its manifest fits its schema"
	for p in "--policy $tmp/policy.json" "--policy $tmp/policy.json --policy $approved" --integrity-only; do
		# shellcheck disable=SC2086
		run evidence verify "${parts[@]}" $p --json
		want=$status; cp "$tmp/out" "$tmp/want"
		# shellcheck disable=SC2086
		run evidence verify --bundle "$tmp/$n.bundle" "${expect[@]}" $p --json
		exits "$want" "the same exit status as with loose files (${p%% *}, $want)"
		cmp -s "$tmp/out" "$tmp/want"; ok $? "and the same result, byte for byte"
	done
done
# A bundle proves nothing by the key and the nonce that it brings.
own() { json "j['verdict'], j['checks']['signature']['state'], j['checks']['nonce']['state'], len(j['warnings'])"; }
run evidence verify --bundle "$tmp/3.bundle" --expect-ak "$vm/ak.pub" --integrity-only --json
exits 3 "its own nonce: undecided"
is "$(own)" "('undecided', 'pass', 'not-run', 1)" "for want of the nonce alone"
is "$(json "j['entries']['authenticated']")" 554 "its entries are the machine's, of whatever time"
run evidence verify --bundle "$tmp/3.bundle" --expect-nonce "$(nonce 3)" --integrity-only --json
exits 3 "its own key: undecided"
is "$(own)" "('undecided', 'not-run', 'pass', 1)" "for want of the key alone"
run evidence verify --bundle "$tmp/3.bundle" --expect-nonce recorded --integrity-only --json
exits 3 "its own key, and the recorded nonce: undecided"
run evidence verify --bundle "$tmp/3.bundle" --expect-ak "$vm/ak.pub" --expect-nonce recorded --integrity-only --json
exits 0 "the machine's key, and whatever nonce was recorded"
is "$(own)" "('trusted', 'pass', 'pass', 1)" "with a warning that it shows no time"
run evidence verify --bundle "$tmp/3.bundle" --integrity-only --json
exits 3 "neither key nor nonce: undecided"
is "$(own)" "('undecided', 'not-run', 'not-run', 2)" "and the result warns of both"
is "$(json "j['entries']['authenticated'], j['entries']['trusted']")" "(0, 0)" "and counts nothing as authenticated"
like "$out" "$(sha256sum "$vm/ak.pub" | cut -c 1-64)" "and names the key"
run evidence verify --bundle "$tmp/3.bundle" --expect-ak "$vm/akecc.pem" --expect-nonce "$(nonce 3)" --integrity-only --json
exits 1 "a bundle that another key than the expected signed"
like "$out" '"quote-signature-' "is not that machine's"
run evidence verify --bundle "$tmp/3.bundle" --expect-ak "$vm/ak.pub" --expect-nonce "$(nonce 2)" --integrity-only --json
exits 1 "a bundle with another nonce than the expected"
like "$out" '"quote-nonce"' "is an old quote"

# The golden file of version 1.
v1=$golden/evidence/bundle-v1.bin
run evidence show "$v1"
exits 0 "show reads version 1"
cmp -s "$tmp/out" "$golden/evidence/bundle-v1.want"; ok $? "as it always did"
manifest "$v1" "$tmp/manifest"
schema evidence-bundle-manifest "$tmp/manifest" "its manifest fits the schema"
run evidence show --json "$v1"
exits 0 "show --json"
is "$(json "j['manifest']['entries'], [s['name'] for s in j['sections']]")" \
	"(546, ['manifest', 'ima-log', 'quote', 'signature', 'ak', 'nonce', 'pcrs', 'event-log'])" "count and sections"
schema evidence-show "$tmp/out" "fits its schema"
expect 1
run evidence verify --bundle "$v1" "${expect[@]}" --integrity-only --json
exits 0 "its recorded verdict, untrusted, is not believed"
parts 1
run evidence pack "${parts[@]}" --created 2026-07-01T14:00:00+02:00 --verdict untrusted \
	--policy "$golden/policy/policy-v1.json" -o "$tmp/again"
if [ "$("$assay" --version)" = "assay 0.1.0" ]; then
	cmp -s "$tmp/again" "$v1"; ok $? "the same evidence and facts give the same bundle"
else skip "the same bundle" "another version of assay writes its own name"; fi

# A bundle with a list alone, and an empty list.
run evidence pack --ima-log "$golden/ima_log/ima-sig-6.12/list.ascii" -o "$tmp/list.bundle"; exits 0 "a list alone can be packed"
run evidence verify --bundle "$tmp/list.bundle" --integrity-only --json; exits 3 "and is undecided"
: >"$tmp/empty"
run evidence pack --ima-log "$tmp/empty" -o "$tmp/empty.bundle"; exits 0 "an empty list can be packed"
run evidence show "$tmp/empty.bundle"; like "$out" '^entries +0$' "and has no entries"
run evidence verify --bundle "$tmp/list.bundle" --expect-ak "$vm/ak.pub" --integrity-only --json
exits 3 "a key is expected, and there is no quote"
like "$(json "j['error']['file'], j['error']['message']")" "list.bundle.*has no quote" "is said"

# Fewer entries than the machine counted.
parts 3; expect 3
run evidence pack "${parts[@]}" --entries 560 -o "$tmp/short.bundle"; exits 0 "a machine that counted 560 entries"
run evidence verify --bundle "$tmp/short.bundle" "${expect[@]}" --integrity-only --json
exits 1 "and sent 559: untrusted"
is "$(json "j['verdict'], [f['code'] for f in j['findings']], j['checks']['replay']['state']")" \
	"('untrusted', ['log-too-short'], 'fail')" "log-too-short"
schema result "$tmp/out" "the result fits its schema"
run evidence pack "${parts[@]}" --entries 550 -o "$tmp/grown.bundle"
run evidence verify --bundle "$tmp/grown.bundle" "${expect[@]}" --integrity-only --json
exits 0 "a list that grew after it was counted is no finding"
run evidence pack --ima-log "$vm/list2.bin" "${parts[@]:2}" --entries 559 -o "$tmp/cut.bundle"
run evidence verify --bundle "$tmp/cut.bundle" "${expect[@]}" --integrity-only --json
exits 1 "a list without what the quote covers, and fewer than counted: proven"
is "$(json "[f['code'] for f in j['findings']]")" "['log-too-short']" "not undecided"

# Tampered bundles.
# flip AT [FILE]: the recorded bundle with one bit changed.
flip() { python3 - "$v1" "$tmp/bad" "$1" <<-'PY'
	import sys
	b = bytearray(open(sys.argv[1], "rb").read()); b[int(sys.argv[3])] ^= 1; open(sys.argv[2], "wb").write(b)
	PY
}
while read -r at offset what; do
	flip "$at"
	run evidence verify --bundle "$tmp/bad" "${expect[@]}" --integrity-only --json
	exits 3 "$what changed: refused"
	is "$(json "j['error']['file'], j['error']['offset']")" "('$tmp/bad', $offset)" "with file and byte"
done <<'END'
3 0 magic
30 312 the_header's_hash
2000 1465 list
73320 73313 quote
73500 73447 signature
73800 73709 key
74000 73991 nonce
74100 74012 values
78000 75212 event_log
END
schema error "$tmp/out" "the error fits its schema"
flip 8; run evidence show "$tmp/bad" --json
exits 3 "another version"
is "$(json "j['error']['offset']")" 8 "with its place"
head -c 78000 "$v1" >"$tmp/bad"; run evidence verify --bundle "$tmp/bad" --integrity-only
exits 3 "a bundle that is cut"
like "$err" "bad: byte 16: " "with its place in words too"
# A part that is broken in itself is named with its section.
parts 1; head -c 70 "$vm/quote1.msg" >"$tmp/cut"
run evidence pack --ima-log "$vm/list1.bin" --quote "$tmp/cut" "${parts[@]:4}" -o "$tmp/part.bundle"
run evidence verify --bundle "$tmp/part.bundle" --integrity-only --json
exits 3 "a whole bundle of a quote that was cut"
like "$(json "j['error']['file'], j['error']['offset']")" "part.bundle:quote', [0-9]+" "names the part and the byte in it"
head -c 1000 "$vm/list1.bin" >"$tmp/cut"
run evidence pack --ima-log "$tmp/cut" -o "$tmp/none"; exits 3 "a list that is cut is not packed"
ok "$([ ! -e "$tmp/none" ]; echo $?)" "and leaves nothing behind"

# Usage.
for o in --ima-log --quote --signature --ak --pcrs --event-log --nonce; do
	run evidence verify --bundle "$v1" --integrity-only "$o" 00
	exits 2 "--bundle and $o: usage"
done
run evidence verify --bundle "$v1"; exits 2 "neither --policy nor --integrity-only: usage"
run evidence verify "${parts[@]}" "${expect[@]}" --integrity-only; exits 2 "--expect-ak without --bundle: usage"
expect 1
for o in "--ear-key $tmp/ear.key --ear-out $tmp/none" "--resume $tmp/none"; do
	# shellcheck disable=SC2086
	run evidence verify --bundle "$v1" --integrity-only --expect-nonce "$(nonce 1)" $o
	exits 2 "${o%% *} for a key that the bundle brought: usage"
	# shellcheck disable=SC2086
	run evidence verify --bundle "$v1" --integrity-only --expect-ak "$vm/ak.pub" --expect-nonce recorded $o
	exits 2 "${o%% *} for a time that the bundle brought: usage"
	ok "$([ ! -e "$tmp/none" ]; echo $?)" "and nothing is written"
done
run evidence verify --bundle "$v1" --integrity-only "${expect[@]}" --resume "$tmp/state"
exits 0 "--resume for a key that was expected"
ok "$([ -s "$tmp/state" ]; echo $?)" "leaves a state"
run evidence verify --bundle "$v1" --integrity-only --expect-nonce xyz; exits 2 "a nonce that is not hex: usage"
run evidence pack "${parts[@]}"; exits 2 "pack without -o: usage"
run evidence pack --ima-log "$vm/list1.bin" --quote "$vm/quote1.msg" -o "$tmp/none"; exits 2 "a quote without its signature: usage"
run evidence pack --quote "$vm/quote1.msg" -o "$tmp/none"; exits 2 "no list: usage"
run evidence pack "${parts[@]}" --created yesterday -o "$tmp/none"; exits 2 "a time that is none: usage"
run evidence pack "${parts[@]}" --entries many -o "$tmp/none"; exits 2 "a count that is none: usage"
run evidence pack "${parts[@]}" --verdict fine -o "$tmp/none"; exits 2 "a verdict that is none: usage"
run evidence pack "${parts[@]}" --bank crc -o "$tmp/none"; exits 2 "a bank that is none: usage"
run evidence pack --ima-log "$vm/missing" -o "$tmp/none"; exits 3 "a list that is not there"
finish
