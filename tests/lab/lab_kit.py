"""What every scenario of the laboratory begins with: what it needs, on which kernels it runs, and
waiting for conditions."""
import os, sys, time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, here + "/../e2e"]
from api_kit import *
from machine import Machine

FULL = os.environ.get("ASSAY_LAB_FULL") == "1"	# make lab; the suite runs the small form
INTERVAL = 4
CACHE = os.environ.setdefault("ASSAY_LAB_CACHE", BUILD + "/lab")


def kernels():
    """The small form has one, the full form all of Debian's."""
    return os.environ["ASSAY_LAB_KERNEL"].split() if "ASSAY_LAB_KERNEL" in os.environ else ["6.12", "6.1"] if FULL else ["6.12"]


def need(*tools):
    for tool in ("qemu-system-x86_64", "swtpm", "swtpm_setup", "busybox", "cpio", "xz", "mkfs.ext4", *tools):
        if shutil.which(tool) is None:
            skip_all(f"{tool} is missing (tools/bootstrap lab)")
    for k in kernels():
        # A kernel of our own is built, which takes minutes once.
        if subprocess.run(["bash", "-c", f". {here}/lib.sh; lab_kernel {k}"], capture_output=True).returncode != 0:
            skip_all(f"the kernel {k} cannot be downloaded, or built, here")


def wait(what, seconds=90, every=0.05):
    """When it became true, on the clock of time.monotonic(); None: never."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if what():
                return time.monotonic()
        except (OSError, KeyError, IndexError, ValueError, TypeError):
            pass
        time.sleep(every)
    return None
