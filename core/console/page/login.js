// SPDX-License-Identifier: Apache-2.0
// Logging in at the gateway's OpenID Connect issuer: the browser is sent there and comes back with a
// code (RFC 6749), which only this tab can redeem (RFC 7636); the gateway does that for the page.
import {get, post, token} from "./api.js";
import {byId} from "./dom.js";

const STARTED = "sluice-login";
const HERE = () => location.origin + location.pathname;

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const digest = async (text) => base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));

// The page of the issuer needs no token that is renewed: who is away for long logs in again.
const scopes = (config) => config.scopes.split(" ").filter((scope) => scope !== "offline_access").join(" ");

async function leave(config) {
  const started = {state: random(), verifier: random(), hash: location.hash};
  sessionStorage.setItem(STARTED, JSON.stringify(started));
  const url = new URL(config.authorization_endpoint);
  const fields = {response_type: "code", client_id: config.client_id, redirect_uri: HERE(), scope: scopes(config), audience: config.audience,
    state: started.state, code_challenge: await digest(started.verifier), code_challenge_method: "S256"};
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  location.assign(url);
}

// Shows the button where the gateway has an issuer with such a page. A browser has no digests where
// others on the way could change the page.
export async function offerIssuer() {
  let config;
  try {
    config = await get("/auth/oidc-config");
  } catch {
    return;
  }
  if (!config.authorization_endpoint || !isSecureContext) return;
  byId("issuer").textContent = new URL(config.issuer).host;
  byId("issuer-login").hidden = false;
  byId("issuer-button").onclick = () => leave(config).catch((error) => { byId("login-error").textContent = error.message; });
}

// What the issuer sent the browser back with. True: this tab is logged in now. A code that this tab
// did not ask for would log it in as somebody else.
export async function comeBack() {
  const sent = new URLSearchParams(location.search);
  if (!sent.has("state")) return false;
  const started = JSON.parse(sessionStorage.getItem(STARTED) || "null");
  sessionStorage.removeItem(STARTED);
  history.replaceState(null, "", location.pathname + (started?.hash || ""));
  if (!started || sent.get("state") !== started.state) throw new Error("This login was not begun in this tab, or was used already: log in again.");
  if (!sent.get("code")) throw new Error(`The issuer refuses: ${sent.get("error_description") || sent.get("error") || "no reason given"}`);
  const answer = await post("/auth/oidc-token", {code: sent.get("code"), code_verifier: started.verifier, redirect_uri: HERE()});
  token.set(answer.token);
  return true;
}
