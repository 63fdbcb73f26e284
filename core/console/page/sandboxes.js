// SPDX-License-Identifier: Apache-2.0
// The list of sandboxes beside every view: its phase, and how many drafts wait.
import {enc, get} from "./api.js";
import {byId, fill, foreign, h} from "./dom.js";

let sandboxes = [], waiting = new Map(), timer = 0;

function row(sandbox) {
  const n = waiting.get(sandbox.name) || 0;
  return h("li", h("a", {href: `#/sandbox/${enc(sandbox.name)}`, "data-testid": `sandbox-${sandbox.name}`},
    h("span", {class: `phase ${sandbox.phase}`, title: sandbox.phase}), foreign(sandbox.name),
    h("span", {class: "unseen"}, ` ${sandbox.phase}`),
    n ? h("span", {class: "count"}, String(n), h("span", {class: "unseen"}, n === 1 ? " draft" : " drafts")) : null));
}

export function markCurrent() {
  for (const link of document.querySelectorAll(".side a")) {
    if (link.hash === location.hash) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function draw() {
  const list = byId("sandboxes");
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  fill(list, sandboxes.length ? sandboxes.map(row) : h("li", {class: "none note"}, "none yet"));
  markCurrent();
  if (focused) list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

export async function loadSandboxes() {
  timer = 0;
  sandboxes = (await get("/v1/sandboxes")).sandboxes;
  draw();
}

// How many drafts wait in each, by name.
export function setWaiting(counts) {
  if (counts.size === waiting.size && [...counts].every(([name, n]) => waiting.get(name) === n)) return;
  waiting = counts;
  draw();
}

export function sandboxesEvent({type}) {
  if (["sandbox", "decision"].includes(type) && !timer) timer = setTimeout(() => loadSandboxes().catch(() => {}), 150);
}
