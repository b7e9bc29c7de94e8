// The large view: two studies side by side. Looking changes nothing; a click or an explicit key places, Enter keeps.
"use strict";
const data = JSON.parse(document.body.dataset.large);
const widths = document.getElementById("width"), windows = document.getElementById("window");
const link = document.getElementById("link"), crosshair = document.getElementById("crosshair");
const saveButton = document.getElementById("save"), acceptButton = document.getElementById("accept");
const NOTCH_PX = 100, LINE_PX = 33, CLICK_PX = 4;
let own = (remembered("window-own") || "40,400").split(",").map(Number);
let marking = !data.lesion, outlining = false, draft = null, busy = false, leaving = false, map = null, base = null, expected = null, active = "axial", activePane;

const view = {
  planes: data.planes, states: data.states, crosshair: true,
  get width() { return Number(widths.value); },
  window(block) { // the automatic one of the earlier study in both: what differs between them is then no window's
    const first = (data.earlier ? [beside, study] : [study, beside]).find((pane) => pane && pane.block);
    return windows.value === "own" ? own : data.windows[windows.value] || (first ? first.block : block).window;
  },
};
const panes = [...document.querySelectorAll(".pane")].map((element) => new Pane(element, data.panes[element.dataset.role], view));
const study = panes.find((pane) => pane.own), beside = panes.find((pane) => !pane.own);
activePane = study;

const placed = () => panes.find((pane) => pane.placed), unsaved = () => placed() || draft; // a point, or a size of axes.js

function update() {
  const pane = placed(), place = (pane || study), shown = place.placed || study.point;
  document.body.classList.toggle("unsaved", Boolean(unsaved()));
  document.getElementById("place").textContent = shown ? shown.map((value) => value.toFixed(1)).join(", ") : "–";
  saveButton.disabled = !unsaved();
  document.getElementById("back").disabled = !unsaved() && !marking && !outlining;
  if (acceptButton) acceptButton.disabled = Boolean(unsaved());
  document.getElementById("new-lesion").hidden = !marking;
  saveButton.firstChild.textContent = draft ? "Save the size " : marking ? "Save the new lesion " : saveButton.dataset.text;
  const text = document.getElementById("unsaved");
  text.hidden = !unsaved() && !marking && !outlining;
  const far = pane && pane.own && pane.point && !marking ? `, ${distance(pane.placed, pane.point).toFixed(1)} mm from the point before` : "";
  text.textContent = draft || outlining ? sizeWords() : pane ? `Not saved: ${marking ? "a new lesion in " + pane.study : "your point"} lies at ${pane.placed.map((v) => v.toFixed(1)).join(", ")}${far}. Enter saves it, Esc discards it.`
    : `Click the new lesion${beside ? " in either study" : ""}.`;
  panes.forEach((one) => one.drawSoon());
}

function place(pane, point) {
  if (pane.own && outlining) { outlineFrom(point); return; }
  if (pane.own && draft) { say("The size is not saved: Enter saves it, Esc discards it.", true); return; }
  if (!pane.block || (!pane.own && !marking)) { if (pane.block) look(pane, point); return; }
  const inside = pane.block.inStudy(point);
  if (distance(inside, point) > 1) { say("That is outside of the scan.", true); return; }
  panes.forEach((one) => { one.placed = one === pane ? point : null; });
  look(pane, point);
  update();
}

function discard() {
  if (draft || outlining) { draft = null; outlining = false; update(); return; }
  marking = !data.lesion;
  panes.forEach((pane) => { pane.placed = null; if (pane.point && pane.block) { pane.middle = [...pane.point]; pane.look(pane.point); } });
  if (study.point || !beside) rebase();
  update();
}

// Scrolls one study, and the other one along the point map of the pair, or by the same shift where none is kept.
function look(pane, focus) {
  if (!pane.block) return;
  pane.look(focus);
  const other = panes.find((one) => one !== pane);
  if (!other || !other.block || !link.checked || !base) return;
  const from = base.get(pane), to = base.get(other), now = pane.focus;
  const there = (point) => !map ? point : map.from === pane ? map.at(point) : map.inverse(point);
  const start = there(from), end = there(now);
  other.look(to.map((value, axis) => value + end[axis] - start[axis]));
}

function rebase() { base = new Map(panes.filter((pane) => pane.focus).map((pane) => [pane, [...pane.focus]])); }

function scroll(pane, plane, steps) {
  if (!pane.block || !steps) return;
  const before = pane.focus;
  pane.scroll(plane, steps);
  const after = pane.focus;
  pane.focus = before;
  look(pane, after);
}

async function save() {
  const pane = placed();
  if (!unsaved() || busy) return;
  busy = true;
  try { await (draft ? saveSize() : marking ? saveNew(pane) : saveMove(pane)); } finally { busy = false; }
}

async function saveMove(pane) {
  const from = pane.point || expected, far = from ? distance(pane.placed, from) : 0;
  if (far > FAR_MM && !await question(`This is ${far.toFixed(1)} mm from ${pane.point ? "the point before" : "where registration expects it"}. Is it really the same lesion?`, "Save it there", "Do not save")) return;
  await change("move", { study: pane.study, lesion: data.lesion, track: data.panes.study.track || "", seen: data.seen, center_mm: pane.placed.map((value) => Number(value.toFixed(4))) });
}

async function saveNew(pane) {
  const label = document.getElementById("new-label").value.trim();
  const done = await send(addresses.mark, { study: pane.study, label, center_mm: pane.placed.map((value) => Number(value.toFixed(4))) });
  if (!done) return;
  const at = data.studies.indexOf(pane.study), ticked = (id) => document.getElementById(id).checked;
  const forwards = ticked("new-forwards") && at + 1 < data.studies.length, backwards = ticked("new-backwards") && at > 0;
  const direction = forwards && backwards ? "both" : forwards ? "forwards" : backwards ? "backwards" : "";
  const job = direction && await send(addresses.track, { patient, baseline: pane.study, lesions: [done.lesion], direction });
  if (job) note("job", job.id);
  note("said", [done.done, false, offered("mark", done, done)]);
  leaving = true;
  location.href = addresses.lesions + "?" + new URLSearchParams({ patient, lesion: done.lesion, study: pane.study });
}

async function changed(what, body, done, offer) {
  const row = await fetch(addresses.row + "?" + new URLSearchParams({ patient, lesion: data.lesion }));
  if (!row.ok) { leave(done.done, false, offer); return; } // its only mark was taken back
  note("said", [done.done, false, offer]);
  leaving = true;
  location.reload();
}

// Goes to the page of the patient, which says why: this lesion is no longer there.
function leave(...words) {
  note("said", words);
  leaving = true;
  location.href = addresses.lesions + "?" + new URLSearchParams({ patient });
}

// A change was refused because somebody else was first: what stands now is shown, and what is not saved beside it.
async function overtaken(text) {
  const row = await fetch(addresses.row + "?" + new URLSearchParams({ patient, lesion: data.lesion }));
  if (outlining || marking || (!row.ok && unsaved())) return; // what is drawn would be lost
  if (!row.ok) { leave(text, true); return; }
  if (unsaved()) note("placed", [location.search, study.placed, draft]);
  note("said", [text, true]);
  leaving = true;
  location.reload();
}

function tracked(text, bad) {
  note("said", [text, bad]);
  if (unsaved()) { say(text + " What you drew is not saved yet; reload the page after that.", bad); return; }
  location.reload();
}

may = () => {
  if (unsaved()) say(`Your ${draft ? "size" : "point"} is not saved: Enter saves it, Esc discards it.`, true);
  return !unsaved() && !busy;
};

function once(what, body) { busy = true; change(what, body).finally(() => { busy = false; }); }

function answer(what, body, possible, why) {
  if (!may()) return;
  if (possible) once(what, { study: study.study, lesion: data.lesion, track: data.panes.study.track || "", seen: data.seen, ...body });
  else say(why, true);
}

const actions = {
  accept: () => answer("accept", {}, data.panes.study.can_accept, "There is no tracked point to accept here. If the lesion is visible, click it."),
  agree: () => answer("close", { closing: "agreed" }, data.panes.study.can_agree, "Registration expects it within this scan."),
  notEvaluable: () => answer("close", { closing: "not_evaluable" }, data.panes.study.is_open, "It is not open here: undo what was answered first."),
  undo: () => {
    if (data.action === "fate") sayFate(document.querySelector(".act select.fate"), "");
    else if (!data.action) say("Nobody has done anything here: nothing to undo.", true);
    else if (may()) once("undo", { patient, lesion: data.lesion, actions: { [study.study]: data.action } });
  },
  again: () => track({ lesions: [data.lesion] }),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const what = button.dataset.closing === "agreed" ? "agree" : button.dataset.closing ? "notEvaluable" : button.dataset.do === "track-again" ? "again" : button.dataset.do;
  actions[what]();
});

function hands(pane, one) {
  const over = one.over;
  let start = null, left = 0;
  over.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) return; // sideways is no scrolling through slices
    const pixels = event.deltaY * (event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? 400 : 1);
    left = Math.sign(left) === -Math.sign(pixels) ? pixels : left + pixels;
    const steps = Math.trunc(left / NOTCH_PX);
    left -= steps * NOTCH_PX;
    if (event.ctrlKey) zoom(Math.sign(steps)); else scroll(pane, one.name, -steps);
  }, { passive: false });
  over.addEventListener("pointerdown", (event) => {
    over.setPointerCapture(event.pointerId);
    activate(pane, one.name);
    start = { x: event.clientX, y: event.clientY, button: event.button, moved: false, window: pane.block && pane.window(), middle: pane.middle && [...pane.middle], sliced: 0 };
  });
  over.addEventListener("pointermove", (event) => {
    if (!start || !pane.block) return;
    const dx = event.clientX - start.x, dy = event.clientY - start.y;
    if (!start.moved && Math.hypot(dx, dy) < CLICK_PX) return;
    start.moved = true;
    if (event.pointerType === "touch") {
      const steps = Math.trunc(-dy / 8) - start.sliced;
      start.sliced += steps;
      scroll(pane, one.name, steps);
    } else if (event.shiftKey) {
      const perPixel = view.width / one.image.clientWidth, plane = view.planes[one.name];
      pane.middle = start.middle.map((value, axis) => value - perPixel * (dx * plane.right[axis] + dy * plane.down[axis]));
      pane.drawSoon();
    } else {
      own = [Math.round(start.window[0] - 2 * dy), Math.max(10, Math.round(start.window[1] + 3 * dx))];
      windows.value = "own";
      remember("window-own", own.join());
      showWindow();
    }
  });
  over.addEventListener("pointerup", (event) => {
    const click = start && !start.moved && start.button === 0;
    start = null;
    if (click && pane.block) place(pane, pane.pointOf(one, event));
  });
  over.addEventListener("pointercancel", () => { start = null; });
  over.addEventListener("contextmenu", (event) => event.preventDefault());
  one.slider.addEventListener("input", () => {
    const focus = [...pane.focus];
    focus[AXES[one.name]] = Number(one.slider.value);
    look(pane, focus);
  });
}

function activate(pane, plane) {
  [activePane, active] = [pane, plane];
  panes.forEach((other) => other.figures.forEach((one) => one.figure.classList.toggle("active", other === pane && one.name === plane)));
}

function showWindow() {
  remember("window", windows.value);
  panes.forEach((pane) => pane.drawSoon());
}

function zoom(by) {
  const next = widths.selectedIndex + by;
  if (by && next >= 0 && next < widths.options.length) { widths.selectedIndex = next; showWidth(); }
}

function showWidth() {
  remember("width", widths.value);
  panes.forEach((pane) => pane.focus && pane.look(pane.focus));
}

// A step of 1 mm within the plane that is active, from the point that is not saved yet, or from the one that is stored.
function nudge(key) {
  const plane = view.planes[active], [way, sign] = { ArrowLeft: ["right", -1], ArrowRight: ["right", 1], ArrowUp: ["down", -1], ArrowDown: ["down", 1] }[key];
  const from = study.placed || study.point || study.focus;
  place(study, from.map((value, axis) => value + sign * plane[way][axis]));
}

const GO = { n: "next", j: "lesion_after", k: "lesion_before", ArrowRight: "study_after", ArrowLeft: "study_before" };
const WINDOW_KEYS = { "0": "auto", "1": "lung", "2": "soft", "3": "bone" };
const LETTERS = {
  a: actions.accept, o: actions.agree, x: actions.notEvaluable, u: actions.undo, "+": () => zoom(-1), "=": () => zoom(-1), "-": () => zoom(1),
  l: () => { link.checked = !link.checked; linked(); }, h: () => { crosshair.checked = !crosshair.checked; showCrosshair(); },
  m: () => { if (draft || outlining) discard(); marking = true; update(); }, p: () => place(activePane.own || marking ? activePane : study, (activePane.own || marking ? activePane : study).focus),
  s: () => activate(activePane, { axial: "coronal", coronal: "sagittal", sagittal: "axial" }[active]), Escape: discard,
};

document.addEventListener("keydown", (event) => {
  const key = keyOf(event), slider = event.target.closest("input[type=range]");
  if (!key) return;
  if (event.shiftKey && key.startsWith("Arrow")) { nudge(key); event.preventDefault(); }
  else if (slider && /Arrow|Page|Home|End/.test(key)) return;
  else if (WINDOW_KEYS[key]) { windows.value = WINDOW_KEYS[key]; showWindow(); }
  else if (GO[key]) { const there = document.getElementById(GO[key]); if (there) location.href = there.href; event.preventDefault(); }
  else if (key === "ArrowUp" || key === "ArrowDown") { scroll(activePane, active, key === "ArrowUp" ? 1 : -1); event.preventDefault(); }
  else if (key === "PageUp" || key === "PageDown") {
    const slices = Math.max(1, Math.round(10 / (activePane.block ? activePane.block.spacing[AXES[active]] : 10)));
    scroll(activePane, active, key === "PageUp" ? slices : -slices);
    event.preventDefault();
  } else if (key === "Enter" && !event.target.closest("button, a, input")) { event.preventDefault(); save(); } // the same key must not answer a question
  else if (LETTERS[key]) LETTERS[key]();
});

document.getElementById("new-label").addEventListener("keydown", (event) => { if (event.key === "Enter") save(); if (event.key === "Escape") discard(); });

window.addEventListener("beforeunload", (event) => { if (unsaved() && !leaving) event.preventDefault(); });

function linked() {
  document.getElementById("linked").textContent = !beside ? "" : !link.checked ? "" : map ? `by the point map (${map.method})` : "by the lesion's offset: no point map of this pair is kept";
  rebase();
}

function showCrosshair() {
  view.crosshair = crosshair.checked;
  panes.forEach((pane) => pane.drawSoon());
}

async function findMap(compute) {
  const from = data.earlier ? beside : study, to = data.earlier ? study : beside;
  if (!beside || !from.point) return null;
  const [x, y, z] = from.point;
  const facts = await send(addresses.map + "?" + new URLSearchParams({ baseline: from.study, followup: to.study, x, y, z, width: 320, compute }));
  return facts && facts.kept ? Object.assign(new PointMap(facts), { from }) : null;
}

// A study without a point opens where registration expects it, never at the coordinates of another study.
async function openStudy() {
  if (study.point) { await study.open(study.point); return; }
  const where = document.getElementById("unsaved");
  where.hidden = !beside;
  where.textContent = "Registering, to show where the lesion is expected …";
  map = await findMap(true);
  where.hidden = true;
  expected = map && (map.from === beside ? map.expected_mm : map.inverse(beside.point));
  await study.open(expected || [0, 0, 0]);
  if (!study.block) return;
  const text = document.getElementById("untracked") || document.querySelector(".about");
  if (!expected) {
    study.middle = study.block.low.map((value, axis) => (value + study.block.high[axis]) / 2);
    study.look(study.middle);
    text.prepend(data.lesion ? "No registration: the middle of the scan is shown. If the lesion is visible, click it. " : "The middle of the scan is shown. Scroll to the lesion, and click it. ");
  } else if (distance(study.block.inStudy(expected), expected) > 1) text.prepend("Registration expects it where nothing was scanned. ");
  else text.prepend("Shown is where registration expects it; no point is set. If the lesion is visible, click it. ");
}

// Axial as large as the room allows; the other two, half as large, beside it, or below it where it is larger that way.
function layout() {
  const main = document.querySelector("main"), count = main.clientWidth < 600 ? 1 : panes.length;
  const width = (main.clientWidth - 32 - 16 * (count - 1)) / count, slider = document.querySelector(".plane input").offsetHeight;
  const others = [...main.children].filter((one) => !one.classList.contains("panes")).reduce((sum, one) => sum + one.offsetHeight + 8, 0);
  const titles = Math.max(...panes.map((pane) => pane.element.querySelector("h2").offsetHeight));
  const room = Math.max(main.clientHeight - others - titles - slider - 24, 300);
  const beside = Math.min(width * 2 / 3 - 4, room), below = Math.min(width, (room - slider - 4) * 2 / 3);
  main.classList.toggle("upright", below > beside);
  main.style.setProperty("--side", `${Math.floor(Math.max(beside, below) / 2) * 2}px`);
  panes.forEach((pane) => pane.draw());
}

async function start() {
  saveButton.dataset.text = saveButton.firstChild.textContent;
  if ([...widths.options].some((one) => one.value === remembered("width"))) widths.value = remembered("width");
  if (!data.lesion) widths.value = "300"; // a lesion that is still to be found
  windows.value = shownWindow(windows);
  panes.forEach((pane) => pane.figures.forEach((one) => hands(pane, one)));
  activate(study, "axial");
  const noted_ = noted("place") || {};
  note("place", { ...noted_, lesion: data.lesion, study: study.study });
  document.querySelector(".film [aria-current]").scrollIntoView({ block: "nearest", inline: "center" });
  layout();
  await Promise.all([beside && beside.open(beside.point), openStudy()]);
  map = map || await findMap(false);
  linked();
  if (marking) update();
  const kept = noted("placed");
  note("placed", null);
  if (kept && kept[0] === location.search) {
    draft = kept[2];
    if (draft) study.look([study.focus[0], study.focus[1], draft.slice]); else place(study, kept[1]);
    rebase();
    update();
  }
  document.body.dataset.ready = "1";
  if (!data.next) return; // the server reads the next lesion's study meanwhile; nothing of it is kept here
  const ahead = await fetch(Block.address(data.next.study, data.next.point, NARROW_MM, data.next.radius)).catch(() => null);
  if (ahead) await ahead.body.cancel(); // a body that nobody reads holds its connection
}

widths.addEventListener("change", showWidth);
windows.addEventListener("change", showWindow);
link.addEventListener("change", linked);
crosshair.addEventListener("change", showCrosshair);
saveButton.addEventListener("click", save);
document.getElementById("back").addEventListener("click", discard);
document.getElementById("put").addEventListener("click", LETTERS.p);
document.getElementById("mark-new").addEventListener("click", LETTERS.m);
const against = document.getElementById("against");
if (against) against.addEventListener("change", () => { location.href = against.value; });
window.addEventListener("resize", layout);
// What somebody else did to this cell meanwhile is said, and shown once nothing is unsaved.
async function refreshed() {
  if (!data.lesion) return;
  const answer = await fetch(addresses.row + "?" + new URLSearchParams({ patient, lesion: data.lesion }));
  if (answer.status === 404) {
    const words = `${[...document.querySelectorAll("h1 bdi")].pop().textContent} was deleted meanwhile`;
    if (unsaved()) say(`${words}; what you drew here cannot be saved.`, true); else leave(`${words}; the list of deleted lesions can restore it.`, true);
    return;
  }
  if (!answer.ok) return; // the server or the way to it is gone for now: it is asked again
  const row = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = [...row.querySelectorAll(".cell")].find((cell) => cell.dataset.study === study.study);
  if (!now) { say("This study is no longer there; what is drawn here cannot be saved.", true); return; }
  if (now.dataset.version === data.version) return;
  const words = now.querySelector(".state").textContent.trim().replace(/\s+/g, " ");
  if (unsaved()) say(`Changed meanwhile: ${words}. What you drew is not saved; discard it, and load the page again.`, true);
  else { note("said", [`Changed meanwhile: ${words}.`, false]); location.reload(); }
}

start();
followNoted();
watch(refreshed);
