// What all pages share: what is sent and said, questions, jobs, keys. grid.js and large.js say what a change shows.
"use strict";
const reader = document.getElementById("reader");
const said = document.getElementById("said");
const patient = document.body.dataset.patient || "";
const addresses = JSON.parse(document.body.dataset.addresses); // what the server is asked at
const WATCH_MS = 20000;
const FAR_MM = 20; // a correction beyond this asks once

function remember(name, value) { try { localStorage.setItem(name, value); } catch (error) { console.debug(error); } }
function remembered(name) { try { return localStorage.getItem(name) || ""; } catch (error) { return ""; } }
function note(name, value) { try { sessionStorage.setItem(`${name} ${patient}`, JSON.stringify(value)); } catch (error) { console.debug(error); } }
function noted(name) { try { return JSON.parse(sessionStorage.getItem(`${name} ${patient}`) || "null"); } catch (error) { return null; } }

if (reader && !reader.disabled) {
  reader.value = remembered("reader");
  reader.addEventListener("change", () => remember("reader", reader.value.trim()));
}

let turn = Promise.resolve(); // what was taken back or done again last: what is done to a cell waits for it
let may = () => true; // whether something may be changed now; large.js refuses while a point is not saved

// `offer` is what can be taken back, or done again: ["undo" or "redo", what is sent]; it belongs to its action for ever.
function say(text, bad, offer) {
  said.replaceChildren(text);
  said.classList.toggle("bad", Boolean(bad));
  if (offer) {
    const button = document.createElement("button");
    const undo = offer[0].startsWith("undo") || offer[1].fate === "";
    button.textContent = undo ? "Undo" : "Do it again";
    button.id = undo ? "undo-last" : "redo-last";
    button.addEventListener("click", () => { if (may()) { button.disabled = true; turn = change(...offer).catch((error) => say(String(error), true)); } });
    said.append(" ", button);
  }
  if (!bad) setTimeout(() => { if (said.firstChild && said.firstChild.textContent === text) said.replaceChildren(); }, offer ? 12000 : 4000);
}

// Asks; the first answer is true.
function question(text, yes, no) {
  const dialog = document.getElementById("ask"), [first, second] = dialog.querySelectorAll("button");
  document.getElementById("asked").textContent = text;
  first.textContent = yes;
  second.textContent = no;
  return new Promise((resolve) => {
    const answer = (value) => { first.onclick = second.onclick = dialog.oncancel = null; dialog.close(); resolve(value); };
    first.onclick = () => answer(true);
    second.onclick = () => answer(false);
    dialog.oncancel = (event) => { event.preventDefault(); answer(false); };
    dialog.showModal();
    second.focus();
  });
}

// Who answers is kept with the answer, so a change without a name is not sent.
function named() {
  if (!reader || reader.value.trim()) return true;
  say("Your name is needed: it is kept with what you do.", true);
  reader.focus();
  return false;
}

async function send(path, body) {
  if (body !== undefined && path !== addresses.track && !named()) return null;
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, reader: reader ? reader.value.trim() : "" }) };
  let answer;
  try { answer = await fetch(path, options); } catch (error) { say("The server does not answer; nothing was stored.", true); return null; }
  const json = await answer.json().catch(() => ({}));
  if (answer.ok) return json;
  if (answer.status === 401) { say("You are logged out; nothing was stored. Load the page again to log in.", true); return null; }
  const detail = Array.isArray(json.detail) ? json.detail.map((one) => one.msg).join("; ") : json.detail;
  say(detail || `The server answered ${answer.status}; nothing was stored.`, true);
  if (answer.status === 409 && body !== undefined) await overtaken(detail);
  return null;
}

// What is offered after a change. A word on what became of a lesion is bound by the time at which it was said.
const offered = (what, body, done) => what === "fate" ? ["fate", { study: body.study, lesion: body.lesion, fate: "", others: [], before: done.before, ...done.again }]
  : done.actions && [what === "undo" ? "redo" : "undo", { patient, lesion: body.lesion, actions: done.actions }];

// Sends a change; what is on the page is shown anew by `changed` of grid.js or large.js.
async function change(what, body) {
  const done = await send(addresses[what], body);
  if (!done) return false;
  await changed(what, body, done, offered(what, body, done));
  return true;
}

async function track(body) {
  const job = await send(addresses.track, { patient, ...body });
  if (job) { note("job", job.id); await follow(job); }
}

const counted = (number, one, more) => `${number} ${number === 1 ? one : more}`;

// Shows how far a job is, also after a reload of the page.
async function follow(job) {
  const place = document.getElementById("job"), bar = place.querySelector("progress"), text = place.querySelector("span");
  while (job && job.state === "running") {
    place.hidden = false;
    bar.max = job.total;
    bar.value = job.done;
    text.textContent = `${job.done} of ${counted(job.total, "study", "studies")}${job.current ? ", now " + job.current : ""}`;
    await new Promise((wake) => setTimeout(wake, 500));
    job = await send(addresses.progress.replace("{job_id}", job.id));
  }
  place.hidden = true;
  note("job", null);
  if (!job) return;
  const result = job.state === "failed" ? "A fault of the server ended it; its log says which." : `${counted(job.tracked, "point", "points")} ${job.what} in ${counted(job.total, "study", "studies")}.`;
  await tracked([result, ...job.messages].join(" · "), job.state === "failed" || job.messages.length > 0);
}

async function followNoted() {
  const id = noted("job");
  if (!id) return;
  note("job", null);
  const answer = await fetch(addresses.progress.replace("{job_id}", id));
  if (answer.ok) { note("job", id); await follow(await answer.json()); }
}

// Looks every 20 s, and when the page is seen again, whether somebody else has changed something.
async function watch(seen) {
  let known = null;
  const look = async () => {
    if (document.hidden || document.getElementById("ask").open) return;
    const answer = await fetch(addresses.changes + "?" + new URLSearchParams({ patient })).catch(() => null);
    if (!answer || !answer.ok) return;
    const { version } = await answer.json();
    const changedSince = known !== null && known !== version;
    known = version;
    if (changedSince) seen();
  };
  await look();
  setInterval(look, WATCH_MS);
  document.addEventListener("visibilitychange", look);
  window.addEventListener("focus", look);
  window.addEventListener("pageshow", (event) => { if (event.persisted) look(); });
}

// A key that is held down moves on, but answers once: each repeat of A would accept the next lesion, one of Enter a question.
document.addEventListener("keydown", (event) => {
  const types = event.target.matches("textarea, input:not([type=range]):not([type=checkbox])") && event.key !== "Enter";
  if (!event.repeat || types || /^(Arrow|Page|Home$|End$|Tab$)|^[-+=]$/.test(event.key) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

// A key as it is meant: letters in lower case, also with Caps Lock; "" where somebody types or a shortcut of the browser.
function keyOf(event) {
  const typing = event.target.closest && event.target.closest("select, textarea, input:not([type=range]):not([type=checkbox])");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.getElementById("ask").open) return "";
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

function shownWindow(select) {
  const known = remembered("window");
  return [...select.options].some((one) => one.value === known) ? known : "auto";
}

const before = noted("said");
if (before) { note("said", null); say(...before); }
