#!/usr/bin/env python3
"""The agent's two systemd units and the server's are sound and confined (exposure of 2.0 at most), and what they
forbid is nothing that the processes do: every system call they are seen to make is allowed."""
import os, re, shutil, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from ours import *
from taptest import *

UNITS = os.environ["ASSAY_SOURCE"] + "/packaging/systemd"
if shutil.which("systemd-analyze") is None:
    skip_all("systemd-analyze is missing")
version = int(re.search(r"systemd (\d+)", subprocess.run(["systemd-analyze", "--version"], capture_output=True,
    text=True).stdout).group(1))


def analyze(*args):
    return subprocess.run(["systemd-analyze", "--no-pager", *args], capture_output=True, text=True)


def expand(names):
    """System calls of a list with @groups."""
    calls = set()
    for n in names:
        if n.startswith("@"):
            text = analyze("syscall-filter", n).stdout
            calls |= expand(l.strip() for l in text.splitlines()[1:] if l.strip() and not l.strip().startswith("#"))
        else:
            calls.add(n)
    return calls


def allowed(unit):
    calls = set()
    for line in open(unit):
        if line.startswith("SystemCallFilter="):
            value = line.strip().split("=", 1)[1]
            if value.startswith("~"):
                calls -= expand(value[1:].split())
            else:
                calls |= expand(value.split())
    return calls | expand(["@default"])


def seen(file):
    """Calls in strace's output that did not fail because our own filter forbids them."""
    calls = set()
    for line in open(file, errors="replace"):
        m = re.match(r"(?:\d+ +)?([a-z_0-9]+)\(", line)
        if m and "EPERM" not in line:
            calls.add(m.group(1))
    return calls - {"execve"}


def traced(name, *args):
    return start(name, "strace", "-f", "-qq", "-o", f"{tmp}/{name}.strace", *args)


try:
    for name in ("assay-agent-priv", "assay-agent", "assay-server"):
        unit = f"{UNITS}/{name}.service"
        if version < 250:
            ok(True, f"{name}: exposure # SKIP systemd {version} cannot judge units offline")
            continue
        r = analyze("security", "--offline=yes", "--threshold=20", unit)
        level = re.search(r"exposure level for \S+: (\S+)", r.stdout + r.stderr)
        ok(r.returncode == 0, f"{name}: exposure {level.group(1) if level else r.stderr}, at most 2.0")
        # verify wants programs and users that exist; the rest must be said to be well.
        os.makedirs(tmp + "/units", exist_ok=True)
        text = re.sub("/usr/bin/(assay(-agent)?) ", lambda m: os.path.realpath(f"{BUILD}/{m.group(1)}") + " ", open(unit).read())
        open(f"{tmp}/units/{name}.service", "w").write(text)
    for name in ("assay-agent-priv", "assay-agent", "assay-server"):
        r = analyze("verify", "--man=no", f"{tmp}/units/{name}.service")
        wrong = [l for l in r.stderr.splitlines() if name in l and ("Unknown" in l or "Failed to parse" in l or "Invalid" in l)]
        is_(wrong, [], f"{name}: nothing in it that systemd does not know")

    # systemd.unit(5), Requires=: "If one of the other units fails to activate, and an ordering dependency After= on the
    # failing unit is set, this unit will not be started"; and Restart= of the other one does not start it later.
    lines = [l.split("=", 1) for l in open(UNITS + "/assay-agent.service") if "=" in l and not l.startswith("#")]
    hard = [v for k, v in lines if k in ("Requires", "Requisite", "BindsTo") and "assay-agent-priv" in v]
    is_(hard, [], "a TPM that is late at boot does not keep the network part from ever starting")

    if None in map(shutil.which, ("strace", "swtpm", "swtpm_setup", "tpm2_pcrextend")):
        ok(True, "system calls # SKIP strace, swtpm or tpm2-tools is missing")
    else:
        tpm = Tpm(tmp + "/tpm").start()
        kernel = Files(tpm)
        kernel.boot()
        server = Server()
        watched = tmp + "/watched"
        os.makedirs(watched)
        mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "tmpfs", watched], capture_output=True).returncode == 0
        listing = ("--list", "monitor", "--monitor-below", watched) if mounted else ("--list", "kernel")
        p = traced("priv", BUILD + "/assay-agent", "priv", "--data", tmp + "/agent", "--tcti",
            f"swtpm:path={tmp}/tpm/tpm", "--securityfs", tmp + "/security", *listing)
        ok(wait(lambda: os.path.exists(tmp + "/agent/priv.sock"), 60), "the privileged process listens")
        r = traced("run", BUILD + "/assay-agent", "run", "--data", tmp + "/agent", "--server",
            server.url.replace("127.0.0.1", "localhost"), "--server-ca", tmp + "/server/ca.pem")
        ok(wait(lambda: server.hosts()[0]["id"], 60), "enrolled, by a name that has to be resolved")
        server.api("POST", f"/v1/hosts/{server.hosts()[0]['id']}/approve")
        ok(wait(lambda: server.host()["reachability"] == "fresh", 60), "the host attests")
        if mounted:
            shutil.copy("/bin/true", watched + "/true")
            before = status()[1]["monitor"]["hashed"]
            subprocess.run([watched + "/true"])
            ok(wait(lambda: status()[1]["monitor"]["hashed"] > before, 30), "what is executed where the monitor watches is hashed")
            time.sleep(2)
        for q, name in ((r, "run"), (p, "priv")):
            child = open(f"/proc/{q.pid}/task/{q.pid}/children").read().split()
            os.kill(int(child[0]), signal.SIGTERM)
            q.wait(30)
        for name, unit in (("priv", "assay-agent-priv"), ("run", "assay-agent")):
            used = seen(f"{tmp}/{name}.strace")
            # The unit says Nice=, and the monitor does not insist on more.
            is_(sorted(used - allowed(f"{UNITS}/{unit}.service") - {"setpriority", "sched_setscheduler"}), [], f"{unit}: allows the {len(used)} system calls that are used")
        # Under ima_policy=tcb the kernel measures what root reads, changed or new: what the privileged
        # process reads of its own must not change with each evidence that it sends.
        own = {}
        for m in re.finditer(r'openat?\(.*?"([^"]*/agent/priv/[^"]*)"', open(tmp + "/priv.strace", errors="replace").read()):
            own[m.group(1)] = own.get(m.group(1), 0) + 1
        is_({p: n for p, n in own.items() if n > 4}, {}, "assay-agent-priv: does not read files of its own again and again")
        denied = [l for l in open(tmp + "/run.strace", errors="replace") if "EPERM" in l and not re.search("capset|setgroups", l)]
        is_([l.strip()[:160] for l in denied[:5]], [], "the network process asks for nothing that its own filter forbids")
finally:
    if "tpm" in globals():
        tpm.stop()
    cleanup(taptest.failed) if not globals().get("mounted") else None
    if globals().get("mounted"):
        for q in processes:
            if q.poll() is None:
                q.kill()
                q.wait()
        time.sleep(0.2)
        subprocess.run(["umount", "-l", watched], capture_output=True)
        cleanup(taptest.failed)
done()
