// SPDX-License-Identifier: Apache-2.0
// The start: who is asking, the views and their addresses, keys, and the stream of events.
import {follow, get, token, whenUnknown} from "./api.js";
import {ask, byId, fill, h, notice, refreshTimes} from "./dom.js";
import {buildInbox, inboxEvent, inboxKeys, loadInbox} from "./inbox.js";
import {comeBack, offerIssuer} from "./login.js";
import {loadSandboxes, markCurrent, sandboxesEvent} from "./sandboxes.js";

const VIEWS = ["inbox", "sandbox", "voters", "audit"];
const KEYS = [
  ["j k", "next, previous draft"], ["a", "approve"], ["f", "approve for a while"], ["r", "reject"],
  ["d", "rule and votes"], ["u", "undo the last approval"], ["/", "filter"], ["?", "these keys"],
];

const opened = new Set();
let view = "inbox", started = false, wrong = "";

// ---- views ----

// Views other than the inbox are read when they are first wanted.
const OPEN = {
  sandbox: async (name) => (await import("./sandbox.js")).openSandbox(name),
  voters: async () => (await import("./voters.js")).openVoters(),
  audit: async () => (await import("./audit.js")).openAudit(),
};

function show(name) {
  view = name;
  for (const id of [...VIEWS, "login"]) byId(id).hidden = id !== name;
  for (const link of document.querySelectorAll(".nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  markCurrent();
}

// #/VIEW or #/VIEW/NAME
async function route(event) {
  const [, wanted, name] = location.hash.split("/").map(decodeURIComponent);
  show(VIEWS.includes(wanted) ? wanted : "inbox");
  const {closeSandbox} = view === "sandbox" || !opened.has("sandbox") ? {} : await import("./sandbox.js");
  closeSandbox?.();
  opened.add(view);
  try {
    await OPEN[view]?.(name || "");
  } catch (error) {
    notice("bad", error.message);
  }
  if (event) byId(`${view}-title`)?.focus({preventScroll: true});
}

// ---- keys ----

function showKeys() {
  ask("Keys", h("dl", {class: "keys"}, KEYS.map(([keys, text]) => h("div", h("dt", keys.split(" ").map((key) => h("kbd", key))), h("dd", text)))),
    h("div", {class: "actions"}, h("button", {value: "close", class: "main"}, "Close")));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || byId("dialog").open) return;
  if (event.target.closest("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const scrolls = event.target.closest("pre, .scroll") && event.key.startsWith("Arrow");
  const call = event.key === "?" ? showKeys : view === "inbox" && !scrolls && inboxKeys[event.key];
  if (!call) return;
  event.preventDefault();
  call();
}

// ---- the stream of events ----

function onEvent(event) {
  if (event.type === "reset") loadInbox().catch(() => {});
  inboxEvent(event);
  sandboxesEvent(event);
  if (view === "sandbox") import("./sandbox.js").then(({sandboxEvent}) => sandboxEvent(event));
}

// What happened before the stream began is in what is read now.
function onState(live, refused) {
  if (live || refused) for (const load of [loadInbox, loadSandboxes]) load().catch(() => {});
  byId("live").textContent = live ? "live" : refused ? "not live" : "reconnecting…";
  byId("live").classList.toggle("on", live);
}

// ---- who is asking ----

function askToken(refusal) {
  started = false;
  show("login");
  byId("login-error").textContent = wrong || (token.get() ? refusal.message : "");
  wrong = "";
  offerIssuer();
  byId("token").focus();
}

async function begin() {
  const who = await get("/v1/whoami");
  fill(byId("who"), h("b", who.name), ` ${who.role}`);
  byId("logout").hidden = !token.get();
  if (started) return;
  started = true;
  follow(onEvent, onState);
  await route();
}

function onLogin(event) {
  event.preventDefault();
  token.set(byId("token").value.trim());
  byId("token").value = "";
  begin().catch((error) => { byId("login-error").textContent = error.message; });
}

function start() {
  buildInbox(byId("inbox"));
  whenUnknown(askToken);
  addEventListener("hashchange", route);
  addEventListener("keydown", onKey);
  byId("help").addEventListener("click", showKeys);
  byId("login-form").addEventListener("submit", onLogin);
  byId("logout").addEventListener("click", () => { token.clear(); location.reload(); });
  setInterval(refreshTimes, 10000);
  comeBack().catch((error) => { wrong = error.message; }).then(begin)
    .catch((error) => { if (error.status !== 401) notice("bad", error.message); });
}

start();
