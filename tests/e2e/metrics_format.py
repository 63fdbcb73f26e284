# SPDX-License-Identifier: Apache-2.0
"""metrics_format.py METRICS [DASHBOARD]: checks Prometheus' text format 0.0.4 strictly, with the rules of promtool
check metrics on names and help, and that every metric of a Grafana dashboard is there.  Prints what is wrong."""
import json
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9.]+(?:e[-+]?[0-9]+)?|NaN|[-+]Inf)")
wrong = []


def family(name, types):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and types.get(base) in ("histogram", "summary"):
            return base
    return name


def check_names(types, helps):
    for name, kind in types.items():
        if name not in helps:
            wrong.append(f"{name} has no help")
        if kind == "counter" and not name.endswith("_total"):
            wrong.append(f"{name} is a counter without _total")
        if kind != "counter" and name.endswith("_total"):
            wrong.append(f"{name} is no counter, but ends with _total")


def check_histograms(samples, types):
    for name in (n for n, kind in types.items() if kind == "histogram"):
        series = {}
        for (sample, labels), value in samples.items():
            if sample == name + "_bucket":
                le = re.search(r'le="([^"]*)"', labels).group(1)
                series.setdefault(re.sub(r',?le="[^"]*"', "", labels), []).append((float(le.replace("+Inf", "inf")), value))
        for labels, buckets in series.items():
            values = [value for _, value in sorted(buckets)]
            if values != sorted(values) or sorted(buckets)[-1][0] != float("inf") or samples.get((name + "_count", labels)) != values[-1]:
                wrong.append(f"{name}{{{labels}}} is no histogram")


def read(text):
    types, helps, samples, closed, current = {}, {}, {}, set(), None
    if not text.endswith("\n"):
        wrong.append("the last line has no end")
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        sample = SAMPLE.fullmatch(line)
        if comment:
            kind, name, rest = comment.groups()
            into = helps if kind == "HELP" else types
            if name in into or (kind == "TYPE" and rest not in ("counter", "gauge", "histogram", "summary", "untyped")):
                wrong.append(f"{number}: {line}")
            into[name] = rest
        elif sample:
            name = family(sample.group(1), types)
            key = (sample.group(1), sample.group(2) or "")
            if name not in types or key in samples:
                wrong.append(f"{number}: {line}")
            samples[key] = float(sample.group(3).replace("Inf", "inf"))
        else:
            wrong.append(f"{number}: {line}")
            continue
        if name != current:
            if name in closed:
                wrong.append(f"{number}: {name} stands in two places")
            closed.add(current)
            current = name
    check_names(types, helps)
    check_histograms(samples, types)
    return types


def expressions(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for item in node:
            yield from expressions(item)


types = read(open(sys.argv[1]).read())
if len(sys.argv) > 2:
    named = [name for text in expressions(json.load(open(sys.argv[2]))) for name in re.findall(r"\bsluice_[a-z0-9_]+", text)]
    wrong += [f"the dashboard names {name}" for name in named if family(name, types) not in types]
    if not named:
        wrong.append("the dashboard names no metric")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
