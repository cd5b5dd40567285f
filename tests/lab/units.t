#!/usr/bin/env python3
"""The agent's two units in a Debian with systemd, installed as the README says: they start by themselves and
early, confined as they are written; the host is trusted by a policy of its files and red for another script;
what is killed or restarted comes back. With the kernel's list of 5,000 entries, and with the execution monitor."""
import sys, os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from systemd_kit import *

need_systemd()
BASE = unpacked("agent", *PACKAGES)
UNITS = ("assay-agent-priv", "assay-agent")
MANY = 4900		# files that are read to make the list long
MOST_PSS = 15 * 1024	# KiB


def files(l):
    """What the machine has beside Debian and us; all of it is in the policy."""
    for i in range(MANY):
        l.write(f"/opt/many/{i}", f"{i}\n")
    for name in ("approved", "again", "killed", "restarted"):
        l.write("/opt/" + name, f"#!/bin/sh\necho {name}\n", 0o755)
    # It runs as soon as anything may that waits for the early part of the boot.
    l.write("/opt/early", "#!/bin/sh\nexit 0\n", 0o755)
    l.write("/etc/systemd/system/early.service", "[Unit]\nDefaultDependencies=no\nAfter=sysinit.target\nBefore=basic.target\n"
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/opt/early\n[Install]\nWantedBy=basic.target\n")
    l.enable("early")


def processes(l, unit):
    """(name, number) of each."""
    lines = l.machine.do(f"for p in $(cat /sys/fs/cgroup/system.slice/{unit}.service/cgroup.procs); do "
        "echo $(cat /proc/$p/comm) $p; done").splitlines()
    return [(line.split()[0], int(line.split()[1])) for line in lines]


def process(l, name):
    return next(p for u in UNITS for n, p in processes(l, u) if n == name)


def active(unit, l):
    return int(l.shows(unit, "ActiveEnterTimestampMonotonic")[0])


def starts_early(l):
    at = {u: active(u, l) for u in ("local-fs.target", "assay-agent-priv.service", "sysinit.target", "early.service",
        "basic.target", "assay-agent.service", "multi-user.target")}
    order = sorted(at, key=at.get)
    print("# " + ", ".join(f"{u} {at[u] / 1e6:.2f} s" for u in order), flush=True)
    is_([order.index(u) for u in ("local-fs.target", "assay-agent-priv.service", "sysinit.target", "early.service", "basic.target")],
        [0, 1, 2, 3, 4], "the privileged part is ready before sysinit.target, and so before all ordinary services")
    ok(at["assay-agent.service"] < at["multi-user.target"], "the network part before multi-user.target")


def is_clean(l, what):
    """Nothing failed, nothing was refused to them, nothing is complained of."""
    for unit in UNITS:
        is_(l.shows(unit, "ActiveState", "SubState", "Result", "NRestarts"), ["active", "running", "success", "0"], f"{unit}: {what}, runs")
    is_(l.machine.do("systemctl --failed --no-legend"), "", "no unit failed")
    is_(l.machine.do("journalctl -q -b -p warning -u assay-agent-priv -u assay-agent"), "", "nothing to warn of in the journal")
    # A kernel of Debian's says of whoever asks for permission events that they may lead to deadlock.
    is_(l.machine.do("journalctl -q -b -k | grep -E 'type=1326|assay' | grep -v 'fanotify permission checks' || :"), "", "nor in the kernel's log")


def is_confined(l):
    for unit in UNITS:
        text = l.machine.do(f"systemd-analyze security --no-pager {unit}.service | tail -n 1")
        level = float(re.search(r"for \S+: ([0-9.]+)", text).group(1))
        ok(level <= 2.0, f"{unit}: systemd-analyze security says {level}")
    (_, run), = processes(l, "assay-agent")
    priv = int(l.shows("assay-agent-priv", "MainPID")[0])
    ns = lambda pid: l.machine.do(f"readlink /proc/{pid}/ns/net")
    is_((ns(priv) == ns(1), ns(run) == ns(1)), (False, True), "the privileged part has a network of its own, the other the machine's")
    status = dict(line.split(":\t", 1) for line in l.machine.do(f"grep -E '^(Cap|NoNew|Seccomp:|Uid)' /proc/{run}/status").splitlines())
    is_([status[k] for k in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp")], ["0" * 16] * 3 + ["1", "2"],
        "the network part has no capability, and a filter")
    ok(status["Uid"].split()[0] != "0", "and is not root")


def is_small(l, entries):
    pss = {f"{n} {p}": int(l.machine.do(f"grep ^Pss: /proc/{p}/smaps_rollup").split()[1]) for u in UNITS for n, p in processes(l, u)}
    ok(sum(pss.values()) < MOST_PSS, f"Pss of all processes with {entries} entries: {sum(pss.values())} KiB, less than {MOST_PSS} ({pss})")


def runs_on(l, what, script):
    """The control: an approved script is judged, by an agent that lives again; the host is the same and trusted."""
    before = l.host()
    is_(l.machine.do("/opt/" + script), script, f"{what}: a script runs")
    done = wait(lambda: searched(l, "/opt/" + script))
    h = l.host()
    is_((done is not None, h["id"], h["verdict"], h["boot"]), (True, before["id"], "trusted", before["boot"]), "and is known to the server; trusted")


def searched(l, path):
    return l.server.call("GET", "/v1/search?path=" + path)["hosts"]


def turns_red(l, what, path):
    l.machine.do(f"mkdir -p {os.path.dirname(path)}; script {path}")
    at, (status, _) = l.machine.execute(path)
    found = lambda: (("not-in-policy", path) in [(f["code"], f["path"]) for f in l.of_host("findings")["findings"]])
    done = wait(found)
    ok(status == "0" and done is not None and l.host()["verdict"] == "untrusted", f"{what}: untrusted, for {path}" +
        (f", after {done - at:.2f} s" if done else ""))


def again(l, unit, how, what=None):
    """Restarted by systemd's order, or killed and started again by systemd."""
    before = l.shows(unit, "MainPID")[0]
    l.machine.do(how)
    ok(wait(lambda: l.shows(unit, "MainPID", "ActiveState")[0] not in ("0", before) and
        l.shows(unit, "ActiveState") == ["active"]) is not None, f"{what or how}: {unit} runs again")


def with_less(l):
    """Where the kernel measures, without the monitor's capabilities."""
    d = "/run/systemd/system/assay-agent-priv.service.d"	# a tmpfs: for this boot, and not measured
    again(l, "assay-agent-priv", f"mkdir -p {d}; printf '[Service]\\nCapabilityBoundingSet=\\nCapabilityBoundingSet=CAP_DAC_READ_SEARCH\\n' "
        f">{d}/kernel-list.conf; systemctl daemon-reload; systemctl restart assay-agent-priv", "a drop-in that takes capabilities away")
    pid = l.shows("assay-agent-priv", "MainPID")[0]
    is_(l.machine.do(f"grep -E '^Cap(Eff|Bnd)' /proc/{pid}/status").split()[1::2], ["0000000000000004"] * 2, "one capability is left to it")
    runs_on(l, "without the monitor's capabilities", "again")


def restarts(l):
    again(l, "assay-agent", "systemctl restart assay-agent")
    again(l, "assay-agent-priv", "systemctl restart assay-agent-priv")
    runs_on(l, "restarted", "restarted")
    again(l, "assay-agent", "systemctl kill -s KILL assay-agent")
    again(l, "assay-agent-priv", "systemctl kill -s KILL assay-agent-priv")
    runs_on(l, "killed", "killed")
    is_(l.machine.do("systemctl --failed --no-legend"), "", "no unit stays failed")


def kernel_list(lab, kernel):
    l = Debian(lab, kernel, BASE, before=files)
    l.enrol()
    is_(l.host()["facts"]["list"], "kernel", "with the kernel's list")
    starts_early(l)
    is_clean(l, "after the boot")
    is_confined(l)
    l.machine.do("cat /opt/many/* >/dev/null")
    ok(wait(lambda: l.host()["entries"] == l.count() > MANY, 300) is not None, f"{MANY} files are read, and all is judged")
    is_((l.host()["verdict"], l.codes()), ("trusted", []), "trusted")
    is_small(l, l.host()["entries"])
    restarts(l)
    with_less(l)
    runs_on(l, "before it turns red", "approved")
    turns_red(l, "another script", "/opt/other")
    before = l.host()
    l.reboot()
    l.comes_anew("booted again, without that script: trusted, by units that started by themselves", before, "trusted")
    is_clean(l, "after another boot")


def monitor_list(lab, kernel):
    l = Debian(lab, kernel, BASE, cmdline="", before=files)
    l.enrol()
    is_((l.host()["facts"]["list"], l.host()["facts"]["monitor"], l.host()["gaps"]), ("monitor", "running", []), "with the monitor's list, and no gap")
    starts_early(l)
    is_clean(l, "after the boot")
    ok(wait(lambda: searched(l, "/opt/early")) is not None, "the monitor saw the first program behind sysinit.target")
    is_confined(l)
    is_small(l, l.host()["entries"])
    gaps = lambda: [g["code"] for g in l.host()["gaps"]]
    pid = process(l, "assay-monitor")
    l.machine.do(f"kill -STOP {pid}")
    at = time.monotonic()
    l.machine.do("/opt/again")
    print(f"# a monitor that hangs held an execution up for {time.monotonic() - at:.1f} s", flush=True)
    ok(wait(lambda: "silent" in gaps()) is not None and process(l, "assay-monitor") != pid, "a monitor that hangs is killed by its watchdog, the gap is told")
    runs_on(l, "behind the gap", "approved")
    pid = process(l, "assay-monitor")
    l.machine.do(f"kill -KILL {pid}")
    ok(wait(lambda: "died" in gaps()) is not None and process(l, "assay-monitor") != pid, "a monitor that is killed is started again, the gap is told")
    is_(l.shows("assay-agent-priv", "NRestarts"), ["0"], "all that by the agent itself")
    restarts(l)
    turns_red(l, "another script", "/opt/other")
    l.machine.do("mkdir /opt/later; mount -t tmpfs tmpfs /opt/later")
    turns_red(l, "and one on what is mounted later", "/opt/later/script")
    before = l.host()
    l.reboot()
    l.comes_anew("booted again, without them: trusted", before, "trusted")
    is_clean(l, "after another boot")


for k in kernels():
    scenario(kernel_list, k)
    scenario(monitor_list, k)
close()
done()
