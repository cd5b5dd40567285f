#!/usr/bin/env python3
"""compare_eventlog.py JSON YAML: whether `assay event-log show --json` and tpm2_eventlog read
the same events.  Compares PCR, type and every digest of every event; prints the number of
events, or what differs (exit status 1)."""
import json
import re
import sys


def theirs(name):
    events, alg = [], None
    for line in open(name, encoding="utf-8", errors="replace"):
        if line.startswith("pcrs:"):
            break
        m = re.match(r"\s*(?:- )?(PCRIndex|EventType|AlgorithmId|Digest): \"?([^\"\n]*)\"?", line)
        if not m:
            continue
        key, value = m.groups()
        if key == "PCRIndex":       # TPM 1.2's format has no EventNum
            events.append({"pcr": int(value), "digests": {}})
            alg = "sha1"            # nor does it, or the first record, name an algorithm
        elif key == "EventType":
            events[-1]["type"] = value
        elif key == "AlgorithmId":
            alg = value
        else:
            events[-1]["digests"][alg] = value
    return events


def ours(name):
    return [{"pcr": e["pcr"], "type": e["type"], "digests": e["digests"]}
            for e in json.load(open(name))["events"]]


a, b = ours(sys.argv[1]), theirs(sys.argv[2])
for i, (x, y) in enumerate(zip(a, b)):
    if x != y:
        print(f"event {i + 1}: {x} != {y}")
        sys.exit(1)
if len(a) != len(b):
    print(f"{len(a)} events, tpm2_eventlog has {len(b)}")
    sys.exit(1)
print(len(a))
