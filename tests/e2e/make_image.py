"""make_image.py OUT: container images and the tree that a container would see.

OUT/layout: an OCI layout of three layers (gzip, zstd if the tool is there, plain) with
whiteouts, an opaque directory, a directory that became a link, hard links and odd names;
OUT/two: the same for two architectures; OUT/docker.tar: like docker save of old;
OUT/tree: what is left.
"""
import gzip, hashlib, io, json, os, shutil, subprocess, sys, tarfile

out = sys.argv[1]


def entry(tar, name, data=None, kind=None, link=""):
    info = tarfile.TarInfo(os.fsdecode(name))
    info.mtime = 0
    info.type = kind or tarfile.REGTYPE
    info.linkname = link
    info.size = len(data) if data is not None else 0
    tar.addfile(info, io.BytesIO(data or b""))


def layer(*members):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for m in members:
            entry(tar, *m)
    return raw.getvalue()


D, L, H = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
bottom = layer(("usr/bin", None, D), ("bin", None, L, "usr/bin"), ("bin/sh", b"shell"),
    ("bin/again", None, H, "bin/sh"), ("etc/keep", b"keep"), ("etc/gone", b"gone"),
    ("opt/old/a", b"a"), ("opt/old/b", b"b"), ("srv/replaced/x", b"x"), ("srv/replaced/y", b"y"),
    ("var/file", b"was a file"), (b"odd/by\xffte", b"byte"), ("odd/grün", b"green"),
    ("odd/" + "n" * 150 + "/" + "m" * 150, b"long"), ("lib", None, D), ("lib/mod", b"in lib"))
middle = layer(("etc/.wh.gone", b""), ("opt/old/.wh..wh..opq", b""), ("opt/old/c", b"c"),
    ("srv/.wh.replaced", b""), ("srv/replaced", b"now a file"), ("usr/bin/tool", b"tool"),
    ("./etc//new", b"new"), ("lib", None, L, "usr/lib"), ("usr/lib/so", b"so"), (".wh..wh.aufs", b""))
top = layer(("bin/sh", b"newer shell"), ("lib/later", b"goes to usr/lib"), ("var/.wh.file", b""),
    ("var/file/inside", b"is a directory now"), ("usr/bin/.wh.tool", b""))
layers = [gzip.compress(bottom, mtime=0), middle, top]
if shutil.which("zstd"):
    layers[1] = subprocess.run(["zstd", "-q", "-c"], input=middle, capture_output=True, check=True).stdout
want = {"usr/bin/sh": b"newer shell", "usr/bin/again": b"shell", "etc/keep": b"keep", "opt/old/c": b"c",
    "srv/replaced": b"now a file", "etc/new": b"new", "usr/lib/so": b"so", "usr/lib/later": b"goes to usr/lib",
    "var/file/inside": b"is a directory now", b"odd/by\xffte": b"byte", "odd/grün": b"green",
    "odd/" + "n" * 150 + "/" + "m" * 150: b"long"}
for path, data in want.items():
    full = os.path.join(os.fsencode(out), b"tree", os.fsencode(path))
    os.makedirs(os.path.dirname(full), exist_ok=True)
    open(full, "wb").write(data)


def blob(root, data):
    digest = hashlib.sha256(data).hexdigest()
    os.makedirs(root + "/blobs/sha256", exist_ok=True)
    open(root + "/blobs/sha256/" + digest, "wb").write(data)
    return "sha256:" + digest, len(data)


def descriptor(root, data, kind, **more):
    digest, size = blob(root, data)
    return dict(mediaType="application/vnd.oci.image." + kind, digest=digest, size=size, **more)


def manifest(root, blobs):
    return json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor(root, b"{}", "config.v1+json"),
        "layers": [descriptor(root, b, "layer.v1.tar+gzip") for b in blobs]}).encode()


def layout(root, manifests):
    open(root + "/oci-layout", "w").write('{"imageLayoutVersion": "1.0.0"}')
    open(root + "/index.json", "w").write(json.dumps({"schemaVersion": 2, "manifests": manifests}))


root = out + "/layout"
m = descriptor(root, manifest(root, layers), "manifest.v1+json")
layout(root, [m])
root = out + "/two"
images = [descriptor(root, manifest(root, layers), "manifest.v1+json", platform={"architecture": "amd64", "os": "linux"}),
    descriptor(root, manifest(root, [gzip.compress(layer(("other", b"arm")), mtime=0)]), "manifest.v1+json",
        platform={"architecture": "arm64", "os": "linux"}),
    descriptor(root, b'{"layers": []}', "manifest.v1+json", platform={"architecture": "unknown", "os": "unknown"},
        annotations={"vnd.docker.reference.type": "attestation-manifest"})]
inner = descriptor(root, json.dumps({"schemaVersion": 2, "manifests": images}).encode(), "index.v1+json")
layout(root, [inner])
with tarfile.open(out + "/docker.tar", "w") as tar:
    for i, data in enumerate((top, middle, bottom)):
        entry(tar, "l%d/layer.tar" % i, data)
    entry(tar, "manifest.json", json.dumps([{"Config": "c.json", "RepoTags": ["x:1"],
        "Layers": ["l2/layer.tar", "l1/layer.tar", "l0/layer.tar"]}]).encode())
