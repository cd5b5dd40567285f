#!/usr/bin/env python3
"""What the agent's processes are: small (Pss of all of them under 15 MiB with a list of 5,000
entries), without the privileges they do not need, and made of few libraries."""
import os, pwd, re, shutil, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from ours import *
from taptest import *

for tool in ("swtpm", "swtpm_setup", "tpm2_pcrextend", "readelf"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")

AGENT = BUILD + "/assay-agent"
sanitized = b"__asan" in subprocess.run(["readelf", "--dyn-syms", os.path.realpath(AGENT)], capture_output=True).stdout


def memory(p):
    """Pss and private memory of a process and its children, in KiB."""
    children = open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()
    pss = 0
    for pid in [p.pid] + children:
        if open(f"/proc/{pid}/comm").read().strip() == "swtpm":
            continue
        text = open(f"/proc/{pid}/smaps_rollup").read()
        pss += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
    return pss


def status_of(p, key):
    return re.search(rf"^{key}:\s+(\S+)", open(f"/proc/{p.pid}/status").read(), re.M).group(1)


try:
    # ---- what it is made of ----
    needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(["readelf", "-d", os.path.realpath(AGENT)],
        capture_output=True, text=True).stdout)
    ok(needed, "it is a dynamic program")
    wrong = [l for l in needed if re.search("sqlite|libpq|archive|rpm|apt|curl|lzma|zstd|bz2|roaring|tss2-fapi|pcre", l)]
    is_(wrong, [], "that links no database, package, archive or FAPI library")
    all_of = subprocess.run(["ldd", os.path.realpath(AGENT)], capture_output=True, text=True).stdout
    ok(not re.search("sqlite|libpq|archive|rpm|libapt|curl", all_of), "nor do its libraries")
    for verb in ("priv", "run", "enrol", "status"):
        h = subprocess.run([AGENT, verb, "--help"], capture_output=True, text=True)
        ok(h.returncode == 0 and h.stdout.startswith(f"Usage: assay-agent {verb}"), f"{verb} --help")
    is_(subprocess.run([AGENT, "run"], capture_output=True).returncode, 2, "run without a server: exit 2")
    is_(subprocess.run([AGENT, "priv", "--pcrs", "0-99"], capture_output=True).returncode, 2, "PCRs that are none: exit 2")
    is_(subprocess.run([AGENT, "status", "--data", tmp + "/none"], capture_output=True).returncode, 3, "status of nothing: exit 3")

    # ---- with a list of 5,000 entries ----
    tpm = Tpm(tmp + "/tpm").start()
    kernel = Files(tpm)
    kernel.boot()
    for i in range(5000):
        Kernel.measure(kernel, f"/usr/lib/x86_64-linux-gnu/a-library-of-some-name/lib{i:05}.so", b"%d" % i, extend=False)
    open(kernel.dir + "/binary_runtime_measurements", "wb").write(b"".join(kernel.records))
    kernel.write()
    server = Server()
    # As under systemd: another user has the network process.
    root = os.geteuid() == 0
    p = priv("--list", "kernel", *(("--peer", "nobody") if root else ()))
    ok(wait(lambda: os.path.exists(tmp + "/agent/priv.sock")), "the privileged process listens")
    r = run(server, *(("--user", "nobody") if root else ()))
    ok(wait(lambda: server.hosts()[0]["id"], 60), "enrolled")
    server.api("POST", f"/v1/hosts/{server.hosts()[0]['id']}/approve")
    ok(wait(lambda: server.host()["reachability"] == "fresh", 60), "the host attests")
    time.sleep(6)
    for i in range(3):
        kernel.measure("/usr/bin/one", b"one")
        time.sleep(1.1)
    pss = memory(p), memory(r)
    print(f"# Pss: privileged process {pss[0]} KiB, network process {pss[1]} KiB, together {sum(pss)} KiB")
    if sanitized:
        ok(True, "under 15 MiB # SKIP a sanitizer is built in")
    else:
        ok(sum(pss) < 15 * 1024, f"all processes of the agent: {sum(pss)} KiB of Pss, under 15 MiB")

    # ---- privileges ----
    is_([status_of(r, k) for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")], ["0" * 16] * 4, "the network process has no capability")
    is_((status_of(r, "NoNewPrivs"), status_of(r, "Seccomp")), ("1", "2"), "cannot get one, and is filtered")
    is_((status_of(p, "NoNewPrivs"), status_of(p, "Seccomp")), ("1", "2"), "the privileged process is filtered too")
    if root:
        is_(status_of(r, "Uid"), str(pwd.getpwnam("nobody").pw_uid), "the network process is another user's")
        is_(os.stat(tmp + "/agent/net/identity.pem").st_uid, pwd.getpwnam("nobody").pw_uid, "whose the key is")
        is_(oct(os.stat(tmp + "/agent/priv").st_mode & 0o777), "0o700", "the privileged process's files are not")
        is_([status_of(p, k) for k in ("CapPrm", "CapEff", "CapBnd")], ["0000000000000004"] * 3,
            "and keeps CAP_DAC_READ_SEARCH alone")
        is_(status_of(r, "CapBnd"), "0" * 16, "the network process's bounding set is empty")
    sockets = [os.readlink(f"/proc/{p.pid}/fd/{f}") for f in os.listdir(f"/proc/{p.pid}/fd")]
    inodes = {s[8:-1] for s in sockets if s.startswith("socket:")}
    inet = "".join(open(f"/proc/{p.pid}/net/{f}").read() for f in ("tcp", "tcp6", "udp", "udp6"))
    ok(not any(re.search(rf"\s{i}\s", inet) for i in inodes), "the privileged process has no network socket")
    listening = [l for l in open(f"/proc/{r.pid}/net/tcp").read().splitlines() if l.split()[3] == "0A"]
    inodes = {os.readlink(f"/proc/{r.pid}/fd/{f}")[8:-1] for f in os.listdir(f"/proc/{r.pid}/fd")
        if os.readlink(f"/proc/{r.pid}/fd/{f}").startswith("socket:")}
    ok(not any(l.split()[9] in inodes for l in listening), "the network process listens nowhere")
finally:
    if "tpm" in globals():
        tpm.stop()
    cleanup(taptest.failed)
done()
