"""ima_list.py LIST PCRS N: a binary measurement list of N ima-ng entries, the first its
boot_aggregate over PCRs 0 to 9 (PCRS: sha256 values, concatenated).  Prints what each entry
extends into PCR 10, one line for tpm2_pcrextend."""
import hashlib
import struct
import sys

def entry(path, digest):
    """One record and its template data (Linux, ima_template_lib.c)."""
    data = b""
    for field in (b"sha256:\0" + digest, path + b"\0"):
        data += struct.pack("<I", len(field)) + field
    head = struct.pack("<I", 10) + hashlib.sha1(data).digest()
    return head + struct.pack("<I", 6) + b"ima-ng" + struct.pack("<I", len(data)) + data, data

boot = hashlib.sha256(open(sys.argv[2], "rb").read()).digest()
with open(sys.argv[1], "wb") as out:
    for i in range(int(sys.argv[3])):
        record, data = entry(b"boot_aggregate" if i == 0 else b"/usr/bin/tool%d" % i,
                             boot if i == 0 else hashlib.sha256(b"%d" % i).digest())
        out.write(record)
        print("10:" + ",".join(f"{h}={hashlib.new(h, data).hexdigest()}" for h in ("sha1", "sha256", "sha384")))
