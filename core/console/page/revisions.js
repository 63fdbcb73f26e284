// SPDX-License-Identifier: Apache-2.0
// The revisions of a sandbox's policy: what each changed, in text and in reach, and the way back.
import {enc, get, post} from "./api.js";
import {ask, byId, fill, foreign, h, notice, when} from "./dom.js";
import {drawDiff} from "./diff.js";
import {effectOf, votesOf} from "./draft.js";

const SHOWN = 10;              // at first

const pathOf = (name) => `/v1/sandboxes/${enc(name)}`;

const policyText = (name, revision) => (revision ? get(`${pathOf(name)}/policy?revision=${revision}`, "application/yaml") : "");

async function drawChange(name, revision, box) {
  const [before, after, decision] = await Promise.all([
    policyText(name, revision.revision - 1), policyText(name, revision.revision),
    revision.decision ? get(`/v1/decisions/${enc(revision.decision)}`).catch(() => null) : null]);
  box.append(h("div", {class: "change"}, decision?.effect ? effectOf(decision.effect) : null,
    drawDiff(before, after, `Text of revision ${revision.revision}`), decision ? votesOf(decision.votes) : null));
}

async function rollback(name, current, to) {
  const path = `${pathOf(name)}/revisions/${to}/rollback`;
  try {
    const [would, before, after] = await Promise.all([post(`${path}?dry_run=true`).catch((error) => ({error})), policyText(name, current), policyText(name, to)]);
    if (would.error && !would.error.problem.votes) throw would.error;
    const votes = would.error ? would.error.problem.votes : would.votes;
    const answer = await ask(`Roll ${name} back to revision ${to}?`,
      would.effect ? effectOf(would.effect) : null, drawDiff(before, after, "Text of the change"), votesOf(votes),
      would.error ? h("p", {class: "error"}, would.error.message) : null,
      h("div", {class: "actions"}, would.error ? null : h("button", {value: "rollback", class: "main"}, "Roll back"),
        h("button", {type: "button", autofocus: true, onclick: () => byId("dialog").close()}, "Cancel")));
    if (!answer) return;
    const update = await post(path, null, {"If-Match": `"${current}"`});
    notice("good", h("p", update.outcome === "held" ? "Held: it waits in the inbox for another person." : `Rolled back: revision ${update.revision} of ${name}`));
  } catch (error) {
    notice("bad", error.message);
  }
}

function drawRevision(name, revision, current) {
  const box = h("details", h("summary", "Changes"));
  box.addEventListener("toggle", () => {
    if (box.open && box.children.length === 1) drawChange(name, revision, box).catch((error) => box.append(h("p", {class: "error"}, error.message)));
  });
  return h("li", {class: "revision", "data-revision": String(revision.revision)},
    h("div", {class: "head"},
      h("p", h("b", `${revision.revision}`), " ", h("span", {class: `tag ${revision.status}`}, revision.status), ` ${revision.kind} by `, foreign(revision.actor), " ",
        when(revision.created_at)),
      revision.revision === current ? h("span", {class: "note"}, "current")
        : h("button", {type: "button", "aria-label": `Roll back to revision ${revision.revision}`, onclick: () => rollback(name, current, revision.revision)}, "Roll back…")),
    revision.reason ? h("p", {class: "rationale"}, foreign(revision.reason)) : null,
    revision.error ? h("p", {class: "error"}, foreign(revision.error)) : null, box);
}

// Fills the list; a revision whose changes are shown stays open.
export function drawRevisions(list, name, revisions, shown = Math.max(SHOWN, list.children.length - 1)) {
  const open = new Set([...list.querySelectorAll("li details[open]")].map((box) => box.closest("li").dataset.revision));
  const current = revisions[0]?.revision, more = revisions.length - shown;
  fill(list, revisions.slice(0, shown).map((revision) => drawRevision(name, revision, current)),
    more > 0 ? h("li", h("button", {type: "button", onclick: () => drawRevisions(list, name, revisions, revisions.length)}, `${more} older`)) : null);
  for (const item of list.children) if (open.has(item.dataset.revision)) item.querySelector("details").open = true;
}
