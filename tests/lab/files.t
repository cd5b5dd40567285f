#!/usr/bin/env python3
"""Files on a real kernel: one signed by a key that the policy trusts is good without being listed, one
signed by another key, changed behind its signature, out of the key's scope or not signed at all turns
the host red; an update does, by its path, until the policy follows, and then the host is green by itself."""
import os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from files_kit import *

need("evmctl", "setfattr", "dpkg-deb", "dpkg", "tar", "openssl")


def signers(scope):
    """A policy that trusts three certificates, one of them below /opt/vendor alone."""
    member = lambda name, **more: dict(name=name, certificate=base64.b64encode(open(f"{tmp}/{name}.der", "rb").read()).decode(), **more)
    return {"assay_policy": 1, "name": "signers", "keys": [member("rsa"), member("ec"), member("vendor", scope={"paths": [scope]})]}


def by(name, *more):
    return lambda content: ima_signature(content, name, *more)


def keyid(name):
    skid = subprocess.run(["openssl", "x509", "-in", f"{tmp}/{name}.pem", "-noout", "-ext", "subjectKeyIdentifier"],
        capture_output=True, text=True, check=True).stdout.split()[-1]
    return skid.replace(":", "")[-8:].lower()


def signatures(lab):
    for name, kind in (("rsa", "rsa"), ("ec", "ec"), ("vendor", "ec"), ("foreign", "rsa"), ("foreign-ec", "ec")):
        key(name, kind)
    lab.push("base", lab.own_policy())
    lab.push("signers", signers("/opt/vendor"))
    lab.assign("base", "signers")
    lab.comes("a policy of the machine's files and of whose signatures count: trusted", "trusted")

    bad = {}
    for kind in ("rsa", "ec"):
        lab.script(f"/opt/f/{kind}", by(kind))
        lab.stays_trusted(f"a file that is not listed, signed by the trusted {kind} key", f"/opt/f/{kind}")
    lab.script("/opt/vendor/tool", by("vendor"))
    lab.stays_trusted("one that is signed by a key within its scope", "/opt/vendor/tool")

    bad["/opt/f/plain"] = lab.script("/opt/f/plain")
    lab.turns_red("the same without a signature", "/opt/f/plain", "not-in-policy", "/opt/f/plain")
    bad["/opt/f/vendor"] = lab.script("/opt/f/vendor", by("vendor"))
    lab.turns_red("one that is signed by a key outside its scope", "/opt/f/vendor", "signature-out-of-scope", "/opt/f/vendor",
        keyid=keyid("vendor"))
    for kind, other in (("rsa", "foreign"), ("ec", "foreign-ec")):
        path = f"/opt/f/{kind}-foreign"
        bad[path] = lab.script(path, by(other))
        lab.turns_red(f"another {kind} key", path, "signature-unknown-key", path, keyid=keyid(other))
        path = f"/opt/f/{kind}-called-so"
        bad[path] = lab.script(path, by(other, "--keyid", keyid(kind)))
        lab.turns_red("which is called by the id of the trusted one", path, "signature-invalid", path)
        path = f"/opt/f/{kind}-changed"
        content = lab.script(path, by(kind))
        lab.machine.do(f"echo '# changed' >>{path}")
        bad[path] = content + b"# changed\n"
        lab.turns_red("the trusted key, and a line added behind its back", path, "signature-invalid", path)
    is_(sorted(p for _, p in lab.found()), sorted(bad), "these, and no others")
    lab.push("known", {"assay_policy": 1, "name": "known", "layers": [{"name": "known", "files": {
        p: ["sha256:" + hashlib.sha256(c).hexdigest()] for p, c in bad.items()}}]})
    lab.assign("base", "signers", "known")
    lab.comes("all of them listed by their digests: trusted, by itself", "trusted")


def package(version):
    """A real package with one program; its file."""
    d = f"{tmp}/tool-{version}"
    for name, content in (("DEBIAN/control", f"Package: tool\nVersion: {version}\nArchitecture: all\nMaintainer: L <l@example.org>\n"
        "Description: a tool\n"), ("usr/bin/tool", f"#!/bin/sh\necho tool {version}\n"), ("usr/share/tool/data", f"data {version}\n")):
        os.makedirs(os.path.dirname(f"{d}/{name}"), exist_ok=True)
        open(f"{d}/{name}", "w").write(content)
    os.chmod(d + "/usr/bin/tool", 0o755)
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", d, d + ".deb"], check=True, capture_output=True)
    return d + ".deb"


def install(lab, version):
    """dpkg itself, in the guest, where busybox has one too; its database is not judged (the policy's exclude)."""
    lab.put(f"/var/cache/tool-{version}.deb", open(package(version), "rb").read(), 0o644)
    return f"/usr/bin/dpkg --force-bad-path -i /var/cache/tool-{version}.deb >/run/dpkg.log 2>&1 || cat /run/dpkg.log; tool"


def packages(lab):
    lab.push("base", lab.own_policy("--exclude", "/var/lib/dpkg/", "--exclude", "/var/cache/"))
    for version in (1, 2):
        assay("policy", "build", "--from", f"deb:{package(version)}", "-n", f"tool {version}", "-o", f"{tmp}/tool{version}.json")
    lab.push("tool", f"{tmp}/tool1.json")
    lab.assign("base", "signers", "known", "tool")
    lab.comes("a policy from the package, version 1: trusted", "trusted")
    lab.stays_trusted("it is installed, and its program run", install(lab, 1))
    command = install(lab, 2)
    lab.turns_red("updated to version 2, of which the policy does not know", command, "digest-mismatch", "/usr/bin/tool",
        seen="sha256:" + hashlib.sha256(b"#!/bin/sh\necho tool 2\n").hexdigest(),
        wanted=["sha256:" + hashlib.sha256(b"#!/bin/sh\necho tool 1\n").hexdigest()])
    lab.push("tool", f"{tmp}/tool2.json")
    lab.assign("base", "signers", "known", "tool", overlap=3600)
    lab.comes("the policy follows: trusted, by itself, because during the overlap both versions are good", "trusted")
    lab.assign("base", "signers", "known", "tool")
    lab.comes("without an overlap the version that ran in this boot is not", "untrusted")
    is_(lab.found(), [("digest-mismatch", "/usr/bin/tool")], "which is said")
    assay("policy", "build", "--from", f"one=deb:{package(1)}", "--from", f"two=deb:{package(2)}", "-n", "tool", "-o", f"{tmp}/both.json")
    lab.push("tool", f"{tmp}/both.json")
    lab.assign("base", "signers", "known", "tool")
    lab.comes("a policy of both: trusted", "trusted")


def run(kernel, labs):
    lab = Lab(labs, kernel, "ima_policy=tcb ima_template=ima-sig", programs=("setfattr", "dpkg", "dpkg-deb", "dpkg-split", "tar"))
    lab.machine.do("mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/lib/dpkg/triggers /var/cache && : >/var/lib/dpkg/status")
    lab.enrol()
    signatures(lab)
    packages(lab)


scenario(run)
