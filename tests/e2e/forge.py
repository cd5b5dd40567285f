"""forge.py TO FROM [FIELD=HEX...]: a TPMS_ATTEST of a quote with fields replaced.

Fields: magic, type, nonce (extraData), select (the whole TPML_PCR_SELECTION), digest,
trailing.  The signature is the caller's (openssl dgst -sign); wrap.py makes a
TPMT_SIGNATURE of it."""
import struct
import sys

def split(b):
    """The quote's parts by name, in order."""
    out, off = {}, 0
    def take(name, n):
        nonlocal off
        out[name] = b[off:off + n]
        off += n
    def counted(name):
        take(name, 2 + struct.unpack_from(">H", b, off)[0])
    take("magic", 4)
    take("type", 2)
    counted("signer")
    counted("nonce")
    take("clock", 17)
    take("firmware", 8)
    end = off + 4
    for _ in range(struct.unpack_from(">I", b, off)[0]):
        end += 3 + b[end + 2]
    take("select", end - off)
    counted("digest")
    out["trailing"] = b[off:]
    return out

parts = split(open(sys.argv[2], "rb").read())
for a in sys.argv[3:]:
    k, v = a.split("=", 1)
    v = bytes.fromhex(v)
    parts[k] = struct.pack(">H", len(v)) + v if k in ("nonce", "digest") else v
open(sys.argv[1], "wb").write(b"".join(parts.values()))
