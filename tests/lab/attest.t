#!/usr/bin/env python3
"""A real kernel with IMA and a TPM, our agent in it and our server outside: the host proves its
kernel's own list and is trusted; a script nobody approved turns it red within two seconds, with
its path, and an approved one that is run in the same way does not; so does a
violation; a reboot or a power cut begins anew; an agent that is killed, stopped or cut off makes
the host late, and no longer trusted until it speaks again."""
import base64, json, os, re, shutil, signal, ssl, subprocess, sys, tempfile, time, urllib.request

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, here + "/../e2e"]
from machine import Machine
from taptest import *

KERNEL = os.environ.get("ASSAY_LAB_KERNEL", "6.12")
INTERVAL = 4
FULL = os.environ.get("ASSAY_LAB_FULL") == "1"	# make lab; the suite runs the small form
BUILD = os.environ["ASSAY_BUILD"]
os.environ.setdefault("ASSAY_LAB_CACHE", BUILD + "/lab")

for tool in ("qemu-system-x86_64", "swtpm", "swtpm_setup", "busybox", "cpio", "xz", "mkfs.ext4"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing (tools/bootstrap lab)")
if subprocess.run([here + "/kernels.sh", KERNEL], capture_output=True).returncode != 0:
    skip_all(f"Debian's kernel {KERNEL} cannot be downloaded here")

tmp = tempfile.mkdtemp(prefix="assay-lab.")
began = time.monotonic()


class Server:
    def __init__(self):
        self.log = open(tmp + "/server.log", "w+")
        self.process = subprocess.Popen([BUILD + "/assay", "server", "--data", tmp + "/server", "--listen", "127.0.0.1:0",
            "--name", "10.0.2.2", "--first-use", "--interval", str(INTERVAL)], stderr=self.log)
        if not wait(lambda: re.search(r"serving https://127\.0\.0\.1:(\d+);", open(tmp + "/server.log").read()), 30):
            raise RuntimeError("the server does not serve: " + open(tmp + "/server.log").read())
        self.port = re.search(r"serving https://127\.0\.0\.1:(\d+);", open(tmp + "/server.log").read()).group(1)
        self.token = open(tmp + "/server/admin.token").read().strip()
        self.tls = ssl.create_default_context(cafile=tmp + "/server/ca.pem")

    def api(self, method, path, body=None):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        q = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", data, method=method)
        q.add_header("Authorization", "Bearer " + self.token)
        if data is not None:
            q.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(q, context=self.tls, timeout=20) as r:
            return json.loads(r.read() or b"null")

    def hosts(self):
        return self.api("GET", "/v1/hosts")["hosts"]

    def host(self):
        return self.api("GET", "/v1/hosts/" + self.hosts()[0]["id"])

    def findings(self):
        return self.api("GET", f"/v1/hosts/{self.hosts()[0]['id']}/findings")["findings"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def wait(what, seconds=90, every=0.05):
    """When it became true, on the clock of time.monotonic(); None: never."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if what():
                return time.monotonic()
        except (OSError, KeyError, IndexError, ValueError):
            pass
        time.sleep(every)
    return None


def comes(what, *want):
    """Wait until the host's values are these: one point, on which all that follows depends."""
    keys = ("verdict", "reachability", "entries")[:len(want)]
    got = lambda: tuple(server.host()[k] for k in keys)
    wait(lambda: got() == want, 60)
    last = got()
    is_(last, want, what)
    if last != want:
        raise RuntimeError("what follows depends on this")


def agent():
    machine.do("agent priv --peer assay")
    machine.do(f"agent run --user assay --server https://10.0.2.2:{server.port} --server-ca /etc/assay/ca.pem")


def count():
    return int(machine.do("cat /sys/kernel/security/ima/runtime_measurements_count"))


def settled():
    """Everything that the kernel has measured so far has been judged."""
    return wait(lambda: server.host()["entries"] == count())


def begins_anew(when, again):
    """A boot of its own, of the same host."""
    h = server.host()
    again()
    agent()
    wait(lambda: server.host()["boot"] != h["boot"])
    comes(when + " it is trusted", "trusted", "fresh")
    ok(settled(), "with all entries of the new list")
    new = server.host()
    ok(new["boot"] != h["boot"], "in a boot of another name")
    is_(([x["id"] for x in server.hosts()], server.findings()), ([h["id"]], []), "the same host, without findings")


def diagnose():
    print("\n".join("# server: " + l for l in open(tmp + "/server.log").read().splitlines()[-20:]))
    try:
        print("\n".join("# host: " + l for l in json.dumps(server.host(), indent=1).splitlines()))
        for f in server.findings()[:20]:
            print("# finding:", json.dumps(f))
        print("# PCR 10:", machine.do("cat /sys/class/tpm/tpm0/pcr-sha256/10"))
        for l in machine.do("tail -n 60 /sys/kernel/security/ima/ascii_runtime_measurements").splitlines():
            print("# list:", l)
        for f in ("priv", "run"):
            print("\n".join(f"# {f}: {l}" for l in machine.do(f"tail -n 20 /run/{f}.log").splitlines()))
    except Exception as e:
        print(f"# no more is known: {e!r}")
    if os.path.exists(tmp + "/image/console.log"):
        print("\n".join("# console: " + l for l in open(tmp + "/image/console.log", errors="replace").read().splitlines()[-30:]))


server = machine = None
try:
    server = Server()
    subprocess.run([here + "/agent-image", KERNEL, BUILD + "/assay-agent", tmp + "/server/ca.pem", tmp + "/image"], check=True)
    machine = Machine(tmp + "/image", "ima_policy=tcb").start()
    print(f"# {machine.do('uname -r')}, up after {time.monotonic() - began:.1f} s", flush=True)

    # ---- enrolment ----
    agent()
    wait(lambda: server.hosts())
    h = server.host()
    is_((h["name"], h["registration"], h["trust_mode"], h["verdict"]), ("guest", "pending", "operator", "unknown"), "the host enrols, and waits")
    server.api("POST", f"/v1/hosts/{h['id']}/approve")
    comes("approved: it attests; without a policy it is undecided", "undecided", "fresh")
    h = server.host()
    is_((h["facts"]["list"], h["facts"]["tpm"]["kind"]), ("kernel", "device"), "with the kernel's list and the machine's TPM")
    ok(h["entries"] >= 10, f"{h['entries']} entries")

    # ---- a policy ----
    root = tmp + "/image/root"
    subprocess.run([BUILD + "/assay", "policy", "build", "--from", "dir:" + root, "--strip", root,
        "--exclude", "/var/lib/assay-agent/", "-o", tmp + "/policy.json"], check=True, capture_output=True)
    server.api("PUT", "/v1/policies/guest", open(tmp + "/policy.json", "rb").read())
    server.api("POST", "/v1/assignments", {"policies": ["guest"]})
    comes("a policy from the guest's own files: trusted", "trusted", "fresh")
    is_(server.findings(), [], "without findings")

    # ---- the control run, and what differs in one thing ----
    ok(settled(), "all that was measured is known")
    before = server.host()["entries"]
    machine.do("script /opt/approved")
    at, said = machine.execute("/opt/approved")
    is_(said, ("0", "/opt/approved ran"), "a script that is approved is executed")
    seen = wait(lambda: server.host()["entries"] > before)
    ok(seen, f"and reported after {(seen or at) - at:.2f} s")
    is_((server.host()["verdict"], server.host()["entries"]), ("trusted", before + 1), "trusted as before")
    machine.do("script /opt/unapproved")
    at, said = machine.execute("/opt/unapproved")
    is_(said, ("0", "/opt/unapproved ran"), "one that nobody approved is executed in the same way")
    seen = wait(lambda: server.host()["verdict"] == "untrusted")
    ok(seen is not None, f"untrusted after {(seen or at) - at:.2f} s")
    is_([(f["code"], base64.b64decode(f["path_b64"])) for f in server.findings()], [("not-in-policy", b"/opt/unapproved")],
        "with its path, and nothing else")

    # ---- reboot ----
    machine.do("end TERM run; end TERM priv")
    begins_anew("after a reboot", machine.reboot)

    # ---- a violation, and the same without one; an end that nobody announced ----
    machine.do("cat /etc/os-release")
    ok(settled(), "a file is read")
    is_(server.host()["verdict"], "trusted", "which nobody writes: trusted")
    at, said = machine.execute("cat /etc/os-release 4>>/etc/os-release >/dev/null")
    seen = wait(lambda: server.host()["verdict"] == "untrusted")
    ok(seen is not None, f"read while it is open for writing: untrusted after {(seen or at) - at:.2f} s")
    is_([(f["code"], base64.b64decode(f["path_b64"])) for f in server.findings()], [("violation", b"/etc/os-release")],
        "a violation, by its path")
    if FULL:
        begins_anew("after a power cut", machine.power_cut)
    else:
        machine.do("end TERM run; end TERM priv")
        begins_anew("after another reboot", machine.reboot)

    # ---- silence ----
    for what, do, undo in (("killed", "end KILL run; end KILL priv", None),
        ("stopped", "kill -STOP $(cat /run/run.pid)", "kill -CONT $(cat /run/run.pid)"),
        ("cut off", "ip link set eth0 down", "ip link set eth0 up")):
        at = time.monotonic()
        machine.do(do)
        comes(f"the agent is {what}: the host is late, and what it proved runs out", "undecided", "late")
        print(f"# after {time.monotonic() - at:.1f} s, with evidence due every {INTERVAL} s", flush=True)
        ok(server.host()["expired"], "which is said")
        machine.do(undo) if undo else agent()
        comes("no longer: trusted", "trusted", "fresh")
    is_((len(server.hosts()), server.findings()), (1, []), "with the same identity, without findings")
    machine.do("end TERM run; end TERM priv")
    print(f"# {time.monotonic() - began:.0f} s in all", flush=True)
except Exception as e:
    import traceback
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
finally:
    from taptest import failed
    if failed and server:
        diagnose()
    if machine:
        machine.stop()
    if server:
        server.stop()
    shutil.rmtree(tmp, ignore_errors=True)
done()
