#!/usr/bin/env python3
"""wants.py DIRECTORY: the dumps that t_ima_xattr and t_modsig compare with, read from the
data by another reader than the one under test."""
import glob, os, struct, sys

out = sys.argv[1]
ALGS = {1: "md5", 2: "sha1", 3: "rmd160", 4: "sha256", 5: "sha384", 6: "sha512", 7: "sha224"}
alg = lambda n: ALGS.get(n, str(n))
KINDS = {3: "signature", 5: "portable-signature", 6: "verity-signature"}

def xattr(b):
    if b[0] == 1:
        d = b[1:]
        if len(d) == 20 and d[16:] == bytes(4): d = d[:16]
        return f"digest alg={'md5' if len(d) == 16 else 'sha1'} digest={d.hex()}"
    if b[0] == 2: return f"hmac alg=sha1 digest={b[1:].hex()}"
    if b[0] == 4: return f"digest-ng alg={alg(b[1])} digest={b[2:].hex()}"
    if b[1] == 1:
        # type, version, time(4), algorithm, hash, keyid(8), MPIs, bits(2), MPI
        return f"signature v1 alg={['sha1', 'sha256'][b[7]]} keyid={b[12:16].hex()} sig={b[19:].hex()}"
    n, = struct.unpack(">H", b[7:9])
    assert n == len(b) - 9
    return f"{KINDS[b[0]]} v{b[1]} alg={alg(b[2])} keyid={b[3:7].hex()} sig={b[9:].hex()}"

with open(f"{out}/xattrs.want", "w") as w:
    for p in sorted(glob.glob(f"{out}/*.xattr")):
        w.write(f"{os.path.basename(p)}: {xattr(open(p, 'rb').read())}\n")
with open(f"{out}/modsig.want", "w") as w:
    for n in ("modsig-rsa", "modsig-rsa-skid", "modsig-p384", "modsig-attributes"):
        b = open(f"{out}/{n}.signed", "rb").read()
        size, = struct.unpack(">I", b[-32:-28])
        w.write(f"{n}: content={len(b) - 40 - size} bytes pkcs7={b[-40 - size:-40].hex()}\n")
