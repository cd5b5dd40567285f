#!/usr/bin/env python3
"""Check recorded measurement lists against the PCRs recorded with them.

usage: replay.py FOLDER    (list.bin, list_BANK.bin, pcrs.json, ...)

This is the laboratory's second opinion: written from the kernel's format
(ima_measurements_show, ima_calc_field_array_hash, ima_calc_boot_aggregate),
sharing nothing with Assay.  It prints, for each PCR and bank, which prefix of
the list leads to the recorded value, and fails if none does, if a template
digest is wrong, or if boot_aggregate does not follow from PCRs 0 to 9.
"""
import hashlib
import json
import os
import struct
import sys

SIZES = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}


def die(message):
    print("replay.py: " + message)
    sys.exit(1)


def parse(data, hlen):
    """Yield (pcr, digest, template, blob) of each record; blob is hashed."""
    off = 0

    def take(n):
        nonlocal off
        if n > len(data) - off:
            die("list ends inside a record at byte %d" % off)
        off += n
        return data[off - n:off]

    def u32():
        return struct.unpack("<I", take(4))[0]

    while off < len(data):
        pcr, digest, name = u32(), take(hlen), None
        name = take(u32())
        if name == b"ima":
            fields = ima_fields(data, off, digest)
            off += len(fields[0]) + 4 + len(fields[1])
            blob = fields[0] + fields[1] + bytes(256 - len(fields[1]))
        else:
            blob = take(u32())
            fields, o = [], 0
            while o + 4 <= len(blob):
                n = struct.unpack_from("<I", blob, o)[0]
                fields.append(blob[o + 4:o + 4 + n])
                o += 4 + n
            if o != len(blob):
                die("fields do not fill the record before byte %d" % off)
        yield pcr, digest, name, blob, fields


def ima_fields(data, off, digest):
    """The two fields of template "ima": with ima_hash=md5 the file digest has
    16 bytes and nothing in the record says so, only the template digest."""
    for size in (20, 16):
        d = data[off:off + size]
        n = struct.unpack_from("<I", data, off + size)[0]
        name = data[off + size + 4:off + size + 4 + n]
        if not any(digest) or (n < 256 and hashlib.sha1(
                d + name + bytes(256 - n)).digest() == digest):
            return d, name
    die("digest of the record before byte %d is wrong" % off)


def check_digests(records, bank):
    """Say how many template digests of this bank's list are right."""
    hlen = SIZES[bank]
    good = violations = 0
    for i, (pcr, digest, name, blob, fields) in enumerate(records):
        if digest == bytes(hlen):
            violations += 1
        elif digest == hashlib.new(bank, blob).digest():
            good += 1
        elif digest == hashlib.sha1(blob).digest() + bytes(hlen - 20):
            good += 1
        else:
            die("%s list: digest of entry %d is wrong" % (bank, i + 1))
    return good, violations


def replay(records, pcr, bank, start, padded):
    """All values the PCR takes: [after 0 records, after 1, ...]."""
    value, values = start, [start]
    hlen = SIZES[bank]
    for rpcr, digest, name, blob, fields in records:
        if rpcr == pcr:
            if not any(digest):
                ext = b"\xff" * hlen
            elif padded:
                ext = hashlib.sha1(blob).digest() + bytes(hlen - 20)
            else:
                ext = hashlib.new(bank, blob).digest()
            value = hashlib.new(bank, value + ext).digest()
        values.append(value)
    return values


def check_pcrs(records, pcrs, start_pcrs):
    used = sorted({r[0] for r in records})
    for bank in pcrs:
        for pcr in used:
            want = bytes.fromhex(pcrs[bank][str(pcr)])
            start = bytes(SIZES[bank])
            if start_pcrs:
                start = bytes.fromhex(start_pcrs[bank][str(pcr)])
            for padded in (False, True):
                values = replay(records, pcr, bank, start, padded)
                if want in values:
                    at = [i for i, v in enumerate(values) if v == want]
                    print("PCR %d %s: reached after entry %d of %d%s%s" % (
                        pcr, bank, at[0], len(records),
                        ", padded SHA-1" if padded else "",
                        ", from the value before kexec" if start_pcrs else ""))
                    if at[-1] != len(records):
                        die("the recorded PCR is not the list's end")
                    break
            else:
                die("PCR %d %s: no prefix leads to %s" % (pcr, bank, want.hex()))


def check_aggregate(records, pcrs):
    # d-ng and d-ngv2 have the algorithm in front, d has not.
    value = records[0][4][0].rpartition(b":\0")[2]
    if not any(value):
        print("boot_aggregate: zeros")
        return
    for bank in pcrs:
        for last in (7, 9):
            cat = b"".join(bytes.fromhex(pcrs[bank][str(i)])
                           for i in range(last + 1))
            for h in SIZES:
                if hashlib.new(h, cat).digest() == value:
                    print("boot_aggregate: %s over PCRs 0-%d of bank %s" %
                          (h, last, bank))
                    return
    die("boot_aggregate does not follow from the PCRs: " + value.hex())


def check_folder(folder, start_pcrs=None, start_list=b""):
    def path(name):
        return os.path.join(folder, name)

    with open(path("pcrs.json")) as f:
        pcrs = json.load(f)
    with open(path("list.bin"), "rb") as f:
        data = f.read()
    if start_list and data.startswith(start_list):
        print("the list goes on over kexec")
        start_pcrs = None
    records = list(parse(data, 20))
    with open(path("list.ascii"), "rb") as f:
        text = f.read()
    good, violations = check_digests(records, "sha1")
    for r in records:
        if b"%2d %s %s " % (r[0], r[1].hex().encode(), r[2]) not in text:
            die("an entry is not in the ASCII list")
    print("list.bin: %d entries, %d digests right, %d violations, templates %s"
          % (len(records), good, violations,
             " ".join(sorted({r[2].decode() for r in records}))))
    for bank in SIZES:
        if os.path.exists(path("list_%s.bin" % bank)):
            with open(path("list_%s.bin" % bank), "rb") as f:
                other = list(parse(f.read(), SIZES[bank]))
            good, violations = check_digests(other, bank)
            if [r[2:] for r in other] != [r[2:] for r in records]:
                die("list_%s.bin has other entries" % bank)
            print("list_%s.bin: %d digests right, %d violations" %
                  (bank, good, violations))
    check_aggregate(records, pcrs)
    if pcrs:
        check_pcrs(records, pcrs, start_pcrs)
    return pcrs, data


def main():
    folder = sys.argv[1]
    before = os.path.join(folder, "before-kexec")
    start = None, b""
    if os.path.isdir(before):
        print("before-kexec:")
        start = check_folder(before)
        print("after kexec:")
    check_folder(folder, *start)


main()
