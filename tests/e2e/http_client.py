#!/usr/bin/env python3
"""Raw clients against http-tool's server: what no well-behaved client sends.

http_client.py PORT CA CERT KEY: TAP on standard output.  The server runs with deadlines
of about a second (see http.t).
"""
import json, socket, ssl, sys, threading, time

PORT, CA, CERT, KEY = int(sys.argv[1]), *sys.argv[2:5]
count = failed = 0


def ok(good, what, detail=""):
    global count, failed
    count += 1
    print(("" if good else "not ") + f"ok {count} - {what}", flush=True)
    if not good:
        failed += 1
        print(f"# {detail}", flush=True)


def tcp(timeout=8):
    return socket.create_connection(("127.0.0.1", PORT), timeout)


def tls(timeout=8, cert=None):
    c = ssl.create_default_context(cafile=CA)
    if cert:
        c.load_cert_chain(*cert)
    return c.wrap_socket(tcp(timeout), server_hostname="localhost")


def read_all(s):
    out = b""
    try:
        while True:
            b = s.recv(65536)
            if not b:
                return out
            out += b
    except (ConnectionError, ssl.SSLError, socket.timeout) as e:
        return out + f"<{type(e).__name__}>".encode()


def status(answer):
    return answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/1.1 ") else repr(answer[:80])


def ask(raw, s=None):
    """The whole answer to raw bytes behind which the client is silent."""
    s = s or tls()
    s.sendall(raw)
    answer = read_all(s)
    s.close()
    return answer


def one(s):
    """One answer with a Content-Length."""
    out = b""
    while b"\r\n\r\n" not in out:
        b = s.recv(4096)
        if not b:
            return out
        out += b
    head, _, body = out.partition(b"\r\n\r\n")
    n = [int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length:")]
    while len(body) < n[0]:
        b = s.recv(4096)
        if not b:
            break
        body += b
    return head + b"\r\n\r\n" + body


HOST = b"Host: localhost\r\n"
CLOSE = b"Connection: close\r\n"


def get(path, fields=b""):
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + fields + b"\r\n"


class Steady(threading.Thread):
    """Another client, served all the while; keeps the longest answer time."""
    def __init__(self):
        super().__init__(daemon=True)
        self.worst, self.n, self.end, self.fault = 0.0, 0, False, None

    def run(self):
        try:
            s = tls()
            while not self.end:
                t = time.monotonic()
                s.sendall(get(b"/v1/hello"))
                if b"hello\n" not in one(s):
                    self.fault = "a wrong answer"
                self.worst = max(self.worst, time.monotonic() - t)
                self.n += 1
                time.sleep(0.01)
        except Exception as e:
            self.fault = repr(e)


def drip(s, data, every):
    """One byte after the other until the server has had enough; seconds until then."""
    start = time.monotonic()
    s.settimeout(every)
    got = b""
    for i in range(len(data)):
        try:
            s.send(data[i:i + 1])
        except (OSError, ssl.SSLError):
            break
        try:
            b = s.recv(65536)
            got += b
            if not b:
                break
        except (socket.timeout, ssl.SSLWantReadError):
            continue
        except (OSError, ssl.SSLError):
            break
    took = time.monotonic() - start
    s.settimeout(3)
    return took, got + read_all(s)


def slow():
    steady = Steady()
    steady.start()
    hello = bytes.fromhex("16030100f8010000f40303") + bytes(300)
    took, _ = drip(tcp(), hello, 0.1)
    ok(0.5 < took < 3, "a handshake of one byte after the other is cut", took)
    start = time.monotonic()
    s = tcp()
    read_all(s)
    ok(0.5 < time.monotonic() - start < 3, "a connection that sends nothing is cut", time.monotonic() - start)
    start = time.monotonic()
    read_all(tls())
    ok(0.5 < time.monotonic() - start < 4, "one that shakes hands and sends nothing, too",
        time.monotonic() - start)
    took, got = drip(tls(), get(b"/v1/hello", b"X-Slow: " + b"x" * 200 + b"\r\n"), 0.1)
    ok(0.5 < took < 3 and (not got or status(got) == "408"), "a head of one byte after the other: 408, unless the reset overtakes it", (took, got))
    s = tls()
    s.sendall(b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n")
    took, got = drip(s, bytes(1000), 0.1)
    ok(0.5 < took < 3 and (not got or status(got) == "408"), "a body of one byte after the other: 408, unless the reset overtakes it", (took, got))
    s = tls()
    s.sendall(b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
    took, got = drip(s, b"1\r\nx\r\n" * 100, 0.1)
    ok(0.5 < took < 3 and (not got or status(got) == "408"), "chunks of one byte after the other: 408, unless the reset overtakes it", (took, got))
    s = tls()
    s.sendall(get(b"/v1/hello"))
    one(s)
    start = time.monotonic()
    rest = read_all(s)
    ok(1 < time.monotonic() - start < 5 and rest == b"", "an idle connection is closed", rest)
    s = tls()
    s.sendall(get(b"/v1/big?bytes=20000000"))
    start = time.monotonic()
    time.sleep(2.5)
    rest = read_all(s)
    ok(len(rest) < 20000000, "a client that does not take its answer is cut", len(rest))
    steady.end = True
    steady.join(5)
    ok(steady.fault is None and steady.n > 100 and steady.worst < 0.5,
        "another client is served meanwhile", (steady.fault, steady.n, steady.worst))


def refused():
    post = b"POST /v1/echo HTTP/1.1\r\n" + HOST
    cases = [
        ("two Content-Length", post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "400"),
        ("Content-Length and Transfer-Encoding",
            post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
        ("Transfer-Encoding with another coding", post + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400"),
        ("bare LF", b"GET /v1/hello HTTP/1.1\nHost: a\n\n", "400"),
        ("a folded field", get(b"/v1/hello", b"X: a\r\n b\r\n"), "400"),
        ("a NUL", get(b"/v1/hello", b"X: a\0\r\n"), "400"),
        ("a blank before the colon", get(b"/v1/hello", b"X : a\r\n"), "400"),
        ("a signed chunk", post + b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", "400"),
        ("a trailing field", post + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", "400"),
        ("a HEAD with a body", b"HEAD /v1/hello HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello", "400"),
        ("no Host", b"GET /v1/hello HTTP/1.1\r\n\r\n", "400"),
        ("HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
        ("HTTP/0.9", b"GET /v1/hello\r\n", "400"),
        ("a proxy request", b"GET http://localhost/v1/hello HTTP/1.1\r\n" + HOST + b"\r\n", "400"),
        ("CONNECT", b"CONNECT localhost:1 HTTP/1.1\r\n" + HOST + b"\r\n", "400"),
        ("dots", get(b"/v1/../v1/hello"), "400"),
        ("escaped dots", get(b"/v1/%2e%2e/hello"), "400"),
        ("an escaped slash", get(b"/v1/items/a%2fb"), "400"),
        ("an escaped NUL", get(b"/v1/items/a%00b"), "400"),
        ("half an escape", get(b"/v1/items/a%2"), "400"),
        ("invalid UTF-8", get(b"/v1/items/%ff"), "400"),
        ("an expectation", post + b"Expect: something\r\nContent-Length: 1\r\n\r\nx", "417"),
        ("gzip", post + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "415"),
        ("a large head", get(b"/v1/hello", b"X: " + b"x" * 40000 + b"\r\n"), "431"),
        ("many fields", get(b"/v1/hello", b"X: x\r\n" * 100), "431"),
        ("a long target", get(b"/v1/" + b"x" * 20000), "414"),
        ("a large body", post + b"Content-Length: 1048577\r\n\r\n", "413"),
        ("a huge body", post + b"Content-Length: 999999999999999999\r\n\r\n", "413"),
        ("a large chunk", post + b"Transfer-Encoding: chunked\r\n\r\n100001\r\n", "413"),
        ("a body where none is allowed", get(b"/v1/hello", b"Content-Length: 1\r\n") + b"x", "413"),
        ("a body for nobody",
            b"POST /v1/agent HTTP/1.1\r\n" + HOST + b"Content-Length: 900000\r\n\r\n", "401"),
        ("a body to nowhere", b"POST /v1/nowhere HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n", "404"),
    ]
    for what, raw, want in cases:
        start = time.monotonic()
        answer = ask(raw)
        took = time.monotonic() - start
        head, _, body = answer.partition(b"\r\n\r\n")
        try:
            problem = json.loads(body.replace(b"<ConnectionResetError>", b"") or b"{}")
        except ValueError:
            problem = {}
        good = status(answer) == want and b"Connection: close" in head and answer.count(b"HTTP/1.1 ") == 1
        if not raw.startswith(b"HEAD"):
            good = good and problem.get("status") == int(want) and "code" in problem
        ok(good and took < 3.5, f"{what}: {want}, a problem, and the connection ends", (took, answer[:300]))


def kept():
    s = tls()
    s.sendall(get(b"/v1/hello") * 3 + b"POST /v1/echo HTTP/1.1\r\n" + HOST +
        b"Content-Length: 4\r\n\r\nbody" + get(b"/v1/items/last", CLOSE))
    answer = read_all(s)
    ok(answer.count(b"200 OK") == 5 and b"body" in answer and answer.endswith(b"last"),
        "pipelined requests are answered in turn", answer)
    answer = ask(get(b"/v1/later?ms=300") + get(b"/v1/hello", CLOSE))
    ok(answer.find(b"later\n") < answer.find(b"hello\n") != -1, "also behind one that is answered later", answer)
    answer = ask(get(b"/v1/hello") + b"GET /v1/items/%2e HTTP/1.1\r\n" + HOST + b"\r\n" + get(b"/v1/hello"))
    ok(answer.count(b"HTTP/1.1 ") == 2 and answer.count(b"400 Bad") == 1,
        "what follows a refused request is not read", answer)
    answer = ask(b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nGET " +
        get(b"/v1/whoami", CLOSE))
    ok(answer.count(b"HTTP/1.1 ") == 2 and b"401 " in answer, "a body is not a request", answer)
    answer = ask(get(b"/v1/hello", b"Connection: foo, Close\r\n"))
    ok(status(answer) == "200" and b"Connection: close" in answer, "close in a list closes", answer)
    answer = ask(b"GET /v1/hello HTTP/1.0\r\n\r\n")
    ok(answer.endswith(b"hello\n"), "HTTP/1.0 is answered and closed", answer)
    s = tls()
    s.sendall(b"POST /v1/echo HTTP/1.1\r\n" + HOST + CLOSE + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    first = s.recv(4096)
    s.sendall(b"hello")
    ok(first == b"HTTP/1.1 100 Continue\r\n\r\n" and read_all(s).endswith(b"hello"), "100-continue", first)
    s = tls()
    s.sendall(b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n")
    ok(status(read_all(s)) == "413", "a large body is refused before it is sent")
    s = tls()
    s.sendall(get(b"/v1/later?ms=700"))
    for _ in range(40):
        s.sendall(get(b"/v1/hello") * 200)
    s.settimeout(6)
    n, end = 0, time.monotonic() + 15
    while n < 8001 and time.monotonic() < end:
        b = s.recv(65536)
        if not b:
            break
        n += b.count(b"HTTP/1.1 200")
    ok(n == 8001, "a client that writes far ahead gets all its answers", n)


def leaving():
    """Clients that go away: the server must not mind; http.t looks for leaks at the end."""
    for i in range(20):
        s = tls()
        s.sendall(get(b"/v1/later?ms=200"))
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
    for i in range(10):
        s = tls()
        s.sendall(b"POST /v1/echo HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\nhalf")
        s.close()
        s = tls()
        s.sendall(b"GET /v1/hel")
        s.close()
        s = tls()
        s.sendall(get(b"/v1/stream?n=1000&ms=5"))
        s.recv(100)
        s.close()
        s = tcp()
        s.sendall(bytes.fromhex("1603010200010001fc0303"))
        s.close()
        s = tls()
        s.sendall(get(b"/v1/big?bytes=5000000"))
        s.close()
    time.sleep(0.5)
    ok(status(ask(get(b"/v1/hello", CLOSE))) == "200", "clients that went away did no harm")


def facts():
    return json.loads(ask(get(b"/v1/facts", CLOSE)).partition(b"\r\n\r\n")[2])


def streams():
    answer = ask(get(b"/v1/stream?n=3&size=4", CLOSE))
    ok(answer.count(b"data: xxxx\n") == 3 and answer.endswith(b"0\r\n\r\n"), "a stream, to its end", answer)
    answer = ask(b"GET /v1/stream?n=3&size=4 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    ok(answer.count(b"data: xxxx\n") == 3 and b"chunked" not in answer and answer.endswith(b"\n\n"),
        "in HTTP/1.0 to the end of the connection", answer)
    whole = 0
    for _ in range(200):
        answer = ask(get(b"/v1/stream?n=5&size=3000", CLOSE))
        whole += answer.count(b"data: x") == 5 and answer.endswith(b"0\r\n\r\n")
    ok(whole == 200, "no stream loses its end", whole)
    s = tls()
    s.sendall(get(b"/v1/stream?n=2&ms=1500"))
    got, end = b"", time.monotonic() + 5
    while b"0\r\n\r\n" not in got and time.monotonic() < end:
        got += s.recv(4096)
    ok(got.count(b"\n:\n\n") >= 2, "heartbeats in between", got)
    s.sendall(get(b"/v1/hello", CLOSE))
    ok(read_all(s).endswith(b"hello\n"), "and the connection goes on after it")
    s = tls()
    s.sendall(get(b"/v1/stream?n=1000&ms=10"))
    sent = 0
    try:
        s.settimeout(5)
        while sent < 100000000:
            sent += s.send(bytes(16384))
    except OSError:
        pass
    s.close()
    ok(sent < 50000000, "a client that writes without end into its stream is not listened to", sent)
    before = facts()["dropped"]
    s = tls()
    s.sendall(get(b"/v1/stream?n=100000&size=1000"))
    time.sleep(1.0)
    ok(facts()["dropped"] == before + 1, "a client that does not read its stream is dropped", facts())
    got = len(read_all(s))
    ok(got < 100000 * 1000, "with its queue bounded", got)


def many():
    n = 50
    conns = [tls() for _ in range(n)]
    for s in conns:
        s.sendall(get(b"/v1/hello"))
    good = sum(b"hello\n" in one(s) for s in conns)
    ok(good == n, f"{n} connections at once", good)
    for s in conns:
        s.close()
    time.sleep(0.3)
    conns, refused = [], 0
    for _ in range(80):
        try:
            s = tls(3)
            s.sendall(get(b"/v1/hello"))
            if b"hello" in one(s):
                conns.append(s)
            else:
                refused += 1
        except OSError:
            refused += 1
    ok(len(conns) <= 60 and refused >= 20, "an address has its ceiling", (len(conns), refused))
    for s in conns:
        s.close()
    time.sleep(0.5)
    ok(status(ask(get(b"/v1/hello", CLOSE))) == "200", "and is served again when they are gone")


def protocol():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.load_verify_locations(CA)
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        c.wrap_socket(tcp(), server_hostname="localhost")
        ok(False, "TLS 1.2 is refused")
    except ssl.SSLError as e:
        ok("PROTOCOL_VERSION" in str(e).upper(), "TLS 1.2 is refused", e)
    answer = ask(get(b"/v1/hello"), tcp())
    ok(b"HTTP" not in answer, "plain HTTP on the TLS port gets no HTTP", answer)
    s = tls()
    ok(s.version() == "TLSv1.3", "TLS 1.3", s.version())
    s.close()
    s = tls(cert=(CERT, KEY))
    s.sendall(get(b"/v1/agent", CLOSE))
    ok(b'"id":"host-1"' in read_all(s), "a client certificate names a host")


for part in (protocol, refused, kept, streams, leaving, many, slow):
    part()
print(f"1..{count}")
sys.exit(failed != 0)
