"""What the scenarios about a Debian with systemd begin with: our programs installed into it by our own
installation, its units enabled as an administrator does, and our server outside."""
import hashlib, os
os.environ.setdefault("ASSAY_LAB_TIMEOUT", "300")	# a whole system takes longer than a shell

from life_kit import *

# What our programs, and a network, need beside systemd.
PACKAGES = ["udev", "libtss2-esys-3.0.2-0", "libtss2-tctildr0", "libtss2-tcti-device0"]
# What each boot writes for itself, and root reads.
WRITTEN = ["/var/lib/assay-agent/", "/var/log/journal/", "/var/lib/systemd/(random-seed|catalog/database)$"]


def need_systemd():
    if not FULL:
        skip_all("boots of a whole system take minutes: ASSAY_LAB_FULL=1 (make lab)")
    if os.geteuid() != 0:
        skip_all("the files of a system belong to root")
    need("apt-get", "dpkg-deb", "chroot", "meson")


def unpacked(name, *packages):
    """A Debian with these packages; see systemd-root."""
    r = subprocess.run([here + "/systemd-root", name, *packages], capture_output=True, text=True)
    if r.returncode != 0:
        skip_all("Debian's systemd cannot be downloaded here")
    return r.stdout.strip()


class Debian(Life):
    """One server and one machine, whose processes are systemd's."""

    size = 700	# of the disk, in MiB

    def __init__(self, lab, kernel, base, cmdline="ima_policy=tcb", before=None):
        lab.append(self)
        self.began, self.kernel = time.monotonic(), kernel
        self.image = f"{tmp}/image-{next(machines)}"
        self.root = self.image + "/root"
        os.mkdir(self.image)
        self.server = Server(self.image + "/server", "--name", "10.0.2.2", "--first-use", "--interval", str(INTERVAL))
        subprocess.run(["cp", "-a", base + "/root", self.root], check=True)
        self.install()
        self.write("/etc/systemd/network/lan.network", "[Match]\nType=ether\n[Network]\nDHCP=ipv4\n")
        self.write("/etc/systemd/system/control.service", "[Unit]\nDescription=What the laboratory says\nAfter=multi-user.target\n"
            "[Service]\nEnvironment=SYSTEMD_COLORS=0 SYSTEMD_URLIFY=0\nExecStart=/bin/sh /control\n[Install]\nWantedBy=multi-user.target\n")
        shutil.copy(here + "/guest/control", self.root + "/control")
        self.enable("control", "systemd-networkd", "systemd-networkd-wait-online")
        self.directory = shell(f"lab_kernel {kernel}")
        self.initrd()
        os.symlink(self.directory + "/vmlinuz", self.image + "/vmlinuz")
        self.machine = Machine(self.image, cmdline)
        self.machine.options = ["-machine", "q35", "-m", "1024"]
        if before:
            before(self)
        self.disk()
        closing.append(self.machine.stop)
        self.start()

    # ---- the system's files ----
    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.root + name), exist_ok=True)
        with open(self.root + name, "w") as f:
            f.write(text)
        os.chmod(self.root + name, mode)

    def inside(self, *command):
        subprocess.run(["chroot", self.root, *command], check=True, capture_output=True)

    def enable(self, *units):
        self.inside("systemctl", "enable", *units)

    def install(self):
        """make install, then what the README says."""
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", self.root], check=True)
        for program in (ASSAY, BUILD + "/assay-agent"):
            for lib in re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True).stdout):
                if not os.path.exists(self.root + lib):
                    os.makedirs(os.path.dirname(self.root + lib), exist_ok=True)
                    shutil.copy(os.path.realpath(lib), self.root + lib)
        self.inside("systemd-sysusers")
        self.write("/etc/assay/agent.conf", f"server = https://10.0.2.2:{self.server.port}\n")
        shutil.copy(self.server.ca, self.root + "/etc/assay/server-ca.pem")
        self.enable("assay-agent-priv", "assay-agent")

    def initrd(self):
        d = self.image + "/initramfs"
        os.mkdir(d)
        shutil.copy(here + "/guest/systemd-init", d + "/init")
        shell(f"lab_modules {self.directory} {d} virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci "
            f"failover net_failover virtio_net; lab_initramfs {d} {self.image}/initrd")

    def disk(self):
        with open(self.image + "/disk", "wb") as f:
            f.truncate(self.size << 20)
        subprocess.run(["mkfs.ext4", "-qF", "-b", "4096", "-L", "assay-root", "-E", "root_owner=0:0", "-d", self.root,
            self.image + "/disk"], check=True)

    # ---- the machine ----
    def start(self):
        at = time.monotonic()
        self.machine.start()
        print(f"# {self.machine.do('uname -r')}, up after {time.monotonic() - at:.1f} s", flush=True)

    def reboot(self):
        at = time.monotonic()
        self.machine.reboot()
        print(f"# down and up again after {time.monotonic() - at:.1f} s", flush=True)

    def shows(self, unit, *properties):
        """What systemctl show says."""
        out = self.machine.do(f"systemctl show {unit} " + " ".join("-p " + p for p in properties))
        got = dict(l.split("=", 1) for l in out.splitlines() if "=" in l)
        return [got[p] for p in properties]

    def journal(self, *units):
        return self.machine.do("journalctl --no-pager -b -o short-monotonic " + " ".join("-u " + u for u in units))

    def agent(self):
        """Nothing is to be done: the units start by themselves."""

    def policy(self, *options):
        """Of the system's own files."""
        subprocess.run([ASSAY, "policy", "build", "--from", "dir:" + self.root, "--strip", self.root,
            *[a for w in WRITTEN for a in ("--exclude", w)], "-n", "base", "-o", tmp + "/base.json", *options], check=True, capture_output=True)

    def enrol(self):
        wait(lambda: self.server.call("GET", "/v1/hosts")["hosts"])
        self.server.call("POST", f"/v1/hosts/{self.host()['id']}/approve")
        self.comes("enrolled and approved; without a policy it is undecided", "undecided")
        self.policy()
        self.push("base", tmp + "/base.json")
        self.assign("base")
        self.comes("by a policy of its own files: trusted", "trusted")

    def diagnose(self):
        super().diagnose()
        try:
            for command in ("systemctl --failed --no-pager", "systemctl status --no-pager assay-agent-priv assay-agent",
                "journalctl --no-pager -b -n 120", "ip address || networkctl", "ls -l /dev/tpm*"):
                print("\n".join(f"# {l}" for l in self.machine.do(command + " || :").splitlines()))
        except Exception as e:
            print(f"# no more is known: {e!r}")
