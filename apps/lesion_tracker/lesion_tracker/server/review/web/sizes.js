// Sizes: outline and axes over the large view's axial planes, the way to their slice, and the button that measures.
"use strict";
const OUTLINE_COLOR = "#00d8c8", AXIS_COLOR = "#fff04d";

if (typeof Pane !== "undefined") {
  const drawRest = Pane.prototype.drawOver;
  Pane.prototype.drawOver = function (one, plane, n, perPixel, axis) {
    drawRest.call(this, one, plane, n, perPixel, axis);
    const kept = data.panes[this.element.dataset.role].size, size = (this.own && draft) || kept;
    if (one.name !== "axial") return;
    if (size && this.block && this.view.crosshair) {
      if (size !== kept && kept) drawSize(this, kept, one, plane, n, perPixel, true);
      drawSize(this, size, one, plane, n, perPixel);
    }
    if (this.own) placeHandles(size, plane, n, perPixel);
  };

  document.getElementById("key-slice").addEventListener("click", toSlice);
  document.addEventListener("keydown", (event) => { if (keyOf(event) === "g") toSlice(); });
  panes.forEach((pane) => pane.drawSoon());
}

// Solid in the slice of the axes; in others dashed, without the outline, and with the way there. Thin where it is to be replaced.
function drawSize(pane, size, one, plane, n, perPixel, replaced) {
  const context = one.over.getContext("2d"), dpr = window.devicePixelRatio || 1;
  const away = size.slice - pane.focus[2], here = Math.abs(away) <= pane.block.spacing[2] / 2 + 1e-3;
  const line = (points, color, width) => {
    context.strokeStyle = color; context.lineWidth = width;
    context.beginPath();
    points.forEach((point, k) => { const [x, y] = pane.pixelOf(point, plane, n, perPixel); if (k) context.lineTo(x, y); else context.moveTo(x, y); });
    context.stroke();
  };
  context.setLineDash(here && !replaced ? [] : [3 * dpr, 4 * dpr]);
  if (here) size.rings.forEach((ring) => line(ring, OUTLINE_COLOR, dpr));
  size.axes.forEach((axis) => { line(axis, "#000c", 3.5 * dpr); line(axis, AXIS_COLOR, replaced ? dpr / 2 : 1.5 * dpr); });
  context.setLineDash([]);
  if (replaced) return;
  const texts = here ? [size.words] : [size.words, `${Math.abs(away).toFixed(1)} mm ${away > 0 ? "higher" : "lower"}: G`]; // left of the letter A
  context.textAlign = "left"; context.lineWidth = 3 * dpr; context.strokeStyle = "#000c"; context.fillStyle = AXIS_COLOR;
  texts.forEach((text, k) => { const y = (30 + 16 * k) * dpr; context.strokeText(text, 6 * dpr, y); context.fillText(text, 6 * dpr, y); });
}

// Each study to the slice of its own axes; scrolling together goes on from there.
function toSlice() {
  const sized = panes.filter((pane) => pane.block && data.panes[pane.element.dataset.role].size);
  sized.forEach((pane) => pane.look([pane.focus[0], pane.focus[1], data.panes[pane.element.dataset.role].size.slice]));
  if (sized.length) rebase(); else say("No axes are known in these studies: Measure it.", true);
}

const measureButton = document.getElementById("measure");
if (measureButton) measureButton.addEventListener("click", async () => {
  measureButton.disabled = true;
  const lesions = typeof data === "undefined" ? [] : [data.lesion];
  const job = await send(addresses.measure, { patient, lesions });
  if (job) { note("job", job.id); await follow(job); if (typeof data === "undefined") measureButton.remove(); }
  measureButton.disabled = false;
});
