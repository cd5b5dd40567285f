#!/usr/bin/env python3
"""assay up: a machine with one command. Its own programs are approved, an unapproved script turns
it red with path and digest, and a second start goes on where the first
stopped. Watched is one tmpfs in a mount namespace of the test's own, nothing else."""
import ctypes, json, os, re, shutil, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from taptest import *

ASSAY = os.environ["ASSAY_BUILD"] + "/assay"
if os.getuid() != 0:
    skip_all("this needs root")
for tool in ("swtpm", "swtpm_setup"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")
if os.environ.get("ASSAY_UP_NAMESPACE") is None:
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        skip_all("no mount namespace can be had here")
    os.environ["ASSAY_UP_NAMESPACE"] = "1"
    try:
        os.execvp("unshare", ["unshare", "-m", sys.executable, os.path.abspath(__file__)])
    except OSError:
        skip_all("unshare is missing")

tmp = tempfile.mkdtemp(prefix="assay-up.")
watched = tmp + "/watched"
os.makedirs(watched)
if subprocess.run(["mount", "-t", "tmpfs", "none", watched], capture_output=True).returncode != 0:
    skip_all("nothing can be mounted here")
shutil.copy("/bin/true", watched + "/good")
open(watched + "/good.sh", "w").write("#!/bin/sh\n")
os.chmod(watched + "/good.sh", 0o755)


class Up:
    def __init__(self, name):
        self.out, self.err = tmp + f"/{name}.out", tmp + f"/{name}.err"
        self.process = subprocess.Popen([ASSAY, "up", "--data", tmp + "/data", "--listen", "127.0.0.1:0",
            "--monitor-below", watched, "--from", "dir:" + watched], stdout=open(self.out, "w"), stderr=open(self.err, "w"))

    def wait(self, pattern, seconds=60):
        """When the pattern first stands in what it printed; None if it never does."""
        end = time.time() + seconds
        while time.time() < end:
            if re.search(pattern, open(self.out).read()):
                return time.time()
            if self.process.poll() is not None:
                return None
            time.sleep(0.02)
        return None

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def tell(self):
        print("# " + (open(self.out).read() + open(self.err).read())[-3000:].replace("\n", "\n# "), flush=True)


def host(*more):
    r = subprocess.run([ASSAY, "host", "list", "--data", tmp + "/data", "--json", *more], capture_output=True, text=True)
    try:
        return json.loads(r.stdout)["hosts"][0]
    except (ValueError, KeyError, IndexError):
        return {"error": r.stdout + r.stderr}


up = None
try:
    up = Up("first")
    if not ok(up.wait("TRUSTED"), "this machine is trusted"):
        if "fanotify" in open(up.err).read() and "monitor does not run" in open(up.err).read():
            print("# no fanotify permission events here")
        up.tell()
    like(open(up.err).read(), "in software stands in, which proves nothing", "that its TPM proves nothing is said")
    like(open(up.err).read(), "first start", "and that what is here now is approved")
    h = host()
    is_((h.get("verdict"), h.get("reachability"), h.get("trust_mode"), h.get("policy")),
        ("trusted", "fresh", "operator", "this-machine"), "host list says so too")
    subprocess.run([watched + "/good"])
    subprocess.run([watched + "/good.sh"])
    for _ in range(200):
        h = host()
        if h.get("entries", 0) >= 3:
            break
        time.sleep(0.05)
    is_((h.get("verdict"), h.get("findings")), ("trusted", []), "what the policy lists leaves it trusted")
    open(watched + "/evil.sh", "w").write("#!/bin/sh\n# evil\n")
    os.chmod(watched + "/evil.sh", 0o755)
    began = time.time()
    subprocess.run([watched + "/evil.sh"])
    red = up.wait("UNTRUSTED")
    if ok(red, "what it does not list turns it red"):
        print(f"# {red - began:.2f} s from its execution to the red line", flush=True)
    else:
        up.tell()
    like(open(up.out).read(), "not-in-policy  " + re.escape(watched) + "/evil\\.sh\n +sha256:[0-9a-f]{64}", "with path and digest")
    is_(subprocess.run([ASSAY, "host", "show", h.get("id", "?"), "--data", tmp + "/data"], capture_output=True).returncode, 1,
        "host show ends with 1")
    is_(up.stop(), 0, "Ctrl-C ends it")

    up = Up("second")
    ok(up.wait("UNTRUSTED"), "started again it goes on: still red")
    ok("first start" not in open(up.err).read(), "without a new policy")
    ok("enrolment" not in open(up.out).read(), "and without telling again what was told")
    ok("cannot reach the privileged process" not in open(up.err).read(), "the network part waits for the privileged one")
    ok(up.wait("gap +\\S+ it was stopped"), "that nobody watched in between is told, and why")
    # As README has it: a list of sums beside the first policy.
    open(watched + "/more.sh", "w").write("#!/bin/sh\n# more\n")
    os.chmod(watched + "/more.sh", 0o755)
    with open(tmp + "/approved.sums", "w") as f:
        subprocess.run(["sha256sum", watched + "/evil.sh", watched + "/more.sh"], stdout=f, check=True)
    at = ["--data", tmp + "/data"]
    is_([subprocess.run([ASSAY, "policy", *c, *at], capture_output=True).returncode for c in (
        ("push", tmp + "/approved.sums", "--name", "approved"), ("simulate", "this-machine", "approved"),
        ("assign", "this-machine", "approved"))], [0, 0, 0], "sums approve what is meant to be there")
    subprocess.run([watched + "/more.sh"])
    if not ok(up.wait("  TRUSTED"), "and the machine is trusted again"):
        up.tell()
    r = subprocess.run([ASSAY, "evidence", "fetch", "-o", tmp + "/b", "--ak", tmp + "/ak.pem", *at], capture_output=True, text=True)
    is_(r.returncode, 0, "the evidence of the only host, which is not named")
    command = re.search(r"assay (evidence verify .*) --policy POLICY", r.stderr.replace("\\\n", ""))
    like(r.stderr, "--list-pcr 13", "the command that proves it again has the monitor's PCR")
    is_(subprocess.run([ASSAY, *(command[1].split() if command else []), "--policy", tmp + "/data/first-policy.json", "--policy",
        tmp + "/approved.sums"], capture_output=True).returncode, 0, "and proves it, offline")
    is_(len(host() and json.loads(subprocess.run([ASSAY, "host", "list", "--data", tmp + "/data", "--json"],
        capture_output=True, text=True).stdout)["hosts"]), 1, "it is the same host")
    is_(up.stop(), 0, "and ends")
except Exception:
    import traceback
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    if up:
        up.tell()
finally:
    if up and up.process.poll() is None:
        up.process.kill()
        up.process.wait()
    subprocess.run(["umount", "-l", watched], capture_output=True)
    shutil.rmtree(tmp, ignore_errors=True)
done()
