#!/bin/bash
# What the agent asks of a TPM is what tpm2-tools see and accept: the same EKs, quotes that
# tpm2_checkquote and assay verify, credentials that tpm2_makecredential made, and nothing
# left in the TPM.
. "${0%/*}/lib.sh"
have swtpm swtpm_setup tpm2_createek tpm2_checkquote openssl ||
	{ skip "the agent's TPM" "swtpm, tpm2-tools or openssl is missing"; finish; }
tool=${ASSAY_BUILD:-$source_dir/build}/tests/e2e/tpmtool
cd "$tmp" || exit 99
mkfifo hold
"$tool" start "$tmp/tpm" <hold >started & pids="$pids $!"
exec 9>hold
# shellcheck disable=SC2034
for i in $(seq 200); do [ -s started ] && break; sleep 0.1; done
read -r tcti pid <started
export TPM2TOOLS_TCTI=$tcti
[ -n "$tcti" ]; ok $? "a software TPM is made and started"
[ "$(stat -c %a tpm)" = 700 ]; ok $? "in a directory of its owner"

# tool ARG...: its output in $out.
t() { out=$("$tool" "$tcti" "$@" 2>err); status=$?; }
# The public key in a file (TPM2B_PUBLIC), as PEM.
pem() { tpm2_print -t TPM2B_PUBLIC -f pem "$1"; }
clean() {
	is "$(tpm2_getcap handles-transient)$(tpm2_getcap handles-loaded-session)$(tpm2_getcap handles-saved-session)" '' "$1"
}

# Endorsement keys.
for k in rsa2048:rsa p256:ecc p384:ecc384 rsa3072:rsa3072; do
	t ek "${k%:*}" ek.pub; is "$out" "${k%:*}" "EK ${k%:*}"
	if tpm2_createek -Q -G "${k#*:}" -c ek.ctx -u tools.pub 2>createek.log; then
		tpm2_flushcontext -Q -t
		cmp -s ek.pub tools.pub; ok $? "is tpm2_createek's"
	else skip "is tpm2_createek's" "this tpm2_createek does not know ${k#*:}"; fi
	if [ -e ek.pub.cert0 ]; then
		openssl x509 -inform der -in ek.pub.cert0 -noout -pubkey >cert.pem 2>/dev/null
		is "$(pem ek.pub)" "$(cat cert.pem)" "and its certificate's"
		cp ek.pub.cert0 "cert.${k%:*}"
	fi
	rm -f ek.pub.cert*
done
t ek any ek.pub; is "$out" rsa2048 "any: the first that has a certificate"
tpm2_nvread 0x1c00002 >nv.cert 2>/dev/null
cmp -s nv.cert ek.pub.cert0; ok $? "which comes as NV has it"
clean "nothing is left in the TPM"

# A chain of certificates in NV, cut where the index ended, with padding behind.
openssl x509 -in tpm/ca/issuercert.pem -outform der >inter.der
{ cat inter.der inter.der; head -c 40 /dev/zero; } >chain
n=$(($(stat -c %s chain) - 700))
tpm2_nvdefine -Q 0x1c00100 -C o -s 700 -a 'ownerread|ownerwrite|authread'
tpm2_nvdefine -Q 0x1c00101 -C o -s "$n" -a 'ownerread|ownerwrite|authread'
head -c 700 chain | tpm2_nvwrite -Q 0x1c00100 -C o -i-
tail -c "$n" chain | tpm2_nvwrite -Q 0x1c00101 -C o -i-
t ek any ek.pub
cmp -s inter.der ek.pub.cert1 && cmp -s inter.der ek.pub.cert2 && [ ! -e ek.pub.cert3 ]
ok $? "a chain in NV is put together and cut into certificates"

# The attestation key.
mkdir -m 700 ak
t ak ak; is "$out" made "an AK is made"
is "$(stat -c %a ak/ak.priv)" 600 "for its owner alone"
t ak ak; is "$out" kept "and kept"
like "$(tpm2_print -t TPM2B_PUBLIC ak/ak.pub)" 'fixedtpm\|fixedparent\|sensitivedataorigin\|userwithauth\|noda\|restricted\|sign' \
	"it signs only what the TPM made up"
pem ak/ak.pub >ak.pem

# Quotes.
t extend 14 "$(printf x | sha256sum | cut -c-64)"
t quote ak 00112233445566778899aabbccddeeff00112233 0x47ff q
like "$out" 'agree 1' "a quote with the values it is over"
is "$(printf '%s\n' "$out" | tail -1)" "$(tpm2_pcrread sha256:14 | sed -n 's/.*0x//p' | tr A-F a-f)" "which are the TPM's"
tpm2_checkquote -Q -u ak.pem -m q.msg -s q.sig -q 00112233445566778899aabbccddeeff00112233 2>check.log
ok $? "tpm2_checkquote accepts it"
! tpm2_checkquote -Q -u ak.pem -m q.msg -s q.sig -q 00112233445566778899aabbccddeeff00112234 2>check.log
ok $? "for this nonce alone"

# resetCount as the TPM itself says it: not obfuscated.
is "$(tpm2_print -t TPMS_ATTEST q.msg | sed -n 's/.*resetCount: *//p')" \
	"$(tpm2_readclock | sed -n 's/.*reset_count: *//p')" "its reset count is the true one"

# Credentials that tools sealed.
printf 0123456789abcdef0123456789abcdef >secret
name=$(tpm2_loadexternal -Q -u ak/ak.pub -c ext.ctx -n ext.name && xxd -p -c 100 ext.name)
tpm2_flushcontext -Q -t
for k in rsa2048 p256 p384 rsa3072 p256-high; do
	t ek "$k" ek.pub
	tpm2_makecredential -Q -T none -u ek.pub -s secret -n "$name" -o cred.out 2>make.log ||
		{ skip "activation with $k" "tpm2_makecredential cannot"; continue; }
	# Its file: magic, version (8 bytes), TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET.
	id=$((2 + 0x$(xxd -s 8 -l 2 -p cred.out)))
	tail -c +9 cred.out | head -c "$id" >cred.id
	tail -c "+$((9 + id))" cred.out >cred.secret
	t activate ak "$k" cred.id cred.secret
	is "$out" "$(xxd -p -c 100 secret)" "a credential for EK $k is activated"
done
t activate ak p256 cred.id cred.secret; is "$status" 3 "one for another EK is not"
clean "nothing is left in the TPM"

# A thousand quotes over as many connections.
t many ak 1000; is "$status" 0 "1,000 quotes $(cat err)"
clean "leave nothing in the TPM"

# Its death is noticed; the key survives a restart.
kill -9 "$pid"
t quote ak 00 0x400 q; is "$status" 3 "a TPM that is gone: exit 3"
like "$(cat err)" 'opening the TPM' "and says so"
exec 9>&-; wait
mkfifo hold2; "$tool" start "$tmp/tpm" <hold2 >started2 & pids="$pids $!"
exec 9>hold2
# shellcheck disable=SC2034
for i in $(seq 200); do [ -s started2 ] && break; sleep 0.1; done
t ak ak; is "$out" kept "after a restart the AK is still there"
t quote ak 0011 0x400 q
tpm2_checkquote -Q -u ak.pem -m q.msg -s q.sig -q 0011 2>check.log; ok $? "and quotes"
read -r tcti pid <started2
tpm_clock() { TPM2TOOLS_TCTI=$tcti tpm2_readclock | sed -n "s/^ *$1: //p"; }
before=$(tpm_clock clock)
exec 9>&-
# shellcheck disable=SC2034
for i in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
! kill -0 "$pid" 2>/dev/null; ok $? "the software TPM ends with who started it"
wait
mkfifo hold3; "$tool" start "$tmp/tpm" <hold3 >started3 & pids="$pids $!"
exec 9>hold3
# shellcheck disable=SC2034
for i in $(seq 200); do [ -s started3 ] && break; sleep 0.1; done
[ "$(tpm_clock clock)" -gt "$before" ]; ok $? "its clock goes on from there"
exec 9>&-
finish
