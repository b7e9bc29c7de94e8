// The reader's own size: ends of both axes dragged or moved by arrows, an outline from one click. Only Enter or the button saves.
"use strict";
const STEP_MM = 0.5, LARGE_STEP_MM = 2.5, BEYOND_PX = 11, SQUARE_DEGREES = 10; // a handle lies beyond its end, which stays in sight
const axial = study.figures.find((one) => one.name === "axial"), known = data.panes.study.size;

function wordsOf(axes) {
  const [longer, shorter] = axes.map(([a, b]) => distance(a, b)).sort((a, b) => b - a);
  const [u, v] = axes.map(([a, b]) => b.map((value, k) => value - a[k]));
  const cosine = Math.abs(u.reduce((sum, value, k) => sum + value * v[k], 0)) / (longer * shorter || 1);
  const degrees = Math.acos(Math.min(1, cosine)) * 180 / Math.PI;
  return `${longer.toFixed(1)} × ${shorter.toFixed(1)} mm` + (90 - degrees > SQUARE_DEGREES ? `, ${degrees.toFixed(0)}° to each other` : "");
}

function sizeWords() {
  if (!draft) return "Click inside the lesion: it is outlined anew from there. Esc leaves it as it is.";
  const check = draft.check && !draft.drawn ? ` (check it: ${draft.check})` : "";
  return `Not saved: ${draft.click && !draft.drawn ? "a new outline, " : ""}${draft.words}${check}${known ? `; before ${known.words}` : ""}. Enter saves it, Esc discards it.`;
}

// The slice of the study that is nearest to the one that is shown: axes lie in one.
function nearestSlice() {
  const { origin, spacing } = study.block;
  return origin[2] + Math.round((study.focus[2] - origin[2]) / spacing[2]) * spacing[2];
}

// What is changed: what is drawn already, a copy of the size that counts, or a cross round the point where there is none.
function begin() {
  if (placed() || marking) { say("Your point is not saved: Enter saves it, Esc discards it.", true); return false; }
  if (!study.block || !study.point) { say("It has no point here: put one there first.", true); return false; }
  if (draft) return true;
  const [x, y] = study.point, r = study.radius, z = nearestSlice();
  draft = known ? { ...known, axes: known.axes.map((axis) => axis.map((end) => [...end])) }
    : { slice: z, axes: [[[x - r, y, z], [x + r, y, z]], [[x, y - r, z], [x, y + r, z]]], rings: [], drawn: true };
  draft.words = wordsOf(draft.axes);
  return true;
}

function moveEnd(number, to) {
  const end = study.block.inStudy(to);
  end[2] = draft.slice;
  draft.axes[number >> 1][number & 1] = end;
  draft.drawn = true;
  draft.words = wordsOf(draft.axes);
  update();
}

const away = (end, right, down) => end.map((value, k) => value + right * view.planes.axial.right[k] + down * view.planes.axial.down[k]);

const handles = [0, 1, 2, 3].map((number) => {
  const handle = document.createElement("button");
  let start = null;
  handle.type = "button"; handle.className = "end"; handle.hidden = true;
  handle.addEventListener("pointerdown", (event) => {
    handle.focus();
    event.preventDefault();
    if (event.button || !begin()) return;
    handle.setPointerCapture(event.pointerId);
    start = { x: event.clientX, y: event.clientY, end: draft.axes[number >> 1][number & 1] };
  });
  handle.addEventListener("pointermove", (event) => {
    const mm = view.width / axial.image.clientWidth;
    if (start && draft) moveEnd(number, away(start.end, (event.clientX - start.x) * mm, (event.clientY - start.y) * mm));
  });
  for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => { start = null; });
  handle.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key], mm = event.shiftKey ? LARGE_STEP_MM : STEP_MM;
    if (!way && event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    if (!way) save();
    else if (begin()) moveEnd(number, away(draft.axes[number >> 1][number & 1], mm * way[0], mm * way[1]));
  });
  handle.addEventListener("wheel", (event) => { event.preventDefault(); axial.over.dispatchEvent(new WheelEvent("wheel", event)); });
  axial.figure.append(handle);
  return handle;
});

// Each handle beyond its end, in the slice of the axes alone.
function placeHandles(size, plane, n, perPixel) {
  const here = size && study.block && Math.abs(size.slice - study.focus[2]) <= study.block.spacing[2] / 2 + 1e-3, css = axial.image.clientWidth / n;
  handles.forEach((handle, number) => {
    handle.hidden = !here || !view.crosshair;
    if (handle.hidden) return;
    const axis = size.axes[number >> 1], [end, other] = [axis[number & 1], axis[1 - (number & 1)]].map((point) => study.pixelOf(point, plane, n, perPixel).map((value) => (value + 0.5) * css));
    const long = Math.hypot(end[0] - other[0], end[1] - other[1]) || 1, at = end.map((value, k) => value + (value - other[k]) * BEYOND_PX / long);
    handle.hidden = at.some((value) => value < 0 || value > axial.image.clientWidth);
    handle.style.left = `${at[0]}px`;
    handle.style.top = `${at[1]}px`;
    handle.setAttribute("aria-label", `${number < 2 ? "long" : "short"} axis, ${distance(...axis).toFixed(1)} mm: end ${(number & 1) + 1}, arrows move it`);
  });
}

// To the first end, or from one to the next.
function toEnds() {
  const next = handles.indexOf(document.activeElement) + 1;
  if (!known && !draft && !begin()) return;
  study.look([study.focus[0], study.focus[1], (draft || known).slice]);
  rebase();
  study.draw();
  update();
  handles[next % handles.length].focus();
}

function toThisSlice() {
  if (!begin()) return;
  draft.slice = nearestSlice();
  draft.axes.forEach((axis) => axis.forEach((end) => { end[2] = draft.slice; }));
  Object.assign(draft, { rings: [], drawn: true });
  update();
}

function outlineAnew() {
  if (draft || placed() || marking) { say("What is not saved comes first: Enter saves it, Esc discards it.", true); return; }
  if (!study.point) { say("It has no point here: put one there first.", true); return; }
  outlining = true;
  update();
}

async function outlineFrom(point) {
  const click = point.map((value) => Number(value.toFixed(3))), [x, y, z] = click;
  outlining = false;
  document.getElementById("unsaved").textContent = "Measuring …";
  busy = true;
  const found = await send(addresses.outline + "?" + new URLSearchParams({ study: study.study, x, y, z })).finally(() => { busy = false; });
  if (found) {
    draft = { ...found, click };
    study.look([study.focus[0], study.focus[1], found.slice]);
    rebase();
  }
  update();
}

const answered = (size) => ({ study: study.study, lesion: data.lesion, seen: data.seen, size });

async function sendSize(what, more) {
  const body = { ...answered(known ? known.version : ""), ...more }, done = await send(addresses[what], body);
  if (done) await changed(what, body, done, what === "undo-size" ? null : ["undo-size", answered(done.size)]);
}

const saveSize = () => sendSize("size", { ...(draft.click ? { click_mm: draft.click } : {}), ...(draft.drawn ? { axes_mm: draft.axes.map((axis) => axis.map((end) => end.map((value) => Number(value.toFixed(3))))) } : {}) });

function answerSize(what, possible, why) {
  if (unsaved()) say("What is not saved comes first: Enter saves it, Esc discards it.", true);
  else if (!possible) say(why, true);
  else if (!busy) { busy = true; sendSize(what, {}).finally(() => { busy = false; }); }
}

const SIZE_ACTIONS = {
  e: toEnds, b: toThisSlice, c: outlineAnew,
  r: () => answerSize("reset-size", known && known.when, "Its automatic size counts already."),
  z: () => answerSize("undo-size", data.size_undo, "No reader has changed its size: nothing to undo."),
};
for (const button of document.querySelectorAll("button[data-size]")) button.addEventListener("click", SIZE_ACTIONS[button.dataset.size]);
document.addEventListener("keydown", (event) => { const act = SIZE_ACTIONS[keyOf(event)]; if (act) { act(); event.preventDefault(); } });
