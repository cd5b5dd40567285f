"""What kernels say about candidate IMA policies, as files; used by record-ima-policies
and t_ima_policy.t.

  ima_policy_verdicts.py record KERNEL CANDIDATES SETS OUT   ask the kernel, write OUT
  ima_policy_verdicts.py check KERNEL ASSAY SETS VERDICTS    ask assay ima-policy lint
  ima_policy_verdicts.py same A B                            compare two such files

SETS has one line a set: NAME TAB FILES TAB write|path TAB KERNEL PARAMETERS.
A file of verdicts has one line a candidate: SET TAB accept|refuse|ignore TAB CANDIDATE,
where a byte that is not printable is \\xNN, a backslash is doubled, and \\{N}C stands for
N times the (escaped) byte C.
"""
import concurrent.futures, os, re, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def escape(data):
    one = lambda b: "\\\\" if b == 0x5c else chr(b) if 0x20 <= b < 0x7f else "\\x%02x" % b
    out = []
    for run in re.finditer(rb"(.)\1*", data, re.S):
        c, n = one(run.group(1)[0]), len(run.group(0))
        out.append("\\{%d}%s" % (n, c) if n >= 32 else c * n)
    return "".join(out)


def unescape(text):
    out = bytearray()
    for m in re.finditer(r"(?:\\\{(\d+)\})?(\\\\|\\x[0-9a-f]{2}|[^\\])", text):
        c = m.group(2)
        out += (b"\\" if c == "\\\\" else bytes([int(c[2:], 16)]) if c.startswith("\\x") else c.encode()) * int(m.group(1) or 1)
    return bytes(out)


def read_sets(path):
    with open(path, encoding="ascii") as f:
        return [l.rstrip("\n").split("\t") for l in f if l.strip() and not l.startswith("#")]


def ask(kernel, folder, files, load, cmdline):
    """[(verdict, candidate)] of one set, asked in one boot."""
    path = os.path.join(folder, files)
    args = [os.path.join(HERE, "run-policies")]
    if os.path.isdir(path):
        names = [os.path.join(path, n) for n in sorted(os.listdir(path))]
        candidates = [open(n, "rb").read() for n in names]
        args += ["-w"]
    else:
        names = [path]
        candidates = [l + b"\n" for l in open(path, "rb").read().split(b"\n")[:-1]]
    if load == "path":
        args += ["-p"]
    if cmdline:
        args += ["-a", cmdline]
    run = subprocess.run(args + [kernel] + names, stdout=subprocess.PIPE, check=True)
    verdicts = [l.split(b"\t")[0].decode() for l in run.stdout.split(b"\n")[:-1]]
    if len(verdicts) != len(candidates):
        sys.exit("%s: %d verdicts for %d candidates" % (path, len(verdicts), len(candidates)))
    return list(zip(verdicts, candidates))


def record(kernel, folder, sets, out):
    with open(out, "w", encoding="ascii") as f:
        for name, files, load, *rest in read_sets(sets):
            for verdict, candidate in ask(kernel, folder, files, load, rest[0] if rest else ""):
                f.write("%s\t%s\t%s\n" % (name, verdict, escape(candidate)))


def lint(assay, kernel, load, cmdline, candidate, labels):
    with tempfile.NamedTemporaryFile() as f:
        f.write(candidate)
        f.flush()
        args = [assay, "ima-policy", "lint", "--kernel", kernel, "--load", load, "--labels", labels]
        if cmdline:
            args += ["--cmdline", cmdline]
        run = subprocess.run(args + [f.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return {0: "accept", 1: "refuse"}.get(run.returncode, "exit %d" % run.returncode)


def check(kernel, assay, sets, verdicts):
    how = {s[0]: (s[2], s[3] if len(s) > 3 else "") for s in read_sets(sets)}
    rows = [l.rstrip("\n").split("\t") for l in open(verdicts, encoding="ascii")]
    bad = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        # No label but the built-in ones exists in a kernel that has just been booted.
        jobs = [pool.submit(lint, assay, kernel, *how[s], unescape(c), os.devnull) for s, _, c in rows]
        for (s, verdict, c), job in zip(rows, jobs):
            # What makes no rule (a remark) is an empty policy as a file of its own.
            want = "refuse" if verdict == "ignore" else verdict
            if job.result() != want:
                bad.setdefault(s, []).append("kernel: %s, assay: %s: %s" % (want, job.result(), c[:200]))
    for i, s in enumerate(how):
        n = sum(r[0] == s for r in rows)
        print("%sok - kernel %s and lint agree on %d candidates: %s" % ("not " if s in bad or not n else "", kernel, n, s))
        for line in bad.get(s, [])[:20]:
            print("# " + line)


def same(a, b):
    x, y = (open(p, encoding="ascii").read().split("\n") for p in (a, b))
    diff = [l for l in x if l not in set(y)] + [l for l in y if l not in set(x)]
    for l in diff[:20]:
        print("# " + l[:200])
    sys.exit(1 if x != y else 0)


if __name__ == "__main__":
    {"record": record, "check": check, "same": same}[sys.argv[1]](*sys.argv[2:])
