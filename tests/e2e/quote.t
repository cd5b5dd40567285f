#!/bin/bash
# Quotes of a real TPM (swtpm) verify, with every scheme and form tpm2-tools can write;
# what a key outside a TPM, or somebody in between, makes of them does not.
. "${0%/*}/lib.sh"
have swtpm tpm2_quote openssl python3 || { skip "quotes of a software TPM" "swtpm, tpm2-tools, openssl or python3 is missing"; finish; }
facts=${ASSAY_BUILD:-$source_dir/build}/tests/e2e/tpm-facts
nonce=00112233445566778899aabbccddeeff
cd "$tmp" || exit 1

mkdir state
background swtpm socket --tpm2 --tpmstate "dir=$tmp/state" --server "type=unixio,path=$tmp/tpm" \
	--ctrl "type=unixio,path=$tmp/tpm.ctrl" --flags not-need-init,startup-clear >swtpm.log 2>&1
export TPM2TOOLS_TCTI="swtpm:path=$tmp/tpm"
for _ in $(seq 100); do [ -S "$tmp/tpm.ctrl" ] && break; sleep 0.05; done

# tpm COMMAND...: quietly; what it says is shown when it fails.
tpm() { "$@" >tpm.log 2>&1 || { ok 1 "$1"; diag "$(cat tpm.log)"; return 1; }; }
# ak NAME EK-ALG AK-ALG SCHEME HASH: an attestation key NAME.ctx, NAME.pub, NAME.pem.
ak() {
	tpm tpm2_createek -c "$1.ek" -G "$2" && tpm tpm2_flushcontext -t &&
		tpm tpm2_createak -C "$1.ek" -c "$1.ctx" -G "$3" -s "$4" -g "$5" -u "$1.pub" -n "$1.name" &&
		tpm tpm2_flushcontext -t && tpm tpm2_readpublic -c "$1.ctx" -f pem -o "$1.pem" &&
		tpm tpm2_flushcontext -t
}
# quote KEY SELECTION HASH [OPTION...]: KEY.msg, KEY.sig, KEY.pcrs.
quote() {
	local k=$1 l=$2 g=$3; shift 3
	[ "$k" = pss ] && set -- --scheme rsapss "$@"
	tpm tpm2_quote -c "$k.ctx" -l "$l" -g "$g" -q "$nonce" -m "$k.msg" -s "$k.sig" -o "$k.pcrs" "$@"
	tpm tpm2_flushcontext -t
}
# verify QUOTE SIGNATURE KEY NONCE BANK [PCRS]: the real command, on the list as it stands.
verify() {
	run evidence verify --json --integrity-only --ima-log list --quote "$1" --signature "$2" \
		--ak "$3" --nonce "$4" --bank "$5" ${6:+--pcrs "$6"}
}
# good DESCRIPTION ARG...
good() {
	local d=$1; shift; verify "$@"
	exits 0 "$d"
	like "$out" '"verdict": "trusted"' "is trusted"
}
# bad CODE CHECK DESCRIPTION ARG...: refused, for that reason, by that check.  What then
# cannot be the quoted PCR's value either (pcr-mismatch) is no reason of its own.
bad() {
	local c=$1 k=$2 d=$3; shift 3; verify "$@"
	exits 1 "$d"
	is "$(json "j['verdict'], j['checks']['$k']['state'], sorted({f['code'] for f in j['findings']} - {'pcr-mismatch'})")" \
		"('untrusted', 'fail', ['$c'])" "is $c"
}

# --- what a TPM makes verifies
for v in 0 4 7; do
	tpm tpm2_pcrextend "$v:sha1=$(printf '%040x' $v),sha256=$(printf '%064x' $v)"
done
tpm tpm2_pcrread sha256:0,1,2,3,4,5,6,7 -o low && tpm tpm2_pcrread sha256:8,9 -o high
cat low high >boot.pcrs
python3 "$here/ima_list.py" list boot.pcrs 5 >extends
while read -r v; do tpm tpm2_pcrextend "$v"; done <extends
ak rsa rsa rsa rsassa sha256
ak pss rsa rsa rsapss sha256
ak ecc ecc ecc ecdsa sha256
ak p384 ecc384 ecc384 ecdsa sha384
for k in rsa pss ecc p384; do
	h=sha256; [ $k = p384 ] && h=sha384
	is "$("$facts" name $k.pub)" "$(od -An -v -tx1 $k.name | tr -d ' \n')" "the name of $k is the TPM's own"
	for sel in sha256:10 sha1:10+sha256:0,1,2,3,4,5,6,7,8,9,10 sha1:0,10+sha256:10+sha384:0; do
		quote $k $sel $h
		good "$k over $sel" $k.msg $k.sig $k.pub $nonce sha256 $k.pcrs
	done
	good "$k with its PEM key" $k.msg $k.sig $k.pem $nonce sha256 $k.pcrs
	quote $k sha256:10 $h -f plain
	good "$k with a plain signature, PEM key" $k.msg $k.sig $k.pem $nonce sha256 $k.pcrs
	good "$k with a plain signature, public area" $k.msg $k.sig $k.pub $nonce sha256 $k.pcrs
done

# --- values as text and JSON
quote rsa sha256:0,10 sha256
tpm2_pcrread sha256:0,10 >pcrs.txt 2>/dev/null
good "values of tpm2_pcrread" rsa.msg rsa.sig rsa.pub $nonce sha256 pcrs.txt
awk 'BEGIN { printf "{\"sha256\": {" } /0x/ { gsub(/[ :]+/, " "); printf "%s\"%s\": \"%s\"", s, $1, tolower(substr($2, 3)); s = ", " }
	END { print "}}" }' pcrs.txt >pcrs.json
good "values as JSON" rsa.msg rsa.sig rsa.pub $nonce sha256 pcrs.json
sed -i 's/^\( *10: 0x\)../\1FF/' pcrs.txt
good "values of another moment: the list's count" rsa.msg rsa.sig rsa.pub $nonce sha256 pcrs.txt
like "$(json "j['warnings']")" 'another moment' "and it is said"
quote ecc sha1:10+sha256:10 sha256
good "in the other bank" ecc.msg ecc.sig ecc.pub $nonce sha1 ecc.pcrs
quote ecc sha256:10 sha256
good "without any values" ecc.msg ecc.sig ecc.pub $nonce sha256

# --- what was changed on the way does not
bad quote-nonce nonce "another nonce" rsa.msg rsa.sig rsa.pub 00 sha256 rsa.pcrs
bad quote-signature-invalid signature "another key" rsa.msg rsa.sig "$golden/debian12-vm/ak.pem" $nonce sha256 rsa.pcrs
bad quote-signature-scheme signature "a key of another kind" rsa.msg rsa.sig ecc.pub $nonce sha256 rsa.pcrs
bad quote-signature-scheme signature "a key bound to another scheme" rsa.msg rsa.sig pss.pub $nonce sha256 rsa.pcrs
bad quote-selection selection "a bank that is not in it" rsa.msg rsa.sig rsa.pub $nonce sha1 rsa.pcrs
bad quote-selection selection "a PCR file of another selection" rsa.msg rsa.sig rsa.pub $nonce sha256 ecc.pcrs
{ cat rsa.sig; echo; } >long.sig
bad trailing-data trailing-data "a byte behind the signature" rsa.msg long.sig rsa.pub $nonce sha256 rsa.pcrs
python3 - <<'PY'
b = bytearray(open("rsa.pcrs", "rb").read())
b[136 + 4 + 66 + 2] ^= 1        # the second value
open("wrong.pcrs", "wb").write(b)
b = bytearray(open("rsa.msg", "rb").read())
b[-1] ^= 1
open("wrong.msg", "wb").write(b)
PY
bad quote-digest digest "another value in the PCR file" rsa.msg rsa.sig rsa.pub $nonce sha256 wrong.pcrs
verify wrong.msg rsa.sig rsa.pub $nonce sha256 rsa.pcrs
exits 1 "a changed quote"
like "$out" '"code": "quote-signature-invalid"' "has no valid signature"

# --- what a key outside a TPM signs does not, however well it signs
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out out.key 2>/dev/null
openssl pkey -in out.key -pubout -out out.pem
# forge NAME FIELD=HEX...: NAME.msg and NAME.sig, made from the quote and signed by out.key.
forge() {
	local n=$1; shift
	python3 "$here/forge.py" "$n.msg" rsa.msg "$@" &&
		openssl dgst -sha256 -sign out.key -out raw "$n.msg" && python3 "$here/wrap.py" "$n.sig" raw
}
forge same
good "an honest copy (a bare key promises no TPM)" same.msg same.sig out.pem $nonce sha256 rsa.pcrs
forge magic magic=41414141
bad quote-magic magic "wrong magic" magic.msg magic.sig out.pem $nonce sha256 rsa.pcrs
forge type type=8017
bad quote-type type "wrong type" type.msg type.sig out.pem $nonce sha256 rsa.pcrs
forge nonce nonce=ffff
bad quote-nonce nonce "another nonce" nonce.msg nonce.sig out.pem $nonce sha256 rsa.pcrs
forge sel select=00000001000b03010000
bad quote-selection selection "PCR 10 left out" sel.msg sel.sig out.pem $nonce sha256
forge empty select=00000000
bad quote-selection selection "an empty selection" empty.msg empty.sig out.pem $nonce sha256
forge twice select=00000002000b03000400000b03000400
bad quote-selection selection "a bank twice" twice.msg twice.sig out.pem $nonce sha256
forge digest "digest=$(printf '%064d' 0)"
bad quote-digest digest "another digest" digest.msg digest.sig out.pem $nonce sha256 rsa.pcrs
forge trail trailing=00
bad trailing-data trailing-data "a byte behind the quote" trail.msg trail.sig out.pem $nonce sha256 rsa.pcrs
openssl dgst -sha1 -sign out.key -out raw same.msg
python3 "$here/wrap.py" sha1.sig raw
printf '\004' | dd of=sha1.sig bs=1 seek=3 conv=notrunc 2>/dev/null
bad quote-signature-scheme signature "SHA-1" same.msg sha1.sig out.pem $nonce sha256 rsa.pcrs

# A key of the TPM that is not restricted signs what it is given: it passes as a bare key,
# but not as what it is.
tpm tpm2_createprimary -c free.ctx -G rsa2048:rsassa-sha256:null -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'
tpm tpm2_flushcontext -t
tpm tpm2_readpublic -c free.ctx -o free.pub
tpm tpm2_flushcontext -t
quote free sha256:10 sha256
bad ak-attributes ak-attributes "a key that is not restricted" free.msg free.sig free.pub $nonce sha256 free.pcrs

# --- the boot's identity in real clockInfos
tpm tpm2_createak -C rsa.ek -c clock.ctx -G rsa -s rsassa -g sha256 -u clock.pub
tpm tpm2_flushcontext -t
tpm tpm2_evictcontrol -c clock.ctx 0x81010010
tpm tpm2_flushcontext -t
# at NAME: a quote at this moment.
at() { tpm tpm2_quote -c 0x81010010 -l sha256:10 -g sha256 -q $nonce -m "$1" -s clock.sig -o clock.pcrs; }
at a; sleep 0.1; at b
is "$("$facts" step a b)" continued "a later moment of the same boot"
is "$("$facts" step b a)" went-back "the earlier quote again"
is "$("$facts" step a a)" same-moment "the same quote"
if have swtpm_ioctl; then
	power() { tpm swtpm_ioctl --unix "$tmp/tpm.ctrl" -i; }
	tpm tpm2_shutdown; power; tpm tpm2_startup; at c		# to state, from state
	is "$("$facts" step b c)" resumed "a resume after a suspend"
	tpm tpm2_shutdown -c; power; tpm tpm2_startup -c; at d
	is "$("$facts" step c d)" rebooted "a boot after a shutdown"
	is "$("$facts" step d c)" went-back "a quote of the boot before"
	power; tpm tpm2_startup -c; at e
	is "$("$facts" step d e)" rebooted "a boot after a loss of power"
	tpm tpm2_clear
	is "$("$facts" step e a)" went-back "an old quote after all that"
else
	skip "suspend, boot, loss of power" "swtpm_ioctl is missing"
fi
finish
