// A panel for OHIF: the patient's lesions with state, confidence and size; go to a point, accept, move, track, take back.
// OHIF loads it as an extension at run time (window.config.extensions); nothing of OHIF is rebuilt.
import { jump, jumpWhenLoaded, mark, nextClick, shownSeries, useServices, watchScreen } from './lesion-screen.js';

const ID = 'lesion-tracker';
const PANEL = `${ID}.panelModule.lesions`;
const PENDING = 'lesion-tracker.jump'; // where to go once another study has been opened
const JOB = 'lesion-tracker.job'; // what is being tracked: another study may be opened meanwhile
const READER = 'lesion-tracker.reader';
const FAR_MM = 20; // a correction beyond this asks once
const WATCH_MS = 20000;
const STYLE = `
.lesionTracker { color: #fff; font-size: 13px; padding: 8px; overflow-y: auto; height: 100%; }
.lesionTracker h3 { font-size: 13px; font-weight: 600; margin: 10px 0 2px; color: #5acce6; }
.lesionTracker .point { border-left: 3px solid; margin: 4px 0 8px; padding: 2px 0 2px 8px; }
.lesionTracker .point.chosen { background: #1d2440; border-left-width: 6px; }
.lesionTracker .shown { font-weight: 600; }
.lesionTracker .check, .lesionTracker .note { color: #ffc440; }
.lesionTracker button, .lesionTracker a.button { background: #3a3f99; border-radius: 3px; padding: 3px 8px; margin: 3px 6px 0 0;
  min-height: 24px; display: inline-block; font-weight: 400; color: #fff; }
.lesionTracker button:focus, .lesionTracker button:hover, .lesionTracker a.button:hover { background: #5acce6; color: #000; }
.lesionTracker button:disabled { opacity: 0.4; }
.lesionTracker input { color: #000; width: 100%; padding: 3px 4px; }
.lesionTracker input::placeholder { color: #555; }
.lesionTracker .said { min-height: 1.4em; margin: 6px 0; }
.lesionTracker .said.bad { color: #ff9d8c; }
.lesionMarker { position: absolute; z-index: 5; border: 2px solid; border-radius: 50%; pointer-events: none; }
.lesionMarker[data-here="0"] { border-style: dashed; opacity: 0.7; }
.lesionMarker::after { content: attr(data-label); position: absolute; left: 100%; top: -4px; font-size: 12px; white-space: nowrap;
  text-shadow: 0 0 3px #000; }
`;

let panelService;
let panel; // what is on the screen: { said, note, list, reader, series, patient, version, studies, rows, stop }
let chosen = null; // the lesion that was gone to last, and where: { series, lesion }

const settings = () => window.config.lesionTracker; // what the server says with its configuration of OHIF
const addresses = () => settings().addresses;
const states = () => settings().states; // what points are shown as, by name: the server's table
const counted = (number, one, more) => `${number} ${number === 1 ? one : more}`;
const cellOf = (study, lesion) => panel?.rows?.find((row) => row.id === lesion)?.cells[study];
const placeOf = (cell) => (cell?.center_mm && states()[cell.color].has_point ? cell.center_mm : null);
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// A refusal, with the number of its answer.
class Refused extends Error {
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

async function ask(address, body) {
  const answer = await fetch(address, body && {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ reader: panel?.reader.value.trim() ?? '', ...body }),
  }).catch(() => { throw new Refused('The server does not answer; nothing was stored.', 0); });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Refused(typeof said.detail === 'string' ? said.detail : `The server answered ${answer.status}.`, answer.status);
  }
  return said;
}

function say(text, bad = false, ...buttons) {
  panel?.said.replaceChildren(text, ' ', ...buttons);
  panel?.said.classList.toggle('bad', bad);
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// A refusal is said; after one because somebody else was first, what stands now is shown under it.
async function refused(error) {
  if (error.status === 409) await refresh().catch(() => {});
  say(error.message, true);
}

function button(text, hint, work, key = '') {
  const made = element('button', { textContent: text, title: hint });
  made.dataset.key = `${key} ${text}`;
  made.addEventListener('click', () => work().catch(refused));
  return made;
}

// Who answers is kept with the answer, so a change without a name is not sent.
function named() {
  if (panel.reader.value.trim()) return true;
  say('Your name is needed: it is kept with what you do.', true);
  panel.reader.focus();
  return false;
}

// Takes back what a reader said became of a lesion, or says it again; `before` is when the word that stands was said.
async function fate(study, lesion, word, before) {
  if (!named()) return;
  const body = { study, lesion, fate: '', others: [], ...word, before };
  const { done, before: now, again } = await ask(addresses().fate, body);
  await refresh();
  const next = () => fate(study, lesion, again ?? {}, now);
  say(done, false, button(again ? 'Do it again' : 'Undo', '', next, 'offer'));
}

// Sends a change to a lesion, and offers to take it back, or to do it again; the offer belongs to its action for ever.
async function change(what, lesion, body) {
  if (!named()) return;
  const { done, actions } = await ask(addresses()[what], body);
  await refresh();
  const next = what === 'undo' ? 'redo' : 'undo';
  const offer = () => change(next, lesion, { patient: panel.patient, lesion, actions });
  say(done, false, button(next === 'undo' ? 'Undo' : 'Do it again', '', offer, 'offer'));
}

const answers = (study, row, cell) => ({ study: study.id, lesion: row.id, track: cell.track, seen: cell.seen });

function choose(study, row) {
  chosen = { series: study.id, lesion: row.id };
  show();
}

async function goTo(study, row, cell) {
  if (study.id === shownSeries()) {
    jump(study.id, cell.center_mm);
    choose(study, row);
    return;
  }
  sessionStorage.setItem(PENDING, JSON.stringify({ series: study.id, lesion: row.id, point: cell.center_mm }));
  const query = new URLSearchParams({ StudyInstanceUIDs: study.study_uid, SeriesInstanceUIDs: study.id });
  window.location.assign(`${window.location.pathname}?${query}`);
}

// Goes where a click in another study's panel pointed, and opens the panel there.
async function finishJump() {
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null');
  sessionStorage.removeItem(PENDING);
  if (!pending) return;
  chosen = { series: pending.series, lesion: pending.lesion };
  const arrived = await jumpWhenLoaded(pending.series, pending.point);
  panelService.activatePanel(PANEL, true);
  await pause(0);
  if (!arrived) say('The series could not be shown: go there again.', true);
}

// Takes the next click in any plane as the lesion's place; Escape takes none. A far one asks once.
async function move(study, row, cell) {
  if (!named()) return;
  panel.stop.abort();
  panel.stop = new AbortController();
  say(`Click where ${row.label} really is; Escape leaves it.`);
  const point = await nextClick(study.id, panel.stop.signal);
  if (point === null) {
    say('Not moved.');
    return;
  }
  mark({ series: study.id, point, radius: cell.radius_mm, color: states().reader.color });
  const before = placeOf(cell) ?? point;
  const far = Math.hypot(...point.map((value, axis) => value - before[axis]));
  if (far > FAR_MM && !await agreed(`${far.toFixed(0)} mm from where it is now: really there?`)) {
    show();
    say('Not moved.');
    return;
  }
  chosen = { series: study.id, lesion: row.id };
  await change('move', row.id, { ...answers(study, row, cell), center_mm: point });
  const now = placeOf(cellOf(study.id, row.id));
  if (now && study.id === shownSeries()) jump(study.id, now);
}

function agreed(text) {
  return new Promise((resolve) => {
    const choice = (words, value) => button(words, '', async () => resolve(value), 'question');
    const leave = choice('Leave it', false);
    say(text, true, choice('Save it', true), leave);
    leave.focus();
    panel.stop.signal.addEventListener('abort', () => resolve(false));
  });
}

// Tracks lesions (none: all) in all later studies, and says how far that is, also after another study was opened.
async function track(lesions) {
  const { id } = await ask(addresses().track, { patient: panel.patient, lesions });
  sessionStorage.setItem(JOB, id);
  await follow(id);
}

async function follow(id) {
  let job = await ask(addresses().progress.replace('{job_id}', id));
  while (job.state === 'running') {
    say(`Tracking: ${job.done} of ${counted(job.total, 'study', 'studies')}.`);
    await pause(500);
    job = await ask(addresses().progress.replace('{job_id}', id));
  }
  sessionStorage.removeItem(JOB);
  await refresh();
  const failed = job.state === 'failed';
  const points = counted(job.tracked, 'point', 'points');
  const result = failed ? 'A fault of the server ended it; its log says which.' : `${points} tracked in ${counted(job.total, 'study', 'studies')}.`;
  say([result, ...job.messages].join(' · '), failed || job.messages.length > 0);
}

function pointOf(study, row, cell) {
  const isShown = study.id === panel.series;
  const key = `${row.id} ${study.id}`;
  const confidence = cell.confidence === null ? '' : `, confidence ${cell.confidence.toFixed(2)}`;
  const date = study.date.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
  const when = `${date || 'no date'}${study.series ? `, ${study.series}` : ''}`;
  const isChosen = chosen?.series === study.id && chosen.lesion === row.id;
  const made = element('div', { className: `point ${cell.color}${isChosen ? ' chosen' : ''}` },
    element('div', { className: isShown ? 'shown' : '', textContent: when }),
    element('div', { textContent: `${cell.words}${confidence}` }));
  made.style.borderColor = states()[cell.color].color;
  if (cell.size) {
    const sign = cell.change_mm > 0 ? '+' : '';
    const changed = cell.change_mm === null ? '' : ` (${sign}${cell.change_mm.toFixed(1)} mm)`;
    made.append(element('div', { className: 'size', textContent: `${cell.size}${changed}` }));
  }
  if (cell.check) made.append(element('div', { className: 'check', textContent: `check me: ${cell.check}` }));
  const place = placeOf(cell);
  if (place) {
    const words = `(${place.map((value) => value.toFixed(1)).join(', ')}) LPS mm`;
    made.append(button('Go', `show ${words}`, () => goTo(study, row, cell), key));
  }
  const only = (possible) => { if (!isShown) Object.assign(possible, { disabled: true, title: 'go to this study first' }); made.append(possible); };
  if (cell.can_accept) only(button('Accept', 'the point is right', () => change('accept', row.id, answers(study, row, cell)), key));
  only(button(place ? 'Move' : 'Mark', 'then click where it really is', () => move(study, row, cell), key));
  if (cell.can_undo && (cell.action || cell.said_at)) {
    const body = () => ({ patient: panel.patient, lesion: row.id, actions: { [study.id]: cell.action } });
    const undo = () => (cell.said_at ? fate(study.id, row.id, {}, cell.said_at) : change('undo', row.id, body()));
    made.append(button('Undo', 'take your last step here back', undo, key));
  }
  return made;
}

function sectionOf(row) {
  const points = panel.studies.filter((study) => row.cells[study.id]).map((study) => pointOf(study, row, row.cells[study.id]));
  const tracker = button('Track', `look for ${row.label} in all later studies`, () => track([row.id]), row.id);
  const section = element('section', {}, element('h3', {}, element('bdi', { textContent: row.label }), ' ', tracker), ...points);
  section.dataset.lesion = row.id;
  return section;
}

// Draws what is known; the button that had the focus has it again.
function show() {
  if (!panel?.rows) return;
  const held = panel.list.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  panel.list.replaceChildren(...panel.rows.map(sectionOf));
  if (held) [...panel.list.querySelectorAll('button')].find((one) => one.dataset.key === held)?.focus();
  const cell = chosen && cellOf(chosen.series, chosen.lesion);
  const point = placeOf(cell);
  mark(point && { series: chosen.series, point, radius: cell.radius_mm, color: states()[cell.color].color });
}

// Asks for the lesions of the patient whose series is active, and lists them.
async function refresh() {
  if (!panel) return;
  const series = shownSeries();
  panel.series = series;
  if (!series) return;
  const known = await ask(`${addresses().lesions}?series=${encodeURIComponent(series)}`);
  if (!panel || panel.series !== series) return;
  const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
  Object.assign(panel, { patient: known.patient, version: known.version, studies: known.studies });
  panel.rows = known.rows.sort((one, other) => byName.compare(one.label, other.label));
  if (known.login) Object.assign(panel.reader, { value: known.login, disabled: true });
  panel.note.textContent = known.order_note;
  panel.viewer.href = otherMode(known.studies.find((study) => study.id === series));
  show();
  say(known.rows.length ? '' : 'Nothing is marked yet: Point Prompts, mark_lesion, in the earlier study.');
}

// The same study in OHIF's Basic Viewer, which shows reports and measurements; from there, back to MONAI Label.
function otherMode(study) {
  const { routerBasename } = window.config;
  const isBasic = window.location.pathname.startsWith(`${routerBasename}viewer`);
  panel.viewer.textContent = isBasic ? 'MONAI Label' : 'Basic Viewer';
  const query = new URLSearchParams({ StudyInstanceUIDs: study?.study_uid ?? '' });
  return `${routerBasename}${isBasic ? 'monai-label' : 'viewer'}?${query}`;
}

// Looks every 20 s, and when the page is seen again, whether somebody else has changed something.
async function look() {
  if (!panel?.patient || document.hidden) return;
  const query = new URLSearchParams({ patient: panel.patient });
  const { version } = await ask(`${addresses().changes}?${query}`);
  if (!panel || version === panel.version) return;
  await refresh();
  say('Changed meanwhile: what stands now is shown.');
}

function mount(root) {
  const reader = element('input', { placeholder: 'reader: your name', ariaLabel: 'Reader', value: localStorage.getItem(READER) ?? '', maxLength: 64 });
  reader.addEventListener('change', () => localStorage.setItem(READER, reader.value.trim()));
  const viewer = element('a', { className: 'button', title: 'open this study in the other mode of OHIF' });
  const made = { said: element('div', { className: 'said', role: 'status' }), note: element('div', { className: 'note' }), list: element('div') };
  const tools = element('div', {},
    button('Refresh', 'ask the server', refresh), button('Track all', 'every lesion, in all later studies', () => track([])), viewer);
  root.replaceChildren(element('style', { textContent: STYLE }), reader, tools, made.said, made.note, made.list);
  panel = { ...made, reader, viewer, stop: new AbortController() };
  const quietly = (work) => () => work().catch((error) => say(error.message, true));
  const update = () => { if (panel && shownSeries() !== panel.series) quietly(refresh)(); };
  const unwatch = watchScreen(update);
  const timer = setInterval(quietly(look), WATCH_MS);
  const seen = new AbortController();
  document.addEventListener('visibilitychange', quietly(look), { signal: seen.signal });
  window.addEventListener('focus', quietly(look), { signal: seen.signal });
  panel.end = () => { unwatch(); clearInterval(timer); seen.abort(); };
  update();
  const job = sessionStorage.getItem(JOB);
  if (job) follow(job).catch((error) => { sessionStorage.removeItem(JOB); say(error.message, true); });
}

function unmount() {
  panel?.stop.abort();
  panel?.end();
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
    useServices(servicesManager.services);
    panelService = servicesManager.services.panelService;
    return [{ name: 'lesions', iconName: 'tab-roi-threshold', iconLabel: 'Lesions', label: 'Lesions', component: Lesions }];
  },
  onModeEnter() {
    const right = panelService.PanelPosition.Right; // entered again for the next study: its panels are new by then
    if (!panelService.getPanels(right).some((one) => one.content === Lesions)) panelService.addPanel(right, PANEL);
    finishJump().catch((error) => say(error.message, true));
  },
};
