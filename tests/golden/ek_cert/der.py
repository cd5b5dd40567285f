"""DER, X.509 and TPM areas written by hand, so that a certificate can have every oddity
that makers' certificates have and no tool would make.  Keys and signatures: openssl."""
import base64, os, struct, subprocess, tempfile


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 0x80:
        head = bytes([n])
    else:
        size = n.to_bytes((n.bit_length() + 7) // 8, "big")
        head = bytes([0x80 | len(size)]) + size
    return bytes([tag]) + head + body


def seq(*p): return tlv(0x30, *p)
def sett(*p): return tlv(0x31, *p)
def octets(b): return tlv(0x04, b)
def bits(b, unused=0): return tlv(0x03, bytes([unused]) + b)
def utf8(s): return tlv(0x0c, s.encode())
def true(): return tlv(0x01, b"\xff")
def tag(n, *p): return tlv(0xa0 | n, *p)


def integer(v):
    """An int, or its content octets as they shall stand."""
    if isinstance(v, bytes):
        return tlv(0x02, v)
    return tlv(0x02, v.to_bytes(v.bit_length() // 8 + 1, "big", signed=True))


def oid(text):
    n = [int(x) for x in text.split(".")]
    out = bytes([n[0] * 40 + n[1]])
    for v in n[2:]:
        part = [v & 0x7f]
        while v > 0x7f:
            v >>= 7
            part.insert(0, 0x80 | v & 0x7f)
        out += bytes(part)
    return tlv(0x06, out)


def time(text):
    """UTCTime up to 2049, GeneralizedTime from 2050."""
    return tlv(0x17, text[2:].encode()) if text < "2050" else tlv(0x18, text.encode())


def name(**parts):
    ids = {"cn": "2.5.4.3", "o": "2.5.4.10", "serial": "2.5.4.5",
           "manufacturer": "2.23.133.2.1", "model": "2.23.133.2.2", "version": "2.23.133.2.3"}
    return seq(*[sett(seq(oid(ids[k]), utf8(v))) for k, v in parts.items()])


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout


class Key:
    def __init__(self, path):
        self.path = path
        self.spki = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
        self.ec = oid("1.2.840.10045.2.1") in self.spki

    def sign(self, tbs, digest="sha256"):
        return openssl("dgst", "-" + digest, "-sign", self.path, data=tbs)

    def alg(self, digest="sha256"):
        arc = {"sha1": "1", "sha256": "3.2", "sha384": "3.3"} if self.ec else \
            {"sha1": "5", "sha256": "11", "sha384": "12"}
        return seq(oid("1.2.840.10045.4." + arc[digest])) if self.ec else \
            seq(oid("1.2.840.113549.1.1." + arc[digest]), tlv(0x05))

    def point(self):
        p = self.spki[self.spki.rindex(b"\x00\x04") + 2:] if False else None
        for n in (64, 96, 132):
            if len(self.spki) > n + 1 and self.spki[-n - 1] == 4 and self.spki[-n - 2] == 0:
                p = self.spki[-n:]
        return p[:len(p) // 2], p[len(p) // 2:]

    def modulus(self):
        text = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode()
        return bytes.fromhex(text.strip().split("=")[1])


def ext(id, value, critical=False):
    return seq(oid(id), true() if critical else b"", octets(value))


def usage(*set_bits):
    v = 0
    for b in set_bits:
        v |= 0x8000 >> b
    return ext("2.5.29.15", bits(struct.pack(">H", v)[:1], 7 - max(set_bits)), True)


def purpose(*ids): return ext("2.5.29.37", seq(*[oid(i) for i in ids]))


def constraints(ca, pathlen=None):
    return ext("2.5.29.19", seq(true() if ca else b"", integer(pathlen) if pathlen is not None else b""), True)


def directory_name(critical=True, **parts):
    return ext("2.5.29.17", seq(tag(4, name(**parts))), critical)


EK_PURPOSE, AIK_PURPOSE = "2.23.133.8.1", "2.23.133.8.3"
TPM = dict(manufacturer="id:41535359", model="Assay test TPM", version="id:00010002")


def cert(path, key, issuer, issuer_key, subject=b"\x30\x00", serial=1, start="20200101000000Z",
         end="20491231235959Z", exts=(), digest="sha256", spki=None):
    tbs = seq(tag(0, integer(2)), integer(serial), issuer_key.alg(digest), issuer,
              seq(time(start), time(end)), subject, spki if spki is not None else key.spki,
              tag(3, seq(*exts)) if exts else b"")
    der = seq(tbs, issuer_key.alg(digest), bits(issuer_key.sign(tbs, digest)))
    if path:
        open(path, "wb").write(der)
    return der


def crl(path, issuer, issuer_key, serials, this="20260101000000Z", until="20491231235959Z"):
    revoked = [seq(integer(s), time(this)) for s in serials]
    tbs = seq(integer(1), issuer_key.alg(), issuer, time(this), time(until),
              seq(*revoked) if revoked else b"", tag(0, seq(ext("2.5.29.20", integer(1)))))
    open(path, "wb").write(seq(tbs, issuer_key.alg(), bits(issuer_key.sign(tbs))))


def sized(b): return struct.pack(">H", len(b)) + b


POLICY_A = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
POLICY_B = "ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0"
POLICY_C = ("b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419ca"
            "cb47ba09699646150f9fc000f3f80e12")


def tpm_public(path, key, low, attributes=None, strip=False):
    """The TPM2B_PUBLIC of a standard endorsement key (EK Credential Profile, appendix B)."""
    rsa, big = not key.ec, False
    size = len(key.modulus()) * 8 if rsa else len(key.point()[0]) * 8
    big = size in (384, 3072, 4096)
    policy = POLICY_A if low else POLICY_C if big else POLICY_B
    if attributes is None:
        attributes = 0x000300b2 if low else 0x000300f2
    area = struct.pack(">HHI", 0x0001 if rsa else 0x0023, 0x000c if big else 0x000b, attributes)
    area += sized(bytes.fromhex(policy))
    area += struct.pack(">HHHH", 0x0006, 256 if big else 128, 0x0043, 0x0010)
    if rsa:
        area += struct.pack(">HI", size, 0) + sized(key.modulus())
    else:
        x, y = key.point()
        if strip:
            x, y = x.lstrip(b"\0"), y.lstrip(b"\0")
        area += struct.pack(">HH", 3 if size == 256 else 4, 0x0010) + sized(x) + sized(y)
    open(path, "wb").write(sized(area))
    return area


def pem(label, der):
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"
