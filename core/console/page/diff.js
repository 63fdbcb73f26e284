// SPDX-License-Identifier: Apache-2.0
// The difference of two texts by lines.
import {h} from "./dom.js";

const CONTEXT = 3, WORK_MAX = 4e6;

// Longest common subsequence of lines, from its end.
function lengths(a, b) {
  const rows = Array.from({length: a.length + 1}, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      rows[i][j] = a[i] === b[j] ? rows[i + 1][j + 1] + 1 : Math.max(rows[i + 1][j], rows[i][j + 1]);
  return rows;
}

function middle(a, b) {
  if (a.length * b.length > WORK_MAX) return [...a.map((line) => ["-", line]), ...b.map((line) => ["+", line])];
  const rows = lengths(a, b), out = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { out.push([" ", a[i++]]); j++; }
    else if (i < a.length && (j === b.length || rows[i + 1][j] >= rows[i][j + 1])) out.push(["-", a[i++]]);
    else out.push(["+", b[j++]]);
  }
  return out;
}

// [sign, line] of each line, sign one of " ", "-" and "+".
export function diffLines(before, after) {
  const a = before.split("\n"), b = after.split("\n");
  let head = 0, tail = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (line) => [" ", line];
  return [...a.slice(0, head).map(same), ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same)];
}

// Changed lines with a few around them.
function hunks(lines) {
  const near = new Set();
  lines.forEach(([sign], i) => { if (sign !== " ") for (let k = i - CONTEXT; k <= i + CONTEXT; k++) near.add(k); });
  const out = [];
  lines.forEach((line, i) => {
    if (near.has(i)) out.push(line);
    else if (near.has(i - 1)) out.push(["…", ""]);
  });
  return out;
}

const KINDS = {"+": "added", "-": "removed", "…": "gap", " ": "same"};

export function drawDiff(before, after, label) {
  const shown = hunks(diffLines(before, after));
  if (!shown.length) return h("p", {class: "note"}, "The text is the same.");
  return h("pre", {class: "diff", tabindex: "0", "aria-label": label}, shown.map(([sign, line]) => h("span", {class: KINDS[sign]},
    h("span", {class: "sign"}, sign === "-" ? "−" : sign), ` ${line}`)));
}
