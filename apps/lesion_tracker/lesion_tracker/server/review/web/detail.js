// The large view: a click puts the point where it fell, the wheel and the keys move it, Enter keeps it.
"use strict";
const section = document.getElementById("followup");
const rows = [...document.querySelectorAll(".planes")].map((row) => ({
  row, study: row.dataset.study, own: row.dataset.role === "followup", point: numbers(row.dataset.point),
  spacing: numbers(row.dataset.spacing), start: numbers(row.dataset.point),
}));
const followup = rows.find((one) => one.own);
const saveButton = document.getElementById("save"), backButton = document.getElementById("back");
let busy = false;

function numbers(text) { return text.split(",").map(Number); }
function width() { return Number(document.getElementById("width").value); }

// As many pixels as the screen has for it, so that lines and letters stay sharp.
function sizeOf(image) { return Math.min(1024, Math.max(240, Math.round(image.clientWidth * (window.devicePixelRatio || 1)))); }

function draw(view) {
  const moved = distance(view.point, view.start) > 1e-6;
  for (const image of view.row.querySelectorAll("img")) {
    const [x, y, z] = view.point.map((value) => value.toFixed(4));
    const query = new URLSearchParams({ study: view.study, plane: image.dataset.plane, x, y, z, width: width(), pixels: sizeOf(image),
      window: windowOf(), color: view.own && moved ? "reader" : view.row.dataset.color, radius: view.row.dataset.radius });
    const other = view.own && moved && section.dataset.known === "1" ? view.start.join(",") : view.row.dataset.other;
    if (other) query.set("other", other);
    const address = addresses.crop + "?" + query;
    if (image.getAttribute("src") === address) continue;
    image.asked = { address, point: view.point, width: width() };
    image.src = address;
  }
  if (!view.own) return;
  const far = distance(view.point, view.start);
  document.getElementById("place").textContent = view.point.map((value) => value.toFixed(1)).join(", ");
  document.getElementById("moved").textContent = moved ? `not stored yet: ${far.toFixed(1)} mm from the point before (×)` : "";
  saveButton.disabled = !moved && section.dataset.known === "1";
  backButton.disabled = !moved;
}

function distance(a, b) { return Math.hypot(...a.map((value, axis) => value - b[axis])); }

// Pixels and mm as in lesion_tracker/report/crop.py: whole numbers are the centres of pixels, the middle is (pixels - 1) / 2.
// What counts is the crop on the screen, also while the next one is on its way.
function pointAt(image, event) {
  const box = image.getBoundingClientRect(), pixels = image.naturalWidth, perPixel = image.shown.width / pixels;
  const x = (event.clientX - box.left) * pixels / box.width - 0.5, y = (event.clientY - box.top) * pixels / box.height - 0.5;
  const right = (x - (pixels - 1) / 2) * perPixel, down = (y - (pixels - 1) / 2) * perPixel;
  const alongRight = numbers(image.dataset.right), alongDown = numbers(image.dataset.down);
  return image.shown.point.map((value, axis) => value + right * alongRight[axis] + down * alongDown[axis]);
}

function move(view, point) { view.point = point; draw(view); }

function slice(view, image, steps) {
  const axis = { axial: 2, coronal: 1, sagittal: 0 }[image.dataset.plane];
  move(view, view.point.map((value, one) => one === axis ? value + steps * view.spacing[axis] : value));
}

async function save() {
  if (saveButton.disabled || busy) return;
  busy = true;
  await change("move", { study: section.dataset.study, lesion: section.dataset.lesion, track: section.dataset.track,
    center_mm: followup.point.map((value) => Number(value.toFixed(4))) });
  busy = false;
}

for (const view of rows) {
  for (const image of view.row.querySelectorAll("img")) {
    image.addEventListener("load", () => { if (image.asked && image.getAttribute("src") === image.asked.address) image.shown = image.asked; });
    if (view.own) image.addEventListener("click", (event) => { if (image.shown) move(view, pointAt(image, event)); });
    image.addEventListener("wheel", (event) => { event.preventDefault(); slice(view, image, event.deltaY > 0 ? -1 : 1); }, { passive: false });
  }
}
saveButton.addEventListener("click", save);
backButton.addEventListener("click", () => rows.forEach((view) => move(view, view.start)));
document.getElementById("width").addEventListener("change", () => rows.forEach(draw));
document.addEventListener("windowed", () => rows.forEach(draw));

const STEPS = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0] };

function zoom(by) {
  const list = document.getElementById("width"), next = list.selectedIndex + by;
  if (next >= 0 && next < list.options.length) { list.selectedIndex = next; rows.forEach(draw); }
}

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target.closest("button, a");
  if (STEPS[event.key]) { move(followup, followup.point.map((value, axis) => value + STEPS[event.key][axis])); event.preventDefault(); }
  else if (event.key === "PageUp" || event.key === "PageDown") {
    slice(followup, followup.row.querySelector("img"), event.key === "PageUp" ? 1 : -1); event.preventDefault();
  }
  else if (event.key === "Enter" && !onButton) save();
  else if (event.key === "Escape") rows.forEach((view) => move(view, view.start));
  else if (event.key === "a") accept(section);
  else if (event.key === "u") change("undo", { patient, lesion: section.dataset.lesion, studies: [section.dataset.study] });
  else if (event.key === "n" && document.getElementById("next")) location.href = document.getElementById("next").href;
  else if (event.key === "+" || event.key === "=") zoom(-1);
  else if (event.key === "-") zoom(1);
});

rows.forEach(draw);
