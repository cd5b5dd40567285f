#!/usr/bin/env python3
"""assay setup measurement in a running Debian that GRUB starts: an ESP and a root on one disk, grub-install,
update-grub and initramfs-tools as Debian has them. It is in force behind the reboot by its own word and by the
server's, is proven by what GRUB measured, and is gone behind --undo and one more."""
import sys, os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from systemd_kit import *
import glob, lzma

OVMF = "/usr/share/OVMF/"
GRUB = ["initramfs-tools", "busybox", "kmod", "grub-efi-amd64", "grub-efi-amd64-bin", "grub-efi-amd64-signed", "shim-signed",
    "grub-common", "grub2-common", "sed", "gawk", "findutils", "diffutils", "libc-bin", "zstd"]
need_systemd()
need("sfdisk", "mformat")
if not os.path.exists(OVMF + "OVMF_CODE_4M.fd"):
    skip_all("OVMF is missing (tools/bootstrap lab)")
BASE = unpacked("grub", *PACKAGES, *GRUB)
ESP, ROOT = 1, 65	# where the partitions begin, in MiB
CONSOLE = "console=ttyS0 panic=-1 no_timer_check loglevel=4"
# What grub-mkconfig and setup write, and root reads.
WRITTEN += ["/boot/", "/var/lib/assay/"]


class Grub(Debian):
    size = 600

    def __init__(self, lab, kernel):
        self.secure = kernel == "6.12"	# Debian's own chain of signatures: shim, GRUB, the kernel
        super().__init__(lab, kernel, BASE, "root=LABEL=assay-root", before=Grub.system)

    def system(self):
        """What the packages' scripts do, and an administrator."""
        self.release = open(self.directory + "/release").read().strip()
        subprocess.run(["cp", "-a", self.directory + "/lib/modules", self.root + "/lib/"], check=True)
        for f in ("vmlinuz", "config"):
            shutil.copy(f"{self.directory}/{f}", f"{self.root}/boot/{f}-{self.release}")
        self.write("/etc/fstab", "LABEL=assay-root / ext4 defaults 0 0\nLABEL=ESP /boot/efi vfat umask=0077 0 0\n")
        shutil.copy(self.root + "/usr/share/grub/default/grub", self.root + "/etc/default/grub")
        with open(self.root + "/etc/default/grub", "a") as f:
            f.write(f'GRUB_TIMEOUT=0\nGRUB_TERMINAL=console\nGRUB_CMDLINE_LINUX="{CONSOLE}"\n')
        os.makedirs(self.root + "/boot/efi")
        with open(self.root + "/etc/assay/agent.conf", "a") as f:
            f.write("list = kernel\n")	# whatever it measures
        os.mknod(self.root + "/dev/null", 0o20666, os.makedev(1, 3))
        self.inside("depmod", self.release)
        # What Debian's own tool for it asks for: no driver that this machine does not have.
        self.write("/etc/initramfs-tools/conf.d/small", "MODULES=list\n")
        self.inside("update-initramfs", "-c", "-k", self.release)
        shutil.copy(f"{self.root}/boot/initrd.img-{self.release}", self.image + "/initrd")

    def disk(self):
        """One disk with an empty ESP and the root."""
        disk, n = self.image + "/disk", self.size
        with open(disk, "wb") as f:
            f.truncate((ROOT + n + 1) << 20)
        subprocess.run(["sfdisk", "-q", disk], input=f"label: gpt\nstart={ESP}MiB, size={ROOT - ESP}MiB, type=U\nstart={ROOT}MiB, size={n}MiB\n",
            text=True, check=True)
        subprocess.run(["mformat", "-i", f"{disk}@@{ESP}M", "-T", str((ROOT - ESP) * 2048), "-F", "-v", "ESP", "::"], check=True)
        subprocess.run(["mkfs.ext4", "-qF", "-b", "4096", "-L", "assay-root", "-E", f"root_owner=0:0,offset={ROOT << 20}", "-d", self.root,
            disk, f"{n}M"], check=True)

    def own_disk(self):
        """From now on the firmware starts what is on the disk."""
        shutil.copy(OVMF + ("OVMF_VARS_4M.ms.fd" if self.secure else "OVMF_VARS_4M.fd"), self.image + "/vars")
        self.machine.cmdline = None
        self.machine.options += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}OVMF_CODE_4M.fd",
            "-drive", f"if=pflash,format=raw,file={self.image}/vars"]

    def policy(self):
        super().policy("--from", "initramfs:" + self.image + "/initrd")

    def setup(self, *options):
        """(exit status, what it printed)"""
        self.machine.tell("assay setup measurement " + " ".join(options) + " 2>/run/said")
        status, out = self.machine.answer()
        if status == "3":
            print("# " + self.machine.do("cat /run/said").replace("\n", "\n# "), flush=True)
        return int(status), out

    def files(self):
        """What is where setup and grub-mkconfig write."""
        return self.machine.do("cd /; find etc/ima etc/default boot/grub var/lib/assay -type f 2>/dev/null | sort | xargs sha256sum")

    def modules(self):
        """Compressed ones are unpacked by who loads them, and measured as memory, by the digest of the ELF file."""
        for f in glob.glob(self.root + "/lib/modules/**/*.ko.xz", recursive=True):
            yield "sha256:" + hashlib.sha256(hashlib.sha256(lzma.open(f).read()).digest()).hexdigest()

    def demands(self, digest, keys={}):
        """The policy that is in force; and what Debian measures beside the files of its packages."""
        fstab = hashlib.sha256(open(self.root + "/etc/fstab", "rb").read()).hexdigest()
        self.push("measured", {"assay_policy": 1, "name": "measured", "ima_policies": {"digests": ["sha256:" + digest]},
            "layers": [{"name": "initramfs-tools", "files": {"/root/etc/fstab": ["sha256:" + fstab]}}],
            "buffers": {"init_module": sorted(set(self.modules()))}, "keyrings": {r: {"digests": d} for r, d in keys.items()}})
        self.assign("base", "measured")

    def approve_keys(self, digest):
        """Those of the firmware, of shim and of the kernel, which each machine has others of."""
        wait(lambda: self.of_host("boots")["boots"][0]["entries"] == self.count())
        keys = {}
        for f in self.of_host("findings")["findings"]:
            if f["code"] == "keyring-not-in-policy":
                keys.setdefault(f["path"], []).append(f["seen"])
        print("# keys: " + ", ".join(f"{len(v)} in {k}" for k, v in keys.items()), flush=True)
        is_({c for c in self.codes()} - {"keyring-not-in-policy"}, set(), "nothing else is found but the keys that the kernel started with")
        self.demands(digest, keys)


def run(lab, kernel):
    l = Grub(lab, kernel)
    m = l.machine
    ok("EFI/BOOT/BOOTX64.EFI" in m.do("mountpoint -q /boot/efi && grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram 2>&1 && "
        "update-grub 2>&1 && cd /boot/efi && find . -type f"), "grub-install and update-grub, as Debian's installer calls them")
    l.own_disk()
    l.reboot()
    is_(m.do("od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-*").strip(), str(int(l.secure)), "Secure Boot is " + ("on" if l.secure else "off"))
    like(m.do("cat /proc/cmdline"), "^BOOT_IMAGE=/boot/vmlinuz-" + re.escape(l.release), "GRUB started the kernel")
    l.enrol()
    m.do("update-grub 2>/dev/null")	# by a system that knows it was started by UEFI, it has one entry more
    before, first = l.files(), l.host()
    digest = hashlib.sha256(subprocess.run([ASSAY, "ima-policy", "sample", "tcb"], check=True, capture_output=True).stdout).hexdigest()
    l.demands(digest)
    l.comes("a policy demands the sample tcb, and none is loaded: untrusted", "untrusted", "ima-policy")
    status, out = l.setup("--json")
    j = json.loads(out)
    is_((status, j["init"], j["boot_loader"], j["policy"]["sha256"]), (0, "systemd", "grub", digest), "set up, for systemd and GRUB")
    is_(j["commands"], [{"command": "update-grub", "ran": True}], "update-grub was run")
    status, out = l.setup("--status")
    is_(status, 1, "not in force before the next boot")
    l.reboot()
    wait(lambda: l.host()["boot"] != first["boot"] and l.host()["reachability"] == "fresh")
    l.approve_keys(digest)
    h = l.comes_anew("behind the reboot: trusted", first, "trusted")
    status, out = l.setup("--status", "--json")
    j = json.loads(out)
    is_((status, j["in_force"], [p for p in j["points"] if p["state"] != "yes"]), (0, "yes", []), "--status says that it is in force, in every point")
    p = h["ima_policy"]
    is_(([x["digest"] for x in p["measured"]], p["demanded"]), (["sha256:" + digest], True), "the server knows the policy by its digest")
    # Without Secure Boot this GRUB starts kernels without their EFI stub, which alone hands the event log on.
    is_((p["builtin"], p["builtin_proven"]), ("tcb", l.secure), "and the built-in one from what GRUB measured, if there is an event log")
    status, out = l.setup("--undo")
    is_((status, l.files()), (0, before), "undone: every file as before, grub.cfg too")
    l.reboot()
    l.comes_anew("behind one more reboot: untrusted again", h, "untrusted", "ima-policy")
    ok("ima" not in m.do("cat /proc/cmdline"), "the kernel was started without the parameter")
    is_(m.do("cut -d' ' -f5- /sys/kernel/security/ima/ascii_runtime_measurements").split(), ["boot_aggregate"], "and measures nothing")
    status, out = l.setup("--status")
    is_(status, 3, "--status: nothing was set up")


for k in kernels():
    scenario(run, k)
close()
done()
