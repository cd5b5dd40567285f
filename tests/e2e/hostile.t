#!/bin/bash
# Evidence of an attester who holds a genuine TPM and lies about the rest: no relabelled
# entry, no hidden PCR and no forged name is TRUSTED, and nothing crashes the appraisal.
. "${0%/*}/lib.sh"
good=$(printf good | sha256sum | cut -d' ' -f1)
openssl pkey -in "$golden/evidence/test-ak.pem" -pubout -out "$tmp/ak.pem" 2>/dev/null
cat >"$tmp/policy.json" <<EOF
{"assay_policy":1,"name":"p","layers":[{"name":"base","files":{"/usr/bin/good":["sha256:$good"]}}],"excludes":["/tmp/.*"]}
EOF
# forge SCENARIO [ARG...]: evidence in $tmp/SCENARIO.
forge() { mkdir -p "$tmp/$1"; ASSAY_GOLDEN=$golden python3 "$here/forge_list.py" "$tmp/$1" "$@"; at=$tmp/$1; }
appraise() {
	run evidence verify --ima-log "$at/list.bin" --quote "$at/quote.msg" --signature "$at/quote.sig" --ak "$tmp/ak.pem" \
		--nonce 0102030405060708090a0b0c0d0e0f1011121314 --pcrs "$at/pcrs.json" "$@"
}
# scenario NAME STATUS CODES DESCRIPTION
scenario() {
	forge "$1"; appraise --policy "$tmp/policy.json" --json
	exits "$2" "$4"
	is "$(json "[f['code'] for f in j['findings']]")" "$3" "$1: says why"
}

scenario honest 0 "[]" "an honest list is trusted"
scenario evil_seen 1 "['not-in-policy']" "a file that is not approved"
scenario named_aggregate_honest 1 "['boot-aggregate-mismatch']" "a file named boot_aggregate"
scenario named_aggregate 1 "['malformed-entry']" "and relabelled so that its digest is not read"
scenario no_digest_excluded 1 "['malformed-entry']" "a format without a digest, at an excluded path"
scenario swapped_modsig 1 "['malformed-entry']" "the digest without an appended signature called the file's"
scenario relabelled_signature 1 "['malformed-entry']" "a signature in an attribute called an appended one"
scenario swapped_path 1 "['malformed-entry']" "a control group called the name"
scenario ima_relabelled 1 "['malformed-entry']" "276 bytes of ima-ng called template ima"
scenario other_pcr_honest 0 "[]" "a list over two quoted PCRs"
scenario other_pcr_evil 1 "['not-in-policy']" "what the second holds is judged"
scenario other_pcr_altered 3 "['pcr-mismatch']" "an altered entry of the second quoted PCR"
scenario other_pcr_cut 3 "['pcr-mismatch']" "one altered behind one that fits"
scenario empty_list 3 "['pcr-mismatch']" "an empty list"
scenario zero_pcr 3 "['pcr-mismatch']" "an empty list and a PCR of zero"

scenario other_pcr_in_tail 0 "[]" "a second PCR whose first entry waits for the next quote"
scenario other_pcr_all_omitted 0 "[]" "one of which the list shows nothing"
like "$(json "j['warnings']")" 'PCR 11 is quoted, but nothing given explains' "is warned of"
forge other_pcr_state; appraise --policy "$tmp/policy.json" --resume "$tmp/s0" --json; exits 0 "a state of two quoted PCRs"
forge other_pcr_unchanged; cp "$tmp/s0" "$tmp/s"; appraise --policy "$tmp/policy.json" --resume "$tmp/s" --json
exits 0 "one of which nothing extended since"
forge other_pcr_omitted; appraise --policy "$tmp/policy.json" --resume "$tmp/s0" --json
exits 3 "what was extended into it since is left out"
is "$(json "[f['code'] for f in j['findings']]")" "['pcr-mismatch']" "other_pcr_omitted: says why"

# What a state steps over was judged under these very policies, and is what a quote showed.
forge evil_seen
appraise --integrity-only --resume "$tmp/s1" --json; exits 0 "a state written without a policy"
appraise --policy "$tmp/policy.json" --resume "$tmp/s1" --json; exits 1 "does not stand for a policy's judgement"
forge honest
appraise --policy "$tmp/policy.json" --resume "$tmp/s2" --json; exits 0 "a state written under a policy"
appraise --policy "$tmp/policy.json" --resume "$tmp/s2" --json; exits 0 "is gone on from"
is "$(json "j['warnings'][:-1], j['entries']['trusted']")" "([], 2)" "without a word"
sed "s/\"excludes\"/\"revoked\":{\"digests\":[\"sha256:$good\"]},&/" "$tmp/policy.json" >"$tmp/revoking.json"
appraise --policy "$tmp/revoking.json" --resume "$tmp/s2" --json; exits 1 "but not under one that revokes since"
is "$(json "[f['code'] for f in j['findings']]")" "['revoked']" "which is found"
forge other_pcr_uncovered; appraise --policy "$tmp/policy.json" --resume "$tmp/s3" --json; exits 0 "entries of a PCR that is not quoted"
ok "$([ ! -e "$tmp/s3" ]; echo $?)" "leave no state that would step over them"
sed 's/"excludes"/"violations":[{"path":"\/var\/log\/.*","match":"full","action":"ignore"}],&/' "$tmp/policy.json" >"$tmp/violations.json"
forge violation_renamed; appraise --policy "$tmp/violations.json" --resume "$tmp/s4" --json; exits 0 "a violation at the end of a state"
cp "$tmp/s4" "$tmp/s5"
forge violation_again; appraise --policy "$tmp/violations.json" --resume "$tmp/s5" --json; exits 0 "the same violation again, in a list of what is new"
is "$(json "j['entries']['authenticated'], j['entries']['total']")" "(4, 4)" "is counted"
forge violation_renamed_later; appraise --policy "$tmp/violations.json" --resume "$tmp/s4" --json; exits 0 "renamed, as nothing measures its name"
is "$(json "j['entries']['authenticated'], j['entries']['total']")" "(3, 3)" "does not count twice"

# Where output goes: devices are written to, never replaced; links are not followed.
forge honest
mkfifo "$tmp/pipe"; timeout 30 cat "$tmp/pipe" >"$tmp/piped" & reader=$!
"$assay" policy import "$tmp/policy.json" -o "$tmp/pipe" 2>"$tmp/err"; wait $reader
ok "$([ -p "$tmp/pipe" ] && grep -q assay_policy "$tmp/piped"; echo $?)" "a pipe is written to"
echo old >"$tmp/target"; ln -s target "$tmp/link"
run policy import "$tmp/policy.json" -o "$tmp/link"; exits 3 "a link is refused"
is "$(readlink "$tmp/link") $(cat "$tmp/target")" "target old" "and stays, with what it points to"
ln -s /nonexistent/s "$tmp/dangling"
appraise --policy "$tmp/policy.json" --resume "$tmp/dangling"; exits 3 "so is a state that is one"

forge template_escape; appraise --policy "$tmp/policy.json"; exits 1 "a template named like our output"
ok "$(grep -qP '[\x00-\x09\x0b-\x1f\x7f]|^  pass" is' "$tmp/out"; [ $? = 1 ]; echo $?)" "forges no line and steers no terminal"

for n in 16 20 21 300 100000; do
	forge ascii_long_digest $n; appraise --policy "$tmp/policy.json"
	ok "$([ "$status" = 3 ] || [ "$status" = 1 ]; echo $?)" "an ASCII digest of $n bytes is survived ($status)"
done
finish
