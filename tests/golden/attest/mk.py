#!/usr/bin/env python3
"""Writes evidence-v1.bin, and seeds for the fuzzer, by the format's page alone."""
import os, struct, sys

here = os.path.dirname(os.path.abspath(__file__))
seeds = os.path.join(here, "../../fuzz/corpus/attest_message")


def message(kind, *sections):
    out = b"\x89AATM\r\n\x1a" + struct.pack("<IHH", 1, kind, len(sections))
    return out + b"".join(struct.pack("<HHI", tag, 0, len(b)) + b for tag, b in sections)


evidence = message(5, (13, bytes(32)), (14, b"quote"), (15, b"signature"), (16, b"{}"),
    (17, struct.pack("<Q", 559)), (18, struct.pack("<Q", 560)), (19, b""))
open(os.path.join(here, "evidence-v1.bin"), "wb").write(evidence)
for name, m in {
    "hello": message(5), "evidence": evidence,
    "enrol": message(1, (2, b"ek public"), (3, b"leaf"), (3, b"root"), (4, b"ak public"), (5, b"csr"), (6, b"{}")),
    "challenge": message(2, (1, bytes(16)), (7, b"credential"), (8, b"secret")),
    "activate": message(3, (1, bytes(16)), (9, bytes(32))),
    "enrolled": message(4, (10, b"0" * 32), (11, b"enrolled"), (12, b"host"), (12, b"authority")),
    "ack": message(6, (13, bytes(32)), (17, bytes(8)), (21, bytes(8)), (22, bytes(4)), (23, bytes(4)), (24, bytes(4))),
    "optional": message(5, (6, b"{}"), (0x8000, b"later")),
}.items():
    open(os.path.join(seeds, name), "wb").write(m)
