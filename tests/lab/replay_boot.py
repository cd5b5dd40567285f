#!/usr/bin/env python3
"""replay_boot.py YAML PCRS: whether the PCRs that tpm2_eventlog computed are those
that the kernel read.  Prints one line; exit status 1 if they differ."""
import re
import sys


def read(name):
    banks, bank, inside = {}, None, name.endswith(".txt")
    for line in open(name, encoding="utf-8", errors="replace"):
        if line.startswith("pcrs:"):
            inside = True
        if not inside:
            continue
        m = re.match(r"\s*(sha\w+)\s*:\s*$", line)
        if m:
            bank = banks.setdefault(m.group(1), {})
        m = re.match(r"\s*(\d+)\s*:\s*0x([0-9A-Fa-f]+)", line)
        if m and bank is not None:
            bank[int(m.group(1))] = m.group(2).lower()
    return banks


log, tpm = read(sys.argv[1]), read(sys.argv[2])
same = [(b, p) for b in log for p in log[b] if b in tpm and tpm[b].get(p) == log[b][p]]
bad = [(b, p) for b in log for p in log[b] if b in tpm and tpm[b].get(p) != log[b][p]]
for b, p in bad:
    print(f"PCR {p} of {b}: log {log[b][p]}, TPM {tpm[b].get(p)}")
print(f"tpm2_eventlog and the TPM agree in {len(same)} PCRs, differ in {len(bad)}.")
sys.exit(1 if bad or not same else 0)
