"""TAP for tests in Python: ok(), is_(), like(), done()."""
import re, sys

count = failed = 0


def ok(good, what):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}", flush=True)
    return bool(good)


def is_(got, want, what):
    if not ok(got == want, what):
        print(f"# got:  {got!r}\n# want: {want!r}", flush=True)


def like(got, pattern, what):
    if not ok(re.search(pattern, str(got)), what):
        print(f"# got:  {got!r}\n# want: {pattern}", flush=True)


def raises(kind, call, what, check=lambda e: True):
    try:
        call()
    except kind as e:
        if not ok(check(e), what):
            print(f"# {e!r}", flush=True)
        return
    ok(False, what + " (nothing was raised)")


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def done():
    print(f"1..{count}")
    sys.exit(1 if failed else 0)
