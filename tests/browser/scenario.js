// Runs one scenario in OHIF: node scenario.js NAME '{"base": …, "shots": …, …}'; prints its result as one line of JSON.
const { barriers } = require('./barriers.js');
const ohif = require('./ohif.js');

const scenarios = {
  // Mark in the earlier study, track in the later one, correct there.
  async flow({ page, shot }, { base, baseline, followup, marks, truth, corrected, prefix = '' }) {
    const result = {};
    await ohif.openStudy(page, base, baseline);
    result.mark = await ohif.prompt(page, 'mark_lesion', marks);
    await shot(`${prefix}1-marked`);
    await ohif.openStudy(page, base, followup);
    await ohif.lookAt(page, truth, 0);
    await ohif.lookAt(page, truth, 2);
    await shot(`${prefix}2-before-tracking`);
    result.track = await ohif.track(page);
    await shot(`${prefix}3-tracked`);
    result.values = await page.evaluate(() => {
      const { voxelManager } = window.services.segmentationService.getLabelmapVolume('1');
      return [...new Set(voxelManager.getCompleteScalarDataArray())].sort((a, b) => a - b);
    });
    result.axial = await ohif.viewportOnScreen(page, 0);
    result.coronal = await ohif.viewportOnScreen(page, 2);
    result.correct = await ohif.prompt(page, 'correct_lesion', corrected);
    await shot(`${prefix}4-corrected`);
    return result;
  },

  // Open the later study before anything is marked: the answer says what to do.
  async early({ page, shot }, { base, followup }) {
    await ohif.openStudy(page, base, followup);
    const track = await ohif.track(page);
    const seen = await page.locator('body').innerText();
    await shot('5-nothing-marked');
    return { track, seen };
  },

  // The lesions panel: a change that somebody else overtook, accept, take back, do again, move; then the earlier study.
  async panel({ page, shot }, { base, followup, series, lesion, point, moved, axe }) {
    await ohif.openStudy(page, base, followup);
    const tab = page.locator('[data-cy="lesions-btn"]');
    await tab.hover();
    await page.getByRole('tooltip').filter({ hasText: 'Lesions' }).waitFor({ state: 'attached' });
    await tab.click();
    const list = page.locator('.lesionTracker');
    await list.locator('.point').first().waitFor();
    const says = async (text) => { const status = list.getByRole('status').filter({ hasText: text }); await status.waitFor(); return status.innerText(); };
    const result = { before: await list.innerText(), names: await list.locator('section h3 bdi').allInnerTexts() };
    const row = list.locator(`section[data-lesion="${lesion}"] .point`).filter({ has: page.locator('.shown') });
    const press = (name, where = row) => where.getByRole('button', { name, exact: true }).click();
    await press('Go');
    result.gone = await focus(page);
    result.marker = await marker(page);
    for (const plane of [0, 1, 2]) await ohif.lookAt(page, result.gone, plane);
    await shot('7-panel'); // docs/ohif.png
    result.barriers = axe && await barriers(page, axe, '.lesionTracker');
    await press('Accept');
    result.unnamed = await says('name is needed');
    await list.getByLabel('Reader').fill('dr panel');
    await list.getByLabel('Reader').press('Tab');
    await page.route('**/lesions/changes*', (route) => route.abort()); // the panel does not notice by itself
    result.other = await page.evaluate(async ({ series, lesion }) => {
      const { rows } = await (await fetch(`/ohif/lesions?series=${series}`)).json();
      const { track, seen } = rows.find((one) => one.id === lesion).cells[series];
      const body = { study: series, lesion, track, seen, reader: 'dr other' };
      const send = (what, sent) => fetch(`/lesions/${what}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(sent) });
      const { actions } = await (await send('accept', body)).json();
      return actions;
    }, { series, lesion });
    await press('Accept');
    result.refused = await says('has changed since');
    result.stands = await row.innerText();
    await page.evaluate(({ lesion, actions, patient }) => fetch('/lesions/undo', { method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ patient, lesion, actions, reader: 'dr other' }) }), { lesion, actions: result.other, patient: await patientOf(page, series) });
    await press('Refresh', list);
    await press('Accept');
    result.accepted = await says('accepted');
    await press('Undo', list.getByRole('status'));
    result.undone = await says('taken back');
    await press('Do it again', list.getByRole('status'));
    result.again = await says('done again');
    await press('Undo');
    await says('taken back');
    await page.evaluate((body) => fetch('/lesions/fate', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
      { study: series, lesion, fate: 'too_small', others: [], before: '', reader: 'dr panel' });
    await press('Refresh', list);
    await row.filter({ hasText: 'too small' }).waitFor();
    await press('Undo');
    result.unsaid = await says('taken back');
    await press('Do it again', list.getByRole('status'));
    result.said = await says(/: too small/);
    await press('Undo', list.getByRole('status'));
    await says('taken back');
    result.open = await row.innerText();
    await press('Move');
    const { x, y } = await ohif.lookAt(page, moved);
    await page.mouse.click(x, y);
    result.corrected = await says(/corrected|marked/);
    result.shown = await focus(page);
    result.moved = await marker(page);
    await shot('8-moved-in-panel');
    await press('Track all', list);
    result.tracked = await says(/tracked in/);
    const other = list.locator(`section[data-lesion="${lesion}"] .point`).filter({ hasNot: page.locator('.shown') }).first();
    await Promise.all([page.waitForNavigation(), press('Go', other)]);
    await page.waitForFunction((point) => {
      const [engine] = window.cornerstone?.getRenderingEngines() ?? [];
      const [viewport] = engine?.getVolumeViewports() ?? [];
      const at = viewport?.getCamera().focalPoint;
      return at && Math.hypot(...at.map((value, axis) => value - point[axis])) < 1;
    }, point, { timeout: ohif.PATIENCE_MS });
    await page.locator('.lesionMarker').first().waitFor();
    result.there = await list.locator('.chosen').innerText();
    await shot('9-earlier-study');
    await Promise.all([page.waitForNavigation(), page.getByRole('link', { name: 'Basic Viewer' }).click()]);
    await page.waitForFunction(() => window.location.pathname.includes('/viewer') && window.cornerstone?.getRenderingEngines().flatMap((one) => one.getViewports()).length, null, { timeout: ohif.PATIENCE_MS });
    return result;
  },

  // Mark in one series, then open another series of the same study and track there.
  async series({ page, shot }, { base, study, series, marks, other }) {
    await ohif.openStudy(page, base, `${study}&SeriesInstanceUIDs=${series}`);
    const mark = await ohif.prompt(page, 'mark_lesion', marks);
    await ohif.openStudy(page, base, `${study}&SeriesInstanceUIDs=${other}`);
    const track = await ohif.track(page);
    await shot('6-other-series');
    return { mark, track };
  },
};

// The markers on the screen: what is at their middle, LPS mm, in the first viewport, and how each is drawn.
function marker(page) {
  return page.evaluate(() => {
    const [viewport] = window.cornerstone.getRenderingEngines()[0].getVolumeViewports();
    const outer = viewport.element.getBoundingClientRect();
    const ring = viewport.element.querySelector('.lesionMarker'), { x, y, width, height } = ring.getBoundingClientRect();
    const middle = Array.from(viewport.canvasToWorld([x + width / 2 - outer.x, y + height / 2 - outer.y]));
    return { middle, color: getComputedStyle(ring).color, here: [...document.querySelectorAll('.lesionMarker')].map((one) => one.dataset.here) };
  });
}

async function patientOf(page, series) {
  return page.evaluate(async (series) => (await (await fetch(`/ohif/lesions?series=${series}`)).json()).patient, series);
}

function focus(page) {
  return page.evaluate(() => Array.from(window.cornerstone.getRenderingEngines()[0].getVolumeViewports()[0].getCamera().focalPoint));
}

ohif.runScenario(scenarios);
