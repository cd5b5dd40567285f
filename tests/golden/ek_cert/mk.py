"""Writes every file here but the keys' own; see mk.sh."""
import base64, hashlib, hmac, json, os, struct, urllib.parse
from der import *

keys = {k[4:-4]: Key(k) for k in sorted(os.listdir(".")) if k.startswith("key-") and k.endswith(".pem")}
root, inter, other = keys["root"], keys["inter"], keys["other-root"]
root_name = name(o="Test TPM maker", cn="Test TPM Root CA")
inter_name = name(o="Test TPM maker", cn="Test TPM Issuing CA 007")
other_name = name(o="Another maker", cn="Another Root CA")
ca = [constraints(True), usage(5, 6)]

cert("root.der", root, root_name, root, root_name, exts=ca)
cert("other-root.der", other, other_name, other, other_name, exts=ca)
cert("inter.der", inter, root_name, root, inter_name, serial=2, exts=[constraints(True, 0), usage(5, 6)])
cert("inter-expired.der", inter, root_name, root, inter_name, serial=3, end="20210101000000Z",
     exts=[constraints(True, 0), usage(5, 6)])
cert("inter-not-ca.der", inter, root_name, root, inter_name, serial=4, exts=[constraints(False), usage(0)])
cert("inter-sha1.der", inter, root_name, root, inter_name, serial=5, digest="sha1",
     exts=[constraints(True, 0), usage(5, 6)])

san = directory_name(**TPM)
rsa_ext = [san, constraints(False), usage(2), purpose(EK_PURPOSE)]
ecc_ext = [san, constraints(False), usage(4), purpose(EK_PURPOSE)]


def leaf(file, key, exts, **kw):
    return cert(file, keys[key], inter_name, inter, exts=exts, **dict(dict(serial=0x1234), **kw))


# The ordinary ones, one for each accepted kind of key.
rsa = leaf("ek-rsa.der", "ek-rsa", rsa_ext)
ecc = leaf("ek-ecc.der", "ek-ecc", ecc_ext)
leaf("ek-p384.der", "ek-p384", ecc_ext)
leaf("ek-rsa3072.der", "ek-rsa3072", rsa_ext)
leaf("ek-zero.der", "ek-zero", ecc_ext)

# The quirks.
pss = keys["ek-rsa"].spki.replace(oid("1.2.840.113549.1.1.1"), oid("1.2.840.113549.1.1.7"))
leaf("oaep-key.der", "ek-rsa", rsa_ext, spki=pss)
bad = bytearray(leaf("oaep-key.der", "ek-rsa", rsa_ext, spki=pss))
bad[-1] ^= 1
open("oaep-signature.der", "wb").write(bad)
cert("oaep-wrong-signer.der", keys["ek-rsa"], inter_name, other, exts=rsa_ext, serial=0x1234, spki=pss)
leaf("serial-negative.der", "ek-rsa", rsa_ext, serial=b"\x85\x12\x34")
leaf("serial-zero.der", "ek-rsa", rsa_ext, serial=0)
leaf("serial-long.der", "ek-rsa", rsa_ext, serial=b"\x7f" * 24)
leaf("no-end.der", "ek-rsa", rsa_ext, end="99991231235959Z")
leaf("expired.der", "ek-rsa", rsa_ext, end="20210101000000Z")
leaf("not-yet.der", "ek-rsa", rsa_ext, start="20480101000000Z")
leaf("no-eku.der", "ek-rsa", [san, constraints(False), usage(2)])
leaf("san-not-critical.der", "ek-rsa", [directory_name(False, **TPM), constraints(False), usage(2), purpose(EK_PURPOSE)],
     subject=name(cn="TPM 4711"))
leaf("no-tpm-name.der", "ek-rsa", [constraints(False), usage(2), purpose(EK_PURPOSE)], subject=name(cn="TPM"))
leaf("name-in-subject.der", "ek-rsa", [constraints(False), usage(2), purpose(EK_PURPOSE)], subject=name(cn="x", **TPM))
leaf("name-with-escape.der", "ek-rsa", [directory_name(manufacturer="id:41535359", model="a\x1b[31m\nb", version="\u00e9"),
     constraints(False), usage(2), purpose(EK_PURPOSE)])
leaf("policies-critical.der", "ek-rsa", rsa_ext + [ext("2.5.29.32", seq(seq(oid("2.5.29.32.0"))), True)])

# What must not pass.
leaf("usage-wrong.der", "ek-rsa", [san, constraints(False), usage(0), purpose(EK_PURPOSE)])
leaf("purpose-tls.der", "ek-rsa", [san, constraints(False), usage(2), purpose("1.3.6.1.5.5.7.3.1")])
leaf("leaf-ca.der", "ek-rsa", [san, constraints(True), usage(2, 5), purpose(EK_PURPOSE)])
leaf("critical-unknown.der", "ek-rsa", rsa_ext + [ext("1.3.6.1.4.1.99999.1", octets(b"?"), True)])
leaf("extension-twice.der", "ek-rsa", rsa_ext + [usage(4)])
leaf("sha1.der", "ek-rsa", rsa_ext, digest="sha1")
leaf("rsa1024.der", "weak-rsa", rsa_ext)
cert("wrong-signer.der", keys["ek-rsa"], inter_name, other, exts=rsa_ext, serial=0x1234)
cert("other-chain.der", keys["ek-rsa"], other_name, other, exts=rsa_ext, serial=0x1234)
bad = bytearray(rsa)
bad[-1] ^= 1
open("signature.der", "wb").write(bad)
roca = open("../tpm/roca.der", "rb").read()
leaf("roca.der", "ek-rsa", rsa_ext, spki=roca)

# The forms in which they are found.
tcg = bytes([0x10, 0x01, 0x00])
open("form-header.bin", "wb").write(tcg + struct.pack(">H", len(rsa)) + rsa)
open("form-header-padded.bin", "wb").write(tcg + struct.pack(">H", len(rsa)) + rsa + b"\xff" * 300)
open("form-full-cert.bin", "wb").write(tcg + struct.pack(">H", len(rsa) + 2) + b"\x10\x02" + rsa)
open("form-padded-ff.bin", "wb").write(rsa + b"\xff" * 200)
open("form-padded-00.bin", "wb").write(rsa + b"\x00" * 7)
chain = open("inter.der", "rb").read()
open("form-chain.bin", "wb").write(rsa + chain + b"\x00" * 64)
open("form-junk.bin", "wb").write(rsa + b"\xff\xff?")
open("form.pem", "w").write("A TPM's certificate, then its issuer's\n" + pem("CERTIFICATE", rsa) +
                            "\nissuer:\n" + pem("CERTIFICATE", chain))
url = base64.urlsafe_b64encode(ecc).decode()
url += "" if url.endswith("=") else "="         # as the service pads and encodes it
open("form.json", "w").write(json.dumps({"pubhash": base64.urlsafe_b64encode(hashlib.sha256(ecc).digest()).decode(),
                                        "certificate": urllib.parse.quote(url, safe="")}))

# Revocation lists of the issuing CA.
crl("revoked.crl", inter_name, inter, [0x1234])
crl("clean.crl", inter_name, inter, [7])
crl("old.crl", inter_name, inter, [7], this="20210101000000Z", until="20220101000000Z")
crl("forged.crl", inter_name, other, [7])
open("revoked.crl.pem", "w").write(pem("X509 CRL", open("revoked.crl", "rb").read()))

# Public areas as a TPM would write them.
for n, low in (("ek-rsa", True), ("ek-ecc", True), ("ek-p384", False), ("ek-rsa3072", False)):
    tpm_public(n + ".pub", keys[n], low)
tpm_public("ek-rsa-high.pub", keys["ek-rsa"], False)
tpm_public("ek-ecc-high.pub", keys["ek-ecc"], False)
tpm_public("ek-zero.pub", keys["ek-zero"], True)
tpm_public("ek-zero-stripped.pub", keys["ek-zero"], True, strip=True)
tpm_public("ek-signing.pub", keys["ek-rsa"], True, attributes=0x000700b2)
tpm_public("ek-free.pub", keys["ek-rsa"], True, attributes=0x000200b0)
tpm_public("ek-other.pub", keys["other-rsa"], True)
area = tpm_public("ek-roca.pub", keys["ek-rsa"], True)
n = keys["ek-rsa"].modulus()
weak = roca[roca.index(b"\x02\x82\x01\x01\x00") + 5:][:256]
open("ek-roca.pub", "wb").write(sized(area.replace(n, weak)))

# Device identity: the AKs of the recorded machine, certified by a device maker.
dev, dev_name = keys["device-root"], name(o="Test device maker", cn="Device Root CA")
cert("device-root.der", dev, dev_name, dev, dev_name, exts=ca)


class Public:
    def __init__(self, pem_file):
        self.spki = openssl("pkey", "-pubin", "-in", pem_file, "-pubout", "-outform", "DER")


ak = Public("../debian12-vm/akecc.pem")
box = name(o="Test device maker", cn="IAK", serial="BOX-0042")
cert("iak.der", ak, dev_name, dev, box, serial=11, exts=[constraints(False), usage(0), purpose(AIK_PURPOSE)])
cert("iak-tls.der", ak, dev_name, dev, box, serial=12, exts=[constraints(False), usage(0), purpose("1.3.6.1.5.5.7.3.2")])
cert("iak-other-key.der", keys["ek-ecc"], dev_name, dev, box, serial=13, exts=[constraints(False), usage(0), purpose(AIK_PURPOSE)])
cert("iak-other-root.der", ak, other_name, other, box, serial=14, exts=[constraints(False), usage(0), purpose(AIK_PURPOSE)])
cert("idevid.der", keys["idevid"], dev_name, dev, name(cn="IDevID", serial="BOX-0042"), serial=15, exts=[constraints(False), usage(0)])
cert("idevid-other.der", keys["idevid"], dev_name, dev, name(cn="IDevID", serial="BOX-0099"), serial=16, exts=[constraints(False), usage(0)])


# Key derivations, computed with Python's hmac and hashlib.
def kdfa(h, key, label, u, v, nbits):
    out, i = b"", 0
    while len(out) * 8 < nbits:
        i += 1
        out += hmac.new(key, struct.pack(">I", i) + label + b"\0" + u + v + struct.pack(">I", nbits), h).digest()
    return out[:nbits // 8]


def kdfe(h, z, label, u, v, nbits):
    out, i = b"", 0
    while len(out) * 8 < nbits:
        i += 1
        out += hashlib.new(h, struct.pack(">I", i) + z + label + b"\0" + u + v).digest()
    return out[:nbits // 8]


with open("kdf.txt", "w") as f:
    f.write("# function hash key-or-z label u v bits result; - is empty\n")
    for h in ("sha1", "sha256", "sha384", "sha512"):
        for nbits in (128, 256, 384, 512, 1024):
            for label, u, v in (("IDENTITY", b"", b""), ("STORAGE", bytes(range(34)), b""), ("X", b"u" * 48, b"v" * 3)):
                k = hashlib.sha512(f"{h}{nbits}{label}".encode()).digest()[:20 + nbits % 37]
                for fn in (kdfa, kdfe):
                    f.write(" ".join([fn.__name__, h, k.hex(), label, u.hex() or "-", v.hex() or "-", str(nbits),
                                      fn(h, k, label.encode(), u, v, nbits).hex()]) + "\n")
