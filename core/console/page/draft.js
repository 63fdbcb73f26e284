// SPDX-License-Identifier: Apache-2.0
// What a person has to know to decide a draft: who wants what, what it would open or close, and
// what the voters say.
import {foreign, h, micros, plural, when, where} from "./dom.js";

const SOURCES = {
  mechanistic: "refused request",
  agent: "proposed by the agent",
  held: "held update",
  operator: "proposed",
};
const NO_CHANGE = " nothing more and nothing less can be reached";

const baseName = (path) => path.slice(path.lastIndexOf("/") + 1) || path;

// ---- effect ----

function reachText(reach) {
  const call = reach.tool || reach.rpc_method || [reach.operation, reach.field].filter(Boolean).join(" ");
  return [
    h("b", foreign(reach.binary)), " → ", h("b", foreign(where(reach.host, reach.port))),
    reach.method || reach.path ? [" ", foreign(`${reach.method} ${reach.path}`.trim(), "code")] : " any bytes",
    call ? [" ", foreign(call, "code")] : null,
  ];
}

function reachList(list, sign, word) {
  const limit = 12;
  return list.slice(0, limit).map((reach) => h("li", {class: word},
    h("span", {class: "sign", "aria-hidden": "true"}, sign),
    h("span", h("span", {class: "unseen"}, `${word}: `), reachText(reach))))
    .concat(list.length > limit ? h("li", {class: "more"}, `and ${list.length - limit} more ${word}`) : []);
}

// Gained and lost reach; testid where it is the one of a draft.
export function effectOf(effect, testid) {
  if (!effect) return h("div", {class: "effect", "data-testid": testid}, h("p", {class: "note"}, "not known"));
  const {relation, gained = [], lost = []} = effect;
  return h("div", {class: `effect ${relation}`, "data-testid": testid},
    h("p", {class: "relation"}, h("span", {class: `tag ${relation}`}, relation), relation === "same" ? NO_CHANGE : null),
    gained.length + lost.length ? h("ul", reachList(gained, "+", "gained"), reachList(lost, "−", "lost")) : null);
}

// ---- votes ----

export function votesOf(votes = []) {
  return h("ul", {class: "votes"}, votes.map((vote) => h("li", {class: vote.verdict},
    h("span", {class: `tag ${vote.verdict}`}, vote.verdict), " ", h("b", foreign(vote.voter)),
    vote.level === "mandatory" ? null : h("span", {class: "note"}, ` ${vote.level}`),
    h("span", {class: "note"}, ` ${micros(vote.duration_us)}`),
    vote.message ? h("p", vote.code ? [h("code", vote.code), " "] : null, foreign(vote.message)) : null,
    vote.path ? h("p", {class: "note"}, foreign(vote.path, "code")) : null)));
}

// In a line: what decides first.
function verdictLine(draft) {
  const votes = draft.votes || [];
  const against = votes.filter((vote) => vote.verdict === "deny" || vote.verdict === "hold");
  if (draft.error) return h("p", {class: "verdict deny"}, h("span", {class: "tag deny"}, "cannot be applied"), " ", foreign(draft.error));
  if (!against.length) {
    const allowed = votes.filter((vote) => vote.verdict === "allow").length;
    return h("p", {class: "verdict allow"}, h("span", {class: "tag allow"}, draft.would_be || "allowed"),
      ` ${allowed} of ${plural(votes.length, "voter")} allow`);
  }
  return h("ul", {class: "verdict"}, against.map((vote) => h("li",
    h("span", {class: `tag ${vote.verdict}`}, vote.verdict), " ", h("b", foreign(vote.voter)), " ",
    vote.code ? [h("code", foreign(vote.code)), " "] : null, foreign(vote.message))));
}

// ---- the card ----

export function titleOf(draft) {
  const programs = (draft.rule?.binaries || []).map((binary) => baseName(binary.path));
  const program = draft.binary ? baseName(draft.binary) : programs[0] || "nobody";
  const more = !draft.binary && programs.length > 1 ? ` and ${programs.length - 1} more` : "";
  return [h("b", foreign(program + more)), " → ", h("b", foreign(draft.host ? where(draft.host, draft.port) : draft.rule_name)),
    draft.method || draft.path ? [" ", foreign(`${draft.method} ${draft.path}`.trim(), "code")] : null];
}

function facts(draft) {
  const asked = (draft.asked_by || []).filter((name) => name !== draft.author);
  return h("p", {class: "facts"},
    h("a", {href: `#/sandbox/${encodeURIComponent(draft.sandbox)}`}, foreign(draft.sandbox)),
    h("span", SOURCES[draft.source] || draft.source),
    h("span", plural(draft.hits, "time"), ", ", when(draft.last_seen)),
    draft.waiting ? h("span", {class: "waiting"}, plural(draft.waiting, "request waits", "requests wait")) : null,
    draft.addresses?.length ? h("span", "resolves to ", draft.addresses.slice(0, 4).map((address, i) => [i ? ", " : "", foreign(address, "code")]),
      draft.addresses.length > 4 ? ` and ${draft.addresses.length - 4} more` : null) : null,
    draft.author && !draft.author.startsWith("sandbox:") ? h("span", "by ", foreign(draft.author)) : null,
    asked.length ? h("span", "asked by ", foreign(asked.join(", "))) : null,
    draft.approvals?.length ? h("span", plural(draft.approvals.length, "approval")) : null);
}

function notes(draft) {
  return [
    draft.rationale ? h("p", {class: "rationale"}, foreign(draft.rationale)) : null,
    draft.security_notes ? h("p", {class: "caution"}, h("span", {class: "unseen"}, "Caution: "), foreign(draft.security_notes)) : null,
    (draft.findings || []).slice(0, 4).map((finding) => h("p", {class: "caution"}, foreign(finding.text))),
    (draft.warnings || []).slice(0, 4).map((warning) => h("p", {class: "caution"}, foreign(warning.message))),
  ];
}

function details(draft) {
  const box = h("details", {class: "more"}, h("summary", "Rule and votes ", h("kbd", "d")));
  box.addEventListener("toggle", () => {
    if (!box.open || box.children.length > 1) return;
    box.append(h("div", {class: "columns"},
      h("div", h("h3", "Rule ", foreign(draft.rule_name, "code")), h("pre", {lines: true, tabindex: "0", "aria-label": "Rule"}, JSON.stringify(draft.rule, null, 2))),
      h("div", h("h3", "Votes"), votesOf(draft.votes))));
  });
  return box;
}

function actions(draft) {
  const button = (action, key, text, kind) => h("button", {type: "button", class: kind, "data-action": action, "data-key": key,
    "data-testid": `${action}-${draft.id}`, "aria-keyshortcuts": key, "aria-describedby": `title-${draft.id}`}, text);
  return h("div", {class: "actions"}, button("approve", "a", "Approve", "main"),
    button("approve-for", "f", "For a while"), button("reject", "r", "Reject", "bad"));
}

// The draft as an element; its actions are buttons with data-action.
export function draftCard(draft) {
  return h("li", {class: "card draft", tabindex: "-1", id: `draft-${draft.id}`, "data-testid": `draft-${draft.id}`, "data-id": draft.id},
    h("div", {class: "head"}, h("h2", {id: `title-${draft.id}`}, titleOf(draft)), actions(draft)),
    facts(draft), effectOf(draft.effect, `effect-${draft.id}`), verdictLine(draft), notes(draft), details(draft));
}
