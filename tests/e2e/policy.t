#!/bin/bash
# The policy commands on the recorded machine's real lists: every format in, every format
# out, what is merged, changed, signed and refused, and stock openssl's own opinion of
# our signatures.
. "${0%/*}/lib.sh"
export SOURCE_DATE_EPOCH=1767225600
cd "$tmp" || exit 1
vm=$golden/debian12-vm pol=$golden/policy

# valid FILE SCHEMA DESCRIPTION
valid() {
	python3 - "$1" "$source_dir/docs/schema/$2.schema.json" <<'PY' 2>"$tmp/why"
import json, jsonschema, sys
schema = json.load(open(sys.argv[2]))
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(json.load(open(sys.argv[1])), schema, cls=jsonschema.Draft202012Validator)
PY
	local r=$?
	ok $r "$3"; [ $r = 0 ] || diag "$(tail -n 5 "$tmp/why")"
}
# invalid TEXT DESCRIPTION: schema and program agree that it is no policy.
invalid() {
	printf '%s' "$1" >bad.json
	python3 - bad.json "$source_dir/docs/schema/runtime-policy.schema.json" <<'PY' 2>/dev/null
import json, jsonschema, sys
try: jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])), cls=jsonschema.Draft202012Validator)
except jsonschema.ValidationError: sys.exit(0)
sys.exit(1)
PY
	local r=$?
	run policy show bad.json
	[ $r = 0 ] && [ "$status" = 3 ]; ok $? "$2: refused by schema and program"
}

# ---- import, show
run policy import --excludes "$vm/excludes.txt" --name 'the machine' "$vm/whitelist.txt" -o p.json
exits 0 'the recorded list is imported'
valid p.json runtime-policy 'what comes out fits the schema'
valid "$pol/policy-v1.json" runtime-policy 'so does a policy with every member'
run policy show p.json
like "$out" '10018 paths, 10048 digests, sha256 10048' 'show counts files'
like "$out" '/bin is /usr/bin' 'aliases of a merged /usr were added'
run policy show --json "$pol/policy-v1.json"; cp out show.json
valid show.json policy-show 'show --json fits its schema'
is "$(json 'j["keys"][0]["subject"], j["keys"][0]["bits"], j["keys"][0]["scope"]["kinds"]')" "('CN=ima-rsa', 2048, ['module', 'file'])" 'keys are read'
run policy import --no-merged-usr --exclude '/tmp/*' "$vm/whitelist.txt" -o q.json
exits 0 'a glob is taken as Keylime takes it'
like "$err" '/tmpevil' 'with a warning'
run policy show q.json
like "$out" 'warning: exclude 1, "/tmp/\*", also covers /tmpevil' 'show warns about it too'
printf '/a(\n' >ex.txt
run policy import --excludes ex.txt "$vm/whitelist.txt" -o never.json
exits 3 'an invalid regular expression is refused'
like "$err" 'ex.txt: line 1, column' 'with file, line and column'
[ ! -e never.json ]; ok $? 'and nothing is written'
printf '{"assay_policy":1,"excludes":["/a("]}' >r.json
run policy compile r.json -o never.tbl
exits 3 'nor is one compiled into a table'
for f in keylime-v1.json keylime-allowlist.json keylime-wrapped.json keylime-allowlist.txt sums-sha256.txt sums-binary.txt sums-tag.txt sums-crlf.txt; do
	run policy import "$pol/$f" -o one.json
	[ "$status" = 0 ]; ok $? "$f is imported"
	valid one.json runtime-policy "and fits the schema"
done

# ---- compile
run policy compile p.json -o p.tbl; exits 0 'compiled'
run policy compile p.json -o p2.tbl
cmp -s p.tbl p2.tbl; ok $? 'the same policy gives the same table'
run policy show --check p.tbl; exits 0 'the table is sound'
run policy import p.tbl -o back.json
cmp -s p.json back.json; ok $? 'and turns back into the same JSON'
run policy diff p.json p.tbl; exits 0 'there is no difference between them'
cp p.tbl damaged.tbl; printf X | dd of=damaged.tbl bs=1 seek=5000 conv=notrunc status=none
run policy show --check damaged.tbl; exits 3 'a damaged table is told by --check'
head -c 100000 p.tbl >short.tbl
run policy show short.tbl; exits 3 'a table that is cut short is refused'
like "$err" 'cut short' 'with that reason'
run policy compile p.json; exits 2 'a table does not go to a terminal unasked'

# ---- export
run policy export --format sums p.json -o sums
exits 0 'exported as a list'
LC_ALL=C sort -u "$vm/whitelist.txt" >want; LC_ALL=C sort -u sums >got
cmp -s want got; ok $? 'the list that went in comes out'
mkdir files; printf a >files/plain; printf b >$'files/new\nline'; printf c >'files/back\slash'
(cd files && sha256sum -- *) >made
run policy import made -o made.json
run policy export --format sums made.json -o again
(cd files && sha256sum --quiet -c ../again); ok $? 'sha256sum -c takes what is exported, odd names and all'
run policy export --format sums --hash sha1 p.json
exits 3 'an algorithm that no file has is told'
run policy export --format keylime "$pol/policy-v1.json"
exits 3 'what Keylime cannot express is refused'
like "$err" 'scopes.*revoked' 'and named'
run policy export --lossy --format keylime "$pol/policy-v1.json" -o lossy.json
exits 0 'unless that is wanted'
run policy export --format keylime p.json -o k.json
exits 0 'exported for Keylime'
python3 - k.json <<'PY'
import json, sys, re
p = json.load(open(sys.argv[1]))
assert set(p) == {"meta", "release", "digests", "excludes", "keyrings", "ima", "ima-buf", "verification-keys"}
assert p["meta"]["version"] == 1 and p["meta"]["generator"] in (2, 3) and p["ima"]["dm_policy"] is None
assert all(v and all(re.fullmatch("[0-9a-f]{40,128}", d) for d in v) for v in p["digests"].values())
assert "/usr/bin/cat" in p["digests"]
PY
ok $? 'it has what the schema of Keylime asks for'
run policy import k.json -o k2.json
run policy diff p.json k2.json; exits 0 'and approves the same when it comes back'

# ---- diff, merge
sed '/bin\/true"/d; s#"/tmp/\.\*"#"/run/.*"#' p.json >changed.json
run policy diff p.json changed.json
exits 1 'a difference is a finding'
like "$out" '^  - /usr/bin/true  sha256:' 'the digest that went is listed'
like "$out" '^  \+ "/run/\.\*"$' 'and the rule that came'
run policy diff --json p.json changed.json; cp out diff.json
valid diff.json policy-diff 'diff --json fits its schema'
run policy diff changed.json changed.json; exits 0 'no difference is none'
run policy merge p.json "$pol/policy-v1.json" -o m.json
exits 0 'two policies are merged'
valid m.json runtime-policy 'the whole fits the schema'
run policy show --json m.json
is "$(json '[l["name"] for l in j["layers"]], len(j["excludes"]), j["revoked"]')" "(['files', 'debian', 'oem'], 6, {'keys': 1, 'digests': 2})" 'layers, excludes and revocations are united'
run policy merge m.json m.json -o mm.json
run policy diff m.json mm.json; exits 0 'merging with itself changes nothing'
printf '{"assay_policy":1,"aliases":[["/bin","/elsewhere"]]}' >contra.json
run policy merge p.json contra.json -o never.json
exits 3 'a contradiction is not decided for you'
like "$err" 'alias of "/bin"' 'but named'

# ---- sign, verify
for type in EC:P-256 EC:P-384 EC:P-521 RSA:2048; do
	case $type in
	EC:*) openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:${type#EC:}" -out s.key 2>/dev/null ;;
	RSA:*) openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:${type#RSA:}" -out s.key 2>/dev/null ;;
	esac
	openssl pkey -in s.key -pubout -out s.pem
	run policy sign --key s.key p.json -o p.dsse
	exits 0 "signed with $type"
	run policy verify --key s.pem p.dsse -o payload --pae pae --signature sig
	exits 0 "it verifies with $type"
	cmp -s payload p.json; ok $? 'the payload is the policy, byte for byte'
	case $type in
	EC:P-256) openssl dgst -sha256 -verify s.pem -signature sig pae >/dev/null ;;
	EC:P-384) openssl dgst -sha384 -verify s.pem -signature sig pae >/dev/null ;;
	EC:P-521) openssl dgst -sha512 -verify s.pem -signature sig pae >/dev/null ;;
	RSA:*) openssl dgst -sha256 -sigopt rsa_padding_mode:pss -verify s.pem -signature sig pae >/dev/null ;;
	esac
	ok $? 'stock openssl agrees'
done
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out signer.key 2>/dev/null
openssl pkey -in signer.key -pubout -out signer.pem
run policy sign --key signer.key p.json -o policy.dsse
# The commands of docs/formats/dsse.md, as they stand there.
awk '/^    python3 - policy.dsse/,/^    openssl/ { sub(/^    /, ""); print }' "$source_dir/docs/formats/dsse.md" >doc.sh
rm -f pae sig; bash doc.sh >doc.out 2>&1
is "$(tail -n 1 doc.out)" 'Verified OK' 'openssl verifies without this program, as the documentation says'
cp p.json policy.json
awk '/^    \{ printf .DSSEv1/,0 { if (/^    /) { sub(/^    /, ""); print } else exit }' "$source_dir/docs/formats/dsse.md" >doc.sh
bash doc.sh; ok $? 'openssl signs without this program, as the documentation says'
run policy verify --key signer.pem policy.dsse; exits 0 'and that verifies'
run policy verify --key s.pem policy.dsse; exits 1 'another key has not signed: a finding'
run policy verify --json --key s.pem --key signer.pem policy.dsse; cp out verify.json
exits 0 'one of several keys is enough'
valid verify.json policy-verify 'verify --json fits its schema'
run policy sign --key s.key policy.dsse -o two.dsse
run policy verify --key s.pem two.dsse; exits 0 'a second signature is added'
run policy verify --key signer.pem two.dsse; exits 0 'and the first still stands'
python3 - policy.dsse forged.dsse <<'PY'
import base64, json, sys
e = json.load(open(sys.argv[1]))
p = bytearray(base64.b64decode(e["payload"])); p[-20] ^= 1
e["payload"] = base64.b64encode(p).decode()
json.dump(e, open(sys.argv[2], "w"))
PY
run policy verify --key signer.pem forged.dsse -o never.json
exits 1 'a changed policy does not verify'
[ ! -e never.json ]; ok $? 'and is not written'
run policy verify --key signer.pem p.json; exits 3 'an unsigned policy is not "not verified"'
run policy verify policy.dsse; exits 2 'without a key there is nothing to verify with'
run policy verify --key "$pol/keylime-signer.pem" "$pol/keylime.dsse"; exits 0 'what Keylime signs verifies'
run policy import --policy-key "$pol/keylime-signer.pem" "$pol/keylime.dsse" -o kk.json; exits 0 'and is imported'
run policy compile policy.dsse -o never.tbl
exits 3 'a signed policy is not used without its key'
like "$err" '--policy-key' 'and the way out is told'
run policy compile --policy-key s.pem policy.dsse -o never.tbl; exits 3 'nor with another key'
run policy compile --policy-key signer.pem p.json -o never.tbl; exits 3 'nor an unsigned one with a key'
run policy compile --policy-key signer.pem policy.dsse -o s.tbl; exits 0 'with its key it is'
run policy show policy.dsse
like "$out" 'NOT CHECKED' 'show looks inside, and says that it did not check'
run policy show --policy-key signer.pem policy.dsse
like "$out" 'signature +by sha256:' 'or that it did'
run policy sign --key signer.key p.tbl; exits 3 'a table cannot be signed'
run policy sign --key signer.key "$vm/whitelist.txt"; exits 3 'nor a list'
# A type that is not what is inside, rightly signed.
{ printf 'DSSEv1 28 application/vnd.keylime+json %d ' "$(stat -c %s p.json)"; cat p.json; } >pae
openssl dgst -sha256 -sign signer.key -out sig pae
printf '{"payload": "%s", "payloadType": "application/vnd.keylime+json", "signatures": [{"sig": "%s"}]}' "$(base64 -w0 p.json)" "$(base64 -w0 sig)" >type.dsse
run policy show --policy-key signer.pem type.dsse; exits 3 'an envelope of the wrong type is refused'

# ---- bad input
invalid '{"assay_policy":1,"exclude":[]}' 'an unknown member'
invalid '{"assay_policy":2}' 'a newer version'
invalid '{"name":"x"}' 'no version'
invalid '{"assay_policy":1,"layers":[{"name":"a","files":{"/x":["sha256:12"]}}]}' 'a short digest'
invalid '{"assay_policy":1,"layers":[{"name":"a","files":{"/x":[]}}]}' 'a file without a digest'
invalid '{"assay_policy":1,"keys":[{}]}' 'a key without a key'
invalid '{"assay_policy":1,"scopes":[{"name":"s","layers":[]}]}' 'a scope of nowhere'
invalid '{"assay_policy":1,"closed_directories":["etc"]}' 'a relative directory'
invalid '{"assay_policy":1,"violations":[{"path":"x","action":"hide"}]}' 'an unknown action'
printf '{"assay_policy":1,"assay_policy":1}' >dup.json
run policy show --json dup.json; exits 3 'duplicate keys are refused'
is "$(json 'j["error"]["code"]')" duplicate 'with their code'
printf '{"assay_policy":1,"layers":[{"name":"a","files":{"/%s":[]}}]}' "$(printf 'x%.0s' {1..158})ü" >cut.json
run policy show --json cut.json
is "$(json 'j["error"]["code"]')" format 'an error that cuts a name within a character is JSON still'
run policy show /does/not/exist; exits 3 'a missing file is no policy'
mkfifo pipe; cat p.json >pipe & pids="$pids $!"
run policy show pipe; exits 0 'a policy comes through a named pipe'
finish
