#!/usr/bin/env python3
"""What a test of the execution monitor does that a shell cannot.

  memfd FILE            execute a copy of FILE that is only in memory
  tmpfile DIR FILE      execute a copy of FILE that never had a name
  dlopen FILE           load a library
  mapped FILE OFFSET BYTE   change one byte through a shared mapping
  storm N DIR PROGRAM   N processes at once, each executing a file of its own
  same N PROGRAM        N processes at once, executing one file
  hangfs DIR [BYTES]    a FUSE file system: "good" can be read, "hang" opens but does not answer a read
  names DIR PROGRAM     execute copies under names that are hard to write down
"""
import ctypes, mmap, os, shutil, struct, sys, time

ENV = dict(os.environ)


def run_fd(fd, name):
    pid = os.fork()
    if pid == 0:
        os.execve(fd, [name], ENV)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def memfd(path):
    fd = os.memfd_create("ghost", 0)
    os.write(fd, open(path, "rb").read())
    ro = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    os.close(fd)
    run_fd(ro, path)


def tmpfile(where, path):
    fd = os.open(where, os.O_TMPFILE | os.O_RDWR, 0o755)
    os.write(fd, open(path, "rb").read())
    ro = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    os.close(fd)
    run_fd(ro, path)


def mapped(path, offset, byte):
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        m[int(offset)] = int(byte)


def storm(n, where, program):
    body = open(program, "rb").read()
    names = []
    for i in range(int(n)):
        name = os.path.join(where, f"storm{i}")
        with open(name, "wb") as f:
            f.write(body + b"# %d\n" % i)
        os.chmod(name, 0o755)
        names.append(name)
    many(names)


def many(names):
    """All at once: children wait for a pipe to close, so that they execute together."""
    r, go = os.pipe()
    pids = []
    for name in names:
        pid = os.fork()
        if pid == 0:
            os.close(go)
            os.read(r, 1)
            try:
                os.execv(name, [name])
            finally:
                os._exit(127)
        pids.append(pid)
    start = time.monotonic()
    os.close(go)
    bad = sum(os.waitpid(p, 0)[1] != 0 for p in pids)
    print(f"{len(names)} executions, {bad} failed, {time.monotonic() - start:.2f} s")
    sys.exit(bad != 0)


def names(where, program):
    body = open(program, "rb").read()
    for name in (b"two words", b"new\nline", b"\xff\xfe", b"back\\slash", b"gone (deleted)", "ü".encode()):
        path = os.path.join(os.fsencode(where), name)
        with open(path, "wb") as f:
            f.write(body + b"# " + name.replace(b"\n", b" ") + b"\n")
        os.chmod(path, 0o755)
        pid = os.fork()
        if pid == 0:
            os.execv(path, [path])
        if os.waitpid(pid, 0)[1] != 0:
            sys.exit(1)


class Fuse:
    """The kernel's side of FUSE (include/uapi/linux/fuse.h, 7.19), as much as two files need."""
    FILES = {2: b"good", 3: b"hang"}

    def __init__(self, where, content):
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        self.content = content
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"hangfs", os.fsencode(where), b"fuse", 0, options) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def attr(self, node):
        mode = 0o40755 if node == 1 else 0o100755
        return struct.pack("<QQQQQQIIIIIIIIII", node, 0 if node == 1 else len(self.content), 1, 1, 1, 1, 0, 0, 0,
            mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, unique, body=b"", error=0):
        os.write(self.fd, struct.pack("<IiQ", 16 + len(body), error, unique) + body)

    def serve(self):
        while True:
            try:
                q = os.read(self.fd, 1 << 20)
            except OSError:
                return
            _, op, unique, node = struct.unpack_from("<IIQQ", q)
            arg = q[40:]
            if op == 26:    # INIT
                self.answer(unique, struct.pack("<IIIIHHI", 7, 19, 65536, 0, 16, 16, 65536))
            elif op == 1:   # LOOKUP
                found = [n for n, name in self.FILES.items() if name == arg.rstrip(b"\0")]
                if found:
                    self.answer(unique, struct.pack("<QQQQII", found[0], 0, 60, 60, 0, 0) + self.attr(found[0]))
                else:
                    self.answer(unique, error=-2)
            elif op == 3:   # GETATTR
                self.answer(unique, struct.pack("<QII", 60, 0, 0) + self.attr(node))
            elif op in (14, 27):    # OPEN, OPENDIR: KEEP_CACHE, or each open would wait for the pages
                self.answer(unique, struct.pack("<QII", 0, 2, 0))
            elif op == 15:  # READ
                if node == 3:
                    continue
                offset, size = struct.unpack_from("<8xQI", arg)
                self.answer(unique, self.content[offset:offset + size])
            elif op in (18, 25, 29):
                self.answer(unique)
            elif op in (2, 36, 42):     # FORGET, INTERRUPT, BATCH_FORGET: not answered
                pass
            else:
                self.answer(unique, error=-38)


def main():
    act, args = sys.argv[1], sys.argv[2:]
    if act == "dlopen":
        ctypes.CDLL(args[0])
    elif act == "same":
        many([args[1]] * int(args[0]))
    elif act == "hangfs":
        f = Fuse(args[0], open(args[1], "rb").read())
        f.serve()
    else:
        {"memfd": memfd, "tmpfile": tmpfile, "mapped": mapped, "storm": storm, "names": names}[act](*args)


main()
