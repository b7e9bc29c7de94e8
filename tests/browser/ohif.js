// What a reader does in the bundled OHIF, one function an action; the scenarios call them.
const path = require('node:path');
const { chromium } = require(process.env.PLAYWRIGHT);

const PATIENCE_MS = 300000; // a bound on a busy machine, not an expectation
const HALF_HEIGHT_MM = 140; // of what a viewport shows after zooming to a lesion: a pixel is about 0.3 mm then
const PANEL = '.monaiLabelPanel';

async function open({ shots }) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
  });
  const context = await browser.newContext({ viewport: { width: 1600, height: 950 } });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const said = [];
  page.on('console', (message) => said.push(`${message.type()}: ${message.text().slice(0, 300)}`));
  page.on('pageerror', (error) => said.push(`pageerror: ${String(error).slice(0, 300)}`));
  const shot = (name) => page.screenshot({ path: path.join(shots, `${name}.png`) });
  return { browser, page, said, shot };
}

// Opens a study in the mode MONAI Label and connects the panel to the server, as docs/ohif-and-pacs.md says.
async function openStudy(page, base, studyUid) {
  await page.goto(`${base}/ohif/monai-label?StudyInstanceUIDs=${studyUid}`, { waitUntil: 'domcontentloaded' });
  await page.waitForSelector('#monailabelServerURL');
  await volumeLoaded(page);
  await page.getByText('Confirm and Hide').click({ timeout: 5000 }).catch(() => {}); // shown once a browser
  await page.fill('#monailabelServerURL', `${base}/`);
  await page.locator('.settingsTable button').first().click();
  await page.waitForSelector(`${PANEL} .tab-label`);
  await page.waitForFunction(() => window.services.segmentationService.getLabelmapVolume('1') !== undefined, null, { timeout: PATIENCE_MS });
}

// Waits until every slice of the shown volume is there.
async function volumeLoaded(page) {
  await page.waitForFunction(() => {
    const engines = window.cornerstone?.getRenderingEngines?.() ?? [];
    const viewports = engines.flatMap((engine) => engine.getVolumeViewports?.() ?? []);
    return viewports.length > 0 && viewports.every((viewport) => {
      const volume = window.cornerstone.cache.getVolume(viewport.getVolumeId?.() ?? viewport.getAllVolumeIds?.()[0]);
      return volume && (volume.loadStatus?.loaded ?? true);
    });
  }, null, { timeout: PATIENCE_MS, polling: 300 });
  await page.waitForTimeout(1500);
}

// Scrolls and zooms a viewport (0: axial, 1: sagittal, 2: coronal) to a world point; returns where it is on the screen.
async function lookAt(page, world, index = 0) {
  await page.evaluate(({ world, index, halfHeight }) => {
    const viewport = window.cornerstone.getRenderingEngines()[0].getVolumeViewports()[index];
    const camera = viewport.getCamera();
    const moved = camera.position.map((value, axis) => value + world[axis] - camera.focalPoint[axis]);
    viewport.setCamera({ focalPoint: world, position: moved, parallelScale: halfHeight });
    viewport.render();
  }, { world, index, halfHeight: HALF_HEIGHT_MM });
  await page.waitForTimeout(600);
  return page.evaluate(({ world, index }) => {
    const viewport = window.cornerstone.getRenderingEngines()[0].getVolumeViewports()[index];
    const box = viewport.element.getBoundingClientRect();
    const [x, y] = viewport.worldToCanvas(world);
    return { x: box.x + x, y: box.y + y, box: { x: box.x, y: box.y, width: box.width, height: box.height } };
  }, { world, index });
}

// Where the canvas of a viewport lies on the screen, and the world points of three of its corners.
function viewportOnScreen(page, index) {
  return page.evaluate((index) => {
    const viewport = window.cornerstone.getRenderingEngines()[0].getVolumeViewports()[index];
    const { x, y, width, height } = viewport.element.getBoundingClientRect();
    const at = (point) => Array.from(viewport.canvasToWorld(point));
    return { box: { x, y, width, height }, origin: at([0, 0]), right: at([width, 0]), down: at([0, height]) };
  }, index);
}

async function chooseModel(page, tab, model) {
  await page.locator('.tab-label', { hasText: tab }).click();
  const content = page.locator('.tab', { has: page.locator('.tab-label', { hasText: tab }) });
  await content.locator('select:visible').first().selectOption(model);
  return content;
}

// Presses Run and returns what was sent and answered; OHIF has shown it by then.
async function run(page, content, model) {
  const [response] = await Promise.all([
    page.waitForResponse((one) => one.url().includes(`/infer/${model}`), { timeout: PATIENCE_MS }),
    content.locator('button.actionButton:visible', { hasText: 'Run' }).first().click(),
  ]);
  const bytes = await response.body().catch(() => Buffer.from(''));
  await page.waitForTimeout(2500);
  const form = response.request().postData() ?? '';
  const sent = /name="params"\r\n\r\n([^\r]*)/.exec(form)?.[1] ?? '';
  const text = response.status() === 200 ? '' : bytes.toString();
  return { status: response.status(), url: response.url(), sent, text, bytes: bytes.length };
}

// Clicks world points in the axial viewport, each for its label, with one of the models that take points.
async function prompt(page, model, points) {
  const content = await chooseModel(page, 'Point Prompts', model);
  for (const [label, world] of Object.entries(points)) {
    await content.locator('tr.clickable-row', { has: page.locator(`td:text-is("${label}")`) }).first().click();
    await page.waitForTimeout(500);
    const { x, y } = await lookAt(page, world);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.up();
    await page.waitForTimeout(700);
  }
  return run(page, content, model);
}

async function track(page) {
  return run(page, await chooseModel(page, 'Auto-Segmentation', 'track_lesion'), 'track_lesion');
}

// Opens a study in the Basic Viewer, and takes the measurements of its report over.
async function hydrate(page, base, study) {
  await page.goto(`${base}/ohif/viewer?StudyInstanceUIDs=${study}`, { waitUntil: 'domcontentloaded' });
  const thumbnail = page.locator('[data-cy="study-browser-thumbnail-no-image"]').filter({ hasText: 'SR' }).first(); // masks have none, either
  await thumbnail.waitFor();
  await page.getByText('Confirm and Hide').click({ timeout: 5000 }).catch(() => {}); // shown once a browser
  await thumbnail.dblclick();
  await page.getByRole('button', { name: 'Yes', exact: true }).first().click();
  await page.waitForFunction(() => window.services.measurementService.getMeasurements().length > 0);
  await page.getByText('Confirm and Hide').click({ timeout: 5000 }).catch(() => {}); // shown once a browser
  await page.locator('[data-cy="trackedMeasurements-btn"]').first().click();
  await page.waitForTimeout(3000);
  const measurements = await page.evaluate(() => window.services.measurementService.getMeasurements().map((one) => ({
    tool: one.toolName, uid: one.uid, finding: one.finding?.text ?? one.finding?.CodeMeaning, points: one.points,
    stats: Object.values(one.data ?? {})[0],
  })));
  return { measurements, seen: await page.locator('body').innerText() };
}

// Runs the scenario that the command line names in a new browser, and prints its result as one line of JSON.
async function runScenario(scenarios) {
  const [name, given] = process.argv.slice(2);
  const settings = JSON.parse(given);
  const session = await open(settings);
  try {
    const result = await scenarios[name](session, settings);
    console.log(JSON.stringify(result));
  } catch (error) {
    await session.shot(`failed-${name}`);
    console.error(String(error.stack ?? error).slice(0, 2000));
    console.error(session.said.filter((line) => /^(error|pageerror)/.test(line)).slice(-10).join('\n'));
    process.exitCode = 1;
  } finally {
    await session.browser.close();
  }
}

module.exports = {
  runScenario, viewportOnScreen, chooseModel, run, prompt, track, open, openStudy, hydrate, volumeLoaded, lookAt, PATIENCE_MS, PANEL };
