#!/usr/bin/env python3
"""A Debian with systemd, started by the firmware and systemd-boot as it lies on the disk: what
assay setup measurement --root wrote into it is in force after the boot, with the policy measured
by its name and digest before anything else is; after --undo it is not, and nothing is left."""
import base64, hashlib, os, re, shutil, subprocess, sys, tempfile, time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, here + "/../e2e"]
from taptest import *

KERNEL = os.environ.get("ASSAY_LAB_KERNEL", "6.1")
BUILD = os.environ["ASSAY_BUILD"]
ASSAY = BUILD + "/assay"
os.environ.setdefault("ASSAY_LAB_CACHE", BUILD + "/lab")
PATIENCE = float(os.environ.get("ASSAY_LAB_TIMEOUT", "300"))
OVMF = "/usr/share/OVMF/OVMF_CODE_4M.fd"

if os.environ.get("ASSAY_LAB_FULL") != "1":
    skip_all("two boots of a whole system take minutes: ASSAY_LAB_FULL=1 (make lab)")
for tool in ("qemu-system-x86_64", "mkfs.ext4", "mformat", "mcopy", "busybox", "cpio", "apt-get"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing (tools/bootstrap lab)")
if not os.path.exists(OVMF):
    skip_all("OVMF is missing (tools/bootstrap lab)")
if os.geteuid() != 0:
    skip_all("the files of a system belong to root")
if subprocess.run([here + "/kernels.sh", KERNEL], capture_output=True).returncode != 0:
    skip_all(f"Debian's kernel {KERNEL} cannot be downloaded here")
made = subprocess.run([here + "/systemd-root"], capture_output=True, text=True)
if made.returncode != 0:
    skip_all("Debian's systemd cannot be downloaded here")
base = made.stdout.strip()
kernel = os.environ["ASSAY_LAB_CACHE"] + "/kernel-" + KERNEL
release = open(kernel + "/release").read().strip()

tmp = tempfile.mkdtemp(prefix="assay-setup-lab.")
root = tmp + "/root"


def write(name, text, mode=0o644):
    os.makedirs(os.path.dirname(root + name), exist_ok=True)
    with open(root + name, "w") as f:
        f.write(text)
    os.chmod(root + name, mode)


def system():
    """The disk's files: Debian's own, our program, and a unit that tells and switches off."""
    subprocess.run(["cp", "-a", base + "/root", root], check=True)
    libs = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", ASSAY], capture_output=True, text=True).stdout)
    for lib in libs:
        if not os.path.exists(root + lib):
            os.makedirs(os.path.dirname(root + lib), exist_ok=True)
            shutil.copy(os.path.realpath(lib), root + lib)
    shutil.copy(os.path.realpath(ASSAY), root + "/usr/bin/assay")
    os.makedirs(root + "/lib/modules/" + release)
    open(root + f"/lib/modules/{release}/modules.builtin", "w").close()
    shutil.copy(kernel + "/config", root + "/boot/config-" + release)
    write("/boot/loader/loader.conf", "timeout 0\ndefault debian.conf\n")
    write("/boot/loader/entries/debian.conf", "title Debian\nlinux /vmlinuz\ninitrd /initrd\n"
        "options root=LABEL=assay-root rw console=ttyS0 panic=-1 no_timer_check loglevel=4\n")
    write("/report", """#!/bin/sh
exec >/dev/ttyS1
part() { echo "== $1"; shift; "$@" 2>&1 | base64 -w0; echo; }
ima=/sys/kernel/security/ima
cp /bin/true /run/probe; /run/probe
part cmdline cat /proc/cmdline
part list cat $ima/ascii_runtime_measurements
part ima ls $ima
part status sh -c 'assay setup measurement --status --json; echo "exit $?"'
part text assay setup measurement --status
echo "== end"
sync
systemctl --force --force poweroff
""", 0o755)
    write("/etc/systemd/system/report.service", "[Unit]\nDefaultDependencies=no\nAfter=sysinit.target\n"
        "[Service]\nType=oneshot\nExecStart=/bin/sh /report\n")
    write("/etc/systemd/system/default.target", "[Unit]\nRequires=sysinit.target report.service\n"
        "After=sysinit.target report.service\nAllowIsolate=yes\n")


def initrd():
    d = tmp + "/initramfs"
    os.makedirs(d)
    with open(d + "/init", "w") as f:
        f.write("""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t ext4 "$(findfs LABEL=assay-root)" /mnt
for d in dev proc sys; do mount -o move /$d /mnt/$d; done
exec switch_root /mnt /sbin/init
""")
    subprocess.run(["bash", "-c", '. "$0/lib.sh"; lab_initramfs "$1" "$2"', here, d, tmp + "/initrd"], check=True)


def disks():
    """The disk, and the EFI system partition with what the disk has as /boot."""
    esp, disk, boot = tmp + "/esp", tmp + "/disk", root + "/boot"
    for f in (esp, disk):
        if os.path.exists(f):
            os.unlink(f)
    with open(disk, "wb") as f:
        f.truncate(400 << 20)
    subprocess.run(["mkfs.ext4", "-qF", "-b", "4096", "-L", "assay-root", "-d", root, disk], check=True)
    with open(esp, "wb") as f:
        f.truncate(96 << 20)
    m = lambda *a: subprocess.run(a, check=True, env=dict(os.environ, MTOOLS_SKIP_CHECK="1"), capture_output=True)
    m("mformat", "-i", esp, "-F", "::")
    m("mmd", "-i", esp, "::EFI", "::EFI/BOOT", "::loader", "::loader/entries")
    m("mcopy", "-i", esp, base + "/efi/systemd-bootx64.efi", "::EFI/BOOT/BOOTX64.EFI")
    m("mcopy", "-i", esp, boot + "/loader/loader.conf", "::loader/loader.conf")
    m("mcopy", "-i", esp, boot + "/loader/entries/debian.conf", "::loader/entries/debian.conf")
    m("mcopy", "-i", esp, os.path.realpath(kernel + "/vmlinuz"), "::vmlinuz")
    m("mcopy", "-i", esp, tmp + "/initrd", "::initrd")


def boot(name):
    """What the system tells of itself."""
    disks()
    out, console, vars_ = tmp + "/report." + name, tmp + "/console." + name, tmp + "/vars"
    shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.fd", vars_)
    began = time.monotonic()
    subprocess.run(["qemu-system-x86_64", "-accel", os.environ.get("ASSAY_LAB_ACCEL", "tcg"), "-machine", "q35", "-m", "768",
        "-nodefaults", "-display", "none", "-no-reboot", "-rtc", "base=utc",
        "-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}", "-drive", f"if=pflash,format=raw,file={vars_}",
        "-device", "nvme,serial=1,drive=e,bootindex=1", "-drive", f"file={tmp}/esp,if=none,id=e,format=raw",
        "-device", "nvme,serial=2,drive=d", "-drive", f"file={tmp}/disk,if=none,id=d,format=raw",
        "-serial", "file:" + console, "-serial", "file:" + out], check=True, timeout=PATIENCE)
    print(f"# {name}: {time.monotonic() - began:.0f} s", flush=True)
    parts = re.findall(r"^== (\w+)\r?\n([A-Za-z0-9+/=]*)\r?$", open(out).read(), re.M)
    got = {n: base64.b64decode(t).decode(errors="replace") for n, t in parts}
    if "status" not in got:
        print("# " + open(console, errors="replace").read()[-3000:].replace("\n", "\n# "))
        raise RuntimeError("the system did not report")
    return got


def tree():
    seen = {}
    for d, dirs, files in os.walk(root):
        for f in files + dirs:
            p = os.path.join(d, f)
            st = os.lstat(p)
            seen[p] = (st.st_mode, st.st_uid, os.readlink(p) if os.path.islink(p) else
                hashlib.sha256(open(p, "rb").read()).hexdigest() if os.path.isfile(p) else None)
    return seen


def setup(*args):
    return subprocess.run([ASSAY, "setup", "measurement", "--root", root, *args], capture_output=True, text=True)


import json
try:
    system()
    initrd()
    before = tree()
    r = setup("--json")
    is_(r.returncode, 0, "set up: " + r.stderr)
    j = json.loads(r.stdout)
    is_((j["init"], j["boot_loader"], j["parameters"]), ("systemd", "systemd-boot", ["ima_policy=tcb"]),
        "systemd loads it, systemd-boot starts the kernel")
    digest = hashlib.sha256(open(root + "/etc/ima/ima-policy", "rb").read()).hexdigest()
    is_(j["policy"]["sha256"], digest, "the digest it tells is the file's")
    got = boot("with")
    ok("ima_policy=tcb" in got["cmdline"], "the kernel was started with the parameter")
    entries = [l.split() for l in got["list"].splitlines()]
    named = [i for i, e in enumerate(entries) if e[4] == "/etc/ima/ima-policy"]
    is_([entries[i][3] for i in named], ["sha256:" + digest], "the policy is in the list, once, with its digest")
    is_(entries[0][4], "boot_aggregate", "behind boot_aggregate")
    is_([e[4] for e in entries[1:named[0]] if e[4].startswith("/") and "/systemd" not in e[4] and ".so" not in e[4]],
        ["/init", "/bin/busybox"], "before it stand the initramfs and systemd alone")
    ok("policy" not in got["ima"].split(), "the kernel takes no other policy in this boot")
    status = json.loads(got["status"][:got["status"].rindex("exit")])
    is_((status["in_force"], got["status"].split()[-1]), ("yes", "0"), "--status says that it is in force")
    is_([p for p in status["points"] if p["state"] != "yes"], [], "in every point")
    ok(any(e[4] == "/run/probe" for e in entries), "its rules measure what ima_policy=tcb leaves out: a program on tmpfs")
    if not all(p["state"] == "yes" for p in status["points"]):
        print("# " + got["text"].replace("\n", "\n# "))

    r = setup("--undo")
    is_(r.returncode, 0, "undone: " + r.stderr)
    ok(tree() == before, "every file is as it was before")
    got = boot("without")
    ok("ima_policy" not in got["cmdline"], "the kernel was started without the parameter")
    is_([l for l in got["list"].splitlines() if "ima-policy" in l], [], "no policy is in the list")
    ok("/run/probe" not in got["list"], "nor is that program")
    ok("policy" in got["ima"].split(), "and none was loaded")
    is_(got["status"].split()[-1], "3", "--status: nothing was set up")
except Exception:
    import traceback
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
finally:
    if not os.environ.get("ASSAY_KEEP"):
        shutil.rmtree(tmp, ignore_errors=True)
done()
