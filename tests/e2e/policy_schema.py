#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policy_schema.py SCHEMA FOLDER MUTATIONS FILE...: checks the policies in FILEs (YAML, at any depth) by `sluice policy check` and by
the JSON Schema. With MUTATIONS 1, also each of them with one thing wrong, at every place in turn. What the one accepts the other accepts,
and what is refused for its shape is refused by both. Prints the counts; exit 1 and the differences otherwise."""
import json
import re
import subprocess
import sys
import yaml
from jsonschema import Draft202012Validator

# What `policy check` says of a document that has another shape than its tables.
SHAPE = re.compile(r'has no such field|the field ".*" is missing|must be (a list|a map|a text, not|a number|a whole number|true or false|between|1, not)|'
                   r'must be [a-z_:-]+(, [a-z_:-]+)* or [a-z_:-]+, not|cannot stand beside "|is written without a value')


def mutations(value):
    """The value with one thing wrong, at each place in turn."""
    if isinstance(value, dict):
        yield {**value, "surprise": 1}
        yield [value]
        for key, item in value.items():
            yield {k: v for k, v in value.items() if k != key}
            for other in (None, *mutations(item)):
                yield {**value, key: other}
    elif isinstance(value, list):
        yield {"0": value}
        for i, item in enumerate(value):
            for other in mutations(item):
                yield [*value[:i], other, *value[i + 1:]]
    elif isinstance(value, bool) or isinstance(value, int):
        yield str(value).lower()
        yield -7
    else:
        yield [value]
        yield "no word of ours"


def policies(value):
    if isinstance(value, str) and "version:" in value and "\n" in value:
        try:
            value = yaml.safe_load(value)
        except yaml.YAMLError:
            return
    if isinstance(value, dict) and "version" in value and ("network_policies" in value or "filesystem_policy" in value):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from policies(item)


def main(schema_file, folder, mutated, *files):
    schema = json.load(open(schema_file))
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    validator = Draft202012Validator(schema)
    found = {}
    for name in files:
        for document in yaml.safe_load_all(open(name)):
            for policy in policies(document):
                for each in (policy, *(mutations(policy) if mutated == "1" else ())):
                    found.setdefault(json.dumps(each, sort_keys=True, default=str), None)
    paths = {}
    for i, text in enumerate(found):
        paths[f"{folder}/{i}.json"] = text
        open(f"{folder}/{i}.json", "w").write(text)
    said = subprocess.run(["sluice", "policy", "check", "-o", "json", *paths], stdout=subprocess.PIPE, text=True).stdout
    accepted, refused, wrong = 0, 0, []
    for result in json.loads(said)["files"]:
        policy = json.loads(paths[result["file"]])
        errors = [e.message for e in validator.iter_errors(policy)]
        shape = [e["message"] for e in result["errors"] if SHAPE.search(e["message"])]
        if result["valid"]:
            accepted += 1
            if errors:
                wrong.append(f"accepted, but not by the schema: {errors[0]}: {policy}")
        elif shape:
            refused += 1
            if not errors:
                wrong.append(f"refused, but not by the schema: {shape[0]}: {policy}")
    print(f"{accepted} accepted, {refused} refused")
    print("\n".join(wrong[:20]))
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
