// SPDX-License-Identifier: Apache-2.0
// The chain: who votes, how often they refuse, and how long they take.
import {get} from "./api.js";
import {byId, fill, foreign, h, micros, plural, svg} from "./dom.js";

const RECENT = 100, FEWEST = 30, WIDTH = 300, HEIGHT = 44;

// A bar for each of the last votes, oldest first, and lines for the median and the slowest of 100; from
// a microsecond to the power of ten above them all.
function plot(voter, durations) {
  const slowest = Math.max(10, voter.p99_us, ...durations.map(({us}) => us));
  const top = Math.ceil(Math.log10(slowest)), step = WIDTH / Math.max(durations.length, FEWEST);
  const level = (us) => Math.max(Math.log10(Math.max(us, 1)) / top, 0.03) * HEIGHT;
  const line = (us, name) => svg("line", {class: name, x1: 0, x2: WIDTH, y1: HEIGHT - level(us), y2: HEIGHT - level(us)});
  return [
    svg("svg", {class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none",
      "aria-label": `The last ${durations.length} votes: median ${micros(voter.p50_us)}, 99 of 100 within ${micros(voter.p99_us)}`},
    durations.map(({us, verdict}, i) => svg("rect", {class: verdict, x: i * step, width: step * 0.7, y: HEIGHT - level(us), height: level(us)})),
    line(voter.p50_us, "p50"), line(voter.p99_us, "p99")),
    h("p", {class: "note scale"}, h("span", `the last ${plural(durations.length, "vote")}`), h("span", `1 µs to ${micros(10 ** top)}, by powers of ten`)),
  ];
}

const fact = (term, value) => h("div", h("dt", term), h("dd", value));

function card(voter, durations) {
  return h("li", {class: "card voter"},
    h("div", {class: "head"}, h("h2", foreign(voter.name), " ", h("span", {class: "note"}, foreign(voter.version))), h("span", {class: `tag ${voter.state}`}, voter.state)),
    voter.summary ? h("p", {class: "note"}, foreign(voter.summary)) : null,
    h("p", {class: "facts"}, h("span", voter.level), h("span", voter.kind), h("span", voter.isolation === "inline" ? "runs inline" : "a process of its own"),
      voter.reads_files ? h("span", "can read the gateway's files") : null),
    h("dl", {class: "numbers"}, fact("votes", voter.votes.toLocaleString("en")), fact("denials", voter.denials.toLocaleString("en")),
      fact("errors", voter.errors.toLocaleString("en")), fact("median", micros(voter.p50_us)), fact("99 %", micros(voter.p99_us)),
      voter.inspects ? [fact("requests", voter.requests.toLocaleString("en")), fact("refused", voter.request_denials.toLocaleString("en"))] : null),
    durations.length ? plot(voter, durations) : h("p", {class: "note"}, "No vote is on record yet."));
}

// Times of the last decisions, by voter, oldest first.
function durationsOf(decisions) {
  const byVoter = new Map();
  for (const decision of [...decisions].reverse())
    for (const vote of decision.votes) {
      if (!byVoter.has(vote.voter)) byVoter.set(vote.voter, []);
      byVoter.get(vote.voter).push({us: vote.duration_us, verdict: vote.verdict});
    }
  return byVoter;
}

export async function openVoters() {
  const section = byId("voters");
  const [plugins, decisions] = await Promise.all([get("/v1/plugins"), get(`/v1/decisions?limit=${RECENT}`).catch(() => ({decisions: []}))]);
  const durations = durationsOf(decisions.decisions);
  fill(section, h("div", {class: "title"}, h("h1", {id: "voters-title", tabindex: "-1"}, plural(plugins.voters.length, "voter")),
    h("p", {class: "note"}, "chain ", h("code", plugins.digest.slice(0, 12)))),
  plugins.not_inspecting.map((sandbox) => h("p", {class: "caution"}, h("b", foreign(sandbox.sandbox)), " does not use the voters on requests: ", foreign(sandbox.error))),
  h("ul", {class: "voters"}, plugins.voters.map((voter) => card(voter, (durations.get(voter.name) || []).slice(-RECENT)))),
  h("p", {class: "note"}, "Lines are the median and, dashed, the time that 99 of 100 votes keep within."));
}
