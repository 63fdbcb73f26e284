# SPDX-License-Identifier: Apache-2.0
"""Compares the signatures of core/secret with those of botocore on generated requests:

    botocore_signatures.py SIGNER FOLDER

SIGNER is the program sigv4_signer.  botocore is installed into a virtual environment below FOLDER;
where that cannot be done, the test is skipped (77)."""
import os
import random
import subprocess
import sys

VERSION = "1.44.8"
signer, folder = sys.argv[1], sys.argv[2]
venv = os.path.join(folder, "botocore-venv")
python = os.path.join(venv, "bin", "python3")

if "--inside" not in sys.argv:
    try:
        if not os.path.exists(python) or \
                subprocess.run([python, "-c", "import botocore"], capture_output=True).returncode != 0:
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "--no-compile", f"botocore=={VERSION}"],
                           check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"skipped: botocore {VERSION} cannot be installed from PyPI: {problem}")
        sys.exit(77)
    os.execv(python, [python, __file__, signer, folder, "--inside"])

from urllib.parse import parse_qs, quote, urlsplit  # noqa: E402

from botocore import auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

rnd = random.Random(20260101)
letters = "abcXYZ019-._~ +&=/?%:@!$'()*,;é€"


def word(n=8, chars=letters):
    return "".join(rnd.choice(chars) for _ in range(rnd.randint(1, n)))


def request(s3, in_query):
    path = "/" + "/".join(quote(word(), safe="") for _ in range(rnd.randint(0, 3)))
    query = "&".join(quote(word(), safe="-_.~") + "=" + quote(word(), safe="-_.~")
                     for _ in range(rnd.randint(0, 3)))
    body = word(40).encode() if not in_query and rnd.random() < .5 else b""
    headers = {"X-Own-" + word(5, "abcxyz"): "  ".join(word(5, "abc019;,=") for _ in range(3))
               for _ in range(rnd.randint(0, 3))}
    host = "bucket.s3.eu-west-1.amazonaws.com" if s3 else "dynamodb.eu-west-1.amazonaws.com"
    return AWSRequest(method=rnd.choice(["GET", "PUT", "POST", "DELETE"]), data=body, headers=headers,
                      url=f"https://{host}{path}" + (f"?{query}" if query else ""))


def one(n):
    s3, in_query = n % 2 == 0, n % 4 >= 2
    keys = Credentials("AKID" + word(12, "ABC234567"), word(30, "abcXYZ/+0"),
                       word(30, "abc/+=") if n % 3 == 0 else None)
    service, asked = ("s3" if s3 else "dynamodb"), request(s3, in_query)
    kinds = [[auth.SigV4Auth, auth.S3SigV4Auth], [auth.SigV4QueryAuth, auth.S3SigV4QueryAuth]]
    made = kinds[in_query][s3](keys, service, "eu-west-1")
    made.add_auth(asked)
    parts = urlsplit(asked.url)
    if in_query:
        sent = parse_qs(parts.query, keep_blank_values=True)
        names, time, expected = sent["X-Amz-SignedHeaders"][0], sent["X-Amz-Date"][0], sent["X-Amz-Signature"][0]
    else:
        expected = asked.headers["Authorization"]
        names = expected.split("SignedHeaders=")[1].split(",")[0]
        time = asked.headers["X-Amz-Date"]
    fields = [("Host", parts.netloc)] + [(k, v) for k, v in asked.headers.items() if k != "Authorization"]
    line = ["query" if in_query else "head", asked.method, parts.path, parts.query, "eu-west-1", service, time,
            keys.access_key, keys.secret_key, names, made.payload(asked)] + [text for field in fields for text in field]
    return "\t".join(line), expected


cases = [one(n) for n in range(400)]
answers = subprocess.run([signer], input="".join(line + "\n" for line, _ in cases), capture_output=True,
                         text=True, check=True).stdout.splitlines()
assert len(answers) == len(cases), f"{len(answers)} answers"
bad = 0
for (line, expected), got in zip(cases, answers):
    if got != expected and got.split("X-Amz-Signature=")[-1] != expected:
        bad += 1
        print(f"{line}\n  {expected}\n  {got}")
print(f"{len(cases)} signatures compared, {bad} differ")
if not bad:
    print("[       OK ] signatures are those of botocore")
sys.exit(bool(bad))
