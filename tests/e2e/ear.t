#!/bin/bash
# shellcheck source=tests/e2e/lib.sh
# The EAR token of a real appraisal verifies without any code of ours, says what the verdict
# says, names the policies by their digests, and does not survive being changed.
. "${0%/*}/lib.sh"
vm=$golden/debian12-vm keys=$golden/ear
nonce=00112233445566778899aabbccddeeff0011223303
# ear ARG...: the third moment of the recorded machine.
ear() {
	rm -f "$tmp/token"
	run evidence verify --ima-log "$vm/list3.bin" --quote "$vm/quote3.msg" --signature "$vm/quote3.sig" \
		--ak "$vm/ak.pub" --nonce $nonce --pcrs "$vm/quote3.pcrs" --event-log "$vm/eventlog.bin" \
		--ear-out "$tmp/token" "$@"
}
# check KEY: verify it from outside; the claims are then what json speaks of.
check() { python3 "$here/ear.py" "$tmp/token" "$keys/$1.pub" >"$tmp/out" 2>"$tmp/why"; }
sub='j["claims"]["submods"]["linux-ima"]'

"$assay" policy build --from "digests:$vm/whitelist.txt" --excludes "$vm/excludes.txt" --key "$vm/ima-rsa.der" \
	--key "$vm/ima-ec.der" --key "$vm/ima-p384.der" -o "$tmp/policy.json" 2>/dev/null
ok $? "a policy from the machine's list"
approved=$source_dir/data/demo/approved.json
good=(--policy "$tmp/policy.json" --policy "$approved")

for k in ec256:ES256 ec384:ES384 ec521:ES512 rsa:PS256; do
	ear "${good[@]}" --ear-key "$keys/${k%:*}.key"
	exits 0 "trusted, signed with ${k#*:}"
	check "${k%:*}"; ok $? "openssl verifies it"; [ -s "$tmp/why" ] && diag "$(cat "$tmp/why")"
	is "$(json 'j["header"]["alg"], j["header"]["typ"]')" "('${k#*:}', 'JWT')" "its header"
	is "$(json "${sub}['ear_status'], j['claims']['ear_status']")" "('affirming', 'affirming')" "it affirms"
done
ear "${good[@]}" --ear-key "$keys/rsa.key" --ear-alg RS256
exits 0 "RS256 where it is asked for"
check rsa; ok $? "openssl verifies it"
is "$(json 'j["header"]["alg"]')" RS256 "and it is RS256"
is "$(json 'j["claims"]["eat_profile"]')" "tag:ietf.org,2026:rats/ear#04" "the profile"
is "$(json 'abs(j["claims"]["iat"] - __import__("time").time()) < 300 and isinstance(j["claims"]["iat"], int)')" True "issued now, as an integer"
is "$(json 'sorted(j["claims"]["ear_verifier_id"])')" "['build', 'developer']" "who verified"
is "$(json "__import__('base64').b64decode(${sub}['eat_nonce']).hex()")" $nonce "the nonce of the evidence"
is "$(json 'sorted(j["claims"]["submods"])')" "['linux-ima']" "one attester"
want=$(for p in "$tmp/policy.json" "$approved"; do
	python3 -c 'import base64,hashlib,sys; print("ni:///sha-256;"+base64.urlsafe_b64encode(hashlib.sha256(open(sys.argv[1],"rb").read()).digest()).decode().rstrip("="))' "$p"
done | paste -sd' ')
is "$(json "' '.join(${sub}['ear_appraisal_policy_ids'])")" "$want" "the policies by their digests, in order"
"$assay" policy compile "$tmp/policy.json" -o "$tmp/policy.tab"
named() { # named FILE: how the token names a policy
	python3 -c 'import base64,hashlib,sys; print("ni:///sha-256;"+base64.urlsafe_b64encode(hashlib.sha256(open(sys.argv[1],"rb").read()).digest()).decode().rstrip("="))' "$1"
}
ear --policy "$tmp/policy.tab" --policy <(cat "$approved") --ear-key "$keys/ec256.key"; check ec256
is "$(json "${sub}['ear_appraisal_policy_ids']")" "['$(named "$tmp/policy.tab")', '$(named "$approved")']" \
	"a compiled one, and one that can be read only once, as they were judged"
is "$(json "${sub}['ear_trustworthiness_vector']['executables'], ${sub}['ear_trustworthiness_vector']['instance-identity']")" "(2, 2)" "what was run, and by whom"
is "$(json "${sub}['ear_trustworthiness_vector']['hardware'], ${sub}['ear_trustworthiness_vector']['configuration']")" "(0, 0)" "no claim about a boot that no policy judged"
is "$(grep -c '[^A-Za-z0-9_.-]' "$tmp/token")" 0 "nothing but base64url and two points"
is "$(json 'str(j).count("/usr") + str(j).count("/opt")')" 0 "no file name leaves with it"

ear --policy "$tmp/policy.json" --ear-key "$keys/ec256.key"
exits 1 "untrusted"
check ec256; ok $? "its token verifies all the same"
is "$(json "${sub}['ear_status'], ${sub}['ear_trustworthiness_vector']['executables']")" "('contraindicated', 96)" "and contraindicates"
ear --integrity-only --ear-key "$keys/ec256.key"
exits 0 "without a policy"
check ec256
is "$(json "${sub}['ear_status'], ${sub}['ear_trustworthiness_vector']['executables']")" "('none', 0)" "no claim is made"
rm -f "$tmp/token"
run evidence verify --ima-log "$vm/list2.bin" --quote "$vm/quote3.msg" --signature "$vm/quote3.sig" --ak "$vm/ak.pub" \
	--nonce $nonce --pcrs "$vm/quote3.pcrs" "${good[@]}" --ear-key "$keys/ec256.key" --ear-out "$tmp/token"
exits 3 "undecided"
check ec256; ok $? "has a token, too"
is "$(json "${sub}['ear_status']")" none "that claims nothing"
ear "${good[@]}" --nonce 00112233445566778899 --ear-key "$keys/ec256.key"
exits 2 "the nonce twice is a usage error"

# --- another byte in any part: it does not verify.
ear "${good[@]}" --ear-key "$keys/ec256.key"
cp "$tmp/token" "$tmp/whole"
bad=0
for at in 5 40 60 200 400 600 -10 -40; do
	python3 - "$tmp/whole" "$tmp/token" $at <<'EOF'
import sys
t = bytearray(open(sys.argv[1], "rb").read()); i = int(sys.argv[3])
if t[i:i+1] == b".": i += 1
t[i] = ord("A") if t[i] != ord("A") else ord("B")
open(sys.argv[2], "wb").write(t)
EOF
	check ec256 && bad=$((bad + 1))
done
is $bad 0 "changed anywhere, it no longer verifies"
! check ec384; ok $? "nor with another key"

# --- usage.
ear "${good[@]}"
exits 2 "--ear-out without a key"
ear "${good[@]}" --ear-key "$keys/ec256.key" --ear-alg RS256
exits 2 "an algorithm that the key does not have"
ear "${good[@]}" --ear-key "$keys/ec256.pub"
exits 3 "a public key cannot sign"
[ ! -e "$tmp/token" ]; ok $? "and no token is left"
run evidence verify --ima-log "$vm/list3.bin" --quote "$vm/quote3.msg" --signature "$vm/quote3.sig" --ak "$vm/ak.pub" \
	--nonce 0011 "${good[@]}" --ear-key "$keys/ec256.key" --ear-out "$tmp/token"
exits 2 "a nonce that no EAR can carry"
ear "${good[@]}" --ear-key "$keys/ec256.key" --resume "$tmp/none/state"
exits 3 "a state that cannot be kept"
finish
