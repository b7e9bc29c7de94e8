// Opens a structured report in OHIF's Basic Viewer and takes its measurements over: node report.js NAME '{"base", "study", …}'.
const ohif = require('./ohif.js');

async function report({ page, shot }, { base, study, shot_name }) {
  await page.goto(`${base}/ohif/viewer?StudyInstanceUIDs=${study}`, { waitUntil: 'domcontentloaded' });
  const thumbnail = page.locator('[data-cy="study-browser-thumbnail-no-image"]').first();
  await thumbnail.waitFor();
  await page.getByText('Confirm and Hide').click({ timeout: 5000 }).catch(() => {}); // shown once a browser
  await thumbnail.dblclick();
  await page.getByRole('button', { name: 'Yes', exact: true }).first().click();
  await page.waitForFunction(() => window.services.measurementService.getMeasurements().length > 0);
  await page.getByText('Confirm and Hide').click({ timeout: 5000 }).catch(() => {}); // shown once a browser
  await page.locator('[data-cy="trackedMeasurements-btn"]').first().click();
  await page.waitForTimeout(3000);
  await shot(shot_name);
  const measurements = await page.evaluate(() => window.services.measurementService.getMeasurements().map((one) => ({
    tool: one.toolName, uid: one.uid, finding: one.finding?.text ?? one.finding?.CodeMeaning, points: one.points,
    stats: Object.values(one.data ?? {})[0],
  })));
  return { measurements, seen: await page.locator('body').innerText() };
}

(async () => {
  const [, , , config] = process.argv;
  const given = JSON.parse(config);
  const opened = await ohif.open(given);
  try {
    console.log(JSON.stringify(await report(opened, given)));
  } catch (error) {
    await opened.shot('failed');
    console.error(opened.said.slice(-20).join('\n'));
    throw error;
  } finally {
    await opened.browser.close();
  }
})().catch((error) => { console.error(error); process.exit(1); });
