"""http_herd.py PORT CA CERT KEY N: N clients connect at one moment, all send the first half of their
handshake before any is answered, and then each goes on as soon as it can.  Prints how many shook hands."""
import resource, select, socket, ssl, sys, time

port, ca, cert, key, n = int(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)


class Client:
    def __init__(self):
        self.s = socket.socket()
        self.s.setblocking(False)
        self.i, self.o = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.i, self.o, server_hostname="localhost")
        self.step()

    def step(self):
        """Whether all that is ours to say of the handshake is said."""
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False

    def send(self):
        self.s.sendall(self.o.read())

    def read(self):
        """None: nothing more comes; else whether the server took it: its tickets came."""
        data = self.s.recv(65536)
        if not data:
            return None
        self.i.write(data)
        if not self.step():
            return False
        if self.o.pending:
            self.send()
        try:
            self.tls.read(1)
        except ssl.SSLWantReadError:
            pass
        return self.tls.session is not None and self.tls.session.has_ticket


clients = {c.s.fileno(): c for c in (Client() for _ in range(n))}
poll, good = select.poll(), 0
for fd, c in clients.items():
    c.s.connect_ex(("127.0.0.1", port))
    poll.register(fd, select.POLLOUT)
deadline = time.monotonic() + 120
while clients and time.monotonic() < deadline:
    for fd, what in poll.poll(1000):
        c = clients[fd]
        try:
            if what & select.POLLOUT:
                c.send()
                poll.modify(fd, select.POLLIN)
                continue
            done = c.read()
        except (OSError, ssl.SSLError):
            done = None
        if done is not False:
            good += done is True
            poll.unregister(fd)
            kept = clients.pop(fd)	# closed: the server has room for the others
            kept.s.close()
print(good)
