// SPDX-License-Identifier: Apache-2.0
// The queue: every pending draft of every sandbox, oldest first. A card stays where it is while it
// is looked at; what comes is put at the end.
import {all, enc, get, post} from "./api.js";
import {ask, byId, fill, h, notice, plural} from "./dom.js";
import {draftCard, titleOf} from "./draft.js";
import {setWaiting} from "./sandboxes.js";

const SETTLE_MS = 1200;         // a card that just changed is not decided by a key meant for the old one
const RELOAD_FROM = 25;         // so many changed drafts at once: the whole queue is read again
const GATHER_MS = 80;           // what changes within this time is read together

const drafts = new Map();       // by id, in the order shown: {draft, card, changed, busy}
const stale = new Map();        // id: its sandbox; to be read again
let list, heading, empty, filter, timer = 0, currentId = null, lastDone = null;

const pathOf = (draft) => `/v1/sandboxes/${enc(draft.sandbox)}/drafts/${enc(draft.id)}`;

// ---- the list ----

function matchesFilter(draft) {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const text = [draft.sandbox, draft.host, draft.binary, draft.rule_name, draft.rationale].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function count() {
  const n = drafts.size;
  const badge = byId("pending");
  badge.hidden = n === 0;
  badge.textContent = String(n);
  heading.textContent = n ? plural(n, "draft waits", "drafts wait") : "Inbox";
  empty.hidden = n > 0;
  const perSandbox = new Map();
  for (const {draft} of drafts.values()) perSandbox.set(draft.sandbox, (perSandbox.get(draft.sandbox) || 0) + 1);
  setWaiting(perSandbox);
  document.title = n ? `(${n}) sluice` : "sluice";
}

// What a decision rests on: when it changes, the person has to look again.
const substance = (draft) => JSON.stringify([draft.rule, draft.effect, draft.would_be, draft.addresses, draft.error]);

function put(draft) {
  const known = drafts.get(draft.id);
  if (known && JSON.stringify(known.draft) === JSON.stringify(draft)) return;
  const card = draftCard(draft);
  card.hidden = !matchesFilter(draft);
  const changed = known && substance(known.draft) !== substance(draft) ? Date.now() : 0;
  if (known) replace(known.card, card, changed);
  else list.append(card);
  drafts.set(draft.id, {draft, card, changed, busy: false});
}

function replace(old, card, changed) {
  const focused = old.contains(document.activeElement);
  const action = document.activeElement?.dataset?.action;
  if (old.querySelector("details")?.open) card.querySelector("details").open = true;
  card.classList.toggle("current", old.classList.contains("current"));
  if (changed) card.classList.add("changed");
  old.replaceWith(card);
  if (focused) (action ? card.querySelector(`[data-action="${action}"]`) : card).focus({preventScroll: true});
}

function drop(id) {
  const entry = drafts.get(id);
  if (!entry) return;
  const next = neighbour(entry.card, 1) || neighbour(entry.card, -1);
  const focused = entry.card.contains(document.activeElement);
  drafts.delete(id);
  entry.card.remove();
  if (currentId === id) {
    currentId = null;
    if (next) select(next, focused);
    else if (focused) heading.focus();
  }
  count();
}

export async function loadInbox() {
  const fresh = await all("/v1/drafts?status=pending", "chunks");
  const ids = new Set(fresh.map((draft) => draft.id));
  for (const id of [...drafts.keys()]) if (!ids.has(id)) drop(id);
  fresh.forEach(put);
  count();
}

// ---- events ----

async function readChanged() {
  const wanted = [...stale];
  stale.clear();
  if (wanted.length >= RELOAD_FROM) return loadInbox();
  const found = await Promise.all(wanted.map(([id, sandbox]) => get(pathOf({id, sandbox})).catch(() => null)));
  wanted.forEach(([id], i) => {
    if (found[i]?.status === "pending") put(found[i]);
    else drop(id);
  });
  return count();
}

// One read at a time; after a long one the next waits as long, so that a storm of changes does not make
// the gateway do little else.
function readLater(delay) {
  if (timer || !stale.size) return;
  timer = setTimeout(async () => {
    const start = performance.now();
    await readChanged().catch(() => {});
    timer = 0;
    readLater(Math.max(GATHER_MS, performance.now() - start));
  }, delay);
}

// A new revision or chain changes what voters say of every draft that it is about.
export function inboxEvent({type, data}) {
  if ((type === "draft" || type === "held") && data.draft) stale.set(data.draft, data.sandbox);
  else if (type === "revision" || type === "chain" || (type === "sandbox" && data.phase !== "ready"))
    for (const {draft} of drafts.values()) if (!data.sandbox || draft.sandbox === data.sandbox) stale.set(draft.id, draft.sandbox);
  readLater(GATHER_MS);
}

// ---- which one is meant ----

function neighbour(card, step) {
  let at = card;
  do at = step > 0 ? at.nextElementSibling : at.previousElementSibling;
  while (at && at.hidden);
  return at;
}

function select(card, focus) {
  if (currentId && drafts.has(currentId)) drafts.get(currentId).card.classList.remove("current");
  currentId = card.dataset.id;
  card.classList.add("current");
  if (!focus) return;
  card.focus({preventScroll: true});
  card.scrollIntoView({block: "nearest"});
}

function move(step) {
  const at = currentId && drafts.get(currentId)?.card;
  const visible = [...list.children].filter((card) => !card.hidden);
  const next = at && !at.hidden ? neighbour(at, step) : visible[step > 0 ? 0 : visible.length - 1];
  if (next) select(next, true);
}

// ---- decisions ----

const LENGTHS = [["once", "the next request"], ["15m", "15 minutes"], ["1h", "1 hour"], ["8h", "8 hours"], ["1d", "1 day"]];

async function askLength(draft) {
  const answer = await ask("Approve for a while",
    h("p", titleOf(draft)),
    h("div", {class: "choices"}, LENGTHS.map(([value, text], i) => h("button", {value, class: "choice", autofocus: i === 2}, text))),
    h("div", {class: "actions"}, h("button", {type: "button", onclick: () => byId("dialog").close()}, "Cancel")));
  if (!answer) return null;
  return answer.button === "once" ? {uses: 1} : {for: answer.button};
}

function askReason(draft) {
  return ask("Reject", h("p", titleOf(draft)),
    h("label", {for: "reason"}, "Reason, for the record and for whoever asked (may be left out)"),
    h("input", {id: "reason", name: "reason", maxlength: "1024", autocomplete: "off", autofocus: true}),
    h("div", {class: "actions"}, h("button", {value: "reject", class: "bad"}, "Reject"),
      h("button", {type: "button", onclick: () => byId("dialog").close()}, "Cancel")));
}

function told(draft, word, update) {
  lastDone = word === "Rejected" ? null : draft;
  const undo = lastDone && h("button", {type: "button", onclick: () => undoLast(), "data-key": "u"}, "Undo");
  const revision = update?.revision && update.changed ? `, revision ${update.revision} of ` : " in ";
  notice("good", h("p", `${word} `, titleOf(draft), revision, h("b", draft.sandbox)), undo);
}

function refused(entry, error) {
  const votes = (error.problem?.votes || []).filter((vote) => vote.verdict === "deny" || vote.verdict === "hold");
  notice("bad", h("p", error.message), votes.length ? h("ul", votes.map((vote) => h("li", h("b", vote.voter), ` ${vote.code}: ${vote.message}`))) : null);
  if (error.problem?.review_token) put({...entry.draft, ...chunkOf(error.problem)});
  else stale.set(entry.draft.id, entry.draft.sandbox);
  readLater(GATHER_MS);
}

// A refusal because somebody changed what was reviewed has the chunk as it is now.
function chunkOf(problem) {
  const {type, title, detail, errors, ...chunk} = problem;
  return {...chunk, status: "pending"};
}

async function decide(entry, path, body, word) {
  entry.busy = true;
  entry.card.setAttribute("aria-busy", "true");
  try {
    const answer = await post(`${pathOf(entry.draft)}/${path}`, body);
    if (answer.outcome === "held") notice("good", h("p", "One approval is on record: it needs another person's, too."));
    else {
      drop(entry.draft.id);
      told(entry.draft, word, answer.update || answer);
    }
  } catch (error) {
    refused(entry, error);
  } finally {
    entry.busy = false;
    entry.card.removeAttribute("aria-busy");
  }
}

async function act(action, id) {
  const entry = drafts.get(id);
  if (!entry || entry.busy) return;
  if (Date.now() - entry.changed < SETTLE_MS) {
    notice("bad", "This draft has just changed: look again, then decide.");
    return;
  }
  const {draft} = entry;
  if (action === "approve") await decide(entry, "approve", {review_token: draft.review_token}, "Approved");
  else if (action === "approve-for") {
    const grant = await askLength(draft);
    if (grant) await decide(entry, "approve", {review_token: draft.review_token, grant}, "Approved for a while");
  } else if (action === "reject") {
    const answer = await askReason(draft);
    if (answer) await decide(entry, "reject", answer.reason ? {reason: answer.reason} : {}, "Rejected");
  }
}

export async function undoLast() {
  const draft = lastDone;
  lastDone = null;
  if (!draft) return;
  try {
    await post(`${pathOf(draft)}/undo`);
    notice("good", h("p", "Undone: ", titleOf(draft)));
  } catch (error) {
    notice("bad", error.message);
  }
}

// ---- the view ----

export const inboxKeys = {
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  a: () => act("approve", currentId), f: () => act("approve-for", currentId), r: () => act("reject", currentId),
  u: () => undoLast(), "/": () => filter.focus(),
  d: () => { const box = drafts.get(currentId)?.card.querySelector("details"); if (box) box.open = !box.open; },
};

function onClick(event) {
  const button = event.target.closest("[data-action]");
  if (button) act(button.dataset.action, button.closest(".draft").dataset.id);
}

export function buildInbox(section) {
  heading = h("h1", {id: "inbox-title", tabindex: "-1"}, "Inbox");
  filter = h("input", {type: "search", id: "filter", placeholder: "Filter", "aria-label": "Filter drafts by sandbox, host or program", "aria-keyshortcuts": "/"});
  filter.addEventListener("input", () => { for (const {draft, card} of drafts.values()) card.hidden = !matchesFilter(draft); });
  empty = h("p", {class: "empty", hidden: true}, "Nothing waits. A request that a policy refuses shows up here at once.");
  list = h("ol", {class: "drafts", "aria-label": "Drafts"});
  list.addEventListener("click", onClick);
  list.addEventListener("focusin", (event) => { const card = event.target.closest(".draft"); if (card) select(card, false); });
  fill(section, h("div", {class: "title"}, heading, filter), empty, list);
}
