// Runs one scenario in OHIF: node scenario.js NAME '{"base": …, "shots": …, …}'; prints its result as one line of JSON.
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

  // The lesions panel: accept a tracked point, move it by a click, go to the same lesion in the earlier study.
  async panel({ page, shot }, { base, followup, lesion, point, moved }) {
    await ohif.openStudy(page, base, followup);
    await page.locator('[data-cy="lesions-btn"]').click();
    const list = page.locator('.lesionTracker');
    await list.locator('.point').first().waitFor();
    const before = await list.innerText();
    await shot('7-panel');
    const row = list.locator(`section[data-lesion="${lesion}"] .point`).filter({ has: page.locator('.shown') });
    await row.getByRole('button', { name: 'Go' }).click();
    const gone = await focus(page);
    await row.getByRole('button', { name: 'Accept' }).click();
    await list.getByRole('status').filter({ hasText: 'accepted' }).waitFor();
    const accepted = await list.innerText();
    await row.getByRole('button', { name: 'Move' }).click();
    const { x, y } = await ohif.lookAt(page, moved);
    await page.mouse.click(x, y);
    await list.getByRole('status').filter({ hasText: /corrected|marked/ }).waitFor();
    const corrected = await list.innerText();
    await shot('8-moved-in-panel');
    const other = list.locator(`section[data-lesion="${lesion}"] .point`).filter({ hasNot: page.locator('.shown') }).first();
    await Promise.all([page.waitForNavigation(), other.getByRole('button', { name: 'Go' }).click()]);
    await page.waitForSelector('#monailabelServerURL');
    await page.locator('[data-cy="lesions-btn"]').click();
    await page.waitForFunction((point) => {
      const [engine] = window.cornerstone?.getRenderingEngines() ?? [];
      const [viewport] = engine?.getVolumeViewports() ?? [];
      const at = viewport?.getCamera().focalPoint;
      return at && Math.hypot(...at.map((value, axis) => value - point[axis])) < 1;
    }, point, { timeout: ohif.PATIENCE_MS });
    await shot('9-earlier-study');
    return { before, gone, accepted, corrected, lesion };
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

function focus(page) {
  return page.evaluate(() => Array.from(window.cornerstone.getRenderingEngines()[0].getVolumeViewports()[0].getCamera().focalPoint));
}

ohif.runScenario(scenarios);
