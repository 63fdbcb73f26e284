# SPDX-License-Identifier: Apache-2.0
"""registry.py FOLDER NAME...: the files of a package index for pip and of a registry for npm, with a package of each NAME.

pip: FOLDER/simple/NAME/ and FOLDER/packages/; npm: FOLDER/NAME and FOLDER/tarballs/.  Each package says hello."""
import base64
import hashlib
import io
import json
import os
import sys
import tarfile
import zipfile

folder, names = sys.argv[1], sys.argv[2:]


def write(path, data):
    os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
    with open(os.path.join(folder, path), "wb") as out:
        out.write(data)


def wheel(name):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        out.writestr(f"{name}.py", f"print('hello from {name}')\n")
        info = f"{name}-1.0.dist-info"
        out.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        out.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        out.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return made.getvalue()


def tarball(name):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as out:
        for path, text in (("package/package.json", json.dumps({"name": name, "version": "1.0.0"})),
                           ("package/index.js", f"console.log('hello from {name}')\n")):
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            out.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


for name in names:
    write(f"packages/{name}-1.0-py3-none-any.whl", wheel(name))
    write(f"simple/{name}/index.html",
          f'<a href="/packages/{name}-1.0-py3-none-any.whl">{name}-1.0-py3-none-any.whl</a>\n'.encode())
    packed = tarball(name)
    digest = base64.b64encode(hashlib.sha512(packed).digest()).decode()
    write(f"tarballs/{name}-1.0.0.tgz", packed)
    write(name, json.dumps({
        "name": name, "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": {"name": name, "version": "1.0.0", "dist": {
            "tarball": f"https://npm.test/tarballs/{name}-1.0.0.tgz", "integrity": f"sha512-{digest}"}}}}).encode())
