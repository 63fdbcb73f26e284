# SPDX-License-Identifier: Apache-2.0
"""Compares the message tables of core/openshell and their codec with OpenShell's own descriptors:

    descriptors.py READER FOLDER

READER is the program message_reader.  The stock Python SDKs of both wires and protobuf are
installed below FOLDER; where that cannot be done, the test is skipped (77).  Compared are number,
type and name of each field, both ways, and generated messages: what the stock classes write is read
and written again as the same bytes, and means the same."""
import base64
import json
import os
import random
import re
import subprocess
import sys

PROTOBUF, SDKS = "6.33.0", {"texts": "0.0.116", "enums": "0.1.5"}
MESSAGES = 40 if os.environ.get("SLUICE_TEST_LONG") else 4           # generated of each kind
reader, folder = sys.argv[1], sys.argv[2]
venv = os.path.join(folder, "openshell-descriptors")
python = os.path.join(venv, "bin", "python3")

# Fields of the wire that no table has: marks that only stock gateways and supervisors set.
NOT_OURS = {"NetworkEndpoint.advisor_proposed", "NetworkEndpoint.provider_credentialed",
            "NetworkEndpoint.token_grant_owner"}
# Fields that only our gateways know.
ONLY_OURS = {("endpoint", 1001)}
POLICY = {"SandboxPolicy": "policy", "FilesystemPolicy": "filesystem policy",
          "LandlockPolicy": "landlock section", "ProcessPolicy": "process section",
          "NetworkPolicyRule": "rule", "NetworkEndpoint": "endpoint", "NetworkBinary": "binary",
          "L7Allow": "request rule", "L7DenyRule": "request rule", "L7QueryMatcher": "matcher",
          "GraphqlOperation": "persisted query", "McpOptions": "set of mcp options",
          "NetworkCredentialBinding": "credential binding",
          "NetworkMiddlewareConfig": "middleware config",
          "MiddlewareEndpointSelector": "endpoint selector"}


def target(mode):
    return os.path.join(venv, mode)


def install():
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
    pip = [python, "-m", "pip", "install", "-q", "--no-compile", "--disable-pip-version-check"]
    if subprocess.run([python, "-c", "import google.protobuf"], capture_output=True).returncode:
        subprocess.run(pip + [f"protobuf=={PROTOBUF}"], check=True, capture_output=True, timeout=120)
    for mode, version in SDKS.items():
        if not os.path.exists(os.path.join(target(mode), "openshell", "_proto")):
            subprocess.run(pip + ["--no-deps", "--target", target(mode), f"openshell=={version}"],
                           check=True, capture_output=True, timeout=120)


def main():
    try:
        install()
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"skipped: OpenShell's Python SDK cannot be installed from PyPI: {problem}")
        sys.exit(77)
    seen, failed = set(), False
    for mode in SDKS:
        run = subprocess.run([python, __file__, reader, folder, mode], stdout=subprocess.PIPE, text=True)
        failed |= run.returncode != 0
        for line in run.stdout.splitlines():
            if line.startswith("row "):
                seen.add(tuple(line.split(" ", 1)[1].split("\t")))
            else:
                print(line)
    for row in rows():
        if (row["message"], row["number"], row["name"]) not in seen and \
                (row["message"], int(row["number"])) not in ONLY_OURS and \
                not row["message"].startswith(("Struct", "Value", "ListValue", "Timestamp", "Duration")):
            print(f"{row['message']}.{row['name']} = {row['number']}: neither wire has it")
            failed = True
    sys.exit(failed)


def rows():
    names = ["message", "number", "name", "type", "shape", "sub", "oneof", "wrap", "words"]
    text = subprocess.run([reader, "tables"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [dict(zip(names, line.split("\t"))) for line in text.splitlines()]


if len(sys.argv) == 3:
    main()

# ---- Below: with the classes of one wire ----

mode = sys.argv[3]
sys.path.insert(0, target(mode))
# The package itself wants more than its messages need.
import types  # noqa: E402
package = types.ModuleType("openshell")
package.__path__ = [os.path.join(target(mode), "openshell")]
sys.modules["openshell"] = package
from google.protobuf import descriptor as D, message_factory  # noqa: E402
from openshell._proto import openshell_pb2, sandbox_pb2, datamodel_pb2  # noqa: E402
files = [openshell_pb2, sandbox_pb2, datamodel_pb2]
if mode == "texts":
    from openshell._proto import inference_pb2
    files.append(inference_pb2)

F = D.FieldDescriptor
TYPES = {F.TYPE_STRING: "string", F.TYPE_BYTES: "bytes", F.TYPE_BOOL: "bool", F.TYPE_UINT32: "uint32",
         F.TYPE_INT32: "int32", F.TYPE_UINT64: "uint64", F.TYPE_INT64: "int64", F.TYPE_FLOAT: "float",
         F.TYPE_DOUBLE: "double", F.TYPE_ENUM: "enum", F.TYPE_MESSAGE: "message"}
failed = 0
rnd = random.Random(20261130)
tables = {}
for row in rows():
    tables.setdefault(row["message"], []).append(row)


def fail(text):
    global failed
    failed += 1
    if failed <= 20:
        print(f"{mode}: {text}")


def table_of(descriptor):
    return POLICY.get(descriptor.name, descriptor.name)


def shape_of(field):
    if field.message_type and field.message_type.GetOptions().map_entry:
        return "map", field.message_type.fields_by_name["value"]
    return ("list" if is_repeated(field) else "single"), field


def is_repeated(field):
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == F.LABEL_REPEATED


def find_row(descriptor, field):
    shape, item = shape_of(field)
    kind = TYPES[item.type]
    for row in tables[table_of(descriptor)]:
        same = row["type"] == kind or (row["type"] == "mode" and kind in ("string", "enum")) or \
            {row["type"], kind} == {"int32", "uint32"}
        sub = row["wrap"] or kind != "message" or row["sub"] == table_of(item.message_type) or \
            row["name"] == "approvals_or_scope"
        if int(row["number"]) == field.number and same and sub and \
                (row["shape"] == shape or row["name"] == "approvals_or_scope"):
            return row
    return None


def check_field(descriptor, field):
    row = find_row(descriptor, field)
    if not row:
        if f"{descriptor.name}.{field.name}" not in NOT_OURS:
            fail(f"{descriptor.name}.{field.name} = {field.number}: no row has this number and type")
        return
    print(f"row {row['message']}\t{row['number']}\t{row['name']}")
    if row["type"] == "enum" and field.enum_type:
        check_enum(field, row)
    if row["type"] != "message":
        oneof = field.containing_oneof
        wanted = "" if not oneof else "optional" if oneof.name.startswith("_") else oneof.name
        if wanted != row["oneof"]:
            fail(f"{descriptor.name}.{field.name}: presence is {wanted}, the row has {row['oneof']}")
    if mode == "enums" and row["name"] != field.name and descriptor.name not in POLICY and \
            row["name"] != "approvals_or_scope":
        fail(f"{descriptor.name}.{field.name}: the row is named {row['name']}")


def check_enum(field, row):
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.enum_type.name).upper() + "_"
    words = row["words"].split(",")
    for value in field.enum_type.values:
        if value.number >= len(words) or prefix + words[value.number] != value.name:
            if not (mode == "texts" and value.number >= len(words)):
                fail(f"{value.name} = {value.number} is not a word of {row['message']}.{row['name']}")


def messages(descriptors):
    for descriptor in descriptors:
        if descriptor.GetOptions().map_entry:
            continue
        yield descriptor
        yield from messages(descriptor.nested_types)


known = [d for file in files for d in messages(file.DESCRIPTOR.message_types_by_name.values())
         if table_of(d) in tables]
for descriptor in known:
    for field in descriptor.fields:
        check_field(descriptor, field)

# ---- Generated messages ----

WORDS = ["", "a", "b c", "default", "x" * 130, "Grüße", "日本", "\U0001f600", "a\"b\\c"]
# No key begins another one: the stock runtime writes those in an order of its own.
KEYS = ["a", "b c", "default", "y" * 130, "Grüße", "日本"]
NUMBERS = {"uint32": [0, 1, 127, 128, 65535, 2**32 - 1], "int32": [0, 1, -1, 2**31 - 1, -2**31],
           "uint64": [0, 1, 300, 2**63, 2**64 - 1], "int64": [0, -1, 1, 2**63 - 1, -2**63],
           "bool": [False, True], "float": [0.0, 0.5, 0.75, 0.1, -1e-3, 3.4e38, 1e-45],
           "double": [0.0, -0.0, 1.5, 0.1, 1e300, 5e-324, -2.0]}


def scalar(field):
    kind = TYPES[field.type]
    if kind == "string":
        return rnd.choice(WORDS)
    if kind == "bytes":
        return rnd.randbytes(rnd.choice([0, 1, 2, 3, 50]))
    if kind == "enum":
        return rnd.choice([value.number for value in field.enum_type.values] + [99])
    return rnd.choice(NUMBERS[kind])


def is_ours(descriptor, field):
    return f"{descriptor.name}.{field.name}" not in NOT_OURS and \
        not (field.type == F.TYPE_MESSAGE and shape_of(field)[1].message_type and
             shape_of(field)[1].message_type.name not in WELL_KNOWN and
             shape_of(field)[1].message_type.name != "L7Rule" and
             table_of(shape_of(field)[1].message_type) not in tables)


WELL_KNOWN = {"Timestamp", "Duration", "Struct", "Value", "ListValue"}


def fill_known(message, depth):
    name = message.DESCRIPTOR.name
    if name == "Timestamp":
        message.seconds = rnd.choice([0, 1, 1700000000, -62135596800, 253402300799])
        message.nanos = rnd.choice([0, 1, 123000000, 999999999, 1000])
    elif name == "Duration":
        message.seconds, message.nanos = rnd.choice([0, 5, 315576000000 - 1]), rnd.choice([0, 500000000])
    else:
        message.update({rnd.choice(KEYS): any_value(depth) for _ in range(rnd.randint(0, 3))})


def any_value(depth):
    kind = rnd.randint(0, 5 if depth < 5 else 3)
    if kind == 4:
        return [any_value(depth + 1) for _ in range(rnd.randint(0, 3))]
    if kind == 5:
        return {rnd.choice(KEYS): any_value(depth + 1) for _ in range(rnd.randint(0, 3))}
    return [None, rnd.choice(WORDS), rnd.choice([1, 1.5, -0.1, 1e22]), rnd.random() < .5][kind]


def fill_field(message, field, depth):
    shape, item = shape_of(field)
    at = getattr(message, field.name)
    count = rnd.randint(1, 3)
    if shape == "map":
        for key in rnd.sample(KEYS, count):
            if item.type == F.TYPE_MESSAGE:
                fill(at[key], depth + 1)
            else:
                at[key] = scalar(item)
    elif shape == "list" and item.type == F.TYPE_MESSAGE:
        for _ in range(count):
            fill(at.add(), depth + 1)
    elif shape == "list":
        at.extend(scalar(item) for _ in range(count))
    elif item.type == F.TYPE_MESSAGE:
        at.SetInParent()
        fill(at, depth + 1)
    else:
        setattr(message, field.name, scalar(item))
    if field.name == "limit":                       # the table has it as the newer page_size, an int32
        message.limit &= 2**31 - 1


def fill(message, depth=0):
    if message.DESCRIPTOR.name in WELL_KNOWN:
        return fill_known(message, depth)
    chance = .6 if depth < 3 else .25
    for field in message.DESCRIPTOR.fields:
        if is_ours(message.DESCRIPTOR, field) and rnd.random() < chance:
            fill_field(message, field, depth)
    settle(message)
    return message


# What a document can say in one way only.
def settle(message):
    name = message.DESCRIPTOR.name
    if name in ("NetworkPolicyRule", "NetworkMiddlewareConfig"):
        message.name = message.name or "n"
    elif name == "L7Rule":
        message.allow.SetInParent()
    elif name == "McpOptions":
        message.strict_tool_names = rnd.random() < .5
    elif name == "NetworkEndpoint":
        if message.port and not message.ports:
            message.ports.append(message.port)
        if message.ports:
            message.port = message.ports[0]
            if not message.port:
                del message.ports[:]
        for enum in ("tls", "enforcement", "access"):
            if mode == "enums":
                setattr(message, enum, rnd.randint(0, 2))


def has_policy(descriptor, seen=None):
    seen = seen if seen is not None else set()
    if descriptor.name in POLICY:
        return True
    if descriptor.full_name in seen:
        return False
    seen.add(descriptor.full_name)
    return any(has_policy(f.message_type, seen) for f in descriptor.fields if f.message_type)


def tree(message):
    name = message.DESCRIPTOR.name
    if name == "Timestamp" or name == "Duration":
        return message.ToJsonString()
    if name in WELL_KNOWN:
        from google.protobuf import json_format
        return json.loads(json_format.MessageToJson(message, ensure_ascii=False))
    return {find_row(message.DESCRIPTOR, field)["name"]: field_tree(message, field, value)
            for field, value in message.ListFields()}


def field_tree(message, field, value):
    shape, item = shape_of(field)
    row = find_row(message.DESCRIPTOR, field)
    
    def one(inner):
        return tree(inner) if item.type == F.TYPE_MESSAGE else scalar_tree(item, row, inner)

    if shape == "map":
        return {key: one(value[key]) for key in value}
    return [one(v) for v in value] if shape == "list" else one(value)


def scalar_tree(field, row, value):
    if field.type == F.TYPE_BYTES:
        return base64.b64encode(value).decode()
    words = row["words"].split(",")
    return words[value] if field.type == F.TYPE_ENUM and value < len(words) else value


def wire(message):
    return message.SerializeToString(deterministic=True)


def among_unknown(data):
    unknown = [b"\xb8\x3e\x07", b"\xc1\x3e12345678", b"\xc2\x3e\x03abc", b"\xc5\x3e1234"]
    return rnd.choice(unknown) + data + rnd.choice(unknown)


asked, expected = [], []


def ask(line, answer, what):
    asked.append(line)
    expected.append((answer, what))


for descriptor in known:
    cls = message_factory.GetMessageClass(descriptor)
    shared = {row["name"] for row in tables[table_of(descriptor)]}
    for _ in range(MESSAGES):
        one, two = fill(cls()), fill(cls())
        table = table_of(descriptor).replace(" ", "_")
        data = wire(one)
        both = cls.FromString(data)
        ask(f"again {table} {mode} {data.hex()}", data.hex(), f"{descriptor.name} written again")
        ask(f"again {table} {mode} {among_unknown(data).hex()}", data.hex(), f"{descriptor.name} among unknown fields")
        if has_policy(descriptor):
            continue
        if "approvals_or_scope" in shared:
            continue
        both.MergeFrom(two)
        ask(f"again {table} {mode} {(data + wire(two)).hex()}", wire(both).hex(), f"{descriptor.name} merged")
        ask(f"decode {table} {data.hex()}", tree(one), f"{descriptor.name} read")
        ask(f"encode {table} {mode} {json.dumps(tree(one), ensure_ascii=False)}", data.hex(),
            f"{descriptor.name} written")

run = subprocess.run([reader], input="\n".join(asked) + "\n", stdout=subprocess.PIPE, text=True)
answers = run.stdout.splitlines()
if run.returncode != 0 or len(answers) != len(asked):
    fail(f"the reader ended with {run.returncode} after {len(answers)} of {len(asked)} answers")
for line, answer, (wanted, what) in zip(asked, answers, expected):
    if isinstance(wanted, dict) and answer.startswith("{"):
        answer = json.loads(answer)
    if answer != wanted:
        fail(f"{what}:\n  asked    {line[:1500]}\n  expected {str(wanted)[:1500]}\n  got      {str(answer)[:1500]}")
print(f"{mode}: {len(known)} messages, {len(asked)} exchanges, {failed} failed")
sys.exit(failed != 0)
