"""forge_list.py DIR SCENARIO: evidence as an attester would write it who holds a TPM and
wants TRUSTED: list.bin, quote.msg, quote.sig and pcrs.json in DIR.  The quote is genuine
(by tests/golden/evidence/test-ak.pem, over what the kernel really extended); the list is
what the attester makes of it."""
import hashlib
import json
import os
import struct
import subprocess
import sys

out, scenario = sys.argv[1], sys.argv[2]
golden = os.environ.get("ASSAY_GOLDEN") or os.path.join(os.path.dirname(__file__), "../golden")
GOOD, EVIL = hashlib.sha256(b"good").digest(), hashlib.sha256(b"evil").digest()
BOOT = hashlib.sha256(b"boot").digest()

def fields(*parts):
    return b"".join(struct.pack("<I", len(p)) + p for p in parts)

def dng(digest, alg=b"sha256"):
    return alg + b":\0" + digest

def ng(path, digest=GOOD, alg=b"sha256"):
    return fields(dng(digest, alg), path + b"\0")

class Entry:
    """What the kernel extended (data, pcr), and what the list says of it."""
    def __init__(self, data, template=b"ima-ng", pcr=10, violation=False, shown=None):
        self.data, self.template, self.pcr, self.violation = data, template, pcr, violation
        self.shown = data if shown is None else shown

    def extends(self):
        return b"\xff" * 32 if self.violation else hashlib.sha256(self.data).digest()

    def record(self):
        column = bytes(20) if self.violation else hashlib.sha1(self.data).digest()
        head = struct.pack("<I", self.pcr) + column
        body = self.shown if self.template == b"ima" else struct.pack("<I", len(self.shown)) + self.shown
        return head + struct.pack("<I", len(self.template)) + self.template + body

def replay(entries, pcr):
    v = bytes(32)
    for e in entries:
        if e.pcr == pcr:
            v = hashlib.sha256(v + e.extends()).digest()
    return v

def quote(values, clock=1000, reset=3):
    select = bytearray(3)
    for p in values:
        select[p // 8] |= 1 << (p % 8)
    digest = hashlib.sha256(b"".join(values[p] for p in sorted(values))).digest()
    attest = struct.pack(">IHH", 0xff544347, 0x8018, 34) + b"\0\x0b" + bytes(32)
    attest += struct.pack(">H", 20) + bytes(range(1, 21)) + struct.pack(">QIIBQ", clock, reset, 0, 1, 1)
    attest += struct.pack(">IHB", 1, 0x0b, 3) + bytes(select) + struct.pack(">H", 32) + digest
    with open(out + "/quote.msg", "wb") as f:
        f.write(attest)
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", golden + "/evidence/test-ak.pem",
                          out + "/quote.msg"], check=True, stdout=subprocess.PIPE).stdout
    r = der[4:4 + der[3]]
    s = der[4 + der[3] + 2:]
    with open(out + "/quote.sig", "wb") as f:
        f.write(struct.pack(">HH", 0x18, 0x0b))
        for n in (r, s):
            n = n.lstrip(b"\0")
            f.write(struct.pack(">H", len(n)) + n)
    with open(out + "/pcrs.json", "w") as f:
        json.dump({"sha256": {str(p): v.hex() for p, v in values.items()}}, f)

def write(listed, extended=None, pcrs=(10,), **clock):
    extended = listed if extended is None else extended
    with open(out + "/list.bin", "wb") as f:
        f.write(b"".join(e.record() for e in listed))
    quote({p: replay(extended, p) for p in pcrs}, **clock)

boot, good = Entry(ng(b"boot_aggregate", BOOT)), Entry(ng(b"/usr/bin/good"))
evil = Entry(ng(b"/usr/bin/evil", EVIL))

def honest():
    write([boot, good])

def evil_seen():
    write([boot, good, evil])

# A file named boot_aggregate without a directory (d_absolute_path fails on a detached
# mount), relabelled so that its digest is not read.
def named_aggregate(template=b"xattrnames|n-ng"):
    write([boot, good, Entry(ng(b"boot_aggregate", EVIL), template)])

def named_aggregate_honest():
    named_aggregate(b"ima-ng")

def no_digest_excluded():
    write([boot, good, Entry(ng(b"/tmp/evil", EVIL), b"xattrnames|n-ng")])

# What is approved is the file without its appended signature; what ran is all of it.
def swapped_modsig():
    data = fields(dng(EVIL), b"/usr/bin/good\0", b"", dng(GOOD), b"\x30\x03abc")
    write([boot, Entry(data, b"d-modsig|n-ng|sig|d-ng|modsig")])

# A listed file with a signature, which may be by a revoked key: called an appended one, it
# would not be looked at.
def relabelled_signature():
    sig = b"\x03\x02\x04" + bytes(4) + struct.pack(">H", 256) + b"s" * 256
    data = fields(dng(GOOD), b"/usr/bin/good\0", sig)
    write([boot, Entry(data, b"d-ng|n-ng|modsig")])

# The path is the control group's, which its owner chooses.
def swapped_path():
    data = fields(b"/bin/sh\0", b"/tmp/x\0", dng(EVIL), b"/usr/bin/evil\0")
    write([boot, good, Entry(data, b"dep|n-ng|d-ng|cg-path")])

# 276 bytes of ima-ng are also the padded data of template "ima"; the digest was ground so
# that its ninth byte and on begin the name of an excluded directory.
def ima_relabelled():
    digest = EVIL[:8] + b"/tmp/" + EVIL[13:]
    path = b"/home/u/" + b"x" * (276 - 8 - 40 - 8 - 1)
    data = ng(path, digest)
    assert len(data) == 276, len(data)
    name = data[20:].rstrip(b"\0")
    write([boot, good, Entry(data, b"ima", shown=data[:20] + struct.pack("<I", len(name)) + name)])

# Entries of another PCR that is quoted too: shown but altered, or left out of the middle.
def other_pcr_altered():
    other = Entry(ng(b"/usr/bin/good2", EVIL), pcr=11)
    shown = Entry(ng(b"/usr/bin/good"), pcr=11)
    write([boot, shown, good], [boot, other, good], (10, 11))

def other_pcr_cut():
    first, other = Entry(ng(b"/usr/bin/good"), pcr=11), Entry(ng(b"/usr/bin/x", EVIL), pcr=11)
    write([boot, first, shown_as(other), good], [boot, first, other, good], (10, 11))

def shown_as(e):
    return Entry(ng(b"/usr/bin/good"), pcr=e.pcr)

def other_pcr_honest():
    write([boot, Entry(ng(b"/usr/bin/good"), pcr=11), good], None, (10, 11))

def other_pcr_evil(pcrs=(10, 11)):
    write([boot, Entry(ng(b"/usr/bin/x", EVIL), pcr=11), good], None, pcrs, clock=2000)

def other_pcr_uncovered():
    write([boot, Entry(ng(b"/usr/bin/x", EVIL), pcr=11), good], None, (10,))

# Behind a state that knows of PCR 11: what was extended into it since is left out.
def other_pcr_state():
    write([boot, Entry(ng(b"/usr/bin/good"), pcr=11), good], None, (10, 11), clock=1000)

def other_pcr_omitted():
    first, evil11 = Entry(ng(b"/usr/bin/good"), pcr=11), Entry(ng(b"/usr/bin/evil", EVIL), pcr=11)
    write([boot, first, good, good], [boot, first, good, evil11, good], (10, 11), clock=2000)

# It stays as the state has it, or the first of its entries follows behind the quote.
def other_pcr_unchanged():
    first = Entry(ng(b"/usr/bin/good"), pcr=11)
    write([boot, first, good, good], None, (10, 11), clock=2000)

# All of them, so that the list looks as if there were none.
def other_pcr_all_omitted():
    write([boot, good], [boot, Entry(ng(b"/usr/bin/evil", EVIL), pcr=11), good], (10, 11))

def other_pcr_in_tail():
    first = Entry(ng(b"/usr/bin/good"), pcr=11)
    write([boot, good, first], [boot, good], (10, 11))

def template_escape():
    write([boot, good, Entry(ng(b"/usr/bin/good"), b"\x1b[1A\x1b[2KTRUSTED\n  pass")])

def empty_list():
    write([], [boot, good])

def zero_pcr():
    write([])

# A violation whose name was changed afterwards, behind a state.
def violation_renamed():
    v = Entry(ng(b"/var/log/x"), violation=True)
    write([boot, v], [boot, v], clock=1000)

def violation_renamed_later():
    v = Entry(ng(b"/var/log/y"), violation=True)
    write([boot, v, good], None, clock=2000)

# Only what is new since violation_renamed, which ends with the record that stands here again.
def violation_again():
    v = Entry(ng(b"/var/log/x"), violation=True)
    write([good, v], [boot, v, good, v], clock=2000)

# Entries by the hundred thousand, to weigh what an appraisal takes (not part of the tests).
def million():
    n = int(sys.argv[3])
    write([boot] + [Entry(ng(b"/opt/file-%d" % i, hashlib.sha256(b"%d" % i).digest())) for i in range(n)])

def million_aggregates():
    write([boot] + [boot] * int(sys.argv[3]))

def million_wrong():
    entries = [boot] + [good] * int(sys.argv[3])
    write(entries)
    b = bytearray(open(out + "/list.bin", "rb").read())
    at = 0
    size = len(good.record())
    at = len(boot.record())
    while at < len(b):
        b[at + 4] ^= 1
        at += size
    open(out + "/list.bin", "wb").write(bytes(b))

def ascii_long_digest():
    write([boot, good])
    with open(out + "/list.bin", "w") as f:
        f.write("10 %s ima %s boot_aggregate\n" % ("11" * 20, "41" * int(sys.argv[3])))

globals()[scenario]()
