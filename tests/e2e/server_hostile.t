#!/usr/bin/env python3
"""Clients that mean harm, at a server that works: enrolments that are never finished, certificates
and requests that are none, bodies without end, connections that say nothing.  Each is refused with
its reason, none makes a host, and hosts that attest meanwhile do not notice.  So are messages of
another version, and what a later version may add is let pass."""
import hashlib, http.client, json, os, shutil, signal, socket, ssl, struct, subprocess, sys, threading, time, traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from agent import MEDIA, message
from faults_kit import *
from taptest import *

if shutil.which("openssl") is None:
    skip_all("openssl is missing")
GOLDEN = os.environ.get("ASSAY_GOLDEN", SOURCE + "/tests/golden") + "/debian12-vm/"
golden = lambda name: open(GOLDEN + name, "rb").read()


def post(server, path, body, source=None, headers={}):
    """Status and problem, over a connection of its own."""
    c = http.client.HTTPSConnection("127.0.0.1", server.port, context=ssl.create_default_context(cafile=server.ca),
        timeout=60, source_address=(source, 0) if source else None)
    try:
        c.request("POST", path, body, {"Content-Type": MEDIA, **headers})
        r = c.getresponse()
        data = r.read()
        return r.status, json.loads(data) if data[:1] == b"{" else data
    finally:
        c.close()


def code(answer):
    return answer[0], answer[1].get("code") if isinstance(answer[1], dict) else None


def enrol(server, source=None, **change):
    parts = dict(ek_public=golden("ek.pub"), ak_public=golden("ak.pub"), csr=csr, facts=b'{"hostname":"h"}')
    parts.update(change)
    return post(server, "/v1/agent/enrol", message("enrol", **{k: v for k, v in parts.items() if v is not None}), source)


try:
    csr = subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", "/dev/null", "-subj", "/CN=x", "-outform", "DER"], check=True, capture_output=True).stdout
    s = Server("server", "--interval", "30", "--first-use")
    hosts = Hosts([s], n=2, pause_ms=50)
    is_(enrol(s)[0], 200, "an enrolment begins")

    # ---- certificates and requests that are none ----
    # Where a vendor's certificate decides; with --first-use an operator looks at such a machine.
    strict = Server("strict", "--extra-roots", GOLDEN + "ek-root.pem")
    cert, issuer = golden("ekrsa.der"), ssl.PEM_cert_to_DER_cert(golden("ek-issuer.pem").decode())
    is_(code(enrol(strict, ek_cert=[cert, issuer])), (200, None), "the certificate of this EK, with its issuer's, is good")
    for what, bad in (("an empty EK certificate", [b""]), ("one of zeros", [bytes(700)]), ("one that is cut", [cert[:-1]]),
            ("one with something behind it", [cert + b"x"]), ("one whose length lies", [b"\x30\x84\xff\xff\xff\xff" + cert[4:]]),
            ("one nested a thousand deep", [b"\x30\x80" * 1000]), ("the issuer's alone", [issuer]),
            ("one of 17 KiB", [cert + bytes(17 << 10)]), ("a chain of nine", [cert] * 9)):
        a = enrol(strict, ek_cert=bad + [issuer] * (len(bad) == 1))
        ok(400 <= a[0] < 500 and code(a)[1], f"{what}: {code(a)}")
    for what, change in (("no EK", dict(ek_public=None)), ("an EK that is cut", dict(ek_public=golden("ek.pub")[:-1])),
            ("an AK that is none", dict(ak_public=bytes(90))), ("an AK that is the EK", dict(ak_public=golden("ek.pub"))),
            ("no request", dict(csr=None)), ("a request that is cut", dict(csr=csr[:-1])),
            ("a request whose signature is wrong", dict(csr=csr[:-1] + bytes([csr[-1] ^ 1]))),
            ("facts that are no JSON", dict(facts=b"{"))):
        a = enrol(s, **change)
        if what == "facts that are no JSON":
            ok(a[0] in (200, 400), f"{what}: {code(a)}")
        else:
            ok(400 <= a[0] < 500 and code(a)[1], f"{what}: {code(a)}")
    flips = 0
    for i in range(0, len(cert) * 8, 397):
        bad = bytearray(cert)
        bad[i // 8] ^= 1 << i % 8
        flips += enrol(strict, ek_cert=[bytes(bad), issuer])[0] not in range(400, 500)
    is_(flips, 0, "certificates with a flipped bit: refused, every one")
    is_((len(s.hosts()), len(strict.hosts())), (2, 0), "none of that is a host")
    is_(strict.stop(), 0, "the strict server ends well")

    # ---- messages ----
    m = message("enrol", ek_public=golden("ek.pub"), ak_public=golden("ak.pub"), csr=csr, facts=b"{}")
    is_(code(post(s, "/v1/agent/enrol", m[:-1])), (400, "truncated"), "a message that is cut")
    is_(code(post(s, "/v1/agent/enrol", m + b"x"))[0], 400, "one with something behind it")
    two = m[:8] + struct.pack("<I", 2) + m[12:]
    a = post(s, "/v1/agent/enrol", two)
    is_(code(a), (400, "version"), "a message of version 2")
    like(a[1]["detail"], "version 2; assay .* reads version 1: update it", "is refused with what this server knows")
    n = struct.unpack_from("<H", m, 14)[0]
    more = lambda tag: m[:14] + struct.pack("<H", n + 1) + m[16:] + struct.pack("<HHI", tag, 0, 5) + b"later"
    is_(post(s, "/v1/agent/enrol", more(0x8123))[0], 200, "an optional section of a later version is let pass")
    is_(code(post(s, "/v1/agent/enrol", more(0x7123)))[0], 400, "one that is not optional is refused")
    is_(enrol(s, facts=b'{"hostname":"h","of_later":{"x":[1,2]},"tpm":{"kind":"quantum"}}')[0], 200, "as are facts nobody knows yet")

    # ---- bodies ----
    for path, size in (("/v1/agent/enrol", 1 << 30), ("/v1/agent/attest", 1 << 40), ("/v1/policies/x", 1 << 40)):
        c = socket.create_connection(("127.0.0.1", s.port))
        t = ssl.create_default_context(cafile=s.ca).wrap_socket(c, server_hostname="localhost")
        t.settimeout(60)
        method = "PUT" if "policies" in path else "POST"
        t.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nContent-Type: {MEDIA}\r\n\r\n".encode())
        got = t.recv(64)
        like(got, rb"HTTP/1.1 (413|401|403)".decode(), f"a body of {size >> 20} MiB at {path} is refused before it is sent")
        t.close()

    # ---- enrolments that are never finished ----
    statuses = [code(enrol(s, "127.0.0.2")) for _ in range(270)]
    is_((statuses.count((200, None)), statuses[256:]), (256, [(429, "enrolments")] * 14), "an address may have 256 enrolments open")
    is_(code(enrol(s, "127.0.0.3")), (200, None), "another address is not kept out by them")
    ok(hosts.more(20) is not None, "and hosts attest")

    # ---- connections that say nothing, or one byte now and then ----
    began = time.monotonic()
    idle = [socket.create_connection(("127.0.0.1", s.port)) for _ in range(150)]
    slow = []
    for _ in range(50):
        c = socket.create_connection(("127.0.0.1", s.port), timeout=60)
        t = ssl.create_default_context(cafile=s.ca).wrap_socket(c, server_hostname="localhost")
        t.sendall(b"GET /v1/hosts HTTP/1.1\r\nX: ")
        slow.append(t)
    open_, told = set(idle + slow), []
    stop = time.monotonic() + 90
    while open_ and time.monotonic() < stop:
        for t in list(slow):
            try:
                t.sendall(b"y")
            except OSError:
                slow.remove(t)
        for c in list(open_):
            c.setblocking(False)
            try:
                if c.recv(1000) == b"":
                    open_.discard(c)
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            except OSError:
                open_.discard(c)
            c.settimeout(60)
        time.sleep(0.5)
    is_(len(open_), 0, f"150 that say nothing and 50 that drip are let go within {time.monotonic() - began:.0f} s")
    ok(hosts.more(20) is not None, "hosts attested all the time")
    r = hosts.stop()
    is_((r["lost"], r["behind"]), (0, 0), f"and lost nothing by any of it {r}")
    is_(s.verdicts(), {"trusted": 2}, "they are trusted")
    is_(s.stop(), 0, "the server ends well")
except Exception:
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
finally:
    close(taptest.failed)
done()
