"""What the scenarios about a host's life begin with: our server outside, our agent on a real kernel,
and verdicts that are waited for, by the API alone."""
import itertools, struct

from lab_kit import *


def shell(line):
    """A line of lib.sh's functions: what it printed."""
    r = subprocess.run(["bash", "-c", f"set -e; . {here}/lib.sh; {line}"], capture_output=True, text=True)
    if r.returncode != 0:
        raise RuntimeError(f"{line}: {r.stderr}")
    return r.stdout.strip()


machines = itertools.count()


class Life:
    """One server and one machine.  On its disk is what kexec needs, too."""

    def __init__(self, kernel, cmdline="ima_policy=tcb", options=("-machine", "q35", "-global", "ICH9-LPC.disable_s3=0"), before=None):
        self.began, self.kernel = time.monotonic(), kernel
        each = f"{kernel}-{next(machines)}"	# a kernel may have several machines
        self.image = f"{tmp}/image-{each}"
        self.server = Server(f"{tmp}/server-{each}", "--name", "10.0.2.2", "--first-use", "--interval", str(INTERVAL))
        subprocess.run([here + "/agent-image", kernel, BUILD + "/assay-agent", self.server.ca, self.image], check=True)
        self.root = self.image + "/root"
        shutil.copy(shell("lab_guest_tool poke"), self.root + "/bin/poke")
        os.mkdir(self.root + "/boot")
        for f in ("vmlinuz", "initrd"):
            shutil.copy(self.image + "/" + f, self.root + "/boot/" + f)
        self.machine = Machine(self.image, cmdline)
        self.machine.options = list(options)
        if before:
            before(self)
        subprocess.run(["truncate", "-s", "96M", self.image + "/disk"], check=True)
        subprocess.run(["mkfs.ext4", "-qF", "-b", "4096", "-L", "lab-root", "-E", "root_owner=0:0", "-d", self.root, self.image + "/disk"], check=True)
        closing.append(self.machine.stop)
        self.machine.start()
        print(f"# {self.machine.do('uname -r')}, up after {time.monotonic() - self.began:.1f} s", flush=True)

    # ---- the machine ----
    def agent(self):
        self.machine.do("agent priv --peer assay")
        self.machine.do(f"agent run --user assay --server https://10.0.2.2:{self.server.port} --server-ca /etc/assay/ca.pem")

    def no_agent(self, how="TERM"):
        self.machine.do(f"end {how} run; end {how} priv")

    def count(self):
        return int(self.machine.do("cat /sys/kernel/security/ima/runtime_measurements_count"))

    def extend(self, pcr):
        """Extend a PCR and put nothing on a list: TPM2_PCR_Extend with a password session, SHA-256 of all ones."""
        command = "8002 00000041 00000182 %08x 00000009 40000009 0000 00 0000 00000001 000b" % pcr + "ff" * 32
        text = "".join("\\%03o" % b for b in bytes.fromhex(command))
        # The shell's printf writes line by line, and the TPM wants all at once.
        return self.machine.do(f"printf '{text}' >/tmp/command; (exec 4<>/dev/tpmrm0; cat /tmp/command >&4; "
            "dd bs=4096 count=1 <&4 2>/dev/null | od -An -tx1)")

    def load(self):
        """A kernel to start: the same, with the same command line."""
        self.machine.do("poke kexec-load /boot/vmlinuz /boot/initrd \"$(cat /proc/cmdline)\"")

    # ---- the server ----
    def host(self):
        return self.server.call("GET", "/v1/hosts/" + self.server.call("GET", "/v1/hosts")["hosts"][0]["id"]).json

    def of_host(self, what):
        return self.server.call("GET", f"/v1/hosts/{self.host()['id']}/{what}").json

    def codes(self):
        return [f["code"] for f in self.of_host("findings")["findings"]]

    def push(self, name, policy):
        body = open(policy, "rb").read() if isinstance(policy, str) else json.dumps(policy).encode()
        a = self.server.call("PUT", f"/v1/policies/{name}", body)
        if a.status not in (200, 201):
            raise RuntimeError(f"policy {name}: {a.status} {a.body}")

    def assign(self, *names):
        a = self.server.call("POST", "/v1/assignments", {"policies": list(names), "overlap_s": 0})
        if a.status not in (200, 201):
            raise RuntimeError(f"assignment of {names}: {a.status} {a.body}")

    def enrol(self):
        """As far as trusted, by a policy of the machine's own files."""
        self.agent()
        wait(lambda: self.server.call("GET", "/v1/hosts")["hosts"])
        self.server.call("POST", f"/v1/hosts/{self.host()['id']}/approve")
        self.comes("enrolled and approved; without a policy it is undecided", "undecided")
        subprocess.run([ASSAY, "policy", "build", "--from", "dir:" + self.root, "--strip", self.root,
            "--exclude", "/var/lib/assay-agent/", "-n", "base", "-o", tmp + "/base.json"], check=True, capture_output=True)
        self.push("base", tmp + "/base.json")
        self.assign("base")
        self.comes("by a policy of its own files: trusted", "trusted")
        self.settled()

    def settled(self):
        """Everything that the kernel has measured so far has been judged."""
        ok(wait(lambda: self.of_host("boots")["boots"][0]["entries"] == self.before + self.count()) is not None,
            "all that the kernel measured is known")

    before = 0	# entries of kernels before this one, in the same boot

    def quote(self, number):
        """clockInfo of the quote in a bundle: clock, resetCount, restartCount, safe."""
        b = self.server.call("GET", f"/v1/bundles/{number}").body
        at = b.index(b"\xffTCG\x80\x18") + 6
        for _ in range(2):
            at += 2 + int.from_bytes(b[at:at + 2], "big")
        return struct.unpack(">QIIB", b[at:at + 17])

    def clock(self):
        """Of the newest bundle."""
        return self.quote(self.of_host("bundles")["bundles"][0]["number"])

    # ---- verdicts ----
    def comes(self, what, verdict, *codes, reachability="fresh", since=None):
        """One point, on which all that follows depends: the verdict, and all findings' codes."""
        got = lambda: (self.host()["verdict"], self.host()["reachability"], self.codes())
        want = (verdict, reachability, list(codes))
        at = since or time.monotonic()
        done = wait(lambda: got() == want)
        is_(got() if done is None else want, want, what + (f" ({done - at:.2f} s)" if done else ""))
        if done is None:
            raise RuntimeError("what follows depends on this")
        return self.host()

    def comes_anew(self, what, before, verdict, *codes):
        """The same host, in a boot of another name than ${before} has."""
        wait(lambda: self.host()["boot"] != before["boot"])
        new = self.comes(what, verdict, *codes)
        ok(new["boot"] != before["boot"] and new["id"] == before["id"], "the same host, in another boot")
        self.before = 0
        return new

    def diagnose(self):
        print("\n".join("# server: " + l for l in open(self.server.data + ".log").read().splitlines()[-20:]))
        try:
            print("\n".join("# host: " + l for l in json.dumps(self.host(), indent=1).splitlines()))
            for what in ("history", "boots", "findings"):
                print("\n".join(f"# {what}: " + l for l in json.dumps(self.of_host(what), indent=1).splitlines()))
            for command in ("cat /sys/class/tpm/tpm0/pcr-sha256/10", "tail -n 60 /sys/kernel/security/ima/ascii_runtime_measurements",
                "tail -n 20 /run/priv.log", "tail -n 20 /run/run.log"):
                print("\n".join(f"# {l}" for l in self.machine.do(command).splitlines()))
        except Exception as e:
            print(f"# no more is known: {e!r}")
        console = open(self.machine.console, errors="replace").read() if os.path.exists(self.machine.console) else ""
        print("\n".join("# console: " + l for l in console.splitlines()[-30:]))
        if "Error Communicating to TPM" in console:
            print("# The guest's kernel could not extend its TPM: then the list is not what was extended (a fault of the emulation).")


def scenario(run, *args):
    """A surprise is a point that failed, with all that is known."""
    import taptest, traceback
    lab = []
    try:
        run(lab, *args)
        print(f"# {time.monotonic() - lab[-1].began:.0f} s in all", flush=True)
    except Exception:
        ok(False, f"no surprise ({args})")
        print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    finally:
        if taptest.failed and lab:
            lab[-1].diagnose()
        while closing:
            closing.pop()()
