#!/usr/bin/env python3
"""What Debian's kernels are not configured for, on one of our own.  Trusted keyrings: .ima takes a key that
the kernel's authority signed, and not one that root made; it is measured, and good if the policy lists it.
Appended signatures: a module is good by the one that it carries, of a key that the policy trusts; by another
key's, or altered, it is not.  Trusted keys: one that the TPM sealed is there again after a reboot, and EVM
with it; with another TPM it is not, and doctor says which."""
import os, sys

os.environ["ASSAY_LAB_KERNEL"] = "own"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from files_kit import *

if not FULL:
    skip_all("builds a kernel: ASSAY_LAB_FULL=1 (make lab)")
need("evmctl", "setfattr", "openssl", "keyctl", "tpm2_createprimary", "tpm2_evictcontrol")
OWN = os.environ["ASSAY_LAB_CACHE"] + "/kernel-own"
AUTHORITY = OWN + "/signing_key.pem"	# its certificate is built into the kernel
MARK = b"~Module signature appended~\n"
tree = tmp + "/tree"

# Reads are not measured: a module would be on the list by its mere digest, too, when insmod opens it.
IMA_POLICY = """dont_measure fsmagic=0x01021994
measure func=BPRM_CHECK mask=MAY_EXEC
measure func=MMAP_CHECK mask=MAY_EXEC
measure func=POLICY_CHECK
measure func=KEY_CHECK keyrings=.ima
measure func=MODULE_CHECK template=ima-modsig
appraise func=MODULE_CHECK appraise_type=imasig|modsig
"""


def write(path, content):
    os.makedirs(os.path.dirname(tree + path), exist_ok=True)
    open(tree + path, "wb").write(content)


def certified(name, serial):
    """A key whose certificate the kernel's authority signed: by issuer and number an appended signature names it."""
    run = lambda *args: subprocess.run(["openssl", *args], check=True, capture_output=True)
    open(f"{tmp}/{name}.ext", "w").write("basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    run("req", "-new", "-nodes", "-newkey", "rsa:2048", "-subj", f"/CN={name}", "-keyout", f"{tmp}/{name}.key", "-out", f"{tmp}/{name}.csr")
    run("x509", "-req", "-sha256", "-in", f"{tmp}/{name}.csr", "-CA", AUTHORITY, "-CAkey", AUTHORITY, "-set_serial", str(serial),
        "-days", "3650", "-extfile", f"{tmp}/{name}.ext", "-out", f"{tmp}/{name}.pem")
    run("x509", "-in", f"{tmp}/{name}.pem", "-outform", "DER", "-out", f"{tmp}/{name}.der")


def der(name):
    return open(f"{tmp}/{name}.der", "rb").read()


def digest(name):
    return "sha256:" + hashlib.sha256(der(name)).hexdigest()


def unsigned_module():
    """The build signed it."""
    ko = open(glob.glob(OWN + "/lib/modules/*/kernel/drivers/md/dm-mod.ko")[0], "rb").read()
    while ko.endswith(MARK):
        ko = ko[:-len(MARK) - 12 - int.from_bytes(ko[-len(MARK) - 4:-len(MARK)], "big")]
    return ko


def signed(content, name):
    f = f"{tmp}/module.ko"
    open(f, "wb").write(content)
    subprocess.run([OWN + "/sign-file", "sha256", f"{tmp}/{name}.key", f"{tmp}/{name}.pem", f], check=True, capture_output=True)
    return open(f, "rb").read()


def make_files():
    certified("vendor", 1)
    certified("second", 2)
    key("root")
    subprocess.run(["openssl", "x509", "-in", AUTHORITY, "-outform", "DER", "-out", f"{tmp}/authority.der"], check=True)
    for name in ("vendor", "second", "root"):
        write(f"/etc/keys/{name}.der", der(name))
    write("/etc/ima/ima-policy", IMA_POLICY.encode())
    ko = unsigned_module()
    good = signed(ko, "vendor")
    for name, content in (("good", good), ("unsigned", ko), ("foreign", signed(ko, "root")),
        ("altered", good.replace(b"description=", b"Description=", 1))):
        write(f"/opt/{name}.ko", content)


def ring_policy(*names, **more):
    """With the authority's own key, which such a kernel has in .ima from the start (load_module_cert)."""
    return {"assay_policy": 1, "name": "ring", "keyrings": {".ima": {"digests": [digest(n) for n in ("authority", *names)], **more}}}


def add_key(name):
    return f"keyctl padd asymmetric '' %:.ima </etc/keys/{name}.der"


VERSIONS = {}


def judge(lab, name, policy, what, verdict):
    """By this policy, beside the others, it is so."""
    VERSIONS[name] = lab.push(name, policy)
    lab.assign(*({"policy": n, "version": v} for n, v in VERSIONS.items()))
    lab.comes(what, verdict)


def keyrings(lab):
    lab.stays_trusted("root adds a key that the kernel's authority signed, and that the policy lists", add_key("vendor"))
    line = lab.machine.do("tail -n 1 /sys/kernel/security/ima/ascii_runtime_measurements")
    is_(line.split()[2:], ["ima-buf", digest("vendor"), ".ima", der("vendor").hex()], "the kernel measured it, with its keyring")
    before = lab.count()
    out = lab.machine.do(f"! {add_key('root')} 2>&1")
    like(out, "rejected|not available", "one that root made is refused by the kernel")
    is_((lab.count(), lab.host()["verdict"]), (before, "trusted"), "and nothing is measured: trusted")
    judge(lab, "ring", ring_policy("second"), "the same key, by a policy that lists another: untrusted", "untrusted")
    is_([f["code"] for f in lab.findings()], ["keyring-not-in-policy"], "which is said")
    judge(lab, "ring", ring_policy("vendor"), "and by the first policy: trusted", "trusted")
    at, (status, out) = lab.machine.execute(add_key("second"))
    ok(status == "0", "another key that the authority signed: the kernel takes it")
    lab.comes("but the policy does not list it: untrusted", "untrusted")
    is_([f["code"] for f in lab.findings()], ["keyring-not-in-policy"], "which is said")
    judge(lab, "ring", ring_policy("vendor", "second"), "until it does: trusted", "trusted")


def modules_policy(name):
    scope = {"kinds": ["module"], "keyrings": [".ima"]}
    return {"assay_policy": 1, "name": "modules", "keys": [{"name": name, "certificate": base64.b64encode(der(name)).decode(), "scope": scope}]}


def modsig(lab):
    judge(lab, "modules", modules_policy("vendor"), "a policy that trusts the key for modules: trusted", "trusted")
    lab.stays_trusted("a module that is not listed, with this key's signature appended, is loaded", "insmod /opt/good.ko")
    like(lab.machine.do("cat /proc/modules"), "^dm_mod ", "by the kernel")
    line = lab.machine.do("grep '/opt/good.ko' /sys/kernel/security/ima/ascii_runtime_measurements")
    like(line, "^10 [0-9a-f]+ ima-modsig sha256:[0-9a-f]+ /opt/good.ko  sha256:[0-9a-f]+ 30[0-9a-f]+$", "its entry has the digest without the signature, and the signature")
    judge(lab, "modules", modules_policy("root"), "the same, by a policy that trusts another key: untrusted", "untrusted")
    is_(lab.found(), [("signature-unknown-key", "/opt/good.ko")], "which is said")
    judge(lab, "modules", modules_policy("vendor"), "and by the first policy: trusted", "trusted")
    want = {}
    for name, what, code in (("foreign", "the same module, signed by a key that is not in .ima", "signature-unknown-key"),
        ("altered", "the vendor's signature, and one letter changed before it", "signature-invalid"),
        ("unsigned", "without a signature", "not-in-policy")):
        lab.turns_red(what + ": the kernel refuses it", f"! insmod /opt/{name}.ko", code, f"/opt/{name}.ko")
        want[f"/opt/{name}.ko"] = code
    is_(sorted(lab.found()), sorted((code, path) for path, code in want.items()), "these, and no others")
    files = {path: ["sha256:" + hashlib.sha256(open(tree + path, "rb").read()).hexdigest()] for path in want}
    judge(lab, "known", {"assay_policy": 1, "name": "known", "layers": [{"name": "known", "files": files}]},
        "all of them listed by their digests: trusted, by itself", "trusted")


def learned(lab):
    """security.ima by a key that no policy holds but by its digest."""
    judge(lab, "ring", ring_policy("vendor", "second", trust=True), "keys that are loaded may sign: trusted", "trusted")
    lab.script("/opt/signed", lambda c: ima_signature(c, "second"))
    lab.stays_trusted("a file that is not listed, signed by the loaded key", "/opt/signed")
    judge(lab, "ring", ring_policy("vendor", "second"), "the same, but loaded keys may not sign: untrusted", "untrusted")
    is_(lab.found(), [("signature-unknown-key", "/opt/signed")], "which is said")
    judge(lab, "ring", ring_policy("vendor", "second", trust=True), "they may again: trusted", "trusted")


def evm(lab):
    """What doctor says of EVM in the guest."""
    return next(i["value"] for i in json.loads(lab.machine.do("assay doctor --no-write --json"))["items"] if i["code"] == "evm")


def primary(lab):
    """A storage key in the TPM, for the kernel to seal with."""
    lab.machine.do("tpm2_createprimary -Q -T device:/dev/tpmrm0 -C o -G ecc -c /tmp/primary && "
        "tpm2_evictcontrol -Q -T device:/dev/tpmrm0 -C o -c /tmp/primary 0x81000001")


def another_tpm(lab):
    """The same disk, and a TPM of the same make.  Returns where the first one's state is."""
    lab.machine.stop()
    os.rename(lab.image + "/tpm", lab.image + "/tpm.first")
    os.mkdir(lab.image + "/tpm")
    subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", lab.image + "/tpm", "--pcr-banks", "sha256", "--overwrite"], check=True, capture_output=True)
    lab.machine.start()
    primary(lab)
    return lab.image + "/tpm.first"


def new_boot(lab, was, what):
    lab.agent()
    ok(wait(lambda: lab.host()["boot"] != was["boot"]) is not None, "the agent sends this boot's list")
    lab.comes(what, "trusted")


def trusted_keys(lab):
    """Keys for EVM that only this TPM opens; the blobs are kept here, so that no file of the guest is read."""
    do, was = lab.machine.do, lab.host()
    add = lambda kind, name, how: f"keyctl add {kind} {name} '{how}' @u"
    sign = f"setfattr -n security.ima -v 0x{ima_signature(b'', 'second').hex()} /opt/approved"
    primary(lab)
    is_(evm(lab), "0 (not active)", "doctor: EVM is not active")
    do(add("trusted", "kmk", "new 32 keyhandle=0x81000001"))
    do(add("encrypted", "evm-key", "new trusted:kmk 64"))
    sealed, under = (do(f"keyctl pipe $(keyctl search @u {kind} {name}); echo") for kind, name in (("trusted", "kmk"), ("encrypted", "evm-key")))
    like(sealed, "^[0-9a-f]{200,}$", "the kernel made a key that the TPM sealed")
    load = [add("trusted", "kmk", "load " + sealed), add("encrypted", "evm-key", "load " + under), "echo 1 >/sys/kernel/security/evm"]
    do("end TERM run; end TERM priv")
    lab.machine.reboot()
    like(do(f"! {load[1]} 2>&1"), "not available|No such", "rebooted: without it the key for EVM does not load")
    for command in load:
        do(command)
    is_(evm(lab), "1 (HMAC)", "with it, it does: doctor says that EVM keeps its HMACs")
    like(do(f"! {sign} 2>&1"), "not permitted", "as it does: root cannot change the attributes of a file that has none")
    new_boot(lab, was, "and the host is trusted")
    was = lab.host()
    first = another_tpm(lab)
    do(add("trusted", "kmk", "new 32 keyhandle=0x81000001") + " && keyctl clear @u")
    like(do(f"! {load[0]} 2>&1"), "^add_key: ", "another TPM seals keys as well, but the first one's does not load")
    like(do(f"! {load[1]} 2>&1"), "not available|No such", "nor that for EVM")
    do("! echo 1 >/sys/kernel/security/evm")
    is_(evm(lab), "0 (not active)", "doctor: EVM is not active")
    is_(do(sign), "", "as it is not: root changes a file's attributes")
    lab.machine.stop()
    shutil.rmtree(lab.image + "/tpm")
    os.rename(first, lab.image + "/tpm")
    lab.machine.start()
    for command in load:
        do(command)
    is_(evm(lab), "1 (HMAC)", "the first TPM again: they load, and EVM keeps its HMACs")
    new_boot(lab, was, "and the host is trusted")


def run(kernel, labs):
    make_files()
    lab = Lab(labs, kernel, "ima_policy=tcb ima_template=ima-sig", tree=tree,
        programs=("setfattr", "keyctl", "tpm2_createprimary", "tpm2_evictcontrol", ASSAY))
    # What the policy is made of has no modules: they are good by their signatures alone.
    for f in glob.glob(lab.image + "/root/opt/*.ko"):
        os.unlink(f)
    lab.machine.do("echo /etc/ima/ima-policy >/sys/kernel/security/ima/policy")
    lab.enrol()
    VERSIONS["base"] = lab.push("base", lab.own_policy())
    judge(lab, "ring", ring_policy("vendor"), "a policy of the machine's files and of one key: trusted", "trusted")
    keyrings(lab)
    modsig(lab)
    learned(lab)
    trusted_keys(lab)


scenario(run)
