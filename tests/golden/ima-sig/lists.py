#!/usr/bin/env python3
"""lists.py WORK OUT VERITY256 VERITY512: measurement lists of the templates ima-sigv2,
ima-modsig and evm-sig around the signatures that mk.sh made, as a kernel writes them
(see src/formats/ima_log.h); evm-sig in both byte orders."""
import hashlib, struct, subprocess, sys

work, out, v256, v512 = sys.argv[1:]
v256, v512 = bytes.fromhex(v256), bytes.fromhex(v512)
def rd(p):
    with open(p, "rb") as f: return f.read()
def xattr(n): return rd(f"{out}/{n}.xattr")
content = rd(f"{out}/content")
sha256 = lambda b: hashlib.sha256(b).digest()

def record(template, fields, order="<"):
    data = b"".join(struct.pack(order + "I", len(f)) + f for f in fields)
    return (struct.pack(order + "I", 10) + hashlib.sha1(data).digest() +
        struct.pack(order + "I", len(template)) + template + struct.pack(order + "I", len(data)) + data)

def ng(alg, digest): return alg.encode() + b":\0" + digest
def name(p): return p.encode() + b"\0"
def put(n, records):
    with open(f"{out}/{n}.bin", "wb") as f: f.write(b"".join(records))

boot = ng("sha256", bytes(32))
d = sha256(content)
put("ima-sigv2", [
    record(b"ima-sigv2", [b"ima:" + boot, name("boot_aggregate"), b""]),
    record(b"ima-sigv2", [b"verity:" + ng("sha256", v256), name("/opt/v/rsa"), xattr("v3-verity-rsa")]),
    record(b"ima-sigv2", [b"verity:" + ng("sha512", v512), name("/opt/v/p256"), xattr("v3-verity-p256")]),
    record(b"ima-sigv2", [b"ima:" + ng("sha256", d), name("/opt/v/file"), xattr("v3-file-rsa")]),
    record(b"ima-sigv2", [b"ima:" + ng("sha256", d), name("/opt/v/file2"), xattr("v3-file-p384")]),
    record(b"ima-sigv2", [b"ima:" + ng("sha256", d), name("/opt/v/v2"), xattr("p256-sha256")]),
    # An fs-verity signature on a file whose plain digest is that value, and the reverse.
    record(b"ima-sigv2", [b"ima:" + ng("sha256", v256), name("/opt/v/descriptor"), xattr("v3-verity-rsa")]),
    record(b"ima-sigv2", [b"verity:" + ng("sha256", d), name("/opt/v/reverse"), xattr("rsa2048-sha256")]),
    record(b"ima-sig", [ng("sha256", v256), name("/opt/v/untyped"), xattr("v3-verity-rsa")]),
    record(b"ima-sig", [ng("sha256", d), name("/opt/v/portable"), xattr("evm-portable-rsa")]),
])

def modsig(n, path, alg="sha256", sig=b"", other=None):
    whole = rd(f"{out}/{n}.signed")
    md = hashlib.new(alg, other if other is not None else content).digest()
    return record(b"ima-modsig", [ng("sha256", sha256(whole)), name(path), sig, ng(alg, md),
        rd(f"{work}/{n}.cms")])
put("ima-modsig", [
    record(b"ima-modsig", [boot, name("boot_aggregate"), b"", b"", b""]),
    modsig("modsig-rsa", "/lib/modules/6.1/a.ko"),
    modsig("modsig-rsa-skid", "/lib/modules/6.1/b.ko", "sha512"),
    modsig("modsig-p384", "/lib/modules/6.1/c.ko", "sha384"),
    modsig("modsig-attributes", "/lib/modules/6.1/d.ko"),
    modsig("modsig-rsa", "/lib/modules/6.1/other.ko", other=b"other content"),
    modsig("modsig-rsa", "/lib/modules/6.1/algorithm.ko", alg="sha512"),
    # A security.ima that does not fit decides; one by an unknown key leaves it to the other.
    modsig("modsig-rsa", "/lib/modules/6.1/both-bad.ko", sig=xattr("rsa2048-sha256")),
    modsig("modsig-rsa", "/lib/modules/6.1/both-unknown.ko", sig=b"\3\2\4\xde\xad\xbe\xef\0\1\0"),
])

def evm(which, path, order, **change):
    x = {}
    for n in ("selinux", "ima", "capability"):
        try: x["security." + n] = rd(f"{work}/{which}.{n}")
        except FileNotFoundError: pass
    x.update(change.get("xattrs", {}))
    x = {n: v for n, v in x.items() if v is not None}
    return record(b"evm-sig", [
        ng("sha256", change.get("digest", d)), name(path), rd(f"{work}/{which}.evm"),
        "|".join(x).encode() + b"\0",
        b"".join(struct.pack(order + "I", len(v)) for v in x.values()), b"".join(x.values()),
        struct.pack(order + "I", change.get("uid", 17)), struct.pack(order + "I", 42),
        struct.pack(order + "H", change.get("mode", 0o104755))], order)
put("evm-sig", [
    record(b"evm-sig", [boot, name("boot_aggregate")] + [b""] * 7),
    evm("evm-hash", "/opt/e/hash", "<"),
    evm("evm-sig", "/opt/e/signature", "<"),
    evm("evm-hash", "/opt/e/uid", "<", uid=0),
    evm("evm-hash", "/opt/e/mode", "<", mode=0o100755),
    evm("evm-hash", "/opt/e/capability", "<", xattrs={"security.capability": bytes(20)}),
    evm("evm-hash", "/opt/e/content", "<", digest=sha256(b"other")),
    evm("evm-hash", "/opt/e/no-ima", "<", xattrs={"security.ima": None}),
    # All the same bytes, cut elsewhere: then security.ima is not the digest.
    evm("evm-hash", "/opt/e/shifted", "<", xattrs={
        "security.selinux": rd(f"{work}/evm-hash.selinux") + rd(f"{work}/evm-hash.ima")[:1],
        "security.ima": rd(f"{work}/evm-hash.ima")[1:]}),
])

def sign(key, digest):
    with open(f"{work}/md", "wb") as f: f.write(digest)
    return subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", f"{work}/{key}.pem", "-in",
        f"{work}/md", "-pkeyopt", "digest:sha256"], check=True, capture_output=True).stdout

def portable(path, order, version):
    """As evm(), but signed here: other byte orders and versions than evmctl makes."""
    ima = b"\4\4" + d
    md = sha256(ima + struct.pack(order + "QIIIHxx", 0, 0, 17, 42, 0o104755))
    if version == 3: md = sha256(b"\5\4" + md)
    sig = sign("p256", md)
    keyid = xattr("p256-sha256")[3:7]
    value = bytes([5, version, 4]) + keyid + struct.pack(">H", len(sig)) + sig
    return record(b"evm-sig", [ng("sha256", d), name(path), value, b"security.ima\0",
        struct.pack(order + "I", len(ima)), ima, struct.pack(order + "I", 17),
        struct.pack(order + "I", 42), struct.pack(order + "H", 0o104755)], order)
put("evm-sig-v3", [portable("/opt/e/v3", "<", 3), portable("/opt/e/v2", "<", 2)])
# A host of the other byte order signs its own; what evmctl signed here it refuses.
put("evm-sig-be", [portable("/opt/e/be", ">", 2), evm("evm-hash", "/opt/e/le-on-be", ">")])
