// SPDX-License-Identifier: Apache-2.0
// One sandbox: what its policy permits and what was used of it, its revisions, and what it does now.
import {all, enc, get} from "./api.js";
import {byId, fill, foreign, h, plural, when, where} from "./dom.js";
import {drawMatrix} from "./matrix.js";
import {drawRevisions} from "./revisions.js";

const EVENTS_SHOWN = 200, TRAFFIC_SHOWN = 100, POLL_MS = 3000;

let name = null, parts = {}, policy = {}, traffic = [], seen = new Set(), timer = 0, poll = 0;

const path = (rest = "") => `/v1/sandboxes/${enc(name)}${rest}`;

// ---- what it is ----

function drawHead(sandbox) {
  const lag = sandbox.loaded_revision < sandbox.policy_revision;
  fill(parts.head, h("div", {class: "title"}, h("h1", {id: "sandbox-title", tabindex: "-1"}, foreign(sandbox.name)),
    h("span", {class: `tag ${sandbox.phase}`}, sandbox.phase)),
  h("p", {class: "facts"},
    h("span", `revision ${sandbox.policy_revision}`, lag ? `, enforces ${sandbox.loaded_revision} still` : " is enforced"),
    sandbox.owner ? h("span", "owned by ", foreign(sandbox.owner)) : null,
    h("span", "made ", when(sandbox.created_at)),
    sandbox.network === "none" ? h("span", "no network") : null,
    h("span", `approvals ${sandbox.approval_mode}`),
    sandbox.hold_ms ? h("span", `holds requests ${sandbox.hold_ms / 1000} s`) : null,
    sandbox.agent_proposals ? h("span", "agent proposals on") : null,
    Object.entries(sandbox.labels).map(([key, value]) => h("span", foreign(`${key}=${value}`, "code")))),
  sandbox.error ? h("p", {class: "error"}, foreign(sandbox.error)) : null);
}

// ---- what it does ----

function drawTraffic() {
  const rows = [...traffic].sort((a, b) => (a.last_seen < b.last_seen ? 1 : -1)).slice(0, TRAFFIC_SHOWN);
  fill(parts.traffic, rows.length ? h("div", {class: "scroll", tabindex: "0", role: "group", "aria-label": "Traffic"},
    h("table", {class: "rows"}, h("caption", {class: "unseen"}, "Traffic, newest first"),
      h("thead", h("tr", ["Last", "Verdict", "Program", "Host", "Count"].map((title) => h("th", {scope: "col"}, title)))),
      h("tbody", rows.map((row) => h("tr", h("td", when(row.last_seen)), h("td", h("span", {class: `tag ${row.verdict}`}, row.verdict)),
        h("td", foreign(row.binary)), h("td", foreign(where(row.host, row.port))), h("td", {class: "number"}, row.count.toLocaleString("en")))))))
    : h("p", {class: "note"}, "Nothing was asked for yet."));
}

function eventText({type, data}) {
  const to = data.host ? [" ", foreign(where(data.host, data.port || 0))] : null;
  const call = data.method ? [" ", foreign(`${data.method} ${data.path || ""}`, "code")] : null;
  const program = data.binary ? [" ", foreign(data.binary)] : null;
  const rest = ["status", "phase", "outcome", "state", "finding", "change", "reason", "error"].map((key) => data[key]).filter((value) => typeof value === "string" && value);
  return [data.revision ? ` revision ${data.revision}` : null, program, to ? [" →", to] : null, call, rest.length ? [program || data.revision ? " · " : null, foreign(rest.join(", "))] : null];
}

function addEvent(event) {
  if (seen.has(event.id)) return;
  seen.add(event.id);
  parts.events.prepend(h("li", h("span", {class: "kind"}, event.type), h("span", eventText(event)), when(event.data.at)));
  while (parts.events.children.length > EVENTS_SHOWN) parts.events.lastChild.remove();
}

async function loadEvents() {
  const text = await get(`/v1/events?sandbox=${enc(name)}&follow=false`, "text/event-stream");
  for (const block of text.split("\n\n").slice(-EVENTS_SHOWN)) {
    const field = (key) => block.split("\n").find((line) => line.startsWith(`${key}: `))?.slice(key.length + 2);
    if (field("data")) addEvent({id: field("id"), type: field("event"), data: JSON.parse(field("data"))});
  }
}

// ---- loading ----

async function loadTraffic() {
  const fresh = await all(path("/traffic"), "traffic");
  if (JSON.stringify(fresh) === JSON.stringify(traffic)) return;
  traffic = fresh;
  drawTraffic();
  if (!parts.matrix.contains(document.activeElement)) drawMatrix(parts.matrix, policy, traffic);
}

async function load() {
  const asked = name;
  const [sandbox, document, revisions, rows] = await Promise.all([get(path()), get(path("/policy")), get(path("/revisions?limit=50")), all(path("/traffic"), "traffic")]);
  if (asked !== name) return;
  policy = document.policy;
  traffic = rows;
  drawHead(sandbox);
  drawMatrix(parts.matrix, policy, traffic);
  drawRevisions(parts.revisions, name, revisions.revisions);
  drawTraffic();
}

function build(section) {
  parts = {head: h("header", {class: "about"}), matrix: h("div", {"data-testid": "matrix"}), revisions: h("ol", {class: "revisions", "data-testid": "revisions"}),
    traffic: h("div"), events: h("ol", {class: "events", "data-testid": "events", tabindex: "0", "aria-label": "Events, newest first"})};
  fill(section, parts.head,
    h("div", {class: "card"}, h("h2", {id: "matrix-title"}, "Programs and hosts"), parts.matrix),
    h("div", {class: "halves"}, h("div", {class: "card"}, h("h2", "Revisions"), parts.revisions),
      h("div", {class: "card"}, h("h2", "Events"), parts.events)),
    h("div", {class: "card"}, h("h2", "Traffic"), parts.traffic));
}

export async function openSandbox(wanted) {
  if (wanted !== name) {
    name = wanted;
    seen = new Set();
    build(byId("sandbox"));
  }
  clearInterval(poll);
  poll = setInterval(() => { if (!document.hidden) loadTraffic().catch(() => {}); }, POLL_MS);
  try {
    await load();
    await loadEvents();
  } catch (error) {
    fill(parts.head, h("h1", {id: "sandbox-title"}, foreign(wanted)), h("p", {class: "error"}, error.message));
  }
}

export function closeSandbox() {
  clearInterval(poll);
  name = null;
}

export function sandboxEvent(event) {
  if (!name || event.data.sandbox !== name) return;
  addEvent(event);
  if (!timer) timer = setTimeout(() => { timer = 0; (event.type === "denial" ? loadTraffic() : load()).catch(() => {}); }, 250);
}
