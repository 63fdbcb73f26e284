// SPDX-License-Identifier: Apache-2.0
// A policy as a matrix: programs against hosts, with what the traffic record says of each pair.
import {fill, foreign, h, plural, when, where} from "./dom.js";

const COLUMNS_MAX = 80, ROWS_MAX = 200;

// A glob of the policy as an expression; only for showing where a row of the record belongs.
function globTest(pattern, separator) {
  const parts = pattern.toLowerCase().split(/(\*+)/).map((part) => {
    if (/^\*\*+$/.test(part)) return ".*";
    return part === "*" ? `[^${separator}]*` : part.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  });
  const expression = new RegExp(`^${parts.join("")}$`);
  return (text) => expression.test(text.toLowerCase());
}

function portsOf(endpoint) {
  return endpoint.ports?.length ? endpoint.ports : [endpoint.port].filter(Boolean);
}

// What the policy permits: {rule, program, host, ports, fits(row)}.
function permissions(policy) {
  const found = [];
  for (const [key, rule] of Object.entries(policy.network_policies || {}))
    for (const endpoint of rule.endpoints || []) {
      const host = endpoint.host || (endpoint.allowed_ips || []).join(" ");
      const isHost = globTest(host, "."), ports = portsOf(endpoint);
      for (const binary of rule.binaries || []) {
        const isProgram = globTest(binary.path, "/");
        const fits = (row) => (row.rule === key || row.rule === rule.name) && ports.includes(row.port)
          && (isHost(row.host) || !endpoint.host) && isProgram(row.binary);
        found.push({rule: key, program: binary.path, column: `${host}:${ports.join(",")}`, fits, protocol: endpoint.protocol});
      }
    }
  return found;
}

function cellAt(cells, program, column) {
  const key = JSON.stringify([program, column]);
  if (!cells.has(key)) cells.set(key, {program, column, rules: [], allowed: 0, refused: 0, failed: 0, last: "", reasons: new Set()});
  return cells.get(key);
}

// Cells by program and column.
export function matrixOf(policy, traffic) {
  const cells = new Map(), permitted = permissions(policy);
  for (const p of permitted) cellAt(cells, p.program, p.column).rules.push(p.rule);
  for (const row of traffic) {
    const p = permitted.find(({fits}) => fits(row));
    const cell = cellAt(cells, p ? p.program : row.binary || "unknown program", p ? p.column : where(row.host, row.port));
    cell[row.verdict] += row.count;
    if (row.last_seen > cell.last) cell.last = row.last_seen;
    if (row.reason && cell.reasons.size < 5) cell.reasons.add(row.reason);
  }
  return [...cells.values()];
}

function stateOf(cell) {
  return [
    cell.allowed ? ["used", "✓", cell.allowed, `used ${plural(cell.allowed, "time")}`] : null,
    cell.failed ? ["failed", "!", cell.failed, `failed ${plural(cell.failed, "time")}`] : null,
    cell.refused ? ["refused", "✕", cell.refused, `refused ${plural(cell.refused, "time")}`] : null,
    cell.rules.length && !cell.allowed ? ["never", "○", "", "permitted, never used"] : null,
  ].filter(Boolean);
}

const short = (n) => (n < 1000 ? String(n) : new Intl.NumberFormat("en", {notation: "compact"}).format(n));

function describe(cell) {
  return h("p", h("b", foreign(cell.program)), " → ", h("b", foreign(cell.column)), ": ", stateOf(cell).map(([, , , text]) => text).join(", "),
    cell.last ? [", last ", when(cell.last)] : null,
    cell.rules.length ? [" · rule ", foreign([...new Set(cell.rules)].join(", "), "code")] : null,
    [...cell.reasons].map((reason) => [" · ", foreign(reason)]));
}

function drawCell(cell, output) {
  if (!cell) return h("td", {class: "nothing"}, h("span", {class: "unseen"}, "not permitted"));
  const states = stateOf(cell);
  return h("td", h("button", {type: "button", class: "cell", "aria-label": `${states.map(([, , , text]) => text).join(", ")}: ${cell.program} to ${cell.column}`,
    onclick: () => fill(output, describe(cell))},
  states.map(([name, sign, n]) => h("span", {class: `state ${name}`, "aria-hidden": "true"}, sign, n ? ` ${short(n)}` : null))));
}

const LEGEND = [["used", "✓", "used"], ["never", "○", "permitted, never used"], ["refused", "✕", "refused"], ["failed", "!", "failed"]];

// Fills the element with the matrix.
export function drawMatrix(element, policy, traffic) {
  const cells = matrixOf(policy, traffic);
  const programs = [...new Set(cells.map((cell) => cell.program))].sort();
  const columns = [...new Set(cells.map((cell) => cell.column))].sort();
  const at = new Map(cells.map((cell) => [JSON.stringify([cell.program, cell.column]), cell]));
  const output = h("div", {class: "note detail", role: "status"});
  const never = cells.filter((cell) => cell.rules.length && !cell.allowed).length;
  if (!cells.length) {
    fill(element, h("p", {class: "empty"}, "The policy permits nothing, and nothing was asked for."));
    return;
  }
  const table = h("table", {class: "matrix", "aria-labelledby": "matrix-title"},
    h("thead", h("tr", h("td"), columns.slice(0, COLUMNS_MAX).map((column) => h("th", {scope: "col"}, h("span", foreign(column)))))),
    h("tbody", programs.slice(0, ROWS_MAX).map((program) => h("tr", h("th", {scope: "row"}, foreign(program)),
      columns.slice(0, COLUMNS_MAX).map((column) => drawCell(at.get(JSON.stringify([program, column])), output))))));
  fill(element,
    h("p", {class: "legend"}, LEGEND.map(([name, sign, text]) => h("span", h("span", {class: `state ${name}`, "aria-hidden": "true"}, sign), ` ${text}`))),
    h("div", {class: "scroll", tabindex: "0", role: "group", "aria-labelledby": "matrix-title"}, table), output,
    columns.length > COLUMNS_MAX || programs.length > ROWS_MAX ? h("p", {class: "note"}, `${columns.length} hosts and ${programs.length} programs: the first are shown`) : null,
    never ? h("p", {class: "note"}, `${plural(never, "permission was", "permissions were")} never used: `, h("code", "sluice policy prune"), " takes out what nothing needs.") : null);
}
