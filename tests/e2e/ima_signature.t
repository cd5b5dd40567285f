#!/bin/bash
# What evmctl and openssl sign we find good, and what evmctl finds good we find good, with
# each key and hash; what is forged we refuse, also where evmctl does not.
. "${0%/*}/lib.sh"
# shellcheck disable=SC2154
sig=${ASSAY_BUILD:-$source_dir/build}/tests/e2e/sigtool
cd "$tmp" || exit 3
for p in evmctl openssl getfattr setfattr python3; do
	have "$p" || { echo "1..0 # SKIP $p is not installed"; exit 0; }
done

state() { "$sig" "$@" 2>"$tmp/err" | cut -d' ' -f1; }	# of one judgement
key() { # key NAME REQ-OPTION...
	n=$1; shift
	openssl req -x509 -new -nodes -keyout "$n.pem" -out "$n.der" -outform DER -days 2 \
		-subj "/CN=$n" -addext keyUsage=digitalSignature "$@" 2>/dev/null
}
key rsa2048 -newkey rsa:2048
key rsa4096 -newkey rsa:4096
key p256 -newkey ec -pkeyopt ec_paramgen_curve:P-256
key p384 -newkey ec -pkeyopt ec_paramgen_curve:P-384
key p521 -newkey ec -pkeyopt ec_paramgen_curve:P-521
all=rsa2048.der,rsa4096.der,p256.der,p384.der,p521.der
printf '#!/bin/sh\necho hello\n' >f
head -c 100000 /dev/urandom >big; : >empty

# --- each key, hash and content, signed by evmctl; evmctl's own verdict beside ours
signed=0 good=0 agreed=0
for k in rsa2048 rsa4096 p256 p384 p521; do
	for h in sha1 sha224 sha256 sha384 sha512 rmd160; do
		for c in f big; do
			[ "$c" = f ] || [ "$h" = sha256 ] || continue
			rm -f "$c.sig"
			evmctl ima_sign -f -k "$k.pem" -a "$h" "$c" >/dev/null 2>&1 || continue
			signed=$((signed + 1))
			[ "$(state ima $all "$c.sig" "$c")" = good ] && good=$((good + 1))
			evmctl ima_verify -f -k "$k.der" "$c" >/dev/null 2>&1 && agreed=$((agreed + 1))
		done
	done
done
diag "evmctl made $signed signatures"
[ "$signed" -ge 30 ]; ok $? "evmctl signs with the keys and hashes"
is "$good" "$signed" "all of them are good"
is "$agreed" "$signed" "as evmctl finds"

# evmctl refuses an empty file on some versions; ours has no such case.
if evmctl ima_sign -f -k p256.pem empty >/dev/null 2>&1; then
	is "$(state ima $all empty.sig empty)" good "an empty file"
else skip "an empty file" "evmctl does not sign one"; fi

# --- forgeries; the second column is what evmctl says, where it says so by exit status
evmctl ima_sign -f -k rsa2048.pem -a sha256 f >/dev/null 2>&1; cp f.sig good.sig
forge() { # forge DESCRIPTION WANT PYTHON-EXPRESSION over b, the signature
	python3 -c "b=bytearray(open('good.sig','rb').read())
$3
open('forged.sig','wb').write(bytes(b))"
	is "$(state ima $all forged.sig f)" "$2" "$1"
}
forge "as it is" good ''
forge "one byte longer, size as before" invalid 'b.append(0)'
forge "one byte shorter, size as before" invalid 'del b[-1]'
forge "one byte longer, size too" invalid 'b.append(0); b[8]=1'
forge "size 0" invalid 'b[7]=b[8]=0'
forge "size 0xffff" invalid 'b[7]=b[8]=255'
forge "no signature behind the header" invalid 'del b[9:]; b[7]=b[8]=0'
forge "the header cut" invalid 'del b[5:]'
forge "a signature of zeros" invalid 'b[9:]=bytes(256)'
forge "a whole value of zeros" unsupported 'b[:]=bytes(len(b))'
forge "another key's id" unknown-key 'b[3:7]=b"\xde\xad\xbe\xef"'
rm -f f.sig; evmctl ima_sign -f -k p256.pem -a sha256 f >/dev/null 2>&1
forge "a trusted key's id, but not the signer's" invalid 'b[3:7]=open("f.sig","rb").read()[3:7]'
forge "another algorithm in the header" invalid 'b[2]=6'
forge "type of a portable EVM signature" unsupported 'b[0]=5'
forge "version 3 in the header" invalid 'b[1]=3'
forge "version 4" unsupported 'b[1]=4'
echo changed >>f
is "$(state ima $all good.sig f)" invalid "content changed after signing"
is "$(state ima p256.der good.sig f)" unknown-key "signer not trusted"
printf '#!/bin/sh\necho hello\n' >f
for k in rsa2048 p256 p384; do
	rm -f f.sig; evmctl ima_sign -f -k "$k.pem" -a sha256 f >/dev/null 2>&1
	like "$("$sig" flips $all f.sig f)" ' flips, 0 good$' "$k: no flipped bit is good"
done

# --- two keys with one id
key twin1 -newkey rsa:2048 -addext subjectKeyIdentifier=00112233445566778899aabbccddeeffcafe0001
key twin2 -newkey rsa:2048 -addext subjectKeyIdentifier=ffeeddccbbaa99887766554433221100cafe0001
for k in twin1 twin2; do
	rm -f f.sig; evmctl ima_sign -f -k $k.pem --keyid-from-cert "$k.der" -a sha256 f >/dev/null 2>&1 ||
		evmctl ima_sign -f -k "$k.pem" --keyid cafe0001 -a sha256 f >/dev/null 2>&1
	like "$("$sig" ima twin1.der,twin2.der f.sig f)" "^good $k.der " "of two keys with one id, $k is the one"
done
is "$(state ima twin1.der f.sig f)" invalid "with only the other trusted it does not verify"

# --- a certificate whose identifier is not made of the key; evmctl signs by the key alone
rm -f f.sig; evmctl ima_sign -f -k twin1.pem -a sha256 f >/dev/null 2>&1
is "$(state ima twin1.der f.sig f)" good "the id made of the key finds it too"

# --- version 3, recomputed with openssl
v3() { # v3 TYPE KEY
	{ printf '%b\004' "\\x$1"; openssl dgst -sha256 -binary f; } | openssl dgst -sha256 -binary >id
	openssl pkeyutl -sign -inkey "$2.pem" -in id -pkeyopt digest:sha256 -out id.sig
	python3 - "$1" <<'PY'
import struct, sys
h = open("good.sig", "rb").read()
s = open("id.sig", "rb").read()
open("v3.sig", "wb").write(bytes([int(sys.argv[1], 16), 3, 4]) + h[3:7] + struct.pack(">H", len(s)) + s)
PY
}
v3 06 rsa2048
is "$(state verity $all v3.sig f)" good "version 3 of an fs-verity digest"
is "$(state ima $all v3.sig f)" invalid "not of a file's digest"
v3 03 rsa2048
is "$(state ima $all v3.sig f)" good "version 3 of a file's digest"
is "$(state verity $all v3.sig f)" invalid "not of an fs-verity digest"
is "$(state verity $all good.sig f)" invalid "nor is version 2"

# --- portable EVM on a real inode
if cp f tool && setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 tool 2>/dev/null; then
	setfattr -n security.SMACK64 -v 0x5f tool
	for k in rsa2048 p256 p384; do
		for i in --imahash --imasig; do
			setfattr -x security.evm tool 2>/dev/null
			chmod 4711 tool
			setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 tool
			evmctl sign --portable $i --smack -a sha256 -k "$k.pem" tool >/dev/null 2>&1
			is "$(state evm $all tool)" good "evmctl sign --portable $i, $k"
		done
	done
	evmctl verify --smack -k p384.der tool >/dev/null 2>&1; ok $? "evmctl agrees"
	chmod 755 tool; is "$(state evm $all tool)" invalid "mode changed"
	chmod 4711 tool; is "$(state evm $all tool)" good "and back"
	if chown 1 tool 2>/dev/null; then
		chmod 4711 tool; setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 tool
		is "$(state evm $all tool)" invalid "owner changed"
		chown 0 tool; chmod 4711 tool
	else skip "owner changed" "not root"; fi
	setfattr -x security.capability tool 2>/dev/null
	is "$(state evm $all tool)" invalid "a capability removed"
	setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 tool
	is "$(state evm $all tool)" good "and back"
	cat big >>tool; chmod 4711 tool
	setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 tool
	is "$(state evm $all tool)" invalid "content changed, metadata not"
	setfattr -n security.evm -v "0x02$(printf x | sha1sum | cut -c1-40)" tool 2>/dev/null &&
		is "$(state evm $all tool)" unsupported "an HMAC cannot be judged elsewhere"
else
	skip "portable EVM signatures" "no security attributes here"
fi

# --- appended signatures, as scripts/sign-file makes them
append() { # append KEY HASH [OPTION...]: f.signed
	k=$1 h=$2; shift 2
	openssl x509 -inform DER -in "$k.der" -out cert.pem
	openssl cms -sign -binary -in f -signer cert.pem -inkey "$k.pem" -outform DER -md "$h" -out cms "$@" 2>/dev/null
	python3 - <<'PY'
import struct
c = open("cms", "rb").read()
open("f.signed", "wb").write(open("f", "rb").read() + c +
    struct.pack(">BBBBB3sI", 0, 0, 2, 0, 0, bytes(3), len(c)) + b"~Module signature appended~\n")
PY
}
for k in rsa2048 rsa4096 p256 p384 p521; do
	for h in sha256 sha384 sha512; do
		[ "$k" = p256 ] || [ "$h" = sha512 ] || continue
		append "$k" "$h" -nocerts -noattr -nosmimecap
		is "$(state modsig $all f.signed "$h")" good "appended: $k, $h"
	done
done
append p256 sha256 -nocerts -noattr -nosmimecap -keyid
is "$(state modsig $all f.signed)" good "appended: signer named by key identifier"
is "$(state modsig rsa2048.der f.signed)" unknown-key "appended: signer not trusted"
is "$(state modsig $all f.signed sha512)" invalid "appended: digest of another algorithm"
append p256 sha256 -noattr -nosmimecap
is "$(state modsig $all f.signed)" good "appended: certificates inside do not matter"
append p256 sha256 -nocerts
is "$(state modsig $all f.signed)" unsupported "appended: signed attributes, as the kernel refuses"
append p256 sha256 -nocerts -noattr -nodetach
is "$(state modsig $all f.signed)" unsupported "appended: content inside"
openssl x509 -inform DER -in rsa2048.der -out c2.pem
append p256 sha256 -nocerts -noattr -signer c2.pem -inkey rsa2048.pem
is "$(state modsig $all f.signed)" unsupported "appended: two signers"
append p256 sha256 -nocerts -noattr
sed -i '1s/sh$/ch/' f.signed
is "$(state modsig $all f.signed)" invalid "appended: content changed"
# A certificate with the same names and serial, but another key, is no signer.
openssl req -x509 -new -nodes -keyout a.pem -out a.der -outform DER -days 2 -subj /CN=same -set_serial 7 \
	-newkey rsa:2048 2>/dev/null
openssl req -x509 -new -nodes -keyout b.pem -out b.der -outform DER -days 2 -subj /CN=same -set_serial 7 \
	-newkey rsa:2048 2>/dev/null
append a sha256 -nocerts -noattr
is "$(state modsig b.der f.signed)" invalid "appended: issuer and serial alone prove nothing"
like "$("$sig" modsig b.der,a.der f.signed)" '^good a.der' "appended: of two that are named alike the right one"

# --- the recorded machine
v=$golden/debian12-vm
is "$("$sig" list "$v/ima-rsa.der,$v/ima-ec.der,$v/ima-p384.der" "$v/list3.bin" | cut -d' ' -f1,2 | tr '\n' ' ')" \
	"414 good 415 good 416 good 417 unknown-key 418 invalid 423 good " "the recorded list"
finish
