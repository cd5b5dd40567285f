#!/usr/bin/env python3
"""complete.py SHELL SCRIPT: type command lines into a real interactive shell.

Reads lines from standard input; for each it types the line (a literal TAB in it is the
TAB key) into SHELL on a pseudo terminal, with SCRIPT loaded, and then RETURN.  "assay"
is a function there that prints its arguments, each in angle brackets; that is what is
printed here, one line for one line.  A line that begins with "?" is not run: TAB is
pressed twice behind it and the words that the shell then shows are printed.
"""
import os, pty, re, select, subprocess, sys, time

shell, script = sys.argv[1], sys.argv[2]
env = dict(os.environ, TERM="dumb", PS1="READY> ", HISTFILE="/dev/null", LC_ALL="C.UTF-8", HOME=os.getcwd())
env.pop("PROMPT_COMMAND", None)
args = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
pid, fd = pty.fork()
if pid == 0:
    os.execvpe(args[0], args, env)


seen = b""


def read_until(mark, limit=30):
    """Everything up to the mark and with it; a shell that hangs must not hang the test."""
    global seen
    end = time.time() + limit
    while mark not in seen:
        if time.time() > end:
            sys.exit(f"no answer from {shell}: {seen!r}")
        if select.select([fd], [], [], 0.2)[0]:
            seen += os.read(fd, 65536)
    out, _, seen = seen.partition(mark)
    return out + mark


def quiet(first=5, then=0.1):
    """What the TAB key shows: something always comes, the bell at least."""
    global seen
    out, seen = seen, b""
    while select.select([fd], [], [], then if out else first)[0]:
        out += os.read(fd, 65536)
    return out


def send(text):
    os.write(fd, text.encode())


setup = {
    "bash": f"bind 'set bell-style audible'; bind 'set page-completions off'; bind 'set completion-query-items 0'; source '{script}'",
    "zsh": f"unsetopt prompt_sp zle_bracketed_paste; LISTMAX=9999; autoload -Uz compinit; compinit -u -D; source '{script}'",
}[shell]
send(setup + "; PS1='READY> '; assay() { printf '<%s>' \"$@\"; printf '%s\\n' '|END'; }; echo SET''UP\n")
read_until(b"SETUP")
read_until(b"READY> ")
for line in sys.stdin.read().splitlines():
    if line.startswith("?"):
        send(line[1:] + "\t")
        first = quiet()
        send("\t")
        text = (first + quiet()).decode(errors="replace")
        send("\x15echo NE''XT\n")
        read_until(b"NEXT")
        read_until(b"READY> ")
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\x07\x08\r]", " ", text)
        print(" ".join(sorted(set(text.split()))))
    else:
        for part in re.split("(\t)", line):
            if part == "\t":
                seen += quiet(0, 0.02)
                kept, seen = seen, b""
            send(part)
            if part == "\t":
                seen = kept + quiet()
        send("\n")
        text = read_until(b"|END").decode(errors="replace")
        read_until(b"READY> ")
        print(re.findall(r"(<.*>)\|END", text)[-1] if "|END" in text else "")
send("exit\n")
os.close(fd)
