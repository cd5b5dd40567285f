#!/usr/bin/env python3
"""Demands on the boot, on real firmware: a host that was started as the policy says is trusted; one
with another command line, without Secure Boot, or with another kernel is red, each by its name; one
whose event log does not come is undecided, and it is said why."""
from life_kit import *

if not FULL:
    skip_all("takes minutes: ASSAY_LAB_FULL=1 (make lab)")
need("sbsign", "objcopy", "mformat", "mcopy", "sfdisk")
OVMF = "/usr/share/OVMF/"
if not os.path.exists(OVMF + "OVMF_VARS_4M.snakeoil.fd"):
    skip_all("no OVMF with Debian's test keys (tools/bootstrap lab)")
try:
    shell("lab_loaders")
except RuntimeError:
    skip_all("systemd's boot loader cannot be downloaded here")
APPROVED = "console=ttyS0 panic=-1 loglevel=4 no_timer_check ima_policy=tcb"
OTHER = APPROVED + " lab.changed=1"


def prepare(l):
    """Two signed images that differ in the command line, and firmware with keys and without."""
    for name, cmdline in (("approved", APPROVED), ("other", OTHER)):
        tree = f"{l.image}/esp-{name}"
        os.makedirs(tree + "/EFI/BOOT")
        shell(f"lab_uki {l.image}/vmlinuz {l.image}/initrd '{cmdline}' {tree}/EFI/BOOT/BOOTX64.EFI; lab_esp_disk {tree} {tree}.disk")
    # With Secure Boot the kernel measures its modules, which are the initramfs's.
    shutil.copytree(l.image + "/initramfs/lib/modules", l.root + "/lib/modules")
    l.machine.options = ["-machine", "q35", "-m", "1024",
        "-drive", f"if=pflash,format=raw,readonly=on,file={OVMF}OVMF_CODE_4M.fd", "-drive", f"if=pflash,format=raw,file={l.image}/vars",
        "-drive", f"if=none,id=esp,format=raw,file={l.image}/esp", "-device", "virtio-blk-pci,drive=esp,bootindex=0"]
    insert(l, "approved", "snakeoil")


def insert(l, disk, keys):
    """The disk it starts from, and the keys its firmware has."""
    shutil.copy(f"{l.image}/esp-{disk}.disk", l.image + "/esp")
    shutil.copy(OVMF + ("OVMF_VARS_4M.snakeoil.fd" if keys else "OVMF_VARS_4M.fd"), l.image + "/vars")


def boots(l, what, disk, keys, verdict, *codes, agent=True):
    was = l.host()
    l.no_agent()
    l.machine.tell("halt_machine reboot")
    l.machine.wait()
    insert(l, disk, keys)
    l.machine.start()
    if agent is not True:
        l.machine.do(agent)
    at = time.monotonic()
    l.agent()
    wait(lambda: l.host()["boot"] != was["boot"])
    return l.comes(what, verdict, *codes, since=at)


def images(l):
    """Authenticode digests that the firmware measured, from the newest bundle."""
    open(tmp + "/bundle", "wb").write(l.server.call("GET", f"/v1/bundles/{l.of_host('bundles')['bundles'][0]['number']}").body)
    r = subprocess.run([ASSAY, "evidence", "verify", "--bundle", tmp + "/bundle", "--integrity-only", "--json"], capture_output=True, text=True)
    return ["sha256:" + i["digest"].removeprefix("sha256:") for i in json.loads(r.stdout)["boot"]["images"]]


def run(lab, kernel):
    l = Life(kernel, None, before=prepare)
    lab.append(l)
    l.enrol()
    ok(l.of_host("boots")["boots"][0]["event_log_sha256"] is not None, "the firmware's event log came")
    demands = {"secure_boot": True, "cmdline": [APPROVED]}
    l.push("boot", {"assay_policy": 1, "boot": demands})
    l.assign("base", "boot")
    l.comes("Secure Boot and this command line are demanded: trusted", "trusted")
    boots(l, "another command line: untrusted", "other", True, "untrusted", "boot-cmdline")
    l.push("boot", {"assay_policy": 1, "boot": {**demands, "cmdline": [APPROVED, OTHER]}})
    l.assign("base", "boot")
    l.comes("which is approved: trusted", "trusted")
    boots(l, "without keys, Secure Boot is off: untrusted", "approved", False, "untrusted", "secure-boot")
    h = boots(l, "as before, but no event log comes: undecided", "approved", True, "undecided",
        agent="mount -t tmpfs none /sys/kernel/security/tpm0")
    like(h["reason"], "boot-policy.*demands Secure Boot, but no event log", "and it is said why")
    l.machine.do("umount /sys/kernel/security/tpm0")
    l.comes("when it comes: trusted", "trusted")
    l.push("boot", {"assay_policy": 1, "boot": {**demands, "kernel": images(l)}})
    l.assign("base", "boot")
    l.comes("the images are demanded, too: trusted", "trusted")
    boots(l, "another image: untrusted", "other", True, "untrusted", "boot-kernel", "boot-kernel", "boot-cmdline")


for k in kernels():
    scenario(run, k)
close()
done()
