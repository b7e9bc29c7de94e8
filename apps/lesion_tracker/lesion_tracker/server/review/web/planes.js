// Slices of a study, cut in the browser from a block of voxels that was loaded once: scrolling, zoom and window ask nobody.
// Points are millimetres, LPS of the study; what a pane looks at (focus) and where the lesion is (point, placed) are two things.
"use strict";
const AXES = { axial: 2, coronal: 1, sagittal: 0 }; // along which a plane's slices lie
const NARROW_MM = 120, WIDE_MM = 300; // of the blocks that are loaded

function distance(a, b) { return Math.hypot(...a.map((value, axis) => value - b[axis])); }

class Block {
  constructor(facts, hu) { Object.assign(this, facts); this.hu = hu; }

  static address(study, point, width, radius) {
    const [x, y, z] = point.map((value) => value.toFixed(3));
    return addresses.block + "?" + new URLSearchParams({ study, x, y, z, width, radius: radius.toFixed(1) });
  }

  static async load(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || `the server answered ${answer.status}`);
    return new Block(JSON.parse(answer.headers.get("X-Block")), new Int16Array(await answer.arrayBuffer()));
  }

  last(axis) { return this.origin[axis] + (this.size[axis] - 1) * this.spacing[axis]; }
  holds(point) { return point.every((value, axis) => value >= this.origin[axis] - this.spacing[axis] / 2 && value <= this.last(axis) + this.spacing[axis] / 2); }
  inStudy(point) { return point.map((value, axis) => Math.min(this.high[axis], Math.max(this.low[axis], value))); }

  // The two voxels, and the share of the second, that each of n pixels lies between; -1 beyond the block.
  places(axis, sign, middle, n, perPixel) {
    const index = new Int32Array(n), share = new Float32Array(n), most = this.size[axis] - 1;
    for (let pixel = 0; pixel < n; pixel += 1) {
      const at = (middle + sign * (pixel - (n - 1) / 2) * perPixel - this.origin[axis]) / this.spacing[axis];
      const low = Math.min(Math.max(Math.floor(at), 0), Math.max(most - 1, 0));
      index[pixel] = at < -0.5 || at > most + 0.5 ? -1 : low;
      share[pixel] = most ? Math.min(Math.max(at - low, 0), 1) : 0;
    }
    return [index, share];
  }

  // Draws n x n pixels of a plane round `middle`, at the slice of `focus`; linear between voxels, as the crops of the grid.
  draw(context, plane, middle, focus, n, perPixel, [center, width]) {
    const image = context.createImageData(n, n), out = new Uint32Array(image.data.buffer), hu = this.hu;
    const across = plane.right.findIndex(Boolean), along = plane.down.findIndex(Boolean), through = 3 - across - along;
    const stride = [1, this.size[0], this.size[0] * this.size[1]];
    const [is, fs] = this.places(across, plane.right[across], middle[across], n, perPixel);
    const [js, gs] = this.places(along, plane.down[along], middle[along], n, perPixel);
    const [[k], [h]] = this.places(through, 1, focus[through], 1, 1);
    const scale = 255 / width, dark = (center - width / 2) * scale;
    const right = this.size[across] > 1 ? stride[across] : 0, down = this.size[along] > 1 ? stride[along] : 0;
    const deep = this.size[through] > 1 ? stride[through] : 0, near = 1 - h;
    out.fill(0xff000000);
    for (let row = 0; row < n && k >= 0; row += 1) {
      if (js[row] < 0) continue;
      const base = k * stride[through] + js[row] * stride[along], g = gs[row];
      for (let column = 0; column < n; column += 1) {
        if (is[column] < 0) continue;
        const at = base + is[column] * stride[across], f = fs[column];
        let value = (hu[at] * (1 - f) + hu[at + right] * f) * (1 - g) + (hu[at + down] * (1 - f) + hu[at + down + right] * f) * g;
        if (h > 0.001) {
          const other = at + deep;
          value = value * near + h * ((hu[other] * (1 - f) + hu[other + right] * f) * (1 - g) + (hu[other + down] * (1 - f) + hu[other + down + right] * f) * g);
        }
        let gray = value * scale - dark;
        gray = gray < 0 ? 0 : gray > 255 ? 255 : gray | 0;
        out[row * n + column] = 0xff000000 | (gray << 16) | (gray << 8) | gray;
      }
    }
    context.putImageData(image, 0, 0);
  }
}

// A piece of the point map of a pair, linear between its nodes; `inverse` by repeated correction, as the map is nearly a shift.
class PointMap {
  constructor(facts) { Object.assign(this, facts); }

  at(point) {
    const low = [], share = [];
    for (let axis = 0; axis < 3; axis += 1) {
      const place = Math.min(Math.max((point[axis] - this.origin[axis]) / this.spacing[axis], 0), this.size[axis] - 1);
      low[axis] = Math.min(Math.floor(place), this.size[axis] - 2);
      share[axis] = place - low[axis];
    }
    const beyond = point.map((value, axis) => value - (this.origin[axis] + (low[axis] + share[axis]) * this.spacing[axis]));
    const found = [0, 0, 0];
    for (let corner = 0; corner < 8; corner += 1) {
      let weight = 1, at = 0, step = 1;
      for (let axis = 0; axis < 3; axis += 1) {
        const up = (corner >> axis) & 1;
        weight *= up ? share[axis] : 1 - share[axis];
        at += (low[axis] + up) * step;
        step *= this.size[axis];
      }
      for (let axis = 0; axis < 3; axis += 1) found[axis] += weight * this.places[3 * at + axis];
    }
    return found.map((value, axis) => value + beyond[axis]);
  }

  inverse(target) {
    let point = [...target];
    for (let step = 0; step < 12; step += 1) {
      const there = this.at(point);
      point = point.map((value, axis) => value + target[axis] - there[axis]);
    }
    return point;
  }
}

// One study: three planes, what they show, and where its lesion is.
class Pane {
  constructor(element, facts, view) {
    this.element = element; this.view = view; this.study = facts.study; this.radius = facts.radius || 5;
    this.point = facts.point || null; this.placed = null; this.tracked = facts.tracked || null; this.color = facts.color || "untracked";
    this.own = element.dataset.role === "study";
    this.block = null; this.wanted = ""; this.problem = "";
    this.figures = [...element.querySelectorAll(".plane")].map((figure) => ({ figure, name: figure.dataset.plane,
      image: figure.querySelector(".image"), over: figure.querySelector(".over"), slider: figure.querySelector("input") }));
  }

  // Opens the planes at a point; nothing is drawn until the voxels are there.
  async open(point) {
    this.focus = [...point]; this.middle = [...point];
    await this.load();
  }

  async load() {
    const width = this.view.width > NARROW_MM ? WIDE_MM : NARROW_MM;
    const address = Block.address(this.study, this.focus, width, this.radius);
    if (this.wanted === address) return;
    this.wanted = address;
    let block = null;
    try { block = await Block.load(address); this.problem = ""; } catch (error) { this.problem = String(error.message || error); }
    if (this.wanted !== address) return;
    this.loadedWidth = width;
    if (block) { this.block = block; this.focus = block.inStudy(this.focus); this.middle = block.inStudy(this.middle); }
    this.draw();
    this.element.dispatchEvent(new Event("loaded"));
  }

  // Moves the slices that are shown; asks for other voxels where these end.
  look(focus) {
    if (!this.block) return;
    this.focus = this.block.inStudy(focus);
    if (!this.block.holds(this.focus) || (this.view.width > NARROW_MM) !== (this.loadedWidth > NARROW_MM)) this.load();
    this.drawSoon();
  }

  scroll(plane, steps) {
    if (!this.block) return;
    const axis = AXES[plane], spacing = this.block.spacing[axis], focus = [...this.focus];
    const slice = (focus[axis] - this.block.origin[axis]) / spacing;
    focus[axis] = this.block.origin[axis] + (steps > 0 ? Math.floor(slice + 1e-6) : Math.ceil(slice - 1e-6)) * spacing + steps * spacing;
    this.look(focus);
  }

  center() { this.middle = [...this.focus]; this.draw(); }
  window() { return this.view.window(this.block); }

  drawSoon() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => { this.pending = 0; this.draw(); });
  }

  draw() {
    const start = performance.now();
    for (const one of this.figures) this.drawPlane(one);
    this.element.dataset.ms = (performance.now() - start).toFixed(1);
  }

  pixels(one) { return Math.min(1024, Math.max(64, Math.round(one.image.clientWidth * (window.devicePixelRatio || 1)))); }

  drawPlane(one) {
    const n = this.pixels(one), plane = this.view.planes[one.name], perPixel = this.view.width / n, axis = AXES[one.name];
    const key = this.block && [this.wanted, n, this.view.width, this.focus[axis].toFixed(4), this.middle.map((v) => v.toFixed(3)), this.window()].join();
    if ([one.image, one.over].some((canvas) => canvas.width !== n || canvas.height !== n)) { one.image.width = one.image.height = one.over.width = one.over.height = n; one.drawn = ""; }
    if (this.block && one.drawn !== key) {
      this.block.draw(one.image.getContext("2d"), plane, this.middle, this.focus, n, perPixel, this.window());
      one.drawn = key;
    }
    this.drawOver(one, plane, n, perPixel, axis);
    if (this.block && one.slider) {
      const [low, high, step] = [this.block.low[axis], this.block.high[axis], this.block.spacing[axis]];
      Object.assign(one.slider, { min: low, max: high, step: "any", value: this.focus[axis] });
      one.slider.setAttribute("aria-valuetext", `${"xyz"[axis]} ${this.focus[axis].toFixed(1)} mm, slice ${Math.round((this.focus[axis] - low) / step) + 1}`);
    }
  }

  // The pixel of a point, and how far it lies behind the slice that is shown, mm.
  pixelOf(point, plane, n, perPixel) {
    const off = point.map((value, axis) => value - this.middle[axis]);
    return [plane.right, plane.down].map((way) => way.reduce((sum, part, axis) => sum + part * off[axis], 0) / perPixel + (n - 1) / 2);
  }

  // The point of a pixel on the slice that is shown; whole numbers are the centres of pixels.
  pointOf(one, event) {
    const box = one.image.getBoundingClientRect(), n = one.image.width, perPixel = this.view.width / n, plane = this.view.planes[one.name];
    const x = ((event.clientX - box.left) * n / box.width - 0.5 - (n - 1) / 2) * perPixel;
    const y = ((event.clientY - box.top) * n / box.height - 0.5 - (n - 1) / 2) * perPixel;
    const point = this.middle.map((value, axis) => value + x * plane.right[axis] + y * plane.down[axis]);
    point[AXES[one.name]] = this.focus[AXES[one.name]];
    return point;
  }

  drawOver(one, plane, n, perPixel, axis) {
    const context = one.over.getContext("2d"), dpr = window.devicePixelRatio || 1;
    context.clearRect(0, 0, n, n);
    context.font = `${Math.round(12 * dpr)}px system-ui, sans-serif`;
    const write = (text, x, y, align = "left", color = "#e8eaed") => {
      context.textAlign = align; context.lineWidth = 3 * dpr; context.strokeStyle = "#000c"; context.fillStyle = color;
      context.strokeText(text, x, y); context.fillText(text, x, y);
    };
    if (!this.block) { write(this.problem || "loading …", n / 2, n / 2, "center"); return; }
    const edge = 6 * dpr, [left, right, up, down] = plane.letters, small = n < 240 * dpr;
    write(left, edge, n / 2); write(right, n - edge, n / 2, "right"); write(up, n / 2, 14 * dpr, "center"); write(down, n / 2, n - edge, "center");
    const where = `${"xyz"[axis]} ${this.focus[axis].toFixed(1)}`;
    write(small ? where : `${one.name}  ${where} mm`, edge, 14 * dpr);
    const bar = this.view.width >= 100 ? 20 : 10;
    context.fillStyle = "#e8eaed"; context.fillRect(n - edge - bar / perPixel, n - edge - 3 * dpr, bar / perPixel, 2 * dpr);
    write(`${bar} mm`, n - edge, n - edge - 6 * dpr, "right");
    this.drawSliceLines(context, one, plane, n, perPixel, dpr);
    if (this.view.crosshair) {
      if (this.tracked) this.drawX(context, this.pixelOf(this.tracked, plane, n, perPixel), dpr, this.view.states.uncertain.color);
      if (this.point) this.drawCross(context, this.point, this.placed ? "#c8ccd4" : this.view.states[this.color].color, plane, n, perPixel, axis, dpr, false);
      if (this.placed) this.drawCross(context, this.placed, "#ffffff", plane, n, perPixel, axis, dpr, true);
    }
    const shown = this.placed || this.point;
    if (shown && Math.abs(shown[axis] - this.focus[axis]) > this.block.spacing[axis] / 2 + 1e-3 && !small) {
      const way = [["to the left", "to the right"], ["further back", "further front"], ["higher", "lower"]][axis];
      write(`${this.placed ? "your point" : "the point"}: ${Math.abs(shown[axis] - this.focus[axis]).toFixed(1)} mm ${way[shown[axis] > this.focus[axis] ? 0 : 1]}`, edge, n - edge, "left", this.view.states.uncertain.color);
    }
  }

  // Where the other planes cut this one, at its edges: what is looked at, away from the lesion.
  drawSliceLines(context, one, plane, n, perPixel, dpr) {
    const [x, y] = this.pixelOf(this.focus, plane, n, perPixel), long = 10 * dpr;
    context.strokeStyle = "#9fd0ff"; context.lineWidth = dpr;
    context.beginPath();
    context.moveTo(x, 18 * dpr); context.lineTo(x, 18 * dpr + long); context.moveTo(x, n - 18 * dpr); context.lineTo(x, n - 18 * dpr - long);
    context.moveTo(18 * dpr, y); context.lineTo(18 * dpr + long, y); context.moveTo(n - 18 * dpr, y); context.lineTo(n - 18 * dpr - long, y);
    context.stroke();
  }

  drawX(context, [x, y], dpr, color) {
    for (const [width, ink] of [[3 * dpr, "#000c"], [dpr * 1.5, color]]) {
      context.strokeStyle = ink; context.lineWidth = width;
      context.beginPath();
      context.moveTo(x - 5 * dpr, y - 5 * dpr); context.lineTo(x + 5 * dpr, y + 5 * dpr);
      context.moveTo(x - 5 * dpr, y + 5 * dpr); context.lineTo(x + 5 * dpr, y - 5 * dpr);
      context.stroke();
    }
  }

  // Four arms that leave the lesion free; dashed where the point lies on another slice.
  drawCross(context, point, color, plane, n, perPixel, axis, dpr, strong) {
    const [x, y] = this.pixelOf(point, plane, n, perPixel), gap = Math.min(Math.max(1.3 * this.radius / perPixel, 6 * dpr), 0.3 * n), arm = gap + 0.16 * n;
    const here = Math.abs(point[axis] - this.focus[axis]) <= this.block.spacing[axis] / 2 + 1e-3;
    context.setLineDash(here ? [] : [4 * dpr, 5 * dpr]);
    for (const [width, ink] of [[4 * dpr, "#000a"], [(strong ? 2.5 : 1.5) * dpr, color]]) {
      context.strokeStyle = ink; context.lineWidth = width;
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { context.moveTo(x + dx * gap, y + dy * gap); context.lineTo(x + dx * arm, y + dy * arm); }
      context.stroke();
    }
    context.setLineDash([]);
  }
}
