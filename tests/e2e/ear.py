#!/usr/bin/env python3
"""ear.py TOKEN PUBLIC-KEY: verify a JWT with nothing of ours: Python for JSON and base64url,
the openssl program for the signature.  Prints the claims as JSON; exit status 1 if the
signature does not verify."""
import base64, json, subprocess, sys, tempfile


def b64(s):
    return base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))


def integer(b):
    """DER INTEGER of a big-endian number."""
    b = b.lstrip(b"\0") or b"\0"
    if b[0] & 0x80:
        b = b"\0" + b
    return b"\x02" + bytes([len(b)]) + b


token = open(sys.argv[1]).read()
head, payload, signature = token.split(".")
alg = json.loads(b64(head))["alg"]
sig = b64(signature)
if alg.startswith("ES"):
    half = len(sig) // 2
    body = integer(sig[:half]) + integer(sig[half:])
    sig = b"\x30" + (bytes([len(body)]) if len(body) < 128 else b"\x81" + bytes([len(body)])) + body
with tempfile.NamedTemporaryFile() as m, tempfile.NamedTemporaryFile() as s:
    m.write(f"{head}.{payload}".encode()); m.flush()
    s.write(sig); s.flush()
    cmd = ["openssl", "dgst", f"-sha{alg[2:]}", "-verify", sys.argv[2], "-signature", s.name]
    if alg.startswith("PS"):
        cmd += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
    r = subprocess.run(cmd + [m.name], capture_output=True, text=True)
if r.returncode != 0:
    sys.exit(f"{alg}: {r.stdout}{r.stderr}")
print(json.dumps({"header": json.loads(b64(head)), "claims": json.loads(b64(payload))}))
