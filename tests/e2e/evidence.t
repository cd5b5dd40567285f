#!/bin/bash
# assay evidence verify on the recorded machine: verdict, findings, exit status and JSON
# are what the documentation promises, whatever form the evidence comes in.
. "${0%/*}/lib.sh"
vm=$golden/debian12-vm
schema() { python3 "$here/schema.py" "$source_dir/docs/schema/$1.schema.json" "$tmp/out" >"$tmp/schema" 2>&1; local r=$?; ok $r "$2"; [ $r = 0 ] || diag "$(cat "$tmp/schema")"; }
# verify N ARG...: moment N of the machine.
verify() {
	local n=$1; shift
	run evidence verify --ima-log "$vm/list$n.bin" --quote "$vm/quote$n.msg" --signature "$vm/quote$n.sig" \
		--ak "$vm/ak.pub" --nonce "00112233445566778899aabbccddeeff001122330$n" "$@"
}
boot=(--event-log "$vm/eventlog.bin")

"$assay" policy build --from "digests:$vm/whitelist.txt" --excludes "$vm/excludes.txt" --key "$vm/ima-rsa.der" \
	--key "$vm/ima-ec.der" --key "$vm/ima-p384.der" -o "$tmp/policy.json" 2>/dev/null
ok $? "a policy from the machine's list"
"$assay" policy compile "$tmp/policy.json" -o "$tmp/policy.bin"; ok $? "compiled"
approved=$source_dir/data/demo/approved.json

want="[('violation', 329), ('digest-mismatch', 408), ('signature-unknown-key', 417), ('signature-invalid', 418), ('not-in-policy', 420), ('not-in-policy', 426), ('not-in-policy', 427), ('not-in-policy', 428), ('not-in-policy', 430), ('violation', 431), ('not-in-policy', 432), ('not-in-policy', 547)]"
for p in policy.json policy.bin; do
	verify 3 --pcrs "$vm/quote3.pcrs" "${boot[@]}" --policy "$tmp/$p" --json
	exits 1 "$p: untrusted"
	is "$(json "[(f['code'], f['entry']) for f in j['findings']]")" "$want" "$p: exactly the findings of its README"
	is "$(json "j['verdict'], j['scope'], j['entries']")" \
		"('untrusted', 'policy', {'total': 559, 'authenticated': 554, 'trusted': 542, 'findings': 12, 'violations': 2})" "$p: the counts"
	schema result "$p: the result fits its schema"
done
is "$(json "[__import__('base64').b64decode(f['path_b64']) for f in j['findings'] if f['entry'] in (428, 430)]")" \
	"[b'/root/evil\\nnew_line.sh', b'/root/evil\\xff\\xfebytes.sh']" "names survive byte for byte"
verify 3 --pcrs "$vm/quote3.pcrs" "${boot[@]}" --policy "$tmp/policy.json" --policy "$approved" --json
exits 0 "with the findings approved: trusted"
schema result "and fits its schema"
verify 3 --pcrs "$vm/quote3.pcrs" "${boot[@]}" --policy "$tmp/policy.json" --policy "$approved"
like "$out" '^TRUSTED  554 of 559' "in words too"

for n in 1 2 3; do
	verify $n --integrity-only --pcrs "$vm/quote$n.pcrs" "${boot[@]}" --json
	exits 0 "moment $n: integrity"
	is "$(json "j['entries']['authenticated']")" $((534 + 7 * n - (n == 3))) "moment $n: as many entries as its README says"
	run evidence verify --integrity-only --ima-log "$vm/list$n.bin" --quote "$vm/quoteecc$n.msg" \
		--signature "$vm/quoteecc$n.sig" --ak "$vm/akecc.pem" --nonce "00112233445566778899aabbccddeeff001122330$n" --json
	exits 0 "moment $n: a quote over PCR 10 alone, by its digest"
done
for ak in ak.pem ak.pub; do
	run evidence verify --integrity-only --ima-log "$vm/list1.bin" --quote "$vm/quote1.msg" --signature "$vm/quote1.sig" \
		--ak "$vm/$ak" --nonce 00112233445566778899aabbccddeeff0011223301 "${boot[@]}" --json
	exits 0 "the key as $ak"
done
is "$(json "j['checks']['ak-attributes']['need'], j['checks']['ak-attributes']['state']")" "('required', 'pass')" "a TPM2B_PUBLIC shows what its key may do"

verify 3 --integrity-only --pcrs "$vm/pcrs3.txt" "${boot[@]}" --json
exits 0 "PCR values that were read a moment before the quote do no harm"
verify 3 --integrity-only --json
exits 3 "PCRs 0 to 10 quoted and no value known: could not decide"
run evidence verify --integrity-only --ima-log "$vm/list2.bin" --quote "$vm/quote3.msg" --signature "$vm/quote3.sig" \
	--ak "$vm/ak.pub" --nonce 00112233445566778899aabbccddeeff0011223303 --pcrs "$vm/quote3.pcrs" --json
exits 3 "a list read before the quote"
is "$(json "j['verdict'], [f['code'] for f in j['findings']]")" "('undecided', ['pcr-mismatch'])" "is pcr-mismatch, undecided"
like "$out" 'read before the quote .*cut or altered' "and both causes are named"
verify 3 --integrity-only --pcrs "$vm/quote3.pcrs" --require-all --json
exits 1 "a tail where all is required"
is "$(json "[(f['code'], f['entry']) for f in j['findings']]")" "[('tail-unauthenticated', 555)]" "is named"
run evidence verify --integrity-only --ima-log "$vm/list3.bin" --json
exits 3 "a list alone is undecided"
run evidence verify --ima-log "$vm/list3.bin" --policy "$tmp/policy.json" --json
exits 1 "a list alone, with findings"

# A good signature opens no closed directory; a revoked key's speaks against a listed digest.
spki=$(openssl x509 -inform der -in "$vm/ima-rsa.der" -noout -pubkey | openssl pkey -pubin -outform der | sha256sum | cut -d' ' -f1)
python3 - "$tmp/policy.json" "$tmp" "$spki" <<'PY'
import json, sys
j = json.load(open(sys.argv[1]))
json.dump(dict(j, closed_directories=["/opt/vendor"]), open(sys.argv[2] + "/closed.json", "w"))
json.dump(dict(j, revoked={"keys": ["sha256:" + sys.argv[3]]}), open(sys.argv[2] + "/revoking.json", "w"))
PY
verify 3 --pcrs "$vm/quote3.pcrs" --policy "$tmp/closed.json" --json
is "$(json "[f['entry'] for f in j['findings'] if f['code'] == 'closed-directory']")" "[414, 415, 416, 417, 418, 420, 423]" "a signature opens no closed directory"
is "$(json "[f['path_authenticated'] for f in j['findings'] if f['code'] == 'violation']")" "[False, False]" "the path of a violation is not authenticated"
"$assay" policy build --from "ima-log:$vm/list3.bin" -o "$tmp/all.json" 2>/dev/null
verify 3 --pcrs "$vm/quote3.pcrs" --policy "$tmp/all.json" --policy "$tmp/policy.json" --json
is "$(json "[f['code'] for f in j['findings'] if f['entry'] in (414, 423)]")" "[]" "listed digests of signed files"
verify 3 --pcrs "$vm/quote3.pcrs" --policy "$tmp/all.json" --policy "$tmp/revoking.json" --json
is "$(json "[f['code'] for f in j['findings'] if f['entry'] in (414, 423)]")" "['revoked', 'revoked']" "signed by a key that is revoked"

verify 1 --pcrs "$vm/quote1.pcrs" --policy "$tmp/policy.json" --policy "$approved" --resume "$tmp/state" --json
exits 0 "a first run with --resume"
ok "$([ -s "$tmp/state" ]; echo $?)" "leaves a state"
cp "$tmp/state" "$tmp/out"; schema resume-state "that fits its schema"
verify 3 --pcrs "$vm/quote3.pcrs" --policy "$tmp/policy.json" --policy "$approved" --resume "$tmp/state" --json
exits 0 "a second run goes on from it"
is "$(json "j['entries']")" "{'total': 559, 'authenticated': 554, 'trusted': 554, 'findings': 0, 'violations': 0}" "and counts what was authenticated before"
verify 1 --pcrs "$vm/quote1.pcrs" --policy "$tmp/policy.json" --policy "$approved" --resume "$tmp/state" --json
exits 1 "an older quote behind a newer state"
like "$out" '"quote-clock"' "is a replay"
cp "$tmp/state" "$tmp/before"
python3 - "$vm/list3.bin" "$tmp/short" <<'PY'
import sys
b = open(sys.argv[1], "rb").read(); at = 0
for _ in range(500):
    n = int.from_bytes(b[at+24:at+28], "little"); d = int.from_bytes(b[at+28+n:at+32+n], "little"); at += 32 + n + d
open(sys.argv[2], "wb").write(b[:at])
PY
run evidence verify --integrity-only --ima-log "$tmp/short" --quote "$vm/quote3.msg" --signature "$vm/quote3.sig" \
	--ak "$vm/ak.pub" --nonce 00112233445566778899aabbccddeeff0011223303 --pcrs "$vm/quote3.pcrs" --resume "$tmp/state" --json
exits 1 "fewer entries than the state counts"
is "$(json "[f['code'] for f in j['findings']]")" "['log-too-short']" "is log-too-short"
cmp -s "$tmp/state" "$tmp/before"; ok $? "and leaves the state as it was"

run evidence verify --ima-log "$vm/list1.bin"
exits 2 "neither --policy nor --integrity-only: usage"
run evidence verify --ima-log "$vm/list1.bin" --integrity-only --quote "$vm/quote1.msg"
exits 2 "a quote without its signature: usage"
verify 1 --integrity-only --nonce 00; exits 2 "an option given twice: usage"
run evidence verify --integrity-only --ima-log "$vm/list1.bin" --quote "$vm/quote1.msg" --signature "$vm/quote1.sig" --ak "$vm/ak.pub" --nonce xyz --json
exits 2 "a nonce that is not hex: usage"
schema error "an error fits its schema"
echo '{"assay_policy":1,"name":"x","name":"y"}' >"$tmp/twice"
verify 1 --policy "$tmp/twice" --json
exits 3 "a key twice in a policy"
is "$(json "j['error']['code'], j['error']['line']")" "('duplicate', 1)" "is refused, with its place"
schema error "the error fits its schema"
head -c 70 "$vm/quote1.msg" >"$tmp/cut"
run evidence verify --integrity-only --ima-log "$vm/list1.bin" --quote "$tmp/cut" --signature "$vm/quote1.sig" --ak "$vm/ak.pub" --nonce 00 --json
exits 3 "a quote that is cut"
like "$(json "j['error']['file'], j['error']['offset']")" "cut', [0-9]+" "names file and byte"
while read -r code; do
	grep -q "^| \`$code\` |" "$source_dir/docs/codes.md" || { ok 1 "docs/codes.md explains $code"; }
done < <(sed -n 's/^REASON([A-Z0-9_]*, *"\([^"]*\)".*/\1/p' "$source_dir/src/engine/reasons.tbl")
ok 0 "docs/codes.md explains every code"
finish
