// SPDX-License-Identifier: Apache-2.0
// Elements made from values. Every text goes into a text node, never into markup, and characters
// that could hide or reorder it are shown by their number.

// Control characters, bidirectional controls, invisible and unassigned ones, and lone surrogates.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u00a0\u115f\u1160\u2800\u3164\uffa0]/u;
const LINE = /[\n\t]/;

function shown(character) {
  const number = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  const mark = document.createElement("span");
  mark.className = "hidden-character";
  mark.textContent = `U+${number}`;
  return mark;
}

// The text as nodes; of several lines where it is said to be.
function nodesOf(text, lines) {
  const nodes = [];
  let plain = "";
  for (const character of String(text)) {
    if (!HIDDEN.test(character) || (lines && LINE.test(character))) {
      plain += character;
      continue;
    }
    if (plain) nodes.push(plain);
    plain = "";
    nodes.push(shown(character));
  }
  if (plain) nodes.push(plain);
  return nodes;
}

function setAttribute(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "lines") return;
  else element.setAttribute(name, value === true ? "" : value);
}

function append(element, children, lines) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    if (child instanceof Node) element.append(child);
    else element.append(...nodesOf(child, lines));
  }
  return element;
}

// h("p", {class: "note"}, "text", h("b", "more")): attributes may be left out.
export function h(tag, ...rest) {
  const element = document.createElement(tag);
  const given = rest[0] && rest[0].constructor === Object ? rest.shift() : {};
  for (const [name, value] of Object.entries(given)) setAttribute(element, name, value);
  return append(element, rest, given.lines);
}

export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return append(element, children);
}

// What somebody outside may have chosen: its direction stays its own.
export function foreign(text, tag = "bdi") {
  return h(tag, {class: "foreign"}, text);
}

export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

export const byId = (id) => document.getElementById(id);

// ---- words ----

export const plural = (n, word, words = `${word}s`) => `${n.toLocaleString("en")} ${n === 1 ? word : words}`;

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

export function ago(time, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) || ["s", 1];
  return seconds < 5 ? "just now" : `${Math.floor(seconds / size)} ${unit} ago`;
}

// A time element that keeps up; see refreshTimes.
export function when(time) {
  if (!time) return null;
  return h("time", {datetime: time, title: time.replace("T", " ").replace(/\.\d+Z$/, " UTC")}, ago(time));
}

export function refreshTimes() {
  for (const element of document.querySelectorAll("time")) {
    const text = ago(element.dateTime);
    if (element.textContent !== text) element.textContent = text;
  }
}

export function micros(us) {
  if (us < 1000) return `${us} µs`;
  return us < 1e6 ? `${(us / 1000).toPrecision(3)} ms` : `${(us / 1e6).toPrecision(3)} s`;
}

export const where = (host, port) => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

// ---- notices and dialogs ----

export function notice(kind, ...children) {
  const box = h("div", {class: `notice ${kind}`}, children);
  byId("notices").append(box);
  setTimeout(() => box.remove(), kind === "bad" ? 12000 : 6000);
  return box;
}

// Resolves with the value of the button that closed the form, and its fields; null when dismissed.
export function ask(title, ...children) {
  const dialog = byId("dialog");
  const form = h("form", {method: "dialog"}, h("h2", {id: "dialog-title"}, title), children);
  fill(dialog, form);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const fields = Object.fromEntries(new FormData(form));
      resolve(dialog.returnValue ? {button: dialog.returnValue, ...fields} : null);
    }, {once: true});
  });
}
