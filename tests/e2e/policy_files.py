"""policy_files.py POLICY: every file of a policy as "alg:hex path", escaped, sorted.

policy_files.py --tree DIR [ALG]: the same for the regular files below DIR, by
hashlib, with DIR taken off and spaces as the kernel writes them.
"""
import base64, hashlib, json, os, sys


def escape(path):
    return "".join(chr(b) if 0x20 < b < 0x7F and b != 0x5C else "\\x%02x" % b for b in path)


def of_policy(name):
    out = set()
    policy = json.load(open(name, encoding="utf-8"))

    def take(holder):
        for path, digests in holder.get("files", {}).items():
            out.update((d, path.encode()) for d in digests)
        for path, digests in holder.get("files_b64", {}).items():
            out.update((d, base64.b64decode(path)) for d in digests)

    for layer in policy["layers"]:
        take(layer)
        for package in layer.get("packages", []):
            take(package)
    return out


def of_tree(root, alg):
    out = set()
    root = os.fsencode(root)
    for base, dirs, files, fd in os.fwalk(root, follow_symlinks=False):
        for name in files:
            st = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if (st.st_mode & 0o170000) != 0o100000:
                continue
            h = hashlib.new(alg)
            with open(os.open(name, os.O_RDONLY, dir_fd=fd), "rb") as f:
                h.update(f.read())
            path = base[len(root):] + b"/" + name
            out.add((alg + ":" + h.hexdigest(), path.replace(b" ", b"_")))
    return out


if sys.argv[1] == "--tree":
    files = of_tree(sys.argv[2].rstrip("/"), sys.argv[3] if len(sys.argv) > 3 else "sha256")
else:
    files = of_policy(sys.argv[1])
for digest, path in sorted(files, key=lambda f: (f[1], f[0])):
    print(digest, escape(path))
