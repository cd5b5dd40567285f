#!/usr/bin/env python3
"""A read-only root and two ext4 volumes, COS_PERSISTENT and COS_OEM, as immutable systems have them: the
vendor's reference values come in a policy that the vendor signed; a changed script, a changed YAML file that
is only read and a swapped binary on the vendor's volume each turn the host red, with the volume named; an
update that the vendor approves turns it green."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from files_kit import *

need("openssl")
OEM, PERSISTENT = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-aaaaaaaaaaaa"
tree, volume = tmp + "/tree", tmp + "/volume"

# Reads are measured on the vendor's volume alone: YAML is data to the kernel, and a program to who reads it.
IMA_POLICY = f"""measure func=BPRM_CHECK
measure func=MMAP_CHECK mask=MAY_EXEC
measure func=MODULE_CHECK
measure func=FILE_CHECK mask=^MAY_READ fsuuid={OEM}
measure func=POLICY_CHECK
"""
BEFORE = """until mount -t ext4 LABEL=COS_PERSISTENT /mnt/usr/local 2>/dev/null; do sleep 0.1; done
until mount -t ext4 LABEL=COS_OEM /mnt/oem 2>/dev/null; do sleep 0.1; done
mkdir -p /mnt/usr/local/.agent
mount --bind /mnt/usr/local/.agent /mnt/var/lib/assay-agent
mount -t securityfs sec /sys/kernel/security
cat /mnt/etc/ima/ima-policy >/sys/kernel/security/ima/policy
umount /sys/kernel/security
mount -o remount,ro /mnt
"""


def write(path, content, mode=0o755):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "wb").write(content)
    os.chmod(path, mode)


def start(says):
    return f"#!/bin/sh\necho {says}\n".encode()


def make_files():
    for d in (tree, volume):
        shutil.rmtree(d, ignore_errors=True)
    for f in glob.glob(tmp + "/*.json"):
        os.unlink(f)
    write(tree + "/etc/lab/before", BEFORE.encode(), 0o644)
    write(tree + "/etc/ima/ima-policy", IMA_POLICY.encode(), 0o644)
    os.makedirs(tree + "/oem")
    os.makedirs(tree + "/usr/local")
    write(volume + "/oem/bin/start", start("one"))
    write(volume + "/oem/config.yaml", b"mode: one\n", 0o644)
    write(volume + "/oem/bin/tool", open("/bin/true", "rb").read())
    write(volume + "/usr/local/bin/local", start("local"))
    write(volume + "/usr/local/settings.yaml", b"mode: one\n", 0o644)
    for label, uuid, below in (("COS_OEM", OEM, "oem"), ("COS_PERSISTENT", PERSISTENT, "usr/local")):
        subprocess.run(["mkfs.ext4", "-qF", "-b", "4096", "-L", label, "-U", uuid, "-d", f"{volume}/{below}",
            f"{tmp}/{label}", "16M"], check=True, capture_output=True)


def signed(name, key, partition, path):
    """A policy of what lies on a volume, where its owner says the volume belongs, signed.  What a host ran
    since its boot must stay good, so that a later version holds the earlier files too."""
    assay("policy", "build", "--from", f"{name}=dir:{volume}{path}", "--strip", volume, "-n", name, "-o", tmp + "/new.json")
    policy = json.load(open(tmp + "/new.json"))
    policy["scopes"] = [{"name": name, "paths": [path], "partition": partition, "layers": [name]}]
    json.dump(policy, open(tmp + "/new.json", "w"))
    earlier = [f"{tmp}/{name}.json"] if os.path.exists(f"{tmp}/{name}.json") else []
    assay("policy", "merge", tmp + "/new.json", *earlier, "-o", f"{tmp}/merged.json")
    os.rename(f"{tmp}/merged.json", f"{tmp}/{name}.json")
    assay("policy", "sign", "--key", f"{tmp}/{key}.key", f"{tmp}/{name}.json", "-o", f"{tmp}/{name}.dsse")
    return f"{tmp}/{name}.dsse"


def vendor():
    return signed("oem", "vendor", "COS_OEM", "/oem")


def owner():
    return signed("persistent", "owner", "COS_PERSISTENT", "/usr/local")


def run(kernel, labs):
    make_files()
    lab = Lab(labs, kernel, "ima_template=ima-ng", tree=tree, volumes=(tmp + "/COS_OEM", tmp + "/COS_PERSISTENT"),
        options=("--policy-key", tmp + "/owner.pem", "--policy-key", tmp + "/vendor.pem"))
    do = lab.machine.do
    is_(do("touch /etc/x 2>/dev/null || echo read-only"), "read-only", "the root is read-only")
    lab.enrol()
    volumes = lab.host()["facts"].get("volumes", {})
    is_((volumes.get("COS_OEM"), volumes.get("COS_PERSISTENT")), ("/oem", "/usr/local"), "the host says where its volumes are")

    # ---- policies: who signed them ----
    assay("policy", "sign", "--key", f"{tmp}/owner.key", lab.own_policy(), "-o", tmp + "/base.dsse")
    vendor()
    is_(lab.server.call("PUT", "/v1/policies/oem", open(tmp + "/oem.json", "rb").read()).status, 400,
        "the vendor's policy without its signature is refused")
    assay("policy", "sign", "--key", tmp + "/nobody.key", tmp + "/oem.json", "-o", tmp + "/nobody.dsse")
    is_(lab.server.call("PUT", "/v1/policies/oem", open(tmp + "/nobody.dsse", "rb").read()).status, 400, "and with another's")
    for name, f in (("base", tmp + "/base.dsse"), ("oem", vendor()), ("persistent", owner())):
        lab.push(name, f)
    lab.assign("base", "oem", "persistent")
    lab.comes("with it, beside the owner's: trusted", "trusted")

    # ---- the control run ----
    lab.stays_trusted("the vendor's script, binary and YAML as they were shipped, and a local script",
        "/oem/bin/start && /oem/bin/tool && cat /oem/config.yaml && /usr/local/bin/local")
    lab.put("/usr/local/settings.yaml", b"mode: two\n", 0o644)
    lab.stays_trusted("YAML that changed on the volume where reads are not measured", "cat /usr/local/settings.yaml")

    # ---- what differs in one thing ----
    start_two, yaml_two = start("two"), b"mode: two\n"
    lab.put("/oem/bin/start", start_two)
    lab.turns_red("a changed script", "/oem/bin/start", "digest-mismatch", "/oem/bin/start", partition="COS_OEM")
    lab.put("/oem/config.yaml", yaml_two, 0o644)
    lab.turns_red("a changed YAML file, which is only read", "cat /oem/config.yaml", "digest-mismatch", "/oem/config.yaml",
        partition="COS_OEM")
    do("cp /bin/busybox /oem/bin/tool.new && mv /oem/bin/tool.new /oem/bin/tool")
    lab.turns_red("a swapped binary", "/oem/bin/tool; true", "digest-mismatch", "/oem/bin/tool", partition="COS_OEM")
    lab.put("/usr/local/bin/new", start("new"))
    lab.turns_red("a new script on the other volume", "/usr/local/bin/new", "not-in-policy", "/usr/local/bin/new",
        partition="COS_PERSISTENT")
    is_(sorted(f.get("partition", "") for f in lab.findings()), ["COS_OEM"] * 3 + ["COS_PERSISTENT"], "all of them, and nothing else")
    ok(" on COS_OEM: " in lab.host()["reason"], "the reason names the volume too")

    # ---- the update, approved ----
    write(volume + "/oem/bin/start", start_two)
    write(volume + "/oem/config.yaml", yaml_two, 0o644)
    write(volume + "/oem/bin/tool", open(lab.image + "/root/bin/busybox", "rb").read())
    write(volume + "/usr/local/bin/new", start("new"))
    lab.push("oem", vendor())
    lab.assign("base", "oem", "persistent")
    wait(lambda: len(lab.findings()) == 1)
    is_((lab.host()["verdict"], lab.found()), ("untrusted", [("not-in-policy", "/usr/local/bin/new")]),
        "the vendor approves its update: what is the owner's stays red")
    lab.push("persistent", owner())
    lab.assign("base", "oem", "persistent")
    lab.comes("and the owner the new script: trusted", "trusted")


for k in ("owner", "vendor", "nobody"):
    key(k, "ec")
scenario(run)
