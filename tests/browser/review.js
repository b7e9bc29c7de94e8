// A reader's hands on the review page: node review.js '{"base", "shots", "study", "many"}' prints one line of JSON.
const path = require('node:path');
const { chromium } = require(process.env.PLAYWRIGHT);

async function main({ base, shots, study, many }) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'] });
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.setDefaultTimeout(120000);
  const errors = [], foreign = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico')) errors.push(message.text()); });
  page.on('request', (request) => { if (!request.url().startsWith(base)) foreign.push(request.url()); });
  const shot = (name) => page.screenshot({ path: path.join(shots, `review-${name}.png`) });
  const said = async (text) => { await page.waitForFunction((t) => document.getElementById('said').textContent.includes(t), text); return page.textContent('#said'); };
  const result = { errors, foreign };

  await page.goto(`${base}/lesions/?patient=eve`, { waitUntil: 'networkidle' });
  await page.fill('#reader', 'dr browser');
  await page.locator('#reader').blur();
  await page.click('#track-all');
  result.tracked = await said('tracked');
  await page.locator(`.row[data-lesion="lesion_1"] .cell[data-study="${study}"]`).focus();
  await page.keyboard.press('a');
  result.accepted = await said('accepted');
  await page.keyboard.press('u');
  result.undone = await said('taken back');
  await page.waitForLoadState('networkidle');
  await shot('patient');

  await page.goto(`${base}/lesions/?patient=eve&lesion=lesion_1&study=${study}`, { waitUntil: 'networkidle' });
  result.clicks = {};
  for (const plane of ['axial', 'coronal', 'sagittal']) {
    await page.keyboard.press('Escape');
    const image = page.locator(`[data-role=followup] img[data-plane=${plane}]`);
    await page.waitForFunction((p) => { const one = document.querySelector(`[data-role=followup] img[data-plane=${p}]`); return one.complete && one.shown === one.asked; }, plane);
    const box = await image.boundingBox();
    const x = Math.round(box.x + 130), y = Math.round(box.y + 170); // a mouse is on whole pixels of the screen
    await page.mouse.click(x, y);
    result.clicks[plane] = { mm: (await page.textContent('#place')).split(',').map(Number), at: [x - box.x, y - box.y], size: box.width };
  }
  await page.waitForLoadState('networkidle');
  await shot('correct');
  await page.keyboard.press('Enter');
  result.corrected = await said('corrected');
  await page.waitForLoadState('networkidle');
  result.keys = await keys(page);
  await page.keyboard.press('n');
  await page.waitForURL((url) => url.searchParams.get('study') !== study || url.searchParams.get('lesion') !== 'lesion_1');
  result.next = page.url();
  await page.goto(`${base}/lesions/?patient=eve`, { waitUntil: 'networkidle' });
  result.buttons = await buttons(page, said);
  await shot('restored');

  if (many) {
    const start = Date.now();
    await page.goto(`${base}/lesions/?patient=eve`, { waitUntil: 'load' });
    result.seconds = (Date.now() - start) / 1000;
    result.rows = await page.locator('.row.lesion').count();
    await page.locator('.row.lesion .cell').first().focus();
    for (let n = 0; n < 30; n += 1) await page.keyboard.press('ArrowDown');
    result.focused = await page.evaluate(() => document.activeElement.dataset.lesion);
    await page.waitForLoadState('networkidle');
    await shot('many');
  }
  await browser.close();
  console.log(JSON.stringify(result));
}

// Moves the point with each key of the large view, back each time; returns where it was then, and how wide the crop.
async function keys(page) {
  const place = async () => (await page.textContent('#place')).split(',').map(Number);
  const found = { start: await place() };
  for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown']) {
    await page.keyboard.press(key);
    found[key] = await place();
    await page.keyboard.press('Escape');
  }
  found.Escape = await place();
  await page.keyboard.press('+');
  found.width = await page.inputValue('#width');
  await page.keyboard.press('1');
  found.window = await page.inputValue('#window');
  await page.keyboard.press('0');
  return found;
}

// Renames, deletes and restores a lesion with its buttons, by keyboard alone.
async function buttons(page, said) {
  const press = async (what) => {
    await page.locator(`button[data-do="${what}"][data-lesion="lesion_1"]`).focus();
    await page.keyboard.press('Enter');
  };
  const rows = () => page.locator('.row.lesion').count();
  const found = { before: await rows() };
  await press('rename');
  await page.keyboard.type('hilum');
  await page.keyboard.press('Enter');
  found.renamed = await said('renamed');
  found.label = await page.textContent('.row[data-lesion="lesion_1"] .label');
  await press('delete');
  found.deleted = await said('deleted');
  found.without = await rows();
  await press('restore');
  found.restored = await said('restored');
  found.after = await rows();
  return found;
}

main(JSON.parse(process.argv[2]));
