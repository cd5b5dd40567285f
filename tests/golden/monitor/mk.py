#!/usr/bin/env python3
"""mk.py: writes list-v1.bin and sidecar-v1.bin, by the words of docs/formats/monitor-list.md.

Shares no code with the program: if both agree, the document is right."""
import hashlib, os, struct

HERE = os.path.dirname(os.path.abspath(__file__))
BOOT = bytes(range(16))
sha = lambda b: hashlib.sha256(b).digest()


def field(b):
    return struct.pack("<I", len(b)) + b


def name(path):
    return field(path.replace(b" ", b"_") + b"\0")


def record(template, data):
    return struct.pack("<I", 13) + hashlib.sha1(data).digest() + field(template) + field(data)


def note(what, text):
    text = text.encode()
    return record(b"ima-buf", field(b"sha256:\0" + sha(text)) + name(what) + field(text))


def main():
    header = b"\x89AMS\r\n\x1a\n" + struct.pack("<II", 1, 0) + BOOT
    chain, sidecar, n = sha(header), header, 1
    out = note(b"monitor_start", f"version=1;boot_id={BOOT.hex()};time=1790000000000000001;uptime=12000000000;"
        f"pcr=13;why=first;chain={chain.hex()};")
    files = [
        (b"/usr/bin/true", sha(b"true"), 1, b"bash", b"/user.slice", 0),
        (b"/opt/two words\n\xff", sha(b"words"), 0, b"a\nb", b"/system.slice/x.service", 1000),
        (b"/mnt/hang", bytes(32), 1 | 0x20, b"sh", b"", 0xffffffff),
    ]
    for i, (path, digest, flags, comm, cgroup, uid) in enumerate(files):
        n += 1
        data = field(b"sha256:\0" + digest) + name(path)
        out += record(b"ima-ng", data)
        exact = path if b" " in path else b""
        body = struct.pack("<QQQIIIIIQQ", n, 1790000000000000100 + i, 12000000100 + i, 100 + i, uid, flags, 8, 1,
            4711 + i, 4096)
        for s in (comm, cgroup, exact):
            body += struct.pack("<H", len(s)) + s
        chain = sha(chain + sha(data) + body)
        sidecar += struct.pack("<I", len(body)) + body + chain
    out += note(b"monitor_chain", f"version=1;entries={n};chain={chain.hex()};")
    out += note(b"monitor_gap", "version=1;from=1790000000000000200;from_uptime=12000000200;to=1790000002000000200;"
        "to_uptime=14000000200;why=silent;count=0;")
    out += note(b"monitor_stop", f"version=1;time=1790000003000000000;uptime=15000000000;chain={chain.hex()};")
    for f, b in (("list-v1.bin", out), ("sidecar-v1.bin", sidecar)):
        with open(os.path.join(HERE, f), "wb") as o:
            o.write(b)


main()
