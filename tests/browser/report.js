// A structured report in OHIF's Basic Viewer, alone and at the end of the whole way: node report.js NAME '{"base", "shots", …}'.
const ohif = require('./ohif.js');

const said = async (page, text) => { await page.waitForFunction((t) => document.getElementById('said').textContent.includes(t), text); return page.textContent('#said'); };
const ready = (page) => page.waitForFunction(() => document.body.dataset.ready === '1');

ohif.runScenario({
  async report({ page, shot }, { base, study, shot_name }) {
    const result = await ohif.hydrate(page, base, study);
    await shot(shot_name);
    return result;
  },

  // A click in the first study, tracked; an end of the long axis moved; the response; the report stored; and read by OHIF.
  async way({ page, shot }, { base, patient, first, second, study, mark }) {
    const result = {}, named = `patient=${patient}&lesion=lesion_1&study=${second}`;
    await page.addInitScript(() => localStorage.setItem('reader', 'Ann Reader'));
    await page.goto(`${base}/lesions/?patient=${patient}&study=${first}`);
    await ready(page);
    const { x, y } = await page.evaluate((mark) => {
      look(study, mark);
      const { width, left, top } = axial.image.getBoundingClientRect(), n = axial.image.width;
      const [x, y] = study.pixelOf(mark, view.planes.axial, n, view.width / n).map((pixel) => (pixel + 0.5) * width / n);
      return { x: left + x, y: top + y };
    }, mark);
    await page.mouse.click(x, y);
    await page.keyboard.press('Enter'); // tracked forwards, as the page offers
    result.tracked = await said(page, 'tracked in');
    await page.goto(`${base}/lesions/?patient=${patient}`, { waitUntil: 'networkidle' });
    await page.click('#measure');
    await said(page, 'measured in');
    await page.goto(`${base}/lesions/?${named}`);
    await ready(page);
    await page.keyboard.press('a');
    await said(page, 'accepted');
    await ready(page);
    result.automatic = await page.evaluate(() => known.axes);
    await page.keyboard.press('e');
    const [[a, b]] = result.automatic, across = Math.abs(a[0] - b[0]) > Math.abs(a[1] - b[1]);
    const key = across ? (a[0] > b[0] ? 'ArrowRight' : 'ArrowLeft') : (a[1] > b[1] ? 'ArrowDown' : 'ArrowUp');
    for (let n = 0; n < 4; n += 1) await page.keyboard.press(`Shift+${key}`); // 2.5 mm each, away from the other end
    await page.keyboard.press('Enter');
    result.kept = await said(page, 'kept');
    await ready(page);
    result.axes = await page.evaluate(() => known.axes);
    await shot('way-1-size');
    await page.goto(`${base}/lesions/response?patient=${patient}`, { waitUntil: 'networkidle' });
    await page.click('tr.lesion[data-lesion=lesion_1] button[data-role=target]');
    await page.waitForSelector('tr.verdict .category');
    result.sums = await page.locator('tr.sum td').allInnerTexts();
    result.categories = await page.locator('tr.verdict .category').allInnerTexts();
    await shot('way-2-response');
    await page.click(`li[data-study="${second}"] button[data-do=store]`);
    result.stored = await said(page, 'stored in the PACS');
    Object.assign(result, await ohif.hydrate(page, base, study));
    await shot('way-3-ohif');
    return result;
  },
});
