// SPDX-License-Identifier: Apache-2.0
// The gateway's API, asked as whoever reads the page: by the token of this tab, by a client
// certificate or by what the listener knows of the connection.

const TOKEN = "sluice-token";

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (text) => sessionStorage.setItem(TOKEN, text),
  clear: () => sessionStorage.removeItem(TOKEN),
};

// What the gateway refused, with its own words.
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `the gateway answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

// Called when the gateway does not know who asks.
let onUnknown = () => {};
export function whenUnknown(call) {
  onUnknown = call;
}

function headers(more) {
  const secret = token.get();
  return secret ? {...more, Authorization: `Bearer ${secret}`} : more;
}

async function refusal(response) {
  const text = await response.text();
  let problem = {detail: text.slice(0, 500)};
  if ((response.headers.get("Content-Type") || "").includes("json")) problem = JSON.parse(text);
  return new Refusal(response.status, problem);
}

async function send(path, options) {
  let response;
  try {
    response = await fetch(`..${path}`, {redirect: "error", ...options});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, {detail: "the gateway cannot be reached"});
  }
  if (response.ok) return response;
  const refused = await refusal(response);
  if (response.status === 401) onUnknown(refused);
  throw refused;
}

export async function get(path, accept = "application/json") {
  const response = await send(path, {headers: headers({Accept: accept})});
  return accept === "application/json" ? response.json() : response.text();
}

export async function post(path, body, more = {}) {
  const fields = {...more, Accept: "application/json"};
  if (body) fields["Content-Type"] = "application/json";
  const response = await send(path, {method: "POST", headers: headers(fields), body: body && JSON.stringify(body)});
  return response.json();
}

// Every page of a list.
export async function all(path, list) {
  const items = [];
  let after = 0;
  do {
    const answer = await get(`${path}${path.includes("?") ? "&" : "?"}after=${after}`);
    items.push(...answer[list]);
    after = answer.next || 0;
  } while (after);
  return items;
}

export const enc = encodeURIComponent;

// ---- events ----

function readEvent(block) {
  const event = {type: "message", data: ""};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon <= 0) continue;
    const name = line.slice(0, colon), value = line.slice(colon + 2);
    if (name === "id") event.id = value;
    else if (name === "event") event.type = value;
    else if (name === "data") event.data += value;
  }
  return event.data ? {...event, data: JSON.parse(event.data)} : null;
}

async function readStream(response, onEvent) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const {done, value} = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const event of blocks.map(readEvent)) if (event) onEvent(event);
  }
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Follows the gateway's events until the page is left, again after each break. onState: whether it
// does; after a break the events that were missed come first.
export async function follow(onEvent, onState) {
  let last = null, wait = 250;
  for (;;) {
    try {
      const fields = {Accept: "text/event-stream", ...(last ? {"Last-Event-ID": last} : {})};
      const response = await send("/v1/events", {headers: headers(fields)});
      onState(true);
      wait = 250;
      await readStream(response, (event) => {
        last = event.id || last;
        onEvent(event);
      });
    } catch (error) {
      if (error.status === 401 || error.status === 403) return onState(false, error);
    }
    onState(false);
    await pause(wait);
    wait = Math.min(wait * 2, 8000);
  }
}
