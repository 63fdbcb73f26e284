# SPDX-License-Identifier: Apache-2.0
"""The mutants of a C file: all of them in one text, chosen when it runs.  clang says where the expressions are."""
import json
import subprocess

OTHERS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",)}
NOT_AT_RUN_TIME = ("ConstantExpr", "EnumDecl", "StaticAssertDecl", "UnaryExprOrTypeTraitExpr", "RecordDecl", "TypedefDecl")


class Mutant:
    def __init__(self, number, path, line, what):
        self.number, self.path, self.line, self.what = number, path, line, what

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}"


class File:
    """first: the number of its first mutant; without: lines that are left alone."""

    def __init__(self, path, tree, first, without=()):
        with open(path, "rb") as source:
            self.source = source.read()
        self.path, self.next, self.without = path, first, set(without)
        self.mutants, self.edits = [], []           # an edit: start, end, order among those at start, text
        for decl in tree["inner"]:
            loc = decl.get("loc", {})
            if decl["kind"] == "FunctionDecl" and "offset" in loc and "includedFrom" not in loc:
                for part in decl.get("inner", []):
                    if part["kind"] == "CompoundStmt":
                        self.walk(part, None, 1)

    # ---- places ----

    @staticmethod
    def place(loc):
        """Where it is written, None within a macro of several words."""
        if "expansionLoc" in loc:
            loc = loc["expansionLoc"] if not loc["spellingLoc"].get("isMacroArgExpansion") else {}
        return loc.get("offset"), loc.get("tokLen")

    def span(self, node):
        begin, _ = self.place(node["range"]["begin"])
        end, length = self.place(node["range"]["end"])
        if begin is None or end is None or end < begin:
            return None
        if "expansionLoc" in node["range"]["end"] and self.source[end + length:].lstrip()[:1] == b"(":
            return None
        return begin, end + length

    @staticmethod
    def is_number(node):
        return not any(word in node["type"].get("desugaredQualType", node["type"]["qualType"]) for word in ("*", "[", "double"))

    @staticmethod
    def is_macro(node):
        return any("expansionLoc" in node["range"][side] for side in ("begin", "end"))

    def text(self, span):
        return " ".join(self.source[span[0]:span[1]].decode().split())

    # ---- changes ----

    def add(self, span, what):
        line = self.source.count(b"\n", 0, span[0]) + 1
        if line in self.without:
            return None
        self.mutants.append(Mutant(self.next, self.path, line, what))
        self.next += 1
        return self.next - 1

    def wrap(self, span, before, after, depth):
        self.edits.append((span[0], span[0], (1, depth), before))
        self.edits.append((span[1], span[1], (0, -depth), after))

    def negate(self, node, depth):
        span = self.span(node)
        number = span and self.add(span, f"not: {self.text(span)}")
        if number is not None:
            self.wrap(span, f"(mutant({number}) != !!(", "))", depth - 0.5)

    def compare(self, node, depth):
        left, right = (self.span(side) for side in node["inner"])
        span = self.span(node)
        if not (left and right and span) or span != (left[0], right[1]):
            return
        between, op = self.source[left[1]:right[0]], node["opcode"]
        if between.strip().decode() != op:
            return
        numbers = [(self.add(span, f"{other} for {op}: {self.text(span)}"), other)
                   for other in (OTHERS.get(op) or ({"&&": "||", "||": "&&", "+": "-", "-": "+"}[op],))]
        if numbers[0][0] is None:
            return
        first, lines = numbers[0][0], "\n" * between.count(b"\n")
        if op in ("&&", "||"):
            self.edits.append((left[1], right[0], (0, 0), f"); (mut_{first} {'!=' if op == '&&' else '=='} mutant({first})) ? !!({lines}"))
            self.wrap(span, f"({{ _Bool mut_{first} = (", f") : mut_{first}; }})", depth)
            return
        choice = "".join(f"mutant({n}) ? mut_l{first} {other} mut_r{first} : " for n, other in numbers)
        self.edits.append((left[1], right[0], (0, 0), f"); __auto_type mut_r{first} = ({lines}"))
        self.wrap(span, f"({{ __auto_type mut_l{first} = (", f"); {choice}mut_l{first} {op} mut_r{first}; }})", depth)

    def literal(self, node, depth):
        span = self.span(node)
        number = span and self.add(span, f"{self.text(span)} + 1")
        if number is not None:
            self.wrap(span, "(", f" + mutant({number}))", depth)

    def answer(self, node, depth):
        span = node.get("inner") and self.span(node["inner"][0])
        if span and self.text(span) in ("true", "false"):
            number = self.add(span, f"return not {self.text(span)}")
            if number is not None:
                self.wrap(span, f"(mutant({number}) != ", ")", depth)

    def walk(self, node, parent, depth):
        kind, parts = node.get("kind"), node.get("inner", [])
        if kind in NOT_AT_RUN_TIME or kind is None or (kind == "VarDecl" and node.get("storageClass") == "static"):
            return
        if kind in ("IfStmt", "WhileStmt", "DoStmt", "ConditionalOperator"):
            self.negate(parts[1 if kind == "DoStmt" else 0], depth + 1)
        elif kind == "ForStmt" and len(parts) == 5 and parts[2].get("kind"):
            self.negate(parts[2], depth + 1)
        if kind == "BinaryOperator" and (node["opcode"] in OTHERS or node["opcode"] in ("&&", "||") or
                                         node["opcode"] in ("+", "-") and all(self.is_number(part) for part in parts)):
            self.compare(node, depth)
        if kind == "IntegerLiteral" and not self.is_macro(node) and parent not in ("InitListExpr", "VarDecl:{"):
            self.literal(node, depth)
        if kind == "ReturnStmt":
            self.answer(node, depth)
        if kind == "ImplicitCastExpr" and node.get("castKind") == "NullToPointer":
            return
        for part in parts:
            self.walk(part, "InitListExpr" if parent == "InitListExpr" and kind == "ImplicitCastExpr" else kind, depth + 1)

    def changed(self):
        """Its text with all mutants in it."""
        out, at = [], 0
        for start, end, _, text in sorted(self.edits, key=lambda e: (e[0], e[2])):
            out += [self.source[at:start], text.encode()]
            at = max(at, end)
        return b"".join(out) + self.source[at:]


def tree_of(path, flags):
    said = subprocess.run(["clang", "-fsyntax-only", "-w", "-Xclang", "-ast-dump=json", *flags, path], capture_output=True, check=True)
    return json.loads(said.stdout)
