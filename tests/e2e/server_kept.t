#!/usr/bin/env python3
"""Connections that are kept cost the server little, and are whose they were: each is under a ceiling of
bytes, which a server of 100,000 hosts needs; a resumed session is still its host's, and a host that
was removed or forgotten is refused over a kept connection and over a resumed one."""
import os, re, socket, ssl, sys, traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import taptest
from agent import MEDIA, message
from faults_kit import *
from taptest import *

MANY = 300
# 16.5 KiB each; with the client's certificate and session it was 27.  A heap grows in steps.
CEILING = 20
HELLO = message("evidence")
HEAD = f"POST /v1/agent/attest HTTP/1.1\r\nHost: x\r\nContent-Type: {MEDIA}\r\nContent-Length: {len(HELLO)}\r\n\r\n"


class Client:
    """A host's connections; they resume its last session if there is one."""

    def __init__(self, server, pem, address):
        self.port, self.address, self.session = server.port, address, None
        self.context = ssl.create_default_context(cafile=server.ca)
        self.context.load_cert_chain(pem)

    def connect(self, resume=True):
        c = socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(self.address, 0))
        t = self.context.wrap_socket(c, server_hostname="127.0.0.1", session=self.session if resume else None)
        if resume and t.session_reused != (self.session is not None):
            raise RuntimeError("the session was not resumed")
        self.answer(t)
        self.session = t.session
        return t

    def answer(self, t):
        """The status of a hello's answer, and the problem's code if it is one."""
        t.sendall(HEAD.encode() + HELLO)
        got = b""
        while True:
            got += t.recv(65536)
            head, found, body = got.partition(b"\r\n\r\n")
            if found and len(body) >= int(re.search(rb"Content-Length: (\d+)", head).group(1)):
                code = re.search(rb'"code":"([^"]*)"', body)
                return int(head.split()[1]), code and code.group(1).decode()


def anon(server):
    """KiB of memory that is the server's alone."""
    return int(re.search(r"Pss_Anon:\s*(\d+)", open(f"/proc/{server.process.pid}/smaps_rollup").read()).group(1))


try:
    s = Server("server", "--interval", "30")
    hosts = Hosts([s], n=3, pause_ms=50)
    pems = hosts.keys()
    is_(hosts.stop()["lost"], 0, "hosts attested")
    one, two = Client(s, pems[0], "127.0.0.2"), Client(s, pems[1], "127.0.0.3")

    # ---- what a connection takes ----
    # A sanitizer's heap is another; a later OpenSSL keeps its sessions.
    checked = "libasan" not in open(f"/proc/{s.process.pid}/maps").read() and ssl.OPENSSL_VERSION_INFO[:2] <= (3, 1)
    kept = [one.connect(resume=False) for _ in range(50)] + [one.connect() for _ in range(50)]
    for kind, resume in (("made by full handshakes", False), ("resumed", True)):
        before = anon(s)
        kept += [one.connect(resume) for _ in range(MANY)]
        each = (anon(s) - before) / MANY
        ok(each < CEILING or not checked, f"{MANY} kept connections, {kind}: {each:.1f} KiB each, under {CEILING}")
    before = anon(s)
    is_({one.answer(t) for t in kept}, {(200, None)}, "all are still their host's")
    each = (anon(s) - before) / len(kept)
    ok(each < 1 or not checked, f"another request leaves nothing behind ({each:.2f} KiB each)")

    # ---- a connection that breaks takes no other with it ----
    raw = kept.pop()
    os.write(raw.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
    raises(OSError, lambda: [raw.recv(1000) or raw.unwrap() for _ in range(9)], "a record that is none ends its connection")
    is_({one.answer(t) for t in kept}, {(200, None)}, "and no other one")
    is_(one.answer(one.connect()), (200, None), "sessions are resumed as before")

    # ---- a host that was taken out ----
    for client, act, want in ((one, "remove", (403, "host-removed")), (two, "forget", (403, "certificate"))):
        host = f"{1 if client is one else 2:032x}"
        over = client.connect()
        is_(s.api("POST", f"/v1/hosts/{host}/forget")[0] if act == "forget" else s.api("DELETE", f"/v1/hosts/{host}")[0],
            200, f"{act} a host")
        is_(client.answer(over), want, "it is refused over the kept connection")
        is_(client.answer(client.connect()), want, "and over a resumed one")
        is_(client.answer(client.connect(resume=False)), want, "and over a new one")
    three = Client(s, pems[2], "127.0.0.4")
    is_(three.answer(three.connect()), (200, None), "the third host is not meant")
    is_(s.stop(), 0, "the server ends well")
except Exception:
    ok(False, "no surprise")
    print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
finally:
    close(taptest.failed)
done()
