#!/usr/bin/env python3
"""A device maker's keys: a machine whose attestation key the maker certified enrols by that, with the
maker's key in the TPM and its certificate in NV; by another maker, for another key, or without the
certificate it does not."""
import os, shutil, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from ours import *
from taptest import *

for tool in ("swtpm", "swtpm_setup", "tpm2_createek", "tpm2_evictcontrol", "openssl"):
    if shutil.which(tool) is None:
        skip_all(f"{tool} is missing")
AGENT = BUILD + "/assay-agent"
IAK, IAK_NV = "0x81020000", "0x01c90000"


def openssl(*args, text=None):
    subprocess.run(["openssl", *args], cwd=tmp, check=True, capture_output=True, input=text)


def ca(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
        "-out", name + ".pem", "-days", "3650", "-subj", f"/O={name}/CN={name} root", "-addext",
        "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def certify(out, maker, public, serial, extensions):
    open(tmp + "/ext", "w").write(extensions)
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "any.key",
        "-out", "any.csr", "-subj", f"/O=maker/CN=device/serialNumber={serial}")
    openssl("x509", "-req", "-in", "any.csr", "-force_pubkey", public, "-CA", maker + ".pem", "-CAkey", maker + ".key",
        "-days", "3650", "-extfile", "ext", "-outform", "DER", "-out", out)


AIK = "keyUsage=critical,digitalSignature\nextendedKeyUsage=2.23.133.8.3\n"
DEVICE = "keyUsage=critical,digitalSignature\n"


def enrol(name, *options):
    """Our agent's two processes, until it enrolled or was refused; what it said."""
    d = f"{tmp}/{name}"
    p = start(name, AGENT, "priv", "--config", "/dev/null", "--data", d, "--tcti", f"swtpm:path={tmp}/tpm/tpm", "--securityfs",
        tmp + "/security", "--list", "kernel", *options)
    wait(lambda: os.path.exists(d + "/priv.sock") or p.poll() is not None, 60)
    r = subprocess.run([AGENT, "enrol", "--config", "/dev/null", "--data", d, "--server", server.url, "--server-ca",
        tmp + "/server/ca.pem"], capture_output=True, text=True, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"), timeout=120)
    if p.poll() is None:
        end(p)
    return r.returncode, r.stdout + r.stderr


tpm = None
try:
    ca("maker")
    ca("other")
    tpm = Tpm(tmp + "/tpm").start()
    tpm.keys()
    # What the maker does: a key that stays, and a certificate of it beside it.
    tpm.run("tpm2_evictcontrol", "-C", "o", "-c", "ak.ctx", IAK)
    tpm.run("tpm2_readpublic", "-c", IAK, "-f", "pem", "-o", tmp + "/iak.pem")
    tpm.flush()
    certify("iak.der", "maker", "iak.pem", "42", AIK)
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "idevid.key")
    openssl("ec", "-in", "idevid.key", "-pubout", "-out", "idevid.pub")
    certify("idevid.der", "maker", "idevid.pub", "42", DEVICE)
    certify("idevid43.der", "maker", "idevid.pub", "43", DEVICE)
    certify("foreign.der", "other", "iak.pem", "42", AIK)
    certify("wrongkey.der", "maker", "idevid.pub", "42", AIK)
    size = os.path.getsize(tmp + "/iak.der")
    tpm.run("tpm2_nvdefine", IAK_NV, "-C", "o", "-s", str(size), "-a", "ownerread|ownerwrite|authread")
    tpm.run("tpm2_nvwrite", IAK_NV, "-C", "o", "-i", tmp + "/iak.der")
    kernel = Files(tpm)
    kernel.boot()
    server = Server("--device-roots", tmp + "/maker.pem")
    like(log("server"), "trust in machines: idevid", "a server that trusts a device maker")

    status, text = enrol("none")
    ok(status not in (0, 1) and server.hosts() == [], "without the maker's key: refused")
    status, text = enrol("foreign", "--iak", IAK, "--iak-cert", tmp + "/foreign.der")
    ok(status not in (0, 1) and server.hosts() == [], "by another maker: refused")
    like(log("server"), "refused: ", "which the log says, with a reason")
    status, text = enrol("wrongkey", "--iak", IAK, "--iak-cert", tmp + "/wrongkey.der")
    ok(status not in (0, 1) and server.hosts() == [], "by a certificate of another key: refused")
    status, text = enrol("other", "--iak", IAK, "--iak-cert", IAK_NV, "--idevid-cert", tmp + "/idevid43.der")
    ok(status not in (0, 1) and server.hosts() == [], "with the IDevID of another device: refused")
    status, text = enrol("nokey", "--iak", "0x81020001", "--iak-cert", IAK_NV)
    ok(status not in (0, 1) and "0x81020001" in text, "by a handle where no key is: said so")
    status, text = enrol("good", "--iak", IAK, "--iak-cert", IAK_NV, "--idevid-cert", tmp + "/idevid.der")
    ok(status == 0 and " enrolled" in text, "by the maker's certificates, from NV and from a file: enrolled, and nobody was asked")
    if status != 0:
        print("# " + text)
    h = server.hosts()[0]
    is_(h["trust_mode"], "idevid", "by that trust mode")
    p = start("good", AGENT, "priv", "--config", "/dev/null", "--data", tmp + "/good", "--tcti", f"swtpm:path={tmp}/tpm/tpm",
        "--securityfs", tmp + "/security", "--list", "kernel", "--iak", IAK, "--iak-cert", IAK_NV)
    r = start("run", AGENT, "run", "--config", "/dev/null", "--data", tmp + "/good", "--server", server.url, "--server-ca", tmp + "/server/ca.pem")
    ok(wait(lambda: server.host()["reachability"] == "fresh" and server.host()["entries"] == 1, 60), "it attests with the maker's key")
    kernel.measure("/usr/bin/one", b"one")
    ok(wait(lambda: server.host()["entries"] == 2, 60), "again and again")
    handles = tpm.run("tpm2_getcap", "handles-persistent").decode().lower() if end(r) == 0 and end(p) == 0 else ""
    ok(IAK in handles, "and the key is still there")
finally:
    if tpm is not None:
        tpm.stop()
    cleanup(taptest.failed)
done()
