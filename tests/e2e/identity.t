#!/bin/bash
# A machine's identity, with a real TPM (swtpm) and its certificates: what we seal for it the
# TPM opens, and no other; its certificate is trusted by the root given and by no other; what
# an impostor brings is refused; an enrolment runs to its end once.
. "${0%/*}/lib.sh"
have swtpm swtpm_setup swtpm_localca tpm2_createek openssl python3 ||
	{ skip "the identity of a software TPM" "swtpm, swtpm-tools, tpm2-tools, openssl or python3 is missing"; finish; }
idtool=${ASSAY_BUILD:-$source_dir/build}/tests/e2e/idtool
cd "$tmp" || exit 1

# make_tpm NAME: a TPM with EK certificates of a local CA of its own.
make_tpm() {
	mkdir -p "$1/state" "$1/ca"
	printf 'statedir = %s\nsigningkey = %s/sign.pem\nissuercert = %s/issuer.pem\ncertserial = %s/serial\n' \
		"$tmp/$1/ca" "$tmp/$1/ca" "$tmp/$1/ca" "$tmp/$1/ca" >"$1/localca.conf"
	: >"$1/localca.options"
	printf 'create_certs_tool = %s\ncreate_certs_tool_config = %s\ncreate_certs_tool_options = %s\nactive_pcr_banks = sha256\n' \
		"$(command -v swtpm_localca)" "$tmp/$1/localca.conf" "$tmp/$1/localca.options" >"$1/setup.conf"
	swtpm_setup --tpm2 --tpmstate "$tmp/$1/state" --create-ek-cert --config "$tmp/$1/setup.conf" \
		--runas "$(id -un)" --rsa-keysize 2048 >"$1/setup.log" 2>&1 || { ok 1 "swtpm_setup"; diag "$(cat "$1/setup.log")"; finish; }
}
# start NAME: as $TPM2TOOLS_TCTI.
start() {
	background swtpm socket --tpm2 --tpmstate "dir=$tmp/$1/state" --server "type=unixio,path=$tmp/$1/tpm" \
		--ctrl "type=unixio,path=$tmp/$1/tpm.ctrl" --flags not-need-init,startup-clear >"$1/swtpm.log" 2>&1
	for _ in $(seq 100); do [ -S "$tmp/$1/tpm.ctrl" ] && break; sleep 0.05; done
}
use() { export TPM2TOOLS_TCTI="swtpm:path=$tmp/$1/tpm"; }
tpm() { "$@" >tpm.log 2>&1 || { ok 1 "$1"; diag "$(cat tpm.log)"; return 1; }; }
# ek DIR NAME ALG INDEX: NAME.ctx and NAME.pub; NAME.der if INDEX is given.
ek() {
	tpm tpm2_createek -c "$1/$2.ctx" -G "$3" -u "$1/$2.pub" && tpm tpm2_flushcontext -t
	[ -z "${4:-}" ] || tpm tpm2_nvread "$4" -o "$1/$2.der"
}
# ak DIR EK NAME ALG SCHEME
ak() {
	tpm tpm2_createak -C "$1/$2.ctx" -c "$1/$3.ctx" -G "$4" -s "$5" -g sha256 -u "$1/$3.pub" -n "$1/$3.name"
	tpm tpm2_flushcontext -t
}
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }

make_tpm a; make_tpm b; start a; start b
# activate DIR EK AK BLOB OUT: keys of the low templates want a policy session, the high ones
# have an empty password.
activate() {
	local r auth=
	case $2 in rsa | p256) tpm tpm2_startauthsession --policy-session -S session.ctx &&
		tpm tpm2_policysecret -S session.ctx -c e; auth=session:session.ctx ;; esac
	tpm2_activatecredential -c "$1/$3.ctx" -C "$1/$2.ctx" -i "$4" -o "$5" ${auth:+-P "$auth"} >act.log 2>&1; r=$?
	[ -z "$auth" ] || tpm2_flushcontext session.ctx >/dev/null 2>&1
	tpm2_flushcontext -t >/dev/null 2>&1
	return $r
}

# --- templates and names are what tpm2-tools and the TPM make of them
use a
ek a rsa rsa 0x1c00002
ek a p384 ecc384 0x1c00016
ek a p256 ecc
ek a rsa3072 rsa3072
use b
ek b rsa rsa 0x1c00002
ak b rsa ak ecc ecdsa
use a
for k in rsa:L-1 p256:L-2 p384:H-3 rsa3072:H-6; do
	is "$("$idtool" host "a/${k%:*}.pub" | cut -d' ' -f2)" "${k#*:}" "the template of ${k%:*} is ${k#*:}"
done
is "$("$idtool" host a/rsa.pub | cut -d' ' -f1)" \
	"$(tail -c +3 a/rsa.pub | sha256sum | cut -c1-32)" "the host's id is the digest of the public area"

# --- what we seal, the TPM opens
secret=$(printf '%064d' 42)
for k in rsa p256 p384 rsa3072; do
	ak a $k ak-$k ecc ecdsa
	"$idtool" credential a/$k.pub a/ak-$k.pub "$secret" $k.blob
	activate a $k ak-$k $k.blob $k.out; ok $? "a challenge for $k opens in the TPM"
	is "$(hex $k.out)" "$secret" "and holds the secret"
	ak a $k other ecc ecdsa
	! activate a $k other $k.blob no.out; ok $? "but not for another key of the same TPM"
done
python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))' "$secret" >plain
for k in rsa p256 p384 rsa3072; do
	tpm2_makecredential -T none -u a/$k.pub -s plain -n "$(hex a/ak-$k.name)" -o peer.blob >peer.log 2>&1
	activate a $k ak-$k peer.blob peer.out
	is "$(hex peer.out)" "$secret" "the peer's challenge for $k opens the same way"
	is "$(wc -c <peer.blob)" "$(wc -c <$k.blob)" "and is as long as ours"
done
use b
! activate b rsa ak rsa.blob no.out; ok $? "a challenge does not open in another TPM"
use a

# --- the certificate
now=$(date +%s)
trust() {
	out=$("$idtool" trust --now "$now" "$@" 2>"$tmp/err"); status=$?; err=$(cat "$tmp/err")
	mode=$(sed -n 's/^mode //p' <<<"$out"); reasons=$(sed -n 's/^reason \([^ ]*\).*/\1/p' <<<"$out" | tr '\n' ' ')
}
openssl x509 -in a/ca/issuer.pem -outform DER -out issuer.der
openssl x509 -in b/ca/issuer.pem -outform DER -out other-issuer.der
root=a/ca/swtpm-localca-rootca-cert.pem
for k in rsa p384; do
	trust --ek a/$k.pub --ak a/ak-$k.pub --cert a/$k.der --cert issuer.der --root $root
	is "$mode" ca "$k: the certificate in NV chains to its root"
	like "$out" '^tpm id:00001014 / swtpm / ' "and names the TPM"
done
cat a/rsa.der issuer.der >chain.bin; printf '\377\377\377' >>chain.bin
trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert chain.bin --root $root
is "$mode" ca "as one piece with padding"
trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert a/rsa.der --root $root --inter a/ca/issuer.pem
is "$mode" ca "with the issuer from the server's own store"
trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert a/rsa.der --root $root
is "$mode $reasons" "none ek-cert-no-root no-trust-mode " "without the issuer it leads nowhere"
trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert a/rsa.der --cert issuer.der --root b/ca/swtpm-localca-rootca-cert.pem
is "$mode $reasons" "none ek-cert-no-root no-trust-mode " "the chain of another root is not trusted"
trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert a/rsa.der --cert issuer.der --bundle "$source_dir/data/vendor-roots.bundle"
is "$mode" none "a software TPM's own CA is none of the vendors shipped"
trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert b/rsa.der --cert other-issuer.der --root b/ca/swtpm-localca-rootca-cert.pem --modes ca,operator
is "$mode $reasons" "none ek-not-of-certificate " "a genuine certificate of another TPM is refused in every mode (CVE-2021-3406)"
trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert a/p384.der --cert issuer.der --root $root
is "$mode $reasons" "none ek-not-of-certificate " "as is that of the same TPM's other key"
now=4102444800 trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert a/rsa.der --cert issuer.der --root $root
like "$mode $reasons" '^none ek-cert-expired |^ca' "in the year 2100 it has expired, or never does"
now=$((now - 86400 * 400)) trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert a/rsa.der --cert issuer.der --root $root
is "$mode $reasons" "none ek-cert-not-yet-valid no-trust-mode " "before it was made it is not valid"
"$idtool" trust --ek a/rsa.pub --ak a/rsa.pub --cert a/rsa.der --cert issuer.der --root $root >no.out
like "$(cat no.out)" 'ak-attributes' "an endorsement key is no attestation key"
tpm tpm2_createprimary -c free.ctx -G ecc:ecdsa:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'
tpm tpm2_readpublic -c free.ctx -o free.pub; tpm tpm2_flushcontext -t
"$idtool" trust --ek a/rsa.pub --ak free.pub --cert a/rsa.der --cert issuer.der --root $root >no.out
like "$(cat no.out)" 'ak-attributes' "nor is a key that signs anything"

# --- the roots that are shipped, and the tool that makes such bundles
"$source_dir/tools/make-root-bundle" "$source_dir/data/vendor-roots" roots.bundle >roots.out
cmp -s roots.bundle "$source_dir/data/vendor-roots.bundle"; ok $? "the shipped bundle is what its directory gives"
mkdir own; printf 'edition: 1\ndate: 2026-11-22\n' >own/EDITION
{ printf 'vendor: swtpm\nsource: made by this test\n'; cat $root; } >own/root.pem
{ printf 'vendor: swtpm\nsource: made by this test\nkind: intermediate\n'; openssl x509 -in a/ca/issuer.pem; } >own/issuer.pem
"$source_dir/tools/make-root-bundle" own own.bundle >roots.out
trust --ek a/rsa.pub --ak a/ak-rsa.pub --cert a/rsa.der --bundle own.bundle
is "$mode" ca "a bundle of one's own is trusted"
cp own/root.pem own/again.pem
! "$source_dir/tools/make-root-bundle" own twice.bundle >roots.out 2>&1; ok $? "the same certificate twice is refused"
sed -i '/^source/d' own/again.pem
! "$source_dir/tools/make-root-bundle" own nosource.bundle >roots.out 2>&1; ok $? "as is one without its source"

# --- the other ways
tail -c +3 a/rsa.pub | sha256sum | cut -d' ' -f1 >list; sed -i 's/$/ rack 4, slot 2/' list
trust --ek a/rsa.pub --ak a/ak-rsa.pub --list list --modes ca,ek-list
is "$mode" ek-list "a listed key is trusted"
like "$out" '^comment rack 4, slot 2' "for what the list calls it"
openssl x509 -inform der -in a/rsa.der -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1 >list
trust --ek a/rsa.pub --ak a/ak-rsa.pub --list list --modes ca,ek-list
is "$mode" ek-list "by its SubjectPublicKeyInfo too"
trust --ek b/rsa.pub --ak b/ak.pub --list list --modes ca,ek-list
is "$mode" none "another is not"
trust --ek b/rsa.pub --ak b/ak.pub --modes ca,ek-list,operator
is "$mode" "operator pending" "an operator may approve it"

# --- a whole enrolment
"$idtool" csr tls.key tls.csr
openssl req -inform der -in tls.csr -noout -verify 2>&1 | grep -q 'verify OK'; ok $? "openssl verifies our request"
begin() { "$idtool" begin --ek a/rsa.pub --ak a/ak-rsa.pub --csr tls.csr --cert a/rsa.der --cert issuer.der --root $root record challenge >begin.out; }
begin; ok $? "an enrolment begins"
activate a rsa ak-rsa challenge opened; ok $? "the TPM opens its challenge"
proof=$("$idtool" proof opened record tls.csr)
python3 - opened record tls.csr "$proof" <<'PY'
import hashlib, hmac, sys
secret, record, csr = (open(f, "rb").read() for f in sys.argv[1:4])
token = record[12:28]
want = hmac.new(secret, b"assay enrolment 1\0" + token + hashlib.sha256(csr).digest(), "sha256").hexdigest()
sys.exit(want != sys.argv[4])
PY
ok $? "the proof is the HMAC that the protocol says"
cp record spent
is "$("$idtool" finish spent "$proof")" "enrolled " "it ends enrolled"
is "$("$idtool" finish spent "$proof")" "refused the enrolment was used before" "and no second time"
wrong=$(printf '%064d' 7)
is "$("$idtool" finish record "$wrong")" "refused the proof is wrong" "a wrong proof is refused"
is "$("$idtool" finish record "$proof")" "refused the enrolment was used before" "and uses it up"

# --- certificates: openssl verifies them and speaks TLS with them
"$idtool" ca ca.key ca.pem && "$idtool" issue ca.key ca.pem tls.csr 0123456789abcdef0123456789abcdef client.pem &&
	"$idtool" serve ca.key ca.pem server.key server.pem localhost 127.0.0.1 ::1
ok $? "a CA, a client's and a server's certificate"
openssl verify -x509_strict -purpose sslclient -CAfile ca.pem client.pem >/dev/null 2>&1; ok $? "the client's verifies"
! openssl verify -purpose sslserver -CAfile ca.pem client.pem >/dev/null 2>&1; ok $? "but is none of a server"
openssl verify -x509_strict -purpose sslserver -verify_hostname localhost -CAfile ca.pem server.pem >/dev/null 2>&1 &&
	openssl verify -purpose sslserver -verify_ip 127.0.0.1 -CAfile ca.pem server.pem >/dev/null 2>&1
ok $? "the server's verifies, by name and by address"
! openssl verify -purpose sslserver -verify_hostname example.org -CAfile ca.pem server.pem >/dev/null 2>&1; ok $? "and by no other name"
is "$(openssl x509 -in client.pem -noout -subject -nameopt RFC2253)" "subject=CN=0123456789abcdef0123456789abcdef" "the client is its host id"
finish
