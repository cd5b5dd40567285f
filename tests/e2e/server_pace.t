#!/usr/bin/env python3
"""One enrolled host that sends as fast as it can, or bodies that never end, and strangers who do the
same, take their share and no more: they get 429 or 503 with Retry-After, and other hosts do not notice."""
import http.client, os, shutil, socket, ssl, subprocess, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from agent import MEDIA, message
from faults_kit import *
from taptest import *

if shutil.which("openssl") is None:
    skip_all("openssl is missing")
HOSTS = 4


def certificate(s, name):
    """Of the server's own authority, as if a host of this id had one."""
    at = f"{tmp}/{name}"
    run = lambda *a: subprocess.run(["openssl", *a], check=True, capture_output=True)
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at + ".key", "-out", at + ".csr",
        "-subj", "/CN=" + name)
    with open(at + ".ext", "w") as f:
        f.write("extendedKeyUsage=clientAuth\nkeyUsage=digitalSignature\n")
    run("x509", "-req", "-in", at + ".csr", "-CA", s.data + "/ca.pem", "-CAkey", s.data + "/ca.key", "-days", "1",
        "-extfile", at + ".ext", "-out", at + ".pem", "-set_serial", "77")
    c = ssl.create_default_context(cafile=s.ca)
    c.load_cert_chain(at + ".pem", at + ".key")
    return c


def post(c, path, body):
    c.request("POST", path, body, {"Content-Type": MEDIA})
    r = c.getresponse()
    r.read()
    return r.status, r.headers.get("Retry-After")


def promise(s, context, path, n):
    """A request whose body is promised and does not come."""
    raw = socket.create_connection(("127.0.0.1", s.port), 60)
    c = context.wrap_socket(raw, server_hostname="127.0.0.1")
    c.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {MEDIA}\r\nContent-Length: {n}\r\n\r\n".encode())
    return c


def answered(c):
    """The status, if there is an answer already."""
    c.settimeout(0.3)
    try:
        return int(c.recv(4096).split()[1])
    except (TimeoutError, ssl.SSLError, OSError, IndexError):
        return None


def fast(s, good):
    """Evidence, as fast as they can, by two; what each may in a minute is 300."""
    begun = time.monotonic()
    bad = Hosts([s], n=2, pause_ms=0, first=1000)
    ok(bad.more(300) is not None, "two hosts send evidence as fast as they can")
    ok(good.more(40) is not None, "the others are heard as ever")
    bad.say("silent")
    r = bad.stop()
    took = time.monotonic() - begun
    is_(r["lost"], 0, f"nothing that was acknowledged is lost {r}")
    ok(r["answers"].get("429", 0) > 0, "the two are told to wait")
    most = 2 * (300 + 5 * took + 8)
    ok(r["messages"] <= most, f"they were heard {r['messages']} times in {took:.0f} s, {most:.0f} at most")
    is_({h["verdict"] for h in s.hosts()}, {"trusted"}, "nobody's verdict is another for it")


def told(s):
    c = http.client.HTTPSConnection("127.0.0.1", s.port, context=certificate(s, "11" * 16), timeout=60)
    hello = message("evidence")
    seen, last = set(), None
    for _ in range(1000):
        status, last = post(c, "/v1/agent/attest", hello)
        seen.add(status)
        if status == 429:
            break
    is_(seen, {403, 429}, "who is no host of ours any more is counted too")
    ok(last is not None and 1 <= int(last) <= 60, f"and told how long to wait: {last} s")
    is_(post(c, "/v1/agent/attest", hello)[0], 429, "on the same connection")
    c.close()


def bodies(s, good):
    mine = certificate(s, "22" * 16)
    held = [promise(s, mine, "/v1/agent/attest", 190 << 20) for _ in range(5)]
    got = [answered(c) for c in held]
    is_(sorted(str(x) for x in got), ["503"] * 3 + ["None"] * 2, "a host may send two large bodies at once, not five")
    other = [promise(s, certificate(s, f"{i:02x}" * 16), "/v1/agent/attest", 190 << 20) for i in range(0x30, 0x38)]
    ok(any(answered(c) == 503 for c in other), "many hosts that do so get three quarters of the room")
    ok(good.more(20) is not None, "others are heard as ever")
    anybody = ssl.create_default_context(cafile=s.ca)
    # Up to their quarter: 256 of them.
    strangers = [promise(s, anybody, "/v1/agent/enrol", 1 << 20) for _ in range(258)]
    ok(wait(lambda: answered(strangers[-1]) == 503), "strangers get a quarter")
    ok(good.more(20) is not None, "and hosts that are known are heard all the same")
    for c in held + other + strangers:
        c.close()
    c = http.client.HTTPSConnection("127.0.0.1", s.port, context=anybody, timeout=60)
    ok(wait(lambda: post(c, "/v1/agent/enrol", b"x" * 100000)[0] == 400), "when they have left there is room again")
    c.close()


def strangers(s, good):
    c = http.client.HTTPSConnection("127.0.0.1", s.port, context=ssl.create_default_context(cafile=s.ca), timeout=60)
    seen, n = set(), 0
    while 429 not in seen and n < 5000:
        status, after = post(c, "/v1/agent/enrol", b"x" * 900000 if n < 100 else b"x")
        seen.add(status)
        n += 1
    is_(seen, {400, 429}, f"an address without a certificate is told to wait too, behind {n} messages")
    ok(after is not None and int(after) >= 1, f"and how long: {after} s")
    ok(good.more(20) is not None, "hosts from the same address are heard as ever")
    is_(s.api("GET", "/v1/status")[0], 200, "and so are people")


def main():
    s = Server("pace", "--interval", "30", "--host-rate", "300")
    good = Hosts([s], n=HOSTS, pause_ms=1000)
    fast(s, good)
    told(s)
    bodies(s, good)
    strangers(s, good)
    r = good.stop()
    is_((r["lost"], r["behind"], set(r["answers"]) - {"200"}), (0, 0, set()), f"the good ones got good answers only {r}")
    is_(s.stop(), 0, "the server ends well")


run(main)
