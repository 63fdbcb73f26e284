// SPDX-License-Identifier: Apache-2.0
// The audit record: every decision, newest first, and whether the chain of records is whole.
import {enc, get} from "./api.js";
import {byId, fill, foreign, h, plural, when} from "./dom.js";
import {effectOf, votesOf} from "./draft.js";

const PAGE = 50;

let list, older, verdict, oldest = 0;

async function drawDetails(decision, box) {
  const full = await get(`/v1/decisions/${enc(decision.id)}`);
  box.append(h("div", {class: "change"}, full.effect ? effectOf(full.effect) : null, votesOf(full.votes),
    h("dl", {class: "hashes"}, h("div", h("dt", "record"), h("dd", h("code", full.hash))), h("div", h("dt", "the one before"), h("dd", h("code", full.previous || "none"))),
      h("div", h("dt", "candidate"), h("dd", h("code", full.candidate_hash))))));
}

function row(decision) {
  const against = decision.votes.filter((vote) => vote.verdict === "deny" || vote.verdict === "hold");
  const box = h("details", h("summary", "Votes and effect"));
  box.addEventListener("toggle", () => {
    if (box.open && box.children.length === 1) drawDetails(decision, box).catch((error) => box.append(h("p", {class: "error"}, error.message)));
  });
  return h("li", {class: "decision"},
    h("p", h("span", {class: "number"}, `${decision.seq}`), " ", h("span", {class: `tag ${decision.outcome}`}, decision.outcome), ` ${decision.kind.replace("_", " ")}${decision.sandbox ? " of " : ""}`,
      h("b", foreign(decision.sandbox)), " by ", foreign(decision.actor.name), h("span", {class: "note"}, ` ${decision.actor.role}`), decision.overridden ? h("span", {class: "tag held"}, "overridden") : null,
      " ", when(decision.at)),
    against.length ? h("p", {class: "note"}, against.map((vote, i) => [i ? "; " : "", h("b", foreign(vote.voter)), " ", foreign(`${vote.code} ${vote.message}`)])) : null,
    decision.reason ? h("p", {class: "rationale"}, foreign(decision.reason)) : null, box);
}

async function loadPage() {
  const {decisions} = await get(`/v1/decisions?limit=${PAGE}${oldest ? `&before=${oldest}` : ""}`);
  list.append(...decisions.map(row));
  oldest = decisions.at(-1)?.seq || oldest;
  older.hidden = decisions.length < PAGE;
}

async function verify() {
  fill(verdict, h("p", {class: "note"}, "checking each record…"));
  try {
    const audit = await get("/v1/audit/verify");
    fill(verdict, audit.intact
      ? h("p", h("span", {class: "tag allow"}, "intact"), ` ${plural(audit.records, "record")}, head `, h("code", {class: "hash"}, audit.head))
      : h("p", {class: "error"}, h("span", {class: "tag deny"}, "broken"), ` at record ${audit.first_bad}: `, foreign(audit.why)));
  } catch (error) {
    fill(verdict, h("p", {class: "error"}, error.message));
  }
}

export async function openAudit() {
  list = h("ol", {class: "decisions", "aria-label": "Decisions, newest first"});
  verdict = h("div", {role: "status"});
  older = h("button", {type: "button", onclick: () => loadPage()}, "Older");
  oldest = 0;
  fill(byId("audit"), h("div", {class: "title"}, h("h1", {id: "audit-title", tabindex: "-1"}, "Audit"), h("button", {type: "button", onclick: verify}, "Verify again")),
    h("div", {class: "card"}, h("h2", "The chain of records"), verdict,
      h("p", {class: "note"}, "Note the head elsewhere: ", h("code", "sluice audit verify --head HASH"), " finds a record that was rolled back as a whole.")),
    h("div", {class: "card"}, h("h2", "Decisions"), list, older));
  await Promise.all([loadPage(), verify()]);
}
