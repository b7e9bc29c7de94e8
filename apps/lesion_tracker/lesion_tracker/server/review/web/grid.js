// The grid: as large as there is room, filtered and sorted, worked through by keyboard; each change shows its row anew.
"use strict";
const scroller = document.getElementById("scroll"), grid = document.getElementById("grid");
const choices = ["show", "in", "sort", "planes"].map((name) => document.getElementById(name));
const windows = document.getElementById("window");
const TEXT_PX = 92, NARROW_TEXT_PX = 140; // of a cell below its crops: state, facts, buttons
const SHAPES = { axial: { ratio: 1, part: 1, least: 150 }, strip: { ratio: 1 / 3, part: 3, least: 330 }, large: { ratio: 2 / 3, part: 1.5, least: 300 }, tall: { ratio: 1.5, part: 1, least: 200 } };
const PLANE_OF = { axial: "axial", strip: "all", large: "large", tall: "tall" };
let shape = "strip", picture = 100; // how crops are laid out, and how wide they are, px of the page
let at = null; // the cell that had the focus last: { lesion, study }; study "" is the lesion's name

const all = () => [...grid.querySelectorAll(".row.lesion")];
const shownRows = () => all().filter((row) => !row.hidden);
const cellsOf = (row) => [...row.children];
const rowOf = (lesion) => all().find((row) => row.dataset.lesion === lesion);

// Crops as large as the space between the first column and the border allows, and no higher than the screen.
function layout() {
  const rows = shownRows().length, studies = grid.querySelectorAll(".timeline .date").length;
  const name = scroller.clientWidth < 900 ? 104 : 150;
  const fit = Math.floor((scroller.clientWidth - name) / Math.max(studies, 1)) - 8, high = scroller.clientHeight - 46;
  const chosen = document.getElementById("planes").value;
  const roomy = rows * (fit * SHAPES.large.ratio + TEXT_PX) < scroller.clientHeight || rows === 1;
  const tall = rows === 1 && Math.min(fit, (high - TEXT_PX) / 1.5) > Math.min(fit, (high - TEXT_PX) * 1.5) / 1.5; // axial larger that way
  shape = chosen || (tall && fit >= SHAPES.tall.least ? "tall" : fit < SHAPES.strip.least ? "axial" : roomy ? "large" : "strip");
  const { ratio, part, least } = SHAPES[shape], text = fit < SHAPES.strip.least ? NARROW_TEXT_PX : TEXT_PX;
  const cell = Math.max(least, Math.min(fit, Math.floor(Math.max(high - text, 200) / ratio)));
  picture = Math.floor(Math.floor((cell - 14) / 6) * 6 / part) * part; // whole pixels for each plane
  grid.style.setProperty("--name", `${name}px`);
  grid.style.setProperty("--cell", `${cell}px`);
  grid.style.setProperty("--studies", studies);
  grid.style.setProperty("--picture", `${picture}px`);
  grid.style.setProperty("--high", `${Math.round(picture * ratio)}px`);
  grid.style.setProperty("--row", `${Math.round(picture * ratio) + text}px`);
  grid.querySelectorAll("img.crop").forEach(draw);
}

function draw(image) {
  const pixels = Math.round(picture / SHAPES[shape].part * (window.devicePixelRatio || 1));
  const { study, color, lesion } = image.closest(".cell").dataset, of = new URLSearchParams({ study, color, lesion });
  const like = windows.value === "auto" ? `&${image.closest(".row").dataset.like}` : ""; // one window in all studies of a lesion
  const address = `${addresses.crop}?${of}&${image.dataset.query}${like}&plane=${PLANE_OF[shape]}&pixels=${Math.min(1024, Math.max(32, pixels))}&window=${windows.value}`;
  if (image.getAttribute("src") !== address) image.src = address;
}

function matches(cell) {
  const [show, where] = choices.map((one) => one.value);
  return (!where || cell.dataset.study === where) && (!show || (show === "open" ? cell.dataset.open === "1" : cell.dataset.color === show));
}

function arrange() {
  const order = document.getElementById("sort").value, filtered = choices[0].value || choices[1].value;
  for (const row of all()) row.hidden = Boolean(filtered) && !cellsOf(row).slice(1).some(matches);
  const key = {
    confidence: (row) => Math.min(2, ...cellsOf(row).filter((cell) => cell.dataset.confidence && matches(cell)).map((cell) => Number(cell.dataset.confidence))),
    open: (row) => -cellsOf(row).filter((cell) => cell.dataset.open === "1").length,
  }[order] || ((row) => Number(row.dataset.place));
  const keyed = all().map((row) => [key(row), Number(row.dataset.place), row]).sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  if (keyed.some(([, , row], n) => all()[n] !== row)) grid.append(...keyed.map(([, , row]) => row));
  document.getElementById("none-shown").hidden = !all().length || shownRows().length > 0;
  layout();
}

function focus(cell) {
  if (!cell) return;
  cell.focus({ preventScroll: true });
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
}

const cellAt = (place) => place && all().map((row) => cellsOf(row).find((cell) => cell.dataset.lesion === place.lesion && (cell.dataset.study || "") === place.study)).find(Boolean);

// The next cell that nobody has answered, in the order of the rows as they are shown; the search goes round.
function nextOpen(cell) {
  const every = shownRows().flatMap(cellsOf), here = every.indexOf(cell);
  const after = [...every.slice(here + 1), ...every.slice(0, Math.max(here, 0))];
  return after.find((one) => one.dataset.open === "1" && matches(one));
}

function step(cell, key) {
  const rows = shownRows();
  if (!cell) { if (rows.length) focus(cellsOf(rows[0])[1] || cellsOf(rows[0])[0]); return; }
  const row = cell.closest(".row"), column = cellsOf(row).indexOf(cell), place = rows.indexOf(row);
  const to = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[key];
  const next = key === "Home" ? cellsOf(row)[0] : key === "End" ? cellsOf(row).at(-1) : rows[place + to[0]] && cellsOf(rows[place + to[0]])[column + to[1]];
  focus(next);
}

// After a change its row is asked for, and the cells that are not as they were are replaced; the reader stays where he is.
async function changed(what, body, done, offer) {
  say(done.done, false, offer);
  if (what === "delete" || what === "restore" || /do$/.test(what) && !cellAt({ lesion: body.lesion, study: "" })) { await refresh(); return; }
  const answer = await fetch(addresses.row + "?" + new URLSearchParams({ patient, lesion: body.lesion }));
  if (!answer.ok) { await refresh(); return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (cellsOf(fresh.querySelector(".row.lesion")).slice(1).map((cell) => cell.dataset.study).join() !== columns(document)) { loadAgain(done.done, false, offer); return; }
  merge(fresh.querySelector(".row.lesion"));
  count(fresh.getElementById("counts"), fresh.getElementById("counts").dataset.outdated);
}

function count(counts, outdated) {
  document.getElementById("counts").replaceChildren(...counts.childNodes);
  const button = document.getElementById("track-outdated");
  button.dataset.lesions = outdated;
  button.hidden = outdated === "[]";
}

function merge(row) {
  const old = rowOf(row.dataset.lesion), other = old.dataset.like !== row.dataset.like;
  old.dataset.like = row.dataset.like;
  cellsOf(row).forEach((cell, n) => {
    const before = old.children[n];
    if (before.dataset.version === cell.dataset.version) return;
    const held = before.contains(document.activeElement), image = before.querySelector("img.crop"), next = cell.querySelector("img.crop");
    if (image && next) { image.dataset.query = next.dataset.query; next.replaceWith(image); } // it is shown until another one is there
    if (next) draw(image || next);
    before.replaceWith(cell);
    if (held) cell.focus({ preventScroll: true });
  });
  if (other) old.querySelectorAll("img.crop").forEach(draw);
}

// A study that came or went is a column more or less: no cell may stand below another study's date.
const columns = (page) => [...page.querySelectorAll(".timeline .date")].map((one) => one.title).join();
function loadAgain(...words) { if (words.length) note("said", words); location.reload(); }

async function refresh() {
  const answer = await fetch(location.href);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok || columns(fresh) !== columns(document)) { loadAgain(); return; } // logged out, or a patient who is gone: the page says so
  unpack(fresh);
  const place = at, held = anchor();
  const rows = [...fresh.querySelectorAll(".row.lesion")], names = new Set(rows.map((row) => row.dataset.lesion));
  for (const row of all()) if (!names.has(row.dataset.lesion)) row.remove();
  const known = new Set(all().map((row) => row.dataset.lesion));
  rows.forEach((row, n) => { if (known.has(row.dataset.lesion)) merge(row); else grid.append(row); rowOf(row.dataset.lesion).dataset.place = n; });
  const deleted = scroller.querySelectorAll("h2, .deleted");
  deleted.forEach((one) => one.remove());
  scroller.append(...fresh.querySelectorAll("#scroll > h2, #scroll > .deleted"));
  count(fresh.getElementById("counts"), fresh.getElementById("track-outdated").dataset.lesions);
  arrange();
  const cell = cellAt(place);
  if (cell) cell.focus({ preventScroll: true });
  hold(held);
}

// A change was refused because somebody else was first: what stands now is shown under what is said of it.
async function overtaken() { await refresh(); }

async function tracked(text, bad) { await refresh(); say(text, bad); }

async function answer(cell, what, body, possible, why) {
  if (!possible) { say(why, true); return; }
  const next = nextOpen(cell), sent = { study: cell.dataset.study, lesion: cell.dataset.lesion, track: cell.dataset.track, seen: cell.dataset.seen, ...body };
  const done = await send(addresses[what], sent);
  if (!done) return;
  if (cell.contains(document.activeElement) || document.activeElement === document.body) { if (next) focus(next); else if (!document.getElementById("rest")) say("Nothing else is to look at here."); }
  await changed(what, sent, done, offered(what, sent, done));
}

// What the reader saw of a lesion in all studies.
const seenOf = (lesion) => Object.fromEntries(cellsOf(rowOf(lesion)).slice(1).map((cell) => [cell.dataset.study, cell.dataset.seen]));
const open = (cell) => cell.dataset.open === "1";
const actions = {
  accept: (cell) => answer(cell, "accept", {}, cell.dataset.accept === "1", open(cell) ? "There is no tracked point to accept here. If the lesion is visible, open it and click it." : "This is answered already."),
  agreed: (cell) => answer(cell, "close", { closing: "agreed" }, cell.dataset.agree === "1", "Registration expects it within this scan."),
  not_evaluable: (cell) => answer(cell, "close", { closing: "not_evaluable" }, open(cell), "This is answered already: undo that first."),
  fate: (cell, fate) => sayFate(filled(cell.querySelector("select.fate")), fate),
  undo: (cell) => cell.dataset.action === "fate" ? actions.fate(cell, "") : cell.dataset.action ? change("undo", { patient, lesion: cell.dataset.lesion, actions: { [cell.dataset.study]: cell.dataset.action } }) : say("Nobody has done anything here: nothing to undo.", true),
  "track-again": (cell) => track({ lesions: [cell.dataset.lesion] }),
  carry: (note) => track({ baseline: note.dataset.study, carry: true }),
};

// What is done to a cell waits for what was done to it before: it answers what stands there then.
const underWay = new Map();
function act(what, cell, more) {
  const { lesion, study } = cell.dataset, name = `${study} ${lesion}`;
  const work = Promise.all([underWay.get(name), turn]).then(() => actions[what](cellAt({ lesion, study }) || cell, more));
  underWay.set(name, work.catch((error) => say(String(error), true)));
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const cell = button.closest("[data-study]"), lesion = button.dataset.lesion, what = button.dataset.closing || button.dataset.do;
  if (what === "rename") rename(button.closest(".name"));
  else if (what === "delete") remove(button.closest(".name"));
  else if (what === "restore") change("restore", { patient, lesion, seen: JSON.parse(button.dataset.seen) });
  else if (what === "carry" || what === "track-again") actions[what](cell);
  else act(what, cell);
});

async function remove(name) {
  await Promise.all(underWay.values());
  const label = name.querySelector("[data-label]").dataset.label, seen = seenOf(name.dataset.lesion);
  if (await question(`Delete ${label} in all studies? It can be restored below the table.`, "Delete it", "Keep it")) change("delete", { patient, lesion: name.dataset.lesion, seen });
}

async function rename(name) {
  await Promise.all(underWay.values());
  const input = document.createElement("input"), before = name.querySelector("[data-label]").dataset.label, label = name.querySelector(".label"), seen = seenOf(name.dataset.lesion);
  input.value = before;
  input.maxLength = 64;
  input.setAttribute("aria-label", "new name");
  label.replaceChildren(input);
  input.focus();
  input.select();
  input.addEventListener("keydown", async (event) => {
    event.stopPropagation();
    if (event.key === "Escape") { const text = document.createElement("bdi"); text.textContent = before; label.replaceChildren(text); name.focus(); }
    if (event.key !== "Enter" || input.readOnly) return;
    input.readOnly = true; // a second Enter would answer what the first one changed
    if (await change("rename", { patient, lesion: name.dataset.lesion, label: input.value, seen })) focus(cellAt({ lesion: name.dataset.lesion, study: "" }));
    else input.readOnly = false;
  });
}

const WINDOW_KEYS = { "0": "auto", "1": "lung", "2": "soft", "3": "bone" };
const LETTERS = { a: "accept", o: "agreed", x: "not_evaluable", u: "undo" };

document.addEventListener("keydown", (event) => {
  const key = keyOf(event), cell = event.target.closest(".row.lesion > *");
  if (!key) return;
  if (WINDOW_KEYS[key]) { windows.value = WINDOW_KEYS[key]; showWindow(); }
  else if (/^Arrow|^Home$|^End$/.test(key)) { step(cell, key); event.preventDefault(); }
  else if (key === "n") focus(nextOpen(cell));
  else if (key === "r") location.href = document.getElementById("to-response").href;
  else if (!cell) return;
  else if (key === "Enter" && event.target === cell && cell.dataset.study) location.href = cell.querySelector("a.button").href;
  else if (!cell.dataset.study) { if (key === "F2") rename(cell); if (key === "Delete") remove(cell); }
  else if (LETTERS[key]) act(LETTERS[key], cell);
});

function showWindow() {
  remember("window", windows.value);
  grid.querySelectorAll("img.crop").forEach(draw);
}

grid.addEventListener("focusin", (event) => {
  const cell = event.target.closest(".row.lesion > *");
  if (cell) at = { lesion: cell.dataset.lesion, study: cell.dataset.study || "" };
});

// The row that the reader looks at, and its place on the screen: rows take their height when they are first drawn, so a
// distance from the first row would not lead back to it.
function anchor() {
  const top = scroller.getBoundingClientRect().top, seen = (row) => row && !row.hidden && row.getBoundingClientRect().bottom > top && row.getBoundingClientRect().top < top + scroller.clientHeight;
  const focused = at && rowOf(at.lesion), row = seen(focused) ? focused : shownRows().find(seen);
  return { row: row && row.dataset.lesion, offset: row ? row.getBoundingClientRect().top - top : 0, left: scroller.scrollLeft };
}

// Puts it there again, and again while heights settle, until the reader does something.
function hold(place) {
  const row = rowOf(place.row), stop = new AbortController();
  scroller.scrollLeft = place.left || 0;
  if (!row || row.hidden) return;
  for (const type of ["wheel", "keydown", "pointerdown"]) window.addEventListener(type, () => stop.abort(), { capture: true, once: true, signal: stop.signal });
  grid.setAttribute("aria-busy", "true");
  let quiet = 0;
  const set = () => {
    const before = scroller.scrollTop;
    if (!stop.signal.aborted) scroller.scrollTop += Math.round(row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - place.offset);
    quiet = scroller.scrollTop === before ? quiet + 1 : 0;
    if (quiet < 8 && !stop.signal.aborted) { requestAnimationFrame(set); return; }
    stop.abort();
    grid.removeAttribute("aria-busy");
  };
  set();
}

function keepPlace() { note("place", { ...at, ...anchor(), chosen: choices.map((one) => one.value) }); }

async function printAll() {
  const images = [...grid.querySelectorAll("img.crop")];
  say(`Loading ${counted(images.length, "picture", "pictures")} for the printer …`);
  document.body.classList.add("printing");
  images.forEach((image) => { image.loading = "eager"; });
  await Promise.all(images.map((image) => image.decode().catch(() => 0)));
  said.replaceChildren();
  window.print();
  document.body.classList.remove("printing");
}

// Of many lesions the page has the first ones until the others have arrived.
function unpack(page) {
  const rest = page.getElementById("rest");
  if (!rest) return;
  page.getElementById("loading").remove();
  rest.replaceWith(rest.content);
}

function begin() {
  unpack(document);
  all().forEach((row, n) => { row.dataset.place = n; });
  const place = noted("place");
  if (place && place.chosen) choices.forEach((one, n) => { one.value = place.chosen[n]; });
  arrange();
  if (place) {
    const cell = place.lesion && cellAt({ lesion: place.lesion, study: place.study || "" });
    if (cell && !cell.closest(".row").hidden) cell.focus({ preventScroll: true });
    hold(place);
  }
}

windows.addEventListener("change", showWindow);
choices.forEach((one) => one.addEventListener("change", arrange));
document.getElementById("show-all").addEventListener("click", () => { choices[0].value = choices[1].value = ""; arrange(); });
document.getElementById("track-all").addEventListener("click", () => track({ baseline: document.getElementById("baseline").value }));
document.getElementById("track-outdated").addEventListener("click", (event) => track({ lesions: JSON.parse(event.target.dataset.lesions) }));
document.getElementById("print").addEventListener("click", printAll);
window.addEventListener("pagehide", keepPlace);
window.addEventListener("resize", layout);
windows.value = shownWindow(windows);
layout();
document.addEventListener("DOMContentLoaded", () => {
  begin();
  followNoted();
  watch(() => { if (!document.querySelector(".label input")) refresh(); });
});
