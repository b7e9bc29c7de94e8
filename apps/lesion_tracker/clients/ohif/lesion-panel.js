// A panel for OHIF: the patient's lesions with state and confidence; jump to a point, accept it, or move it by a click.
// OHIF loads it as an extension at run time (window.config.extensions); nothing of OHIF is rebuilt.
const ID = 'lesion-tracker';
const PENDING = 'lesion-tracker.jump'; // where to go once another study has been opened
const READER = 'lesion-tracker.reader';
const JUMP_TRIES = 240; // every half second
const STYLE = `
.lesionTracker { color: #fff; font-size: 13px; padding: 8px; overflow-y: auto; height: 100%; }
.lesionTracker h3 { font-size: 13px; font-weight: 600; margin: 10px 0 2px; color: #5acce6; }
.lesionTracker .point { border-left: 3px solid; margin: 4px 0 8px; padding: 2px 0 2px 8px; }
.lesionTracker .shown { font-weight: 600; }
.lesionTracker button { background: #3a3f99; border-radius: 3px; padding: 1px 8px; margin: 3px 6px 0 0; }
.lesionTracker button:focus, .lesionTracker button:hover { background: #5acce6; color: #000; }
.lesionTracker button:disabled { opacity: 0.4; }
.lesionTracker input { color: #000; width: 100%; padding: 1px 4px; }
.lesionTracker input::placeholder { color: #555; }
.lesionTracker .said { color: #f5c542; min-height: 1.4em; margin: 6px 0; }
`;

let services;
let panel; // what is on the screen: { root, said, list, series, stop }

function shownSeries() {
  const { viewports, activeViewportId } = services.viewportGridService.getState();
  const [uid] = viewports.get(activeViewportId)?.displaySetInstanceUIDs ?? [];
  return uid ? services.displaySetService.getDisplaySetByUID(uid)?.SeriesInstanceUID : undefined;
}

function volumeViewports() {
  return window.cornerstone.getRenderingEngines().flatMap((engine) => engine.getVolumeViewports());
}

// Moves every plane to a world point, LPS mm.
function jump(point) {
  for (const viewport of volumeViewports()) {
    const { focalPoint, position } = viewport.getCamera();
    viewport.setCamera({
      focalPoint: point,
      position: position.map((value, axis) => value + point[axis] - focalPoint[axis]),
    });
    viewport.render();
  }
}

// What the server is asked for; its configuration of OHIF says where.
const addresses = () => window.config.lesionTracker.addresses;
const states = () => window.config.lesionTracker.states; // what points are shown as, by name: the server's table

async function ask(address, body) {
  const answer = await fetch(address, body && {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ reader: localStorage.getItem(READER) ?? '', ...body }),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Error(typeof said.detail === 'string' ? said.detail : `the server answered ${answer.status}`);
  }
  return said;
}

function say(text) {
  if (panel) panel.said.textContent = text;
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function button(text, hint, work) {
  const made = element('button', { textContent: text, title: hint });
  made.addEventListener('click', () => work().catch((error) => say(error.message)));
  return made;
}

async function goTo(study, cell) {
  if (study.id === shownSeries()) {
    jump(cell.center_mm);
    return;
  }
  sessionStorage.setItem(PENDING, JSON.stringify({ series: study.id, point: cell.center_mm }));
  const query = new URLSearchParams({ StudyInstanceUIDs: study.study_uid, SeriesInstanceUIDs: study.id });
  window.location.assign(`${window.location.pathname}?${query}`);
}

// Goes where a click in another study's panel pointed, as soon as that series is on the screen.
async function finishJump() {
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null');
  sessionStorage.removeItem(PENDING);
  for (let left = pending ? JUMP_TRIES : 0; left > 0; left -= 1) {
    const loaded = volumeViewports().every((viewport) => viewport.getActors().length > 0);
    if (shownSeries() === pending.series && volumeViewports().length > 0 && loaded) {
      jump(pending.point);
      return;
    }
    await new Promise((resolve) => { setTimeout(resolve, 500); });
  }
}

async function accept(study, row, cell) {
  const { done } = await ask(addresses().accept, { study: study.id, lesion: row.id, track: cell.track });
  await refresh();
  say(done);
}

// Takes the next click in any plane as the lesion's place; Escape takes none.
async function move(study, row, cell) {
  say(`click where ${row.label} really is; Escape: leave it`);
  const point = await nextClick();
  if (point === null) {
    say('not moved');
    return;
  }
  const body = { study: study.id, lesion: row.id, center_mm: point, track: cell.track };
  const { done } = await ask(addresses().move, body);
  await refresh();
  say(done);
}

function nextClick() {
  panel.stop?.();
  return new Promise((resolve) => {
    const viewports = volumeViewports();
    const onDown = (event) => {
      const viewport = viewports.find((one) => one.element.contains(event.target));
      if (!viewport || event.button !== 0) return;
      event.preventDefault();
      event.stopPropagation();
      const { x, y } = viewport.element.getBoundingClientRect();
      finish(Array.from(viewport.canvasToWorld([event.clientX - x, event.clientY - y])));
    };
    const onKey = (event) => event.key === 'Escape' && finish(null);
    const finish = (point) => {
      document.removeEventListener('mousedown', onDown, true);
      document.removeEventListener('keydown', onKey, true);
      if (panel) panel.stop = undefined;
      resolve(point);
    };
    panel.stop = () => finish(null);
    document.addEventListener('mousedown', onDown, true);
    document.addEventListener('keydown', onKey, true);
  });
}

function pointOf(study, row, cell) {
  const shown = study.id === shownSeries();
  const confidence = cell.confidence === null ? '' : `, confidence ${cell.confidence.toFixed(2)}`;
  const date = study.date.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
  const when = `${date || 'no date'}${study.series ? `, ${study.series}` : ''}`;
  const made = element('div', { className: `point ${cell.color}` },
    element('div', { className: shown ? 'shown' : '', textContent: when }),
    element('div', { textContent: `${cell.words}${confidence}` }));
  made.style.borderColor = states()[cell.color].color;
  if (!cell.center_mm) return made;
  const place = `(${cell.center_mm.map((value) => value.toFixed(1)).join(', ')}) LPS mm`;
  made.append(button('Go', `show ${place}`, () => goTo(study, cell)));
  if (cell.can_accept) {
    const accepter = button('Accept', shown ? 'the point is right' : 'go to it first', () => accept(study, row, cell));
    accepter.disabled = !shown; // nobody accepts what is not on the screen
    made.append(accepter);
  }
  const mover = button('Move', 'then click where it really is', () => move(study, row, cell));
  mover.disabled = !shown;
  made.append(mover);
  return made;
}

// Lists the lesions of the patient whose series is active.
async function refresh() {
  if (!panel) return;
  const series = shownSeries();
  panel.series = series;
  if (!series) return;
  const { studies, rows } = await ask(`${addresses().lesions}?series=${encodeURIComponent(series)}`);
  if (!panel || panel.series !== series) return;
  panel.list.replaceChildren(...rows.map((row) => {
    const points = studies.filter((study) => row.cells[study.id]).map((study) => pointOf(study, row, row.cells[study.id]));
    const section = element('section', {}, element('h3', { textContent: row.label }), ...points);
    section.dataset.lesion = row.id;
    return section;
  }));
  say(rows.length ? '' : 'nothing is marked yet: Point Prompts, mark_lesion, in the earlier study');
}

function mount(root) {
  const said = element('div', { className: 'said', role: 'status' });
  const list = element('div');
  const reader = element('input', { placeholder: 'reader (kept with what you accept and move)', value: localStorage.getItem(READER) ?? '', maxLength: 64 });
  reader.addEventListener('change', () => localStorage.setItem(READER, reader.value.trim()));
  root.replaceChildren(element('style', { textContent: STYLE }), reader, button('Refresh', 'ask the server', refresh), said, list);
  panel = { root, said, list };
  const update = () => { if (panel && shownSeries() !== panel.series) refresh().catch((error) => say(error.message)); };
  const { EVENTS } = services.viewportGridService;
  panel.subscriptions = [EVENTS.ACTIVE_VIEWPORT_ID_CHANGED, EVENTS.GRID_STATE_CHANGED]
    .map((event) => services.viewportGridService.subscribe(event, update));
  update();
  finishJump().catch((error) => say(error.message));
}

function unmount() {
  panel?.stop?.();
  panel?.subscriptions.forEach(({ unsubscribe }) => unsubscribe());
  panel = undefined;
}

const attach = (root) => (root ? mount(root) : unmount());

// OHIF's React is not reachable from outside of its bundle; this is an element as React 18 itself makes one.
const Lesions = () => ({
  $$typeof: Symbol.for('react.element'),
  type: 'div',
  key: null,
  ref: attach,
  props: { className: 'lesionTracker' },
  _owner: null,
  _store: {},
});

export default {
  id: ID,
  getPanelModule({ servicesManager }) {
    services = servicesManager.services;
    return [{ name: 'lesions', iconName: 'tab-linear', iconLabel: 'Lesions', label: 'Lesions', component: Lesions }];
  },
  onModeEnter({ servicesManager }) {
    const { panelService } = servicesManager.services;
    const right = panelService.PanelPosition.Right; // entered again for the next study: its panels are new by then
    if (!panelService.getPanels(right).some((one) => one.content === Lesions)) {
      panelService.addPanel(right, `${ID}.panelModule.lesions`);
    }
  },
};
