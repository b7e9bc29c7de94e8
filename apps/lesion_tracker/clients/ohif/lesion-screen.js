// What is on OHIF's screen: which series its viewports show, a way to a point, the next click, and the chosen lesion's marker.
const LEAST_PX = 9; // radius of a marker
const RING = 1.3; // of the lesion's radius: the lesion stays free
const TOUCHING = ['mousedown', 'wheel'];

let services;
let place = null; // what is marked: { series, point (LPS mm), radius (mm), color }
const rings = new Map(); // a viewport's element → its marker

export function useServices(given) {
  services = given;
}

const seriesIn = (viewport) => {
  const [uid] = viewport?.displaySetInstanceUIDs ?? [];
  return uid ? services.displaySetService.getDisplaySetByUID(uid)?.SeriesInstanceUID : undefined;
};

export function shownSeries() {
  const { viewports, activeViewportId } = services.viewportGridService.getState();
  return seriesIn(viewports.get(activeViewportId));
}

// The viewports that show a series: planes of a volume in the mode MONAI Label, a stack of slices in the Basic Viewer.
function viewportsOf(series) {
  const { viewports } = services.viewportGridService.getState();
  const every = (window.cornerstone?.getRenderingEngines() ?? []).flatMap((engine) => engine.getViewports());
  return every.filter((one) => one.canvasToWorld && seriesIn(viewports.get(one.id)) === series);
}

const isVolume = (viewport) => Boolean(viewport.getAllVolumeIds);
const isLoaded = (viewport) => (isVolume(viewport) ? viewport.getActors().length > 0 : viewport.getImageIds().length > 0);
const dot = (one, other) => one.reduce((sum, value, axis) => sum + value * other[axis], 0);

// How far a point lies before a viewport's slice, mm, and how thick a slice is.
function depth(viewport, point) {
  const { focalPoint, viewPlaneNormal } = viewport.getCamera();
  const { spacing, direction } = viewport.getImageData() ?? {};
  const across = (axis) => Math.abs(dot(Array.from(direction).slice(3 * axis, 3 * axis + 3), viewPlaneNormal));
  const thick = spacing ? spacing.reduce((sum, mm, axis) => sum + mm * across(axis), 0) : 0;
  return { off: dot(point.map((value, axis) => value - focalPoint[axis]), viewPlaneNormal), thick };
}

// Shows a world point, LPS mm, in every viewport of a series; volumes have it in their middle.
export function jump(series, point) {
  for (const viewport of viewportsOf(series)) {
    const { focalPoint, position } = viewport.getCamera();
    const moved = position.map((value, axis) => value + point[axis] - focalPoint[axis]);
    if (isVolume(viewport)) viewport.setCamera({ focalPoint: point, position: moved });
    else viewport.jumpToWorld(point);
    viewport.render();
  }
}

const looksAt = (viewport, point) => {
  const { off, thick } = depth(viewport, point);
  return Math.abs(off) <= thick / 2 + 0.01;
};

// Jumps as soon as a series is on the screen, and again until OHIF's own first look is over or the reader looks elsewhere.
export async function jumpWhenLoaded(series, point, tries = 240, pause = 500) {
  let quiet = 0;
  let jumped = false;
  const stop = new AbortController();
  const elsewhere = (event) => { if (viewportsOf(series).some(({ element }) => element.contains(event.target))) stop.abort(); };
  for (let left = tries; left > 0 && quiet < 4 && !stop.signal.aborted; left -= 1) {
    const viewports = viewportsOf(series);
    if (viewports.length > 0 && viewports.every(isLoaded)) {
      const there = jumped && viewports.every((one) => looksAt(one, point));
      quiet = there ? quiet + 1 : 0;
      if (!there) jump(series, point);
      if (!jumped) TOUCHING.forEach((type) => document.addEventListener(type, elsewhere, { capture: true, signal: stop.signal }));
      jumped = true;
    }
    await new Promise((resolve) => { setTimeout(resolve, pause); });
  }
  stop.abort();
  return jumped;
}

// Takes the next click in a viewport of a series; null for Escape, or once `stop` is aborted.
export function nextClick(series, stop) {
  return new Promise((resolve) => {
    const viewports = viewportsOf(series);
    const done = new AbortController();
    const finish = (point) => {
      done.abort();
      viewports.forEach(({ element }) => { element.style.cursor = ''; });
      resolve(point);
    };
    const listen = (target, type, work) => target.addEventListener(type, work, { capture: true, signal: done.signal });
    viewports.forEach(({ element }) => { element.style.cursor = 'crosshair'; });
    listen(document, 'mousedown', (event) => {
      const viewport = viewports.find((one) => one.element.contains(event.target));
      if (!viewport || event.button !== 0) return;
      event.preventDefault();
      event.stopPropagation();
      const { x, y } = viewport.element.getBoundingClientRect();
      finish(Array.from(viewport.canvasToWorld([event.clientX - x, event.clientY - y])));
    });
    listen(document, 'keydown', (event) => event.key === 'Escape' && finish(null));
    listen(stop, 'abort', () => finish(null));
  });
}

// Marks a point in all viewports of its series, null: nothing. On another slice its ring is dashed, with the distance.
export function mark(given) {
  place = given;
  draw();
}

function draw() {
  const shown = place ? viewportsOf(place.series).filter(isLoaded) : [];
  const elements = new Set(shown.map(({ element }) => element));
  for (const [element, ring] of rings) if (!elements.has(element)) { ring.remove(); rings.delete(element); }
  for (const viewport of shown) {
    const { point, radius, color } = place;
    const { viewUp } = viewport.getCamera();
    const [x, y] = viewport.worldToCanvas(point);
    const [, edge] = viewport.worldToCanvas(point.map((value, axis) => value + RING * radius * viewUp[axis]));
    const pixels = Math.max(LEAST_PX, Math.abs(edge - y));
    const ring = rings.get(viewport.element) ?? document.createElement('div');
    if (!ring.isConnected) viewport.element.append(ring);
    rings.set(viewport.element, ring);
    const { off } = depth(viewport, point);
    const here = looksAt(viewport, point);
    ring.className = 'lesionMarker';
    ring.dataset.here = here ? '1' : '0';
    ring.dataset.label = here ? '' : `${Math.abs(off).toFixed(0)} mm`;
    Object.assign(ring.style, {
      left: `${x - pixels}px`, top: `${y - pixels}px`, width: `${2 * pixels}px`, height: `${2 * pixels}px`, color,
    });
  }
}

// cornerstone tells the element alone, so it is listened to on the way down.
export function watchScreen(work) {
  const stop = new AbortController();
  document.addEventListener('CORNERSTONE_IMAGE_RENDERED', draw, { capture: true, signal: stop.signal });
  const { EVENTS } = services.viewportGridService;
  const subscriptions = [EVENTS.ACTIVE_VIEWPORT_ID_CHANGED, EVENTS.GRID_STATE_CHANGED]
    .map((event) => services.viewportGridService.subscribe(event, work));
  return () => {
    stop.abort();
    subscriptions.forEach(({ unsubscribe }) => unsubscribe());
    mark(null);
  };
}
