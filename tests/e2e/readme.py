"""readme.py README ASSAY VM: run what the README shows, and compare what it prints.

Commands ("$ assay ...") of the blocks that need nothing but the recorded machine are run in
order in this folder, where VM is "vm"; others, which need files of the reader's own, are
named as skipped.  A line "..." in the README stands for any number of lines.
"""
import os, re, subprocess, sys

readme, assay, vm = sys.argv[1:]
OWN = ("dir:/usr", "deb:", "list.bin --quote", "doctor")		# needs what only the reader has
count = failed = 0


def point(good, what, why=""):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, what))
    for line in why.splitlines() if not good else ():
        print("# " + line)


def pattern(want):
    """The output as the README has it, as a regular expression over lines."""
    r = ""
    for line in want:
        if line.strip() == "...":
            r += r"(?:.*\n)*?"
        else:
            # How long it took is the reader's own.
            r += re.sub(r"\d+\\\.\d\\ s", r"\\d+\\.\\d s", re.escape(line)) + r"\n"
    return re.compile(r)


def run(command, want):
    p = subprocess.run(command, shell=True, capture_output=True, text=True,
                       env=dict(os.environ, PATH=os.path.dirname(assay) + ":" + os.environ["PATH"]))
    shown = p.stdout + p.stderr if not p.stdout else p.stdout
    whole = pattern(want)
    good = p.returncode in (0, 1) and (not want or whole.fullmatch(shown) is not None)
    point(good, command.splitlines()[0][:60], "exit %d\n%s" % (p.returncode, p.stdout + p.stderr))


def blocks(text):
    for b in re.findall(r"^```\n(.*?)^```$", text, re.M | re.S):
        commands, lines = [], b.splitlines()
        while lines:
            line = lines.pop(0)
            if line.startswith("$ "):
                line = line[2:]
                while line.endswith("\\"):
                    line = line[:-1] + lines.pop(0)
                commands.append((line, []))
            elif commands:
                commands[-1][1].append(line)
        yield b, commands


os.symlink(vm, "vm")
text = open(readme, encoding="utf-8").read()
for b, commands in blocks(text):
    for command, want in commands:
        if any(w in command for w in OWN):
            count += 1
            print("ok %d - %s # SKIP needs files of the reader's own" % (count, command[:60]))
        else:
            run(command, want)
demo = [b.splitlines() for b, _ in blocks(text) if b.startswith("UNTRUSTED")]
verify = ("assay evidence verify --ima-log vm/list3.bin --quote vm/quote3.msg --signature vm/quote3.sig --ak vm/ak.pub"
          " --nonce 00112233445566778899aabbccddeeff0011223303 --pcrs vm/quote3.pcrs --event-log vm/eventlog.bin"
          " --policy policy.json")
point(len(demo) == 1, "the README shows the demo's verdict")
run(verify, demo[0])
approved = re.search(r"`(TRUSTED  [^`]*)`", text)
point(approved is not None, "and the one after approval")
run(verify + " --policy " + os.path.join(os.path.dirname(readme), "data/demo/approved.json"), [approved[1], "..."])
print("1..%d" % count)
sys.exit(failed != 0)
