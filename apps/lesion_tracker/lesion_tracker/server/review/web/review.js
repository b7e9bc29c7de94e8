// The clicks and keys of the review: each sends one small JSON object and shows the page as it is then.
"use strict";
const reader = document.getElementById("reader");
const said = document.getElementById("said");
const patient = document.body.dataset.patient || "";
const addresses = JSON.parse(document.body.dataset.addresses); // what the server is asked at

function remember(name, value) { try { localStorage.setItem(name, value); } catch (error) { console.debug(error); } }
function remembered(name) { try { return localStorage.getItem(name) || ""; } catch (error) { return ""; } }

if (reader && !reader.disabled) {
  reader.value = remembered("reader");
  reader.addEventListener("change", () => remember("reader", reader.value.trim()));
}

function say(text, bad, undo) {
  said.replaceChildren(text);
  said.classList.toggle("bad", Boolean(bad));
  if (undo) {
    const button = document.createElement("button");
    button.textContent = "Undo";
    button.id = "undo-last";
    button.addEventListener("click", () => change("undo", undo));
    said.append(button);
  }
  if (!bad && !undo) setTimeout(() => { if (said.textContent === text) said.replaceChildren(); }, 4000);
}

async function send(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, reader: reader ? reader.value.trim() : "" }) };
  let answer;
  try { answer = await fetch(path, options); } catch (error) { say("The server does not answer; nothing was stored.", true); return null; }
  const json = await answer.json().catch(() => ({}));
  if (answer.ok) return json;
  const detail = Array.isArray(json.detail) ? json.detail.map((one) => one.msg).join("; ") : json.detail;
  say(detail || `The server answered ${answer.status}; nothing was stored.`, true);
  return null;
}

// After a change the page is fetched anew, and what changed in it is put in place: the reader stays where he is.
async function change(what, body) {
  const done = await send(addresses[what], body);
  if (!done) return false;
  const undo = what === "undo" ? null : { patient, lesion: body.lesion, studies: done.studies };
  if (document.getElementById("followup")) {
    sessionStorage.setItem("said", JSON.stringify([done.done, undo]));
    location.reload();
    return true;
  }
  await refresh();
  say(done.done, false, undo);
  return true;
}

async function refresh() {
  const at = document.activeElement && document.activeElement.closest(".cell");
  const text = await (await fetch(location.href)).text();
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const rows = new Map([...document.querySelectorAll(".row.lesion")].map((row) => [row.dataset.lesion, row]));
  const main = document.querySelector("main"), grid = document.getElementById("grid"), scroll = grid.scrollLeft;
  for (const row of fresh.querySelectorAll(".row.lesion")) {
    const old = rows.get(row.dataset.lesion);
    if (old && old.dataset.source === row.outerHTML) { row.replaceWith(old); } else { row.dataset.source = row.outerHTML; }
  }
  main.replaceWith(fresh.querySelector("main"));
  document.querySelector("header h1 + .facts").replaceWith(fresh.querySelector("header h1 + .facts"));
  document.getElementById("grid").scrollLeft = scroll;
  begin();
  if (at) {
    const again = cells().find((one) => one.dataset.lesion === at.dataset.lesion && one.dataset.study === at.dataset.study);
    if (again) again.focus({ preventScroll: true });
  }
}

function cells() { return [...document.querySelectorAll(".row.lesion .cell")].filter((one) => one.offsetParent); }

function windowOf() { return document.getElementById("window").value; }

function setWindow(value) {
  remember("window", value);
  document.getElementById("window").value = value;
  for (const image of document.querySelectorAll(".cell img")) {
    const address = new URL(image.src);
    address.searchParams.set("window", value);
    if (image.src !== address.href) image.src = address.href;
  }
  document.dispatchEvent(new Event("windowed"));
}

function accept(cell) {
  if (cell.dataset.pointless) { say(`It is ${cell.dataset.pointless}: there is no point to accept. If it is visible, click it.`, true); return; }
  if (cell.dataset.open !== "1") { say("There is no tracked point left to accept here."); return; }
  change("accept", { study: cell.dataset.study, lesion: cell.dataset.lesion, track: cell.dataset.track });
}

function act(button) {
  const cell = button.closest("[data-study]"), lesion = button.dataset.lesion;
  if (button.dataset.do === "accept") accept(cell);
  if (button.dataset.do === "undo") change("undo", { patient, lesion: cell.dataset.lesion, studies: [cell.dataset.study] });
  if (button.dataset.do === "delete") change("delete", { patient, lesion });
  if (button.dataset.do === "restore") change("restore", { patient, lesion });
  if (button.dataset.do === "rename") rename(button);
}

function rename(button) {
  const input = document.createElement("input");
  input.value = button.dataset.label;
  input.maxLength = 64;
  input.setAttribute("aria-label", "new name");
  const label = button.closest(".name").querySelector(".label");
  label.replaceChildren(input);
  input.focus();
  input.select();
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") label.textContent = button.dataset.label;
    if (event.key === "Enter") change("rename", { patient, lesion: button.dataset.lesion, label: input.value });
  });
}

async function trackAll() {
  const button = document.getElementById("track-all");
  button.disabled = true;
  const job = await send(addresses.track, { patient, baseline: document.getElementById("baseline").value });
  if (job) await follow(job);
  document.getElementById("track-all").disabled = false;
}

async function follow(job) {
  while (job && job.state === "running") {
    const bar = document.getElementById("progress"), text = document.getElementById("progress-text");
    bar.hidden = false;
    bar.max = job.total;
    bar.value = job.done;
    text.textContent = `${job.done} of ${job.total} studies${job.current ? ", now " + job.current : ""}`;
    await new Promise((wake) => setTimeout(wake, 500));
    job = await send(addresses.progress.replace("{job_id}", job.id));
  }
  if (!job) return;
  await refresh();
  const result = job.state === "failed" ? "A fault of the server ended it; its log says which." : `${job.tracked} points tracked in ${job.total} studies.`;
  say([result, ...job.messages].join(" · "), job.state === "failed" || job.messages.length > 0);
}

function begin() {
  const windows = document.getElementById("window");
  if (!windows) return;
  const known = remembered("window");
  if (known && [...windows.options].some((one) => one.value === known)) setWindow(known);
  windows.addEventListener("change", () => setWindow(windows.value));
  const open = document.getElementById("only-open");
  if (open) {
    open.checked = remembered("only-open") === "1";
    document.body.classList.toggle("only-open", open.checked);
    open.addEventListener("change", () => { remember("only-open", open.checked ? "1" : ""); document.body.classList.toggle("only-open", open.checked); });
  }
  const all = document.getElementById("track-all");
  if (all) all.addEventListener("click", trackAll);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (button) act(button);
});

const WINDOW_KEYS = { "0": "auto", "1": "lung", "2": "soft", "3": "bone" };

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (WINDOW_KEYS[event.key] && document.getElementById("window")) { setWindow(WINDOW_KEYS[event.key]); return; }
  const cell = event.target.closest(".row.lesion .cell");
  if (!document.getElementById("grid")) return;
  if (event.key.startsWith("Arrow")) { step(cell, event.key); event.preventDefault(); return; }
  if (!cell) return;
  if (event.key === "Enter" && event.target === cell) location.href = cell.dataset.href;
  if (event.key === "a") accept(cell);
  if (event.key === "u") change("undo", { patient, lesion: cell.dataset.lesion, studies: [cell.dataset.study] });
});

function step(cell, key) {
  const all = cells();
  if (!cell) { if (all.length) all[0].focus(); return; }
  const row = [...cell.closest(".row").querySelectorAll(".cell")], column = row.indexOf(cell);
  let next = row[column + (key === "ArrowRight" ? 1 : -1)];
  if (key === "ArrowDown" || key === "ArrowUp") {
    const rows = [...document.querySelectorAll(".row.lesion")].filter((one) => one.offsetParent);
    const other = rows[rows.indexOf(cell.closest(".row")) + (key === "ArrowDown" ? 1 : -1)];
    next = other && other.querySelectorAll(".cell")[column];
  }
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest", inline: "nearest" }); }
}

begin();
const before = sessionStorage.getItem("said");
if (before) { sessionStorage.removeItem("said"); const [text, undo] = JSON.parse(before); say(text, false, undo); }
