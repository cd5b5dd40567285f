"""The TPM of a machine that was switched off behind the TPM's back: swtpm goes on with all that the kernel
extended, and tpm2-tools are led to it.  QEMU speaks to swtpm by its control channel and hands it a socket for
commands (CMD_SET_DATAFD); this does the same, and gives the other end to whoever connects."""
import array, os, select, socket, struct, threading

CMD_SET_DATAFD = 16		# swtpm's ioctl protocol: a command in big-endian, then its answer


class Relay:
    def __init__(self, control, path):
        """control: swtpm's control socket; path: where tpm2-tools' TCTI "swtpm:path=" shall find a TPM."""
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(control)
        self.tpm, theirs = socket.socketpair()
        self.control.sendmsg([struct.pack(">I", CMD_SET_DATAFD)],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))])
        if struct.unpack(">I", self.control.recv(4))[0] != 0:
            raise RuntimeError("swtpm takes no second socket for commands")
        theirs.close()
        self.servers = [self.listen(path), self.listen(path + ".ctrl")]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def listen(self, path):
        if os.path.exists(path):
            os.unlink(path)
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.listen(8)
        return s

    def serve(self):
        """One client at a time: its commands go to the TPM, its control messages to nobody."""
        data = control = None
        while True:
            watched = [s for s in (*self.servers, data, control, self.tpm) if s]
            for s in select.select(watched, [], [])[0]:
                if s is self.servers[0]:
                    data = s.accept()[0]
                elif s is self.servers[1]:
                    control = s.accept()[0]
                elif s is self.tpm:
                    answer = s.recv(65536)
                    if not answer:
                        return
                    if data:
                        data.sendall(answer)
                else:
                    what = s.recv(65536)
                    if s is data:
                        data = self.tpm.sendall(what) or data if what else None
                    elif what:
                        s.sendall(struct.pack(">I", 0))
                    else:
                        control = None
