#!/usr/bin/env python3
"""A host's life, on a real kernel: asleep and awake it is the same boot and stays trusted; if the
battery dies meanwhile it is another.  A kernel that kexec starts without its predecessor's list is
verified from the stored values, if all of that list had been sent; else, or if anything was
extended that no list shows, the host is red.  One that takes the list over is verified by it, if
nothing is missing there.  A power cut is a boot; a TPM whose state was put back is none."""
from life_kit import *

need()


def sleeps(l):
    was, n = l.host(), l.count()
    l.machine.asleep()
    at = l.machine.awake()
    l.machine.do("/opt/approved")
    l.settled()
    now = l.comes("asleep and awake, then a program: still trusted", "trusted", since=at)
    is_((now["boot"], now["entries"] > was["entries"], l.count() > n), (was["boot"], True, True), "the same boot, whose list goes on")


def something_is_extended(l):
    before = l.clock()
    at = time.monotonic()
    like(l.extend(10), "80 02 00 00 00 13 00 00 00 00", "the same, but PCR 10 is extended by something that no list shows")
    l.machine.do("cat /etc/os-release")
    l.comes("untrusted", "untrusted", "pcr-mismatch", since=at)
    now = l.clock()
    ok(now[1] == before[1] and now[2] > before[2] and now[0] > before[0],
        f"the TPM signed that it slept: restartCount {before[2]}, then {now[2]}, and no reset")


def dies_asleep(l):
    was = l.host()
    l.machine.asleep()
    l.machine.power_cut()
    l.agent()
    new = l.comes_anew("the power fails while it sleeps: it boots, trusted", was, "trusted")
    l.settled()
    now = l.clock()
    is_((new["boot"][:8], now[2] > 0), (was["boot"][:8], True), "by a TPM Restart: no reset was counted, but a restart")


def kexec(l):
    """What the new kernel's agent begins with."""
    l.no_agent()
    l.machine.kexec()
    at = time.monotonic()
    l.agent()
    return at


def kexec_after_all_was_sent(l):
    was, n = l.host(), l.count()
    l.load()
    l.settled()
    l.before += l.count()
    kexec(l)
    ok(l.count() < l.before, "the new kernel's list begins again")
    l.settled()
    now = l.comes("kexec, after all entries were sent: trusted, from the stored values", "trusted")
    is_((now["boot"], now["entries"]), (was["boot"], l.before + l.count()), "one boot, whose entries go on")
    l.machine.do("script /opt/approved; /opt/approved")
    l.settled()
    l.comes("and further on", "trusted")


def kexec_with_something_unsent(l):
    l.load()
    l.settled()
    l.no_agent()
    l.machine.do("script /opt/approved; /opt/approved")
    l.machine.kexec()
    at = time.monotonic()
    l.agent()
    l.comes("kexec, with one approved entry that was not sent: untrusted", "untrusted", "kexec-without-carry", since=at)
    l.machine.do("/opt/approved")
    time.sleep(INTERVAL)
    l.comes("and stays so", "untrusted", "kexec-without-carry")


def reboots(l):
    was = l.host()
    l.no_agent()
    l.machine.reboot()
    l.agent()
    l.comes_anew("rebooted: trusted", was, "trusted")
    l.settled()


def kexec_with_the_list(l):
    was, n = l.host(), l.count()
    l.no_agent()
    l.load()
    l.machine.kexec()
    l.agent()
    new = l.comes_anew("kexec that takes the list over: trusted", was, "trusted")
    l.settled()
    lines = l.machine.do("cat /sys/kernel/security/ima/ascii_runtime_measurements").splitlines()
    ok(l.count() > n and sum(x.split()[4] == "boot_aggregate" for x in lines) == 2, "one list of two boots")
    is_(new["boot"][:8], was["boot"][:8], "without a reset")


def kexec_with_part_of_the_list(l):
    l.load()
    l.no_agent()
    # There is room for half a page more than there was when it was loaded (IMA_KEXEC_EXTRA_MEMORY_KB).
    l.machine.do("for i in $(seq 100); do script /opt/$i; /opt/$i >/dev/null; done")
    l.machine.kexec()
    at = time.monotonic()
    l.agent()
    l.comes("the same with more entries between load and start than fit: untrusted", "untrusted", "kexec-without-carry", since=at)


def power_fails(l):
    was, before = l.host(), l.clock()
    l.machine.power_cut()
    l.agent()
    l.comes_anew("a power cut: trusted", was, "trusted")
    l.settled()
    now = l.clock()
    ok(now[1] == before[1] + 1, f"one reset on; the clock went from {before[0]} to {now[0]} ms, safe: {now[3]}")


def state_is_put_back(l):
    tpm, was = l.image + "/tpm", l.host()
    l.machine.stop()
    shutil.copytree(tpm, tpm + ".old")
    l.machine.start()
    l.agent()
    l.comes_anew("another power cut: trusted", was, "trusted")
    l.machine.stop()
    shutil.rmtree(tpm)
    os.rename(tpm + ".old", tpm)
    l.machine.start()
    at = time.monotonic()
    l.agent()
    l.comes("the same, but the TPM's state is that of before: untrusted", "untrusted", "quote-clock", since=at)


def run_power(lab, kernel):
    l = Life(kernel)
    lab.append(l)
    l.enrol()
    power_fails(l)
    state_is_put_back(l)


def run_own(lab):
    l = Life("own")
    lab.append(l)
    l.enrol()
    kexec_with_the_list(l)
    kexec_with_part_of_the_list(l)


def run(lab, kernel):
    l = Life(kernel)
    lab.append(l)
    l.enrol()
    sleeps(l)
    something_is_extended(l)
    reboots(l)
    kexec_after_all_was_sent(l)
    # A boot of its own for what follows: a kernel lists the same program once.
    if FULL:
        dies_asleep(l)
    else:
        reboots(l)
    kexec_with_something_unsent(l)


for k in kernels():
    scenario(run, k)
if FULL:
    scenario(run_power, kernels()[0])
    scenario(run_own)
close()
done()
