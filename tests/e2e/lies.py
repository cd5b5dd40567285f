"""What a hostile agent does to a measurement list: each lie takes a list of records that is true and
gives one that is not.  Written from the kernel's ABI (docs of IMA templates), with no code of ours."""
import hashlib, struct


class Record:
    """pcr, template digest (20), template name, fields; the data of a record are its fields with lengths."""

    def __init__(self, data):
        self.pcr, self.digest, n = struct.unpack_from("<I20sI", data)
        self.template, at = data[28:28 + n], 28 + n
        size, at = struct.unpack_from("<I", data, at)[0], at + 4
        self.fields, end = [], at + size
        while at < end:
            n = struct.unpack_from("<I", data, at)[0]
            self.fields.append(data[at + 4:at + 4 + n])
            at += 4 + n
        self.size = end

    @property
    def data(self):
        return b"".join(struct.pack("<I", len(f)) + f for f in self.fields)

    @property
    def path(self):
        return self.fields[1].rstrip(b"\0")

    def bytes(self):
        return struct.pack("<I20sI", self.pcr, self.digest, len(self.template)) + self.template + struct.pack("<I",
            len(self.data)) + self.data

    def digested(self):
        """With the template digest that fits what it now says."""
        self.digest = hashlib.sha1(self.data).digest()
        return self


def split(data):
    records = []
    while data:
        r = Record(data)
        records.append(data[:r.size])
        data = data[r.size:]
    return records


def change(records, i, how):
    r = Record(records[i])
    how(r)
    return records[:i] + [r.bytes()] + records[i + 1:]


def find(records, path):
    return next(i for i, r in enumerate(records) if Record(r).path == path)


def renamed(path):
    def how(r):
        r.fields[1] = path + b"\0"
    return how


def with_digest(digest):
    def how(r):
        r.fields[0] = b"sha256:\0" + digest
    return how


def made_to_fit(how):
    def both(r):
        how(r)
        r.digested()
    return both


def templated(name):
    def how(r):
        r.template = name
    return how


def to_pcr(pcr):
    def how(r):
        r.pcr = pcr
    return how


def violation(r):
    r.digest = bytes(20)


def lies(evil, good, digest):
    """(name, what is done to the records, what must be found): ${evil} is the path of the measured
    file that nobody approved, ${good} one that is approved, with its ${digest}.  None: the list cannot be
    read, which is no finding.  The last four replay to the TPM's value, or to nothing at all."""
    def at(how):
        return lambda records: change(records, find(records, evil), how)

    def cut(records):
        i = find(records, evil)
        return records[:i] + records[i + 1:]

    def swap(records):
        i = find(records, evil)
        return records[:i - 1] + [records[i], records[i - 1]] + records[i + 1:]

    def both(r):
        renamed(good)(r)
        with_digest(digest)(r)
    return [
        ("an entry's name is another's", at(renamed(good)), "template-digest-mismatch"),
        ("and its digest", at(both), "template-digest-mismatch"),
        ("and the entry's own digest fits that", at(made_to_fit(both)), "pcr-mismatch"),
        ("the entry is left out", cut, "pcr-mismatch"),
        ("all from it on is left out", lambda records: records[:find(records, evil)], "pcr-mismatch"),
        ("it changes places with the one before", swap, "pcr-mismatch"),
        ("it is called a violation", at(violation), "pcr-mismatch"),
        ("it is of another PCR", at(to_pcr(11)), "pcr-mismatch"),
        ("it is of no PCR", at(to_pcr(9999)), None),
        ("it is said twice", lambda records: records + [records[find(records, evil)]], "not-in-policy"),
        ("its template has another name", at(templated(b"ima-modsig")), "malformed-entry"),
        ("its template is unknown", at(templated(b"harmless")), "unknown-template"),
        ("the list is that of the boot alone", lambda records: records[:1], "pcr-mismatch"),
    ]
