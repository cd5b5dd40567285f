#!/usr/bin/env python3
"""A device maker's keys: a machine whose attestation key the maker's key in its TPM certifies enrols by
that, with the maker's certificates from NV or files; by another maker, for another key or another
enrolment, or without a certificate it does not.  One device is one host, whatever endorsement keys it
has or invents, until that host is forgotten."""
import os, shutil, struct, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from agent import Agent, Refused, message
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


def enrol(name, *options, tpm="tpm"):
    """Our agent's two processes, until it enrolled or was refused; what it said."""
    d = f"{tmp}/{name}"
    p = start(name, AGENT, "priv", "--config", "/dev/null", "--data", d, "--tcti", f"swtpm:path={tmp}/{tpm}/tpm", "--securityfs",
        tmp + "/security", "--list", "kernel", *options)
    wait(lambda: os.path.exists(d + "/priv.sock") or p.poll() is not None, 60)
    r = subprocess.run([AGENT, "enrol", "--config", "/dev/null", "--data", d, "--server", server.url, "--server-ca",
        tmp + "/server/ca.pem"], capture_output=True, text=True, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"), timeout=120)
    if p.poll() is None:
        end(p)
    return r.returncode, r.stdout + r.stderr


def provision(tpm, handle, name, unique=""):
    """What the maker does: a key that stays, to certify."""
    tpm.run("tpm2_startauthsession", "-S", "p.ctx")
    tpm.run("tpm2_policycommandcode", "-S", "p.ctx", "-L", "admin.policy", "TPM2_CC_ActivateCredential")
    tpm.flush()
    open(tpm.dir + "/unique", "wb").write(struct.pack("<H", len(unique)) + unique.encode() + bytes(2))
    tpm.run("tpm2_createprimary", "-C", "e", "-G", "ecc256:ecdsa-sha256:null", "-c", "iak.ctx", "-L", "admin.policy", "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|adminwithpolicy|restricted|sign",
        *(["-u", "unique"] if unique else []))
    tpm.run("tpm2_evictcontrol", "-C", "o", "-c", "iak.ctx", handle)
    tpm.run("tpm2_readpublic", "-c", handle, "-f", "pem", "-o", f"{tmp}/{name}.pem")
    tpm.run("tpm2_readpublic", "-c", handle, "-o", f"{name}.pub")
    tpm.flush()


def one_host(ask):
    """A device that is a host already, by other endorsement keys and other certificates."""
    id = server.hosts()[0]["id"]
    mine = ("--iak", IAK, "--iak-cert", IAK_NV)
    status, text = enrol("again", *mine)
    ok(status == 0 and [h["id"] for h in server.hosts()] == [id], "reinstalled: the same host")
    status, text = enrol("p256", "--ek", "p256", *mine)
    ok(status not in (0, 1) and len(server.hosts()) == 1, "with another endorsement key of its TPM: refused")
    like(log("server"), f"device-under-another-id host {id}", "the log says which host it is")
    raises(Refused, lambda: ask(ak_public=tpm.read("iak.pub")),
        "with one, and its IAK for the attestation key: refused", lambda e: e.status == 403)
    ok(log("server").count(f"device-under-another-id host {id}") == 2, "for that reason")
    provision(tpm, "0x81020001", "second", unique="second")
    certify("second42.der", "maker", "second.pem", "42", AIK)
    certify("second44.der", "maker", "second.pem", "44", AIK)
    second = ("--ek", "p256", "--iak", "0x81020001", "--iak-cert")
    status, text = enrol("second", *second, tmp + "/second42.der")
    ok(status not in (0, 1) and len(server.hosts()) == 1, "with a second IAK of the same device: refused")
    thief = Tpm(tmp + "/thief").start()
    try:
        thief.keys()
        provision(thief, IAK, "thief")
        status, text = enrol("thief", "--iak", IAK, "--iak-cert", tmp + "/iak.der", tpm="thief")
        ok(status not in (0, 1) and len(server.hosts()) == 1, "another TPM with a copy of the certificate: refused")
        like(log("server").splitlines()[-1], "iak-certify its signature is not the IAK's", "for want of the key")
    finally:
        thief.stop()
    server.api("DELETE", f"/v1/hosts/{id}")
    status, text = enrol("removed", "--ek", "p256", *mine)
    ok(status not in (0, 1) and server.hosts() == [], "a host that was removed does not come back as another")
    server.api("POST", f"/v1/hosts/{id}/forget")
    status, text = enrol("free", "--ek", "p256", *mine)
    ok(status == 0 and len(server.hosts()) == 1 and server.hosts()[0]["id"] != id, "forgotten, it is free to be another")
    status, text = enrol("old", *mine)
    ok(status not in (0, 1) and len(server.hosts()) == 1, "and then is not the old one beside it")
    status, text = enrol("another", *second[2:], tmp + "/second44.der")
    ok(status == 0 and len(server.hosts()) == 2, "what the maker says is another device is another host")


tpm = None
try:
    ca("maker")
    ca("other")
    tpm = Tpm(tmp + "/tpm").start()
    tpm.keys()
    provision(tpm, IAK, "iak")
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
    certify("nopurpose.der", "maker", "iak.pem", "42", DEVICE)
    status, text = enrol("nopurpose", "--iak", IAK, "--iak-cert", tmp + "/nopurpose.der")
    ok(status not in (0, 1) and server.hosts() == [], "by a certificate that does not say that its key attests: refused")
    # Another agent, with tools that put nothing into a certification, or use one twice.
    a = Agent(tpm, server.url, tmp + "/server/ca.pem")
    tpm.run("tpm2_certify", "-c", "ak.ctx", "-C", IAK, "-g", "sha256", "-o", "certify.attest", "-s", "certify.sig")
    tpm.flush()
    der = open(tmp + "/iak.der", "rb").read()

    def ask(**more):
        parts = dict(ek_public=tpm.read("ek.pub"), ak_public=tpm.read("ak.pub"), csr=a.csr(), facts=a.facts(), iak_cert=der)
        return a.post("/v1/agent/enrol", message("enrol", **dict(parts, **more)), with_cert=False)
    raises(Refused, lambda: ask(), "a maker's certificate, and another key: refused", lambda e: e.status == 403)
    raises(Refused, lambda: ask(iak_attest=tpm.read("certify.attest"), iak_signature=tpm.read("certify.sig")),
        "a certification that was not made for this request: refused", lambda e: e.status == 403)
    like(log("server"), "iak-certify it was made for another certificate request", "which the log says")
    raises(Refused, lambda: ask(iak_attest=b"\xff" * 40, iak_signature=tpm.read("certify.sig")), "one that is none: refused", lambda e: e.status == 403)
    status, text = enrol("nokey", "--iak", "0x81020009", "--iak-cert", IAK_NV)
    ok(status not in (0, 1) and "0x81020009" in text, "by a handle where no key is: said so")
    status, text = enrol("good", "--iak", IAK, "--iak-cert", IAK_NV, "--idevid-cert", tmp + "/idevid.der")
    ok(status == 0 and " enrolled" in text, "by the maker's certificates, from NV and from a file: enrolled, and nobody was asked")
    if status != 0:
        print("# " + text)
    h = server.hosts()[0]
    is_(h["trust_mode"], "idevid", "by that trust mode")
    p = start("good", AGENT, "priv", "--config", "/dev/null", "--data", tmp + "/good", "--tcti", f"swtpm:path={tmp}/tpm/tpm",
        "--securityfs", tmp + "/security", "--list", "kernel", "--iak", IAK, "--iak-cert", IAK_NV)
    r = start("run", AGENT, "run", "--config", "/dev/null", "--data", tmp + "/good", "--server", server.url, "--server-ca", tmp + "/server/ca.pem")
    ok(wait(lambda: server.host()["reachability"] == "fresh" and server.host()["entries"] == 1, 60), "it attests")
    kernel.measure("/usr/bin/one", b"one")
    ok(wait(lambda: server.host()["entries"] == 2, 60), "again and again")
    handles = tpm.run("tpm2_getcap", "handles-persistent").decode().lower() if end(r) == 0 and end(p) == 0 else ""
    ok(IAK in handles, "and the key is still there")
    one_host(ask)
finally:
    if tpm is not None:
        tpm.stop()
    cleanup(taptest.failed)
done()
