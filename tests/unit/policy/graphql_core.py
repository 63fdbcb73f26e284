# SPDX-License-Identifier: Apache-2.0
"""Compares the parser of core/policy with graphql-core on generated documents:

    graphql_core.py READER FOLDER

READER is the program graphql_reader.  graphql-core is installed into a virtual environment below
FOLDER; where that cannot be done, the test is skipped (77).  Equal are: whether a document is
accepted, the type of its operation and its root fields."""
import os
import random
import subprocess
import sys

VERSION = "3.2.6"
reader, folder = sys.argv[1], sys.argv[2]
venv = os.path.join(folder, "graphql-core-venv")
python = os.path.join(venv, "bin", "python3")

if "--inside" not in sys.argv:
    try:
        if not os.path.exists(python) or \
                subprocess.run([python, "-c", "import graphql"], capture_output=True).returncode != 0:
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
            subprocess.run([python, "-m", "pip", "install", "-q", f"graphql-core=={VERSION}"],
                           check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"skipped: graphql-core {VERSION} cannot be installed from PyPI: {problem}")
        sys.exit(77)
    os.execv(python, [python, __file__, reader, folder, "--inside"])

import graphql  # noqa: E402

words = ["a", "b", "viewer", "on", "query", "mutation", "fragment", "type", "true", "null", "_x9"]
values = ["1", "-0", "01", "1.5e3", "1.", "\"s\"", "\"\"", "\"\\u00e9\\n\"", "\"\\x\"", "\"open", "true",
          "null", "ENUM", "$v", "[1, [2]]", "[]", "{}", "{a: 1, b: {c: $v}}", "\"\"\"b\"l\\\"\"\" } {\"\"\"",
          "\"\"\"\"\"\"", "\"}{\""]
rnd = random.Random(20211001)


def maybe(chance, make):
    return make() if rnd.random() < chance else ""


def arguments(word=lambda: rnd.choice(words)):
    return "(" + ", ".join(f"{word()}: {rnd.choice(values)}" for _ in range(rnd.randint(1, 2))) + ")"


def directives():
    return " @" + rnd.choice(words) + maybe(.4, arguments)


def selection(depth):
    kind = rnd.random()
    if kind < .15:
        return "..." + rnd.choice(["F", "G", "H", "Missing"]) + maybe(.1, directives)
    if kind < .3:
        return "... " + maybe(.6, lambda: "on T ") + maybe(.2, directives) + selections(depth + 1)
    alias = maybe(.3, lambda: rnd.choice(words) + ": ")
    return (alias + rnd.choice(words) + maybe(.3, arguments) + maybe(.1, directives) +
            maybe(.4 if depth < 4 else 0, lambda: selections(depth + 1)))


def selections(depth=0):
    return "{" + rnd.choice([" ", ", ", "\n"]).join(
        selection(depth) for _ in range(rnd.randint(1, 3))) + rnd.choice(["}", " }", "#c }\n}"])


def variables():
    kinds = ["Int", "[Int!]!", "[[T]]", "T! = 1", "T = {a: [1]}", "T @d(a: 1)", "T = $w"]
    return "($v: " + rnd.choice(kinds) + ")"


def operation():
    if rnd.random() < .2:
        return selections()
    return (rnd.choice(["query", "mutation", "subscription"]) + " " + maybe(.6, lambda: rnd.choice(words)) +
            maybe(.3, variables) + maybe(.1, directives) + selections())


def document():
    parts = [operation()] + [f"fragment {name} on T " + selections() for name in "FGH" if rnd.random() < .5]
    rnd.shuffle(parts)
    text = "\n".join(parts)
    for _ in range(rnd.choice([0, 0, 0, 1, 2])):    # broken ones
        at = rnd.randrange(len(text))
        text = text[:at] + rnd.choice(["", "{", "}", "(", ")", "\"", ":", "@", "...", "!", "$", "&", "é"]) + \
            text[at + rnd.randint(0, 2):]
    return text


def root_fields(tree, node, seen):
    names = set()
    for s in node.selection_set.selections:
        if isinstance(s, graphql.FieldNode):
            names.add(s.name.value)
        elif isinstance(s, graphql.InlineFragmentNode):
            names |= root_fields(tree, s, seen)
        elif s.name.value not in seen:
            seen.add(s.name.value)
            for d in tree.definitions:
                if isinstance(d, graphql.FragmentDefinitionNode) and d.name.value == s.name.value:
                    names |= root_fields(tree, d, seen)
    return names


def expected(text):
    try:
        tree = graphql.parse(text)
    except graphql.GraphQLError:
        return "error"
    if any(not isinstance(d, graphql.ExecutableDefinitionNode) for d in tree.definitions):
        return "error"
    fragments = [d.name.value for d in tree.definitions if isinstance(d, graphql.FragmentDefinitionNode)]
    operations = [d for d in tree.definitions if isinstance(d, graphql.OperationDefinitionNode)]
    if len(operations) != 1 or len(set(fragments)) < len(fragments):
        return "error"
    return " ".join([operations[0].operation.value] + sorted(root_fields(tree, operations[0], set())))


documents = [document() for _ in range(20000)]
got = subprocess.run([reader], input="".join(d + "\0" for d in documents).encode(), stdout=subprocess.PIPE,
                     check=True).stdout.decode().splitlines()
wanted = [expected(d) for d in documents]
assert len(got) == len(documents), (len(got), len(documents))
wrong = [(d, w, g) for d, w, g in zip(documents, wanted, got) if w != g]
for d, w, g in wrong[:5]:
    print(f"--- {d}\ngraphql-core: {w}\nsluice:       {g}")
accepted = sum(w != "error" for w in wanted)
print(f"{len(documents)} documents, {accepted} accepted, {len(wrong)} read otherwise than by graphql-core {VERSION}")
sys.exit(bool(wrong) or not 3000 < accepted < 19000)
