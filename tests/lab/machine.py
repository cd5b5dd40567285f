"""One virtual machine with a TPM, told what to do over a serial port (guest/control)."""
import json, os, select, socket, subprocess, time

ACCEL = os.environ.get("ASSAY_LAB_ACCEL", "tcg")
# Seconds after which a guest that does not answer is taken for hung.
PATIENCE = float(os.environ.get("ASSAY_LAB_TIMEOUT", "120"))
# Meson fills freed memory with noise (MALLOC_PERTURB_).  QEMU 7.2 trusts some that it has not set: with
# most values a suspended guest never wakes up.  That is QEMU's fault, and not what is tested.
PLAIN = {k: v for k, v in os.environ.items() if k != "MALLOC_PERTURB_"}


class Hung(Exception):
    pass


class Machine:
    """image: what agent-image made.  The TPM's state and the disks outlive a boot, the rest does not.
    volumes: more disks, image files."""

    def __init__(self, image, cmdline, volumes=(), keep_tpm=False):
        self.volumes, self.keep_tpm = volumes, keep_tpm
        self.image, self.cmdline, self.qemu, self.swtpm = image, cmdline, None, None
        self.console, self.rest = image + "/console.log", b""
        self.options = []	# more of QEMU's
        os.mkdir(image + "/tpm")
        subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", image + "/tpm", "--pcr-banks", "sha256", "--overwrite"],
            check=True, capture_output=True)

    def start(self):
        """Power on; returns when the guest listens."""
        sock = self.image + "/tpm.sock"
        if os.path.exists(sock):
            os.unlink(sock)
        self.swtpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + self.image + "/tpm",
            *([] if self.keep_tpm else ["--terminate"]), "--ctrl", "type=unixio,path=" + sock],
            stderr=open(self.image + "/swtpm.log", "ab"), env=PLAIN)
        begun = time.monotonic()
        while not os.path.exists(sock):
            if self.swtpm.poll() is not None or time.monotonic() - begun > PATIENCE:
                raise Hung("swtpm does not listen")
            time.sleep(0.02)
        self.qemu = subprocess.Popen(["qemu-system-x86_64", "-accel", ACCEL, "-m", "512", "-nodefaults", "-display", "none",
            "-no-reboot", "-rtc", "base=utc", *self.kernel(), *self.options,
            "-qmp", "unix:" + self.image + "/qmp.sock,server=on,wait=off",
            "-serial", "file:" + self.console, "-serial", "stdio",
            "-chardev", "socket,id=c,path=" + sock, "-tpmdev", "emulator,id=t,chardev=c", "-device", "tpm-crb,tpmdev=t",
            "-device", "nvme,serial=1,drive=d", "-drive", f"file={self.image}/disk,if=none,id=d,format=raw",
            "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n,romfile=",
            *[a for i, v in enumerate(self.volumes) for a in ("-device", f"nvme,serial=v{i},drive=v{i}",
                "-drive", f"file={v},if=none,id=v{i},format=raw")]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(self.image + "/qemu.log", "ab"), env=PLAIN)
        self.rest = b""
        self.answer()
        return self

    def kernel(self):
        """What is started without a boot loader; nothing without a command line."""
        if self.cmdline is None:
            return []
        # A busy host delays the emulated timer, for which the kernel would panic.
        return ["-kernel", self.image + "/vmlinuz", "-initrd", self.image + "/initrd",
            "-append", "console=ttyS0 panic=-1 loglevel=4 no_timer_check " + self.cmdline]

    def line(self, until):
        while b"\n" not in self.rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.qemu.stdout], [], [], left)[0]:
                raise Hung("the guest does not answer")
            more = os.read(self.qemu.stdout.fileno(), 65536)
            if not more:
                raise Hung("the machine stopped")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode(errors="replace").rstrip("\r")

    def answer(self):
        """(status, output) of what it was told last."""
        out, until = [], time.monotonic() + PATIENCE
        while True:
            line = self.line(until)
            if line.startswith("="):
                return line[1:], "\n".join(out)
            out.append(line)

    def tell(self, command):
        self.qemu.stdin.write(command.encode() + b"\n")
        self.qemu.stdin.flush()

    def do(self, command):
        """What the command printed; it must succeed."""
        self.tell(command)
        status, out = self.answer()
        if status != "0":
            raise Hung(f"{command}: status {status}: {out}")
        return out

    def execute(self, path):
        """Run a program there; the time at which it was about to be executed."""
        self.tell(f"echo now; {path}")
        if self.line(time.monotonic() + PATIENCE) != "now":
            raise Hung("the guest says something else")
        at = time.monotonic()
        return at, self.answer()

    def reboot(self):
        """An orderly end and a new start: QEMU itself stops at a reset, and so does the TPM."""
        self.tell("halt_machine reboot")
        self.wait()
        return self.start()

    def power_cut(self):
        """Nothing is told that it ends: neither the guest nor its disk nor the TPM."""
        self.stop()
        return self.start()

    def monitor(self, *commands):
        """What QEMU returns for each."""
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(PATIENCE)
            c.connect(self.image + "/qmp.sock")
            lines, answers = c.makefile("rw"), []
            lines.readline()	# its greeting
            for command in ("qmp_capabilities", *commands):
                lines.write(json.dumps({"execute": command}) + "\n")
                lines.flush()
                while "return" not in (answer := json.loads(lines.readline())):
                    if "error" in answer:
                        raise Hung(f"{command}: {answer}")
                answers.append(answer["return"])
            lines.close()
        return answers[1:]

    def asleep(self):
        """Suspend to RAM; needs a machine that can (-machine q35 -global ICH9-LPC.disable_s3=0).  The guest
        answers when it is awake.  Once in QEMU's life: the next time it is awake at once, whatever one does."""
        begun = time.monotonic()
        self.tell("echo mem >/sys/power/state")
        while self.monitor("query-status")[0]["status"] != "suspended":
            if time.monotonic() - begun > PATIENCE:
                raise Hung("the machine does not fall asleep")
            # Something woke it at once, before QEMU stopped it.
            if select.select([self.qemu.stdout], [], [], 0.05)[0]:
                self.answer()
                self.tell("echo mem >/sys/power/state")

    def awake(self):
        """The time at which it answers again."""
        self.monitor("system_wakeup")
        status, out = self.answer()
        if status != "0":
            raise Hung(f"asleep: status {status}: {out}")
        return time.monotonic()

    def kexec(self):
        """Start the kernel that poke loaded, behind everything that runs."""
        self.tell("sync; mount -o remount,ro /; poke kexec")
        self.answer()

    def cut_off_tpm(self):
        """The machine is gone, its TPM still has all that was extended (keep_tpm)."""
        self.qemu.kill()
        self.qemu.wait()

    def wait(self):
        self.qemu.wait(PATIENCE)
        self.swtpm.wait(PATIENCE)

    def stop(self):
        for p in (self.qemu, self.swtpm):
            if p is not None and p.poll() is None:
                p.kill()
                p.wait()
