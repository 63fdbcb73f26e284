# SPDX-License-Identifier: Apache-2.0
"""The descriptor that core/openshell makes of its tables, read by Python's protobuf:

    reflection.py READER VECTORS

READER is the program message_reader, VECTORS tests/fixtures/openshell/vectors.txt: each message of
the newer wire is read by a class that is made of the descriptor, and written again as it was.
Without Debian's python3-protobuf the test is skipped (77)."""
import subprocess
import sys

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError as problem:
    print(f"skipped: {problem}")
    sys.exit(77)

reader, vectors = sys.argv[1:3]
text = subprocess.run([reader, "descriptor"], stdout=subprocess.PIPE, text=True, check=True).stdout
file = descriptor_pb2.FileDescriptorProto.FromString(bytes.fromhex(text))
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
service = pool.FindServiceByName("openshell.v1.OpenShell")
methods = {method.name: method for method in file.service[0].method}
assert len(methods) > 60 and len(service.methods) == len(methods), len(methods)
assert methods["ExecSandbox"].server_streaming and not methods["ExecSandbox"].client_streaming
assert methods["ExecSandboxInteractive"].client_streaming
assert service.methods_by_name["UpdateConfig"].input_type.fields_by_name["policy"].message_type.name == "Policy"
endpoint = pool.FindMessageTypeByName("openshell.v1.Endpoint")
assert endpoint.fields_by_name["tls"].enum_type.values_by_name["TLS_SKIP"].number == 1
status = pool.FindMessageTypeByName("openshell.v1.SandboxStatus")
assert status.fields_by_name["exit_code"].containing_oneof.name == "_exit_code"

read = 0
for line in open(vectors, encoding="utf-8"):
    words = line.split()
    # Number 4 of the approvals of all chunks is a list in the tables, whichever wire it comes from.
    if len(words) != 3 or words[0] != "enums" or words[1] == "ApproveAllDraftChunksRequest":
        continue
    name = words[1][0].upper() + words[1][1:]
    message = message_factory.MessageFactory(pool).GetPrototype(
        pool.FindMessageTypeByName(f"openshell.v1.{name}"))()
    message.ParseFromString(bytes.fromhex(words[2]))
    again = message.SerializeToString(deterministic=True).hex()
    assert again == words[2], f"{name}:\n  {words[2]}\n  {again}"
    message.DiscardUnknownFields()
    assert message.SerializeToString(deterministic=True).hex() == words[2], f"{name} has unknown fields"
    read += 1
assert read > 8, read
print(f"{len(methods)} methods, {len(file.message_type)} messages, {read} vectors")
