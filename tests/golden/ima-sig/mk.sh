#!/bin/bash
# Makes the signature data in this folder anew, with evmctl, openssl and python3; needs
# root (security.* attributes) and a file system that has them.  Keys are thrown away.
# Usage: mk.sh DIRECTORY (the data goes there; then copy it over)
set -euo pipefail
out=$(realpath "$1"); mkdir -p "$out"
here=$(cd "${0%/*}" && pwd)
w=$(mktemp -d "${TMPDIR:-/var/tmp}/ima-sig.XXXXXX"); trap 'rm -rf "$w"' EXIT
cd "$w"

key() { # key NAME OPENSSL-ALGORITHM... [-addext ...]
	n=$1; shift
	openssl req -x509 -new -nodes -keyout "$n.pem" -out "$out/$n.der" -outform DER -days 36500 \
		-subj "/O=Assay test/CN=$n" -addext keyUsage=digitalSignature "$@" 2>/dev/null
}
key rsa2048 -newkey rsa:2048
key rsa4096 -newkey rsa:4096
key p256 -newkey ec -pkeyopt ec_paramgen_curve:P-256
key p384 -newkey ec -pkeyopt ec_paramgen_curve:P-384
# Two keys whose certificates claim the same identifier, and so the same 32-bit key id.
key same1 -newkey rsa:2048 -addext subjectKeyIdentifier=00112233445566778899aabbccddeeffcafe1234
key same2 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	-addext subjectKeyIdentifier=ffeeddccbbaa99887766554433221100cafe1234
# The same key as p256, as a bare SubjectPublicKeyInfo.
openssl ec -in p256.pem -pubout -outform DER -out "$out/p256.spki" 2>/dev/null

printf 'a tool of a vendor\n' >content
cp content "$out/content"

ima() { # ima KEY HASH NAME [evmctl options]
	k=$1 h=$2 n=$3; shift 3
	rm -f content.sig
	evmctl ima_sign -f -k "$k.pem" -a "$h" "$@" content >/dev/null
	mv content.sig "$out/$n.xattr"
}
for k in rsa2048 rsa4096 p256 p384; do
	for h in sha1 sha256 sha512; do ima "$k" "$h" "$k-$h"; done
done
ima rsa2048 md5 rsa2048-md5
ima rsa2048 rmd160 rsa2048-rmd160
ima p256 sha384 p256-sha384
ima same1 sha256 same1-sha256 --keyid cafe1234
ima same2 sha256 same2-sha256 --keyid cafe1234
openssl rsa -in rsa2048.pem -out v1.pem 2>/dev/null
ima v1 sha1 v1-sha1 --rsa

# Values that are no signatures.
python3 - "$out" <<'PY'
import hashlib, sys
c = open("content", "rb").read()
def put(n, b): open(f"{sys.argv[1]}/{n}.xattr", "wb").write(b)
put("hash-md5", b"\x01" + hashlib.md5(c).digest())
put("hash-md5-padded", b"\x01" + hashlib.md5(c).digest() + bytes(4))
put("hash-sha1", b"\x01" + hashlib.sha1(c).digest())
put("hash-ng-sha256", b"\x04\x04" + hashlib.sha256(c).digest())
put("hash-ng-unknown", b"\x04\x0e" + bytes(range(20)))
put("evm-hmac", b"\x02" + hashlib.sha1(b"hmac").digest())
PY

# Version 3: over H(type, algorithm, digest), made with openssl alone.
v3() { # v3 KEY TYPE(hex) HASH ALGO-ID NAME DIGEST(hex)
	printf '%b' "\\x$2\\x$4$(printf %s "$6" | sed 's/../\\x&/g')" >id
	openssl dgst "-$3" -binary id >id.digest
	openssl pkeyutl -sign -inkey "$1.pem" -in id.digest -pkeyopt digest:"$3" -out id.sig
	python3 - "$1" "$2" "$4" "$out/$5.xattr" "$out/$1.der" <<'PY'
import hashlib, struct, subprocess, sys
k, typ, alg, name, cert = sys.argv[1:]
skid = subprocess.run(["openssl", "x509", "-inform", "DER", "-in", cert, "-noout", "-ext",
    "subjectKeyIdentifier"], capture_output=True, text=True).stdout.split()[-1].replace(":", "")
sig = open("id.sig", "rb").read()
open(name, "wb").write(bytes([int(typ, 16), 3, int(alg, 16)]) + bytes.fromhex(skid[-8:]) +
    struct.pack(">H", len(sig)) + sig)
PY
}
d256=$(sha256sum content | cut -c1-64)
# An fs-verity digest is a digest like another here: of the descriptor, not the content.
v256=$(printf descriptor | sha256sum | cut -c1-64)
v512=$(printf descriptor | sha512sum | cut -c1-128)
v3 rsa2048 06 sha256 04 v3-verity-rsa "$v256"
v3 p256 06 sha512 06 v3-verity-p256 "$v512"
v3 rsa2048 03 sha256 04 v3-file-rsa "$d256"
v3 p384 03 sha256 04 v3-file-p384 "$d256"

# Portable EVM signatures by evmctl on a real inode: a hash, and a signature, in security.ima.
cp content tool; chown 17:42 tool; chmod 4755 tool	# chown clears the bit
setfattr -n security.selinux -v 0x73797374656d5f753a6f626a6563745f723a62696e5f743a733000 tool
setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 tool
evmctl sign --portable --imahash -a sha256 -k rsa2048.pem tool >/dev/null
evmctl verify -k "$out/rsa2048.der" tool >/dev/null || { echo "evmctl does not verify" >&2; exit 1; }
xattr() { getfattr --only-values -n "security.$2" "$1"; }
for x in evm ima selinux capability; do xattr tool $x >evm-hash.$x; done
setfattr -x security.evm tool
setfattr -x security.capability tool
setfattr -x security.selinux tool
evmctl sign --portable --imasig -a sha256 -k p256.pem tool >/dev/null
evmctl verify -k "$out/p256.der" tool >/dev/null || { echo "evmctl does not verify" >&2; exit 1; }
xattr tool evm >evm-sig.evm; xattr tool ima >evm-sig.ima
cp evm-hash.evm "$out/evm-portable-rsa.xattr"; cp evm-sig.evm "$out/evm-portable-p256.xattr"

# Appended signatures as scripts/sign-file makes them; one as some openssl users would.
modsig() { # modsig KEY HASH NAME [openssl options]
	k=$1 h=$2 n=$3; shift 3
	openssl x509 -inform DER -in "$out/$k.der" -out cert.pem
	openssl cms -sign -binary -in content -signer cert.pem -inkey "$k.pem" -outform DER \
		-nocerts -nosmimecap -md "$h" -out cms "$@"
	python3 - "$out/$n.signed" <<'PY'
import struct, sys
cms = open("cms", "rb").read()
open(sys.argv[1], "wb").write(open("content", "rb").read() + cms +
    struct.pack(">BBBBB3sI", 0, 0, 2, 0, 0, bytes(3), len(cms)) + b"~Module signature appended~\n")
PY
	cp cms "$n.cms"
}
modsig rsa2048 sha256 modsig-rsa -noattr
modsig rsa2048 sha512 modsig-rsa-skid -noattr -keyid
modsig p384 sha384 modsig-p384 -noattr
modsig p256 sha256 modsig-attributes

# Lists of the templates that carry them.
python3 "$here/lists.py" "$w" "$out" "$v256" "$v512"
python3 "$here/wants.py" "$out"
