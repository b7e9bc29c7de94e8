// A reader's hands on the review page: node review.js SCENARIO '{"base", "shots", …}' prints what was seen as one line of JSON.
const path = require('node:path');
const { chromium } = require(process.env.PLAYWRIGHT);
const { barriers } = require('./barriers.js');

const PATIENCE_MS = 120000; // of each step, on a machine that others use, too

// The point that the page shows, and the slices that it looks at.
const place = async (page) => (await page.textContent('#place')).split(',').map(Number);
const focus = (page, role = 'study') => page.evaluate((name) => panes.find((pane) => pane.element.dataset.role === name).focus, role);
const said = async (page, text) => { await page.waitForFunction((t) => document.getElementById('said').textContent.includes(t), text); return page.textContent('#said'); };
const ready = (page) => page.waitForFunction(() => document.body.dataset.ready === '1');
const grid = (page, base) => page.goto(`${base}/lesions/?patient=eve`, { waitUntil: 'networkidle' });
const large = async (page, base, study, lesion = 'lesion_1') => { await page.goto(`${base}/lesions/?patient=eve&lesion=${lesion}&study=${study}`); await ready(page); };
const over = (page, plane = 'axial', role = 'study') => page.locator(`.pane[data-role=${role}] [data-plane=${plane}] .over`);
const cell = (page, lesion, study) => page.locator(study ? `.cell[data-lesion="${lesion}"][data-study="${study}"]` : `.name[data-lesion="${lesion}"]`);
// How fast this machine is, ms: the same sum of roots again and again.
const sums = (page, times) => page.evaluate((times) => Array.from({ length: times }, () => {
  const begin = performance.now();
  let sum = 0;
  for (let n = 0; n < 1e7; n += 1) sum += Math.sqrt(n);
  return sum > 0 ? performance.now() - begin : NaN;
}), times);
// The processor's time that the page has taken, ms, whoever else works on this machine: all of it, or a part of it.
async function processor(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async (part = 'Task') => 1000 * (await cdp.send('Performance.getMetrics')).metrics.find((one) => one.name === `${part}Duration`).value;
}
const frame = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

async function clickAt(page, plane, dx, dy, role = 'study') {
  const box = await over(page, plane, role).boundingBox();
  const x = Math.round(box.x + box.width / 2 + dx), y = Math.round(box.y + box.height / 2 + dy); // a mouse is on whole pixels
  await page.mouse.click(x, y);
  return { at: [x - box.x, y - box.y], size: box.width };
}

async function wheel(page, plane, dy, dx = 0, role = 'study') {
  const box = await over(page, plane, role).boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.wheel(dx, dy);
  await frame(page);
}

const scenarios = {
  // Track, accept, take back; click in each plane, save; rename, delete and restore by keyboard alone.
  async flow({ page, shot }, { base, study }) {
    const result = {};
    await grid(page, base);
    await page.click('#track-all');
    result.tracked = await said(page, 'tracked');
    await cell(page, 'lesion_1', study).focus();
    await page.keyboard.press('a');
    result.accepted = await said(page, 'accepted');
    await cell(page, 'lesion_1', study).focus();
    await page.keyboard.press('u');
    result.undone = await said(page, 'taken back');
    await shot('patient');
    await large(page, base, study);
    result.clicks = {};
    for (const plane of ['axial', 'coronal', 'sagittal']) {
      await page.keyboard.press('Escape');
      const click = await clickAt(page, plane, -14, 10);
      result.clicks[plane] = { ...click, mm: await place(page) };
    }
    await shot('correct');
    await page.keyboard.press('Enter');
    result.corrected = await said(page, 'corrected');
    await ready(page);
    await page.keyboard.press('n');
    await page.waitForURL((url) => url.searchParams.get('study') !== study || url.searchParams.get('lesion') !== 'lesion_1');
    result.next = page.url();
    await grid(page, base);
    result.buttons = await buttons(page);
    return result;
  },

  // Looking: the wheel, a trackpad, arrows, sliders; nothing of it moves the point.
  async looking({ page }, { base, study }) {
    await large(page, base, study);
    const result = { point: await place(page), start: await focus(page), beside: await focus(page, 'beside') };
    for (let n = 0; n < 5; n += 1) await wheel(page, 'axial', 100);
    result.wheel = await focus(page);
    result.besideAfter = await focus(page, 'beside');
    for (let n = 0; n < 10; n += 1) await wheel(page, 'axial', -10);
    result.trackpad = await focus(page);
    await wheel(page, 'axial', 20, 400);
    result.sideways = await focus(page);
    for (let n = 0; n < 200; n += 1) await page.keyboard.press('ArrowUp');
    result.top = await focus(page);
    await page.keyboard.press('Escape');
    await page.keyboard.press('ArrowDown');
    result.arrow = await focus(page);
    await page.keyboard.press('PageUp');
    result.page = await focus(page);
    await page.keyboard.press('l');
    result.linked = await focus(page, 'beside');
    for (let n = 0; n < 3; n += 1) await wheel(page, 'coronal', 100);
    result.coronal = await focus(page);
    result.unlinked = await focus(page, 'beside');
    result.pointAfter = await place(page);
    result.saveDisabled = await page.isDisabled('#save');
    await page.keyboard.press('Enter'); // nothing was placed: nothing is stored
    await page.keyboard.press('a');
    result.accepted = await said(page, 'accepted');
    return result;
  },

  // Placing: unmistakable, blocks Accept, asks before one leaves, and once where it is far.
  async placing({ page, shot }, { base, study }) {
    const result = {};
    await large(page, base, study);
    await clickAt(page, 'axial', 30, 0);
    result.unsaved = await page.textContent('#unsaved');
    result.acceptDisabled = await page.isDisabled('#accept');
    await page.keyboard.press('a');
    result.refused = await said(page, 'not saved');
    await shot('unsaved');
    const asked = [];
    page.on('dialog', (dialog) => { asked.push(dialog.type()); dialog.dismiss(); });
    await page.click('header h1 a').catch(() => {});
    await page.waitForTimeout(300);
    result.left = asked.length ? [asked[0], new URL(page.url()).searchParams.get('lesion')] : null;
    await page.keyboard.press('Escape');
    result.discarded = await page.isHidden('#unsaved');
    await page.keyboard.press('Shift+ArrowRight');
    result.nudged = await place(page);
    await page.keyboard.press('Escape');
    await clickAt(page, 'axial', 110, 0);
    result.far = await place(page);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#ask[open]');
    result.question = await page.textContent('#asked');
    await page.keyboard.press('Enter'); // what is chosen first is not to save
    await page.waitForSelector('#ask', { state: 'hidden' });
    result.kept = await place(page);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#ask[open]');
    await page.click('#ask button.strong');
    result.saved = await said(page, 'corrected');
    return result;
  },

  // The response by keyboard: a target in an organ, then a longer axis in the large view, then the page to print.
  async response({ page, shot, shots }, { base, study }) {
    const result = {}, texts = (what) => page.locator(what).allTextContents();
    const table = async () => ({ sums: await texts('.recist .sum td'), categories: await texts('.recist .category') });
    await grid(page, base);
    await page.keyboard.press('r');
    await page.waitForURL((url) => url.pathname.endsWith('/response'));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('1');
    await said(page, 'lesion_1: target');
    await page.keyboard.press('o');
    await page.keyboard.type('liver');
    await page.keyboard.press('Enter');
    await said(page, 'lesion_1: target, liver');
    await page.keyboard.press('u');
    await said(page, 'lesion_1: taken back (target, liver)');
    result.taken = await page.locator('tr.lesion .organ').inputValue();
    await page.click('#redo-last');
    await said(page, 'lesion_1: target, liver');
    await page.keyboard.press('ArrowDown');
    result.focused = await page.evaluate(() => document.activeElement.closest('tr.lesion').dataset.lesion);
    result.before = await table();
    await large(page, base, study);
    await page.keyboard.press('e');
    const outwards = await page.evaluate(() => (known.axes[0][0][0] < known.axes[0][1][0] ? 'ArrowLeft' : 'ArrowRight'));
    for (let n = 0; n < 4; n += 1) await page.keyboard.press(`Shift+${outwards}`);
    result.length = await page.evaluate(() => distance(...draft.axes[0]));
    await page.keyboard.press('Enter');
    await said(page, 'kept');
    await page.goto(`${base}/lesions/response?patient=eve`);
    result.after = await table();
    for (const width of [1280, 820]) {
      await page.setViewportSize({ width, height: 1100 });
      await shot(`response-${width}`);
      result[width] = await page.evaluate(() => ({ beyond: document.documentElement.scrollWidth - innerWidth,
        small: [...document.querySelectorAll('main button, main input, main a')].map((one) => one.getBoundingClientRect()).filter((box) => box.height < 24 || box.width < 24).length }));
    }
    await page.keyboard.press('p');
    await page.waitForURL((url) => url.pathname.endsWith('/paper'));
    await page.waitForFunction(() => document.images.length && [...document.images].every((one) => one.complete));
    await page.emulateMedia({ media: 'print' });
    result.paper = await page.evaluate(() => ({ white: getComputedStyle(document.body).backgroundColor, text: document.body.innerText,
      pictures: [...document.images].map((one) => one.naturalWidth), beyond: document.documentElement.scrollWidth - innerWidth }));
    await page.screenshot({ path: path.join(shots, 'review-paper.png'), fullPage: true });
    return result;
  },

  // A study without a point opens where registration expects it, and Enter alone stores nothing.
  async untracked({ page, shot }, { base, study }) {
    const result = {};
    await large(page, base, study);
    result.focus = await focus(page);
    result.words = await page.textContent('.about');
    result.place = await page.textContent('#place');
    result.saveDisabled = await page.isDisabled('#save');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await shot('untracked');
    await page.keyboard.press('p');
    result.placed = await place(page);
    await page.keyboard.press('Enter');
    result.saved = await said(page, 'marked');
    return result;
  },

  // Two lesions closed without a point, with words that a reload keeps; Caps Lock is on.
  async closing({ page }, { base, study, later }) {
    const result = {};
    await grid(page, base);
    await cell(page, 'lesion_1', study).focus();
    await page.keyboard.press('X');
    await said(page, 'not evaluable');
    await page.waitForFunction(() => document.querySelectorAll('.cell.not_evaluable').length === 1);
    result.counts = await page.textContent('#counts');
    result.focused = await page.evaluate(() => document.activeElement.dataset.study);
    await page.reload({ waitUntil: 'networkidle' });
    result.words = await cell(page, 'lesion_1', study).textContent();
    await cell(page, 'lesion_1', later).focus();
    await page.keyboard.press('d');
    await said(page, 'lesion_1: gone');
    await page.click('#undo-last');
    await said(page, 'taken back (gone)');
    await cell(page, 'lesion_1', later).focus();
    await page.keyboard.press('x');
    await said(page, 'not evaluable');
    await cell(page, 'lesion_1', later).focus();
    await page.keyboard.press('t'); // overrules the closing, and U takes back what was said last
    await said(page, 'too small');
    await page.keyboard.press('u');
    await said(page, 'taken back (too small');
    await cell(page, 'lesion_1', later).focus();
    await page.keyboard.press('u');
    await said(page, 'taken back (close)');
    await cell(page, 'lesion_1', study).focus();
    await page.keyboard.press('u');
    await page.waitForFunction(() => document.querySelectorAll('.cell[data-open="1"]').length === 2);
    await cell(page, 'lesion_1', study).focus();
    await page.keyboard.down('x'); // held down, it closes one cell, not each that follows
    await page.waitForFunction(() => document.querySelectorAll('.cell.not_evaluable').length === 1 && document.activeElement.dataset.open === '1');
    for (let n = 0; n < 3; n += 1) await page.keyboard.down('x');
    await page.keyboard.up('x');
    await page.waitForTimeout(300);
    result.held = await page.locator('.cell.not_evaluable').count();
    await cell(page, 'lesion_1', later).focus();
    await page.keyboard.press('d');
    await said(page, 'lesion_1: gone');
    const list = cell(page, 'lesion_1', later).locator('select.fate[data-before]'); // of the row as it is then
    await list.focus();
    result.list = await list.locator('option').allTextContents();
    await list.selectOption('take it back');
    await said(page, 'taken back (gone)');
    return result;
  },

  // An earlier point is moved; the later track says so, and one button tracks it again.
  async outdated({ page, shot }, { base, study, later }) {
    const result = {};
    await large(page, base, study);
    await clickAt(page, 'axial', 30, 0);
    await page.keyboard.press('Enter');
    await said(page, 'corrected');
    await grid(page, base);
    result.counts = await page.textContent('#counts');
    result.cell = await cell(page, 'lesion_1', later).textContent();
    await shot('outdated');
    await page.click('#track-outdated');
    await said(page, 'tracked');
    result.after = await page.textContent('#counts');
    result.button = await page.isHidden('#track-outdated');
    return result;
  },

  // A new lesion is marked in a later study, and tracked forwards and backwards.
  async marking({ page, shot }, { base, study }) {
    const result = {};
    await large(page, base, study);
    await page.keyboard.press('m');
    await clickAt(page, 'axial', -40, -20);
    result.unsaved = await page.textContent('#unsaved');
    await page.fill('#new-label', 'new node');
    await page.check('#new-backwards');
    await shot('marking');
    await page.click('#save');
    await page.waitForURL((url) => url.searchParams.get('lesion') === 'lesion_2');
    await grid(page, base);
    await page.waitForFunction(() => document.querySelectorAll('.row[data-lesion=lesion_2] .cell.uncertain').length === 2);
    result.label = await page.textContent('.row[data-lesion=lesion_2] .label');
    await page.click('text=Mark a new lesion');
    await ready(page);
    result.asked = await page.textContent('#unsaved');
    await page.keyboard.press('Escape');
    await clickAt(page, 'axial', 30, 20);
    await page.uncheck('#new-forwards');
    await page.click('#save');
    await page.waitForURL((url) => url.searchParams.get('lesion') === 'lesion_3');
    return result;
  },

  // All that is open, by keyboard alone: ms a step, from the key to the next open cell with the answer stored and shown. Beside
  // it what this machine takes for the least that such a step needs: a key that moves the focus, and two small answers.
  // The page says when; asking it at each frame would take four fifths of its processor's time.
  async walk({ page, shot }, { base, steps }) {
    await grid(page, base);
    const result = { ms: [], least: [] }, step = async (key) => { await page.keyboard.press(key); return page.evaluate(() => window.timed); };
    await cell(page, 'lesion_1', '').focus();
    for (let n = 0; n < 15; n += 1) {
      await page.evaluate(() => {
        window.timed = new Promise((resolve) => document.addEventListener('keydown', () => {
          const start = performance.now();
          document.addEventListener('focusin', async () => {
            for (const _ of [1, 2]) await (await fetch(addresses.row + '?patient=eve&lesion=lesion_1')).text();
            resolve(performance.now() - start);
          }, { once: true });
        }, { capture: true, once: true }));
      });
      result.least.push(await step('ArrowDown'));
    }
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('n');
    const busy = await processor(page), spent = async () => { const all = []; for (const part of ['Task', 'Script', 'Layout', 'RecalcStyle']) all.push(await busy(part)); return all; };
    const before = await spent();
    for (let n = 0; n < steps; n += 1) {
      await page.evaluate(() => {
        const { lesion, study } = document.activeElement.dataset, stop = new AbortController();
        const here = () => document.querySelector(`.cell[data-lesion="${lesion}"][data-study="${study}"]`);
        window.timed = new Promise((resolve) => {
          let start = 0;
          const look = () => {
            if (here().dataset.open !== '0' || (here().contains(document.activeElement) && document.querySelector('.cell[data-open="1"]'))) return;
            watch.disconnect();
            stop.abort();
            resolve(performance.now() - start);
          };
          const watch = new MutationObserver(look);
          watch.observe(document.getElementById('grid'), { subtree: true, childList: true });
          document.addEventListener('focusin', look, { signal: stop.signal });
          document.addEventListener('keydown', () => { start = performance.now(); }, { capture: true, once: true });
        });
      });
      result.ms.push(await step('a'));
    }
    result.work = (await spent()).map((value, n) => (value - before[n]) / steps);
    await page.reload({ waitUntil: 'networkidle' });
    result.counts = await page.textContent('#counts');
    await shot('walked');
    return result;
  },

  // Many studies and lesions: ms a step of scrolling, in both directions; what stays in view.
  async wide({ page, shot }, { base }) {
    const result = {};
    const start = Date.now();
    await page.goto(`${base}/lesions/?patient=eve`, { waitUntil: 'domcontentloaded', timeout: 240000 });
    await page.waitForFunction(() => document.querySelector('#grid img.crop[src]'));
    result.seconds = (Date.now() - start) / 1000;
    result.cells = await page.locator('.cell').count();
    const steps = (ways) => page.evaluate(async (ways) => {
      const box = document.getElementById('scroll'), ms = [];
      for (const [dx, dy] of ways) {
        const begin = performance.now();
        box.scrollBy(dx, dy);
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
        ms.push(performance.now() - begin);
      }
      return ms;
    }, ways);
    // The page's own work is counted beside how fast this machine is, without waiting.
    result.sum = await sums(page, 9);
    const busy = await processor(page);
    await page.waitForLoadState('networkidle');
    const before = await busy();
    result.steps = await steps([...Array(15).fill([0, 300]), ...Array(15).fill([300, 0])]);
    result.work = (await busy() - before) / result.steps.length;
    result.sticky = await page.evaluate(() => {
      const box = document.getElementById('scroll').getBoundingClientRect();
      const date = document.querySelector('.timeline .date').getBoundingClientRect();
      const names = [...document.querySelectorAll('.row.lesion .name')].map((one) => one.getBoundingClientRect()).find((one) => one.top > box.top + 60);
      return { dateTop: date.top - box.top, nameLeft: names.left - box.left, barBottom: window.innerHeight - box.bottom, scrolled: document.getElementById('scroll').scrollLeft };
    });
    await shot('wide');
    return result;
  },

  // Sort, filter, place, width and window: all as they were after a look at the large view.
  // Of thousands of lesions the first are shown, and take keys, while the others are still sent.
  async first_rows({ page }, { base }) {
    const start = Date.now(), seconds = () => (Date.now() - start) / 1000;
    await page.goto(`${base}/lesions/?patient=eve`, { waitUntil: 'commit', timeout: 240000 });
    await page.waitForFunction(() => { const first = document.querySelector('img.crop'); return first && first.complete && first.naturalWidth; }, null, { polling: 20 });
    const result = { shown: seconds(), with_rows: await page.locator('.row.lesion').count() };
    await page.keyboard.press('ArrowDown'); // keys are taken, too
    result.focused = await page.evaluate(() => document.activeElement.dataset.lesion);
    await page.waitForLoadState('domcontentloaded', { timeout: 240000 });
    result.whole = seconds();
    result.places = await page.locator('.row.lesion').evaluateAll((rows) => rows.filter((row, n) => row.dataset.place === String(n)).length);
    return result;
  },

  async returning({ page }, { base }) {
    const result = {};
    await grid(page, base);
    await page.selectOption('#sort', 'confidence');
    result.order = await page.locator('.row.lesion').evaluateAll((rows) => rows.map((row) => row.dataset.lesion));
    await page.selectOption('#show', 'uncertain');
    result.rows = await page.locator('.row.lesion:not([hidden])').count();
    await page.keyboard.press('n');
    for (let n = 0; n < 12; n += 1) await page.keyboard.press('ArrowDown');
    // The cell with the focus, and where its row stands on the screen once heights have settled: px below the grid's border.
    const where = () => page.evaluate(async () => {
      const scroll = document.getElementById('scroll'), cell = document.activeElement;
      const top = () => cell.getBoundingClientRect().top - scroll.getBoundingClientRect().top;
      for (let last = null, quiet = 0; quiet < 10; ) {
        await new Promise(requestAnimationFrame);
        quiet = top() === last && !document.querySelector('[aria-busy]') ? quiet + 1 : 0;
        last = top();
      }
      return [cell.dataset.lesion, cell.dataset.study, top(), scroll.scrollTop];
    });
    result.before = await where();
    await page.keyboard.press('Enter');
    await ready(page);
    await page.keyboard.press('+');
    await page.keyboard.press('1');
    await page.click('header h1 a');
    await page.waitForLoadState('networkidle');
    result.after = await where();
    result.show = await page.inputValue('#show');
    result.window = await page.inputValue('#window');
    await page.keyboard.press('Enter');
    await ready(page);
    result.width = await page.inputValue('#width');
    const box = await over(page).boundingBox();
    await page.mouse.move(box.x + 50, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + 90, box.y + 60, { steps: 3 });
    await page.mouse.up();
    result.dragged = [await page.inputValue('#window'), await page.evaluate(() => panes[0].window()), await page.isHidden('#unsaved')];
    return result;
  },

  // How large the crops are on a screen, whether their pixels are those of the screen, and what stands beyond the border.
  async layout({ browser, shots }, { base, sizes, name, study }) {
    const result = {};
    for (const [width, height, touch] of sizes) {
      const context = await browser.newContext({ viewport: { width, height }, hasTouch: Boolean(touch), isMobile: false });
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      await grid(page, base);
      await page.waitForFunction(() => [...document.images].filter((one) => one.getBoundingClientRect().top < innerHeight).every((one) => one.complete && one.naturalWidth));
      await page.screenshot({ path: path.join(shots, `${name}-${width}.png`) });
      result[width] = await page.evaluate(() => {
        const image = document.querySelector('img.crop'), box = image.getBoundingClientRect();
        const small = [...document.querySelectorAll('button, a.button, select')].filter((one) => one.offsetParent).map((one) => one.getBoundingClientRect()).filter((one) => one.height < 24 || one.width < 24).length;
        return { css: [box.width, box.height], natural: [image.naturalWidth, image.naturalHeight], small, overflow: document.documentElement.scrollWidth - innerWidth };
      });
      await page.goto(`${base}/lesions/?patient=eve&lesion=lesion_1&study=${study}`);
      await ready(page);
      await frame(page);
      await page.screenshot({ path: path.join(shots, `${name}-large-${width}.png`) });
      result[width].axial = await page.evaluate(() => document.querySelector('.pane[data-role=study] [data-plane=axial]').clientWidth);
      result[width].square = await page.evaluate(() => [...document.querySelectorAll('.plane canvas')].every((one) => one.width === one.height && Math.abs(one.clientWidth - one.clientHeight) <= 1));
      result[width].largeOverflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (touch) {
        const box = await over(page).boundingBox();
        await page.touchscreen.tap(box.x + box.width / 2 + 20, box.y + box.height / 2);
        result[width].tapped = await page.isVisible('#unsaved');
      }
      await context.close();
    }
    return result;
  },

  // On paper: white, and no study beyond the border of the page.
  async print({ page, shot }, { base }) {
    await grid(page, base);
    await page.emulateMedia({ media: 'print' });
    await shot('print');
    return page.evaluate(() => ({
      white: getComputedStyle(document.body).backgroundColor,
      beyond: [...document.querySelectorAll('.cell')].filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length,
      cells: document.querySelectorAll('.cell').length,
    }));
  },

  // On an upright sheet of A4 within its margins, 186 mm at 96 pixels an inch: what stands beyond the border.
  async sheet({ page, shots }, { base }) {
    await page.setViewportSize({ width: 703, height: 1000 });
    await page.emulateMedia({ media: 'print' });
    await page.goto(`${base}/lesions/paper?patient=eve`, { waitUntil: 'networkidle' });
    await page.screenshot({ path: path.join(shots, 'review-sheet.png'), fullPage: true });
    const heads = await page.locator('table:not(.who) thead tr').evaluateAll((rows) => rows.map((row) => row.children.length - 1));
    return { heads, beyond: await page.evaluate(() => document.documentElement.scrollWidth - innerWidth) };
  },

  // Two readers: one accepts what the other has on the screen; nobody's name is needed to look, everybody's to answer.
  async readers({ browser }, { base, study }) {
    const open = async (name) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      await context.addInitScript((reader) => localStorage.setItem('reader', reader), name);
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      return page;
    };
    const [one, other, nobody] = [await open('dr one'), await open('dr other'), await open('')];
    const result = {};
    await large(one, base, study);
    await grid(other, base);
    await cell(other, 'lesion_1', study).focus();
    await other.keyboard.press('a');
    await said(other, 'accepted');
    await one.evaluate(() => window.dispatchEvent(new Event('focus')));
    result.noticed = await said(one, 'Changed meanwhile');
    await grid(nobody, base);
    await cell(nobody, 'lesion_1', study).focus();
    await nobody.keyboard.press('u');
    result.refused = await said(nobody, 'name is needed');
    result.focused = await nobody.evaluate(() => document.activeElement.id);
    return result;
  },

  // One reader deletes the lesion that another looks at: what is not saved stays, then the list of the patient is shown.
  async deleted({ browser }, { base, study }) {
    const open = async (name) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      await context.addInitScript((reader) => localStorage.setItem('reader', reader), name);
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      return page;
    };
    const [one, other] = [await open('dr one'), await open('dr other')];
    await large(one, base, study);
    await clickAt(one, 'axial', 20, 0);
    await grid(other, base);
    await other.locator('.name[data-lesion=lesion_1]').focus();
    await other.keyboard.press('Delete');
    await other.waitForSelector('#ask[open]');
    await other.keyboard.press('Shift+Tab');
    await other.keyboard.press('Enter');
    await said(other, 'deleted');
    const look = () => one.evaluate(() => window.dispatchEvent(new Event('focus')));
    await look();
    const result = { unsaved: await said(one, 'cannot be saved') };
    await one.keyboard.press('Escape');
    await Promise.all([one.waitForEvent('load'), one.keyboard.press('a')]);
    result.list = await one.locator('.deleted').innerText();
    result.said = await one.textContent('#said');
    return result;
  },

  // Two readers on the grid: the second one's answer is refused with who was first; his own is taken back and done again.
  async first({ browser }, { base, study, later }) {
    const open = async (name) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      await context.addInitScript((reader) => localStorage.setItem('reader', reader), name);
      await context.route('**/lesions/changes*', (route) => route.abort()); // no page notices by itself
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      await grid(page, base);
      return page;
    };
    const [one, other] = [await open('dr one'), await open('dr other')];
    const result = {};
    await cell(other, 'lesion_1', study).focus();
    await other.keyboard.press('a');
    await said(other, 'accepted');
    await cell(one, 'lesion_1', study).focus();
    await one.keyboard.press('x');
    result.refused = await said(one, 'has changed since');
    const stands = cell(one, 'lesion_1', study).filter({ hasText: 'accepted' });
    await stands.waitFor();
    result.shown = await stands.textContent();
    await large(one, base, later);
    await clickAt(one, 'axial', 20, 0);
    result.placed = await place(one);
    await cell(other, 'lesion_1', later).focus();
    await other.keyboard.press('a');
    await said(other, 'accepted');
    await one.keyboard.press('Enter'); // the other one's answer is shown, and one's own point stays, unsaved
    result.overtaken = await said(one, 'has changed since');
    await one.waitForSelector('#followup.reader');
    await ready(one);
    result.kept = await place(one);
    result.unsaved = await one.isVisible('#unsaved');
    await one.keyboard.press('Escape');
    await one.keyboard.press('e'); // and so does a size that is drawn
    await one.keyboard.press('Shift+ArrowRight');
    result.drawn = await one.textContent('#unsaved');
    await cell(other, 'lesion_1', later).focus();
    await other.keyboard.press('u');
    await said(other, 'taken back');
    await Promise.all([one.waitForEvent('load'), one.keyboard.press('Enter')]);
    await ready(one);
    result.redrawn = await one.textContent('#unsaved');
    await one.keyboard.press('Escape');
    await grid(one, base);
    await cell(one, 'lesion_1', later).focus();
    await one.keyboard.press('a');
    await said(one, 'accepted');
    await one.click('#undo-last');
    result.undone = await said(one, 'taken back');
    await one.click('#redo-last');
    result.again = await said(one, 'done again');
    await cell(one, 'lesion_1', later).filter({ hasText: 'accepted by dr one' }).waitFor();
    return result;
  },

  // A job that is under way when the page is loaded again is followed to its end.
  async reloaded({ page }, { base, release }) {
    await grid(page, base);
    await page.click('#track-all');
    const shown = async () => { await page.waitForFunction(() => /now/.test(document.querySelector('#job:not([hidden]) span')?.textContent)); return page.textContent('#job span'); };
    const result = { before: await shown() };
    await page.reload({ waitUntil: 'domcontentloaded' });
    result.after = await shown();
    require('node:fs').writeFileSync(release, '');
    result.tracked = await said(page, 'tracked');
    result.hidden = await page.isHidden('#job');
    return result;
  },

  // What was marked on another volume than a study's file holds now is carried over by one button.
  // While the page is open a study arrives, between two others, and goes again: each cell stands below its own study's date.
  async coming({ page }, { base, later, from, to }) {
    const fs = require('node:fs'), result = {};
    const below = () => page.evaluate(() => [[...document.querySelectorAll('.timeline .date')].map((one) => one.title), [...document.querySelectorAll('.row.lesion .cell')].map((one) => one.dataset.study)]);
    await grid(page, base);
    fs.copyFileSync(from, to);
    await page.waitForTimeout(1100); // the server looks at its folder once a second
    await cell(page, 'lesion_1', later).focus();
    await page.keyboard.press('a');
    await page.waitForFunction(() => document.querySelectorAll('.timeline .date').length === 4);
    result.arrived = await below();
    result.said = await said(page, 'accepted');
    await page.waitForSelector('#undo-last');
    await page.waitForLoadState('networkidle');
    fs.unlinkSync(to);
    await page.waitForTimeout(1100);
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await page.waitForFunction(() => document.querySelectorAll('.timeline .date').length === 3);
    result.left = await below();
    return result;
  },

  async carry({ page }, { base }) {
    await grid(page, base);
    const result = { note: await page.textContent('.left-behind') };
    await page.click('[data-do=carry]');
    result.carried = await said(page, 'tracked');
    await grid(page, base);
    result.gone = await page.locator('.left-behind').count();
    return result;
  },

  // The pictures of docs/review-page.md and README.md: the grid, a point that is not saved yet, a touch screen.
  async pictures({ browser, page }, { base, patient, study, folder }) {
    const loaded = (one) => one.waitForFunction(() => [...document.images].filter((image) => image.getBoundingClientRect().top < innerHeight).every((image) => image.complete && image.naturalWidth));
    const there = `${base}/lesions/?patient=${patient}`;
    await page.goto(there, { waitUntil: 'networkidle' });
    await page.click('#track-all');
    await page.waitForFunction(() => document.getElementById('said').textContent.includes('tracked'), null, { timeout: 900000 });
    for (const [name, width, height, query] of [['review-grid', 1280, 900, ''], ['review-large', 1280, 800, `&lesion=lesion_1&study=${study}`], ['review-size', 1280, 860, `&lesion=lesion_1&study=${study}`], ['review-touch', 820, 1180, '']]) {
      const context = await browser.newContext({ viewport: { width, height }, hasTouch: width < 900 });
      context.setDefaultTimeout(PATIENCE_MS);
      const shown = await context.newPage();
      await shown.goto(there + query, { waitUntil: 'networkidle' });
      if (name === 'review-size') {
        await ready(shown);
        await shown.selectOption('#width', '90');
        await shown.keyboard.press('e');
        for (let n = 0; n < 3; n += 1) await shown.keyboard.press('Shift+ArrowRight');
        await frame(shown);
      } else if (query) { await ready(shown); await clickAt(shown, 'axial', 24, 12); await frame(shown); }
      await loaded(shown);
      await shown.screenshot({ path: path.join(folder, `${name}.png`) });
      await context.close();
    }
    return {};
  },

  // The picture of the response for docs/review-page.md.
  async response_picture({ page }, { base, folder }) {
    await page.setViewportSize({ width: 1280, height: 1560 });
    await page.goto(`${base}/lesions/response?patient=demo`, { waitUntil: 'networkidle' });
    await page.evaluate(() => { reader.value = ''; });
    await page.screenshot({ path: path.join(folder, 'review-response.png') });
    return {};
  },

  // How long a slice takes in both studies of the large view, ms, and how fast this machine is meanwhile.
  async speed({ page }, { base, study }) {
    await large(page, base, study);
    const ms = [], sum = [];
    for (let n = 0; n < 20; n += 1) {
      await page.keyboard.press(n % 2 ? 'ArrowUp' : 'ArrowDown');
      await frame(page);
      ms.push(await page.evaluate(() => panes.reduce((sum, pane) => sum + Number(pane.element.dataset.ms), 0)));
      sum.push(...await sums(page, 1));
    }
    return { ms, sum };
  },

  // The reader's own size: an end by arrows and by mouse, saved, taken back; an outline from a click, saved, back to automatic.
  async size({ page, shot }, { base, study }) {
    const result = {}, ends = () => page.evaluate(() => (draft || known).axes), words = () => page.evaluate(() => (draft || known).words);
    await large(page, base, study);
    result.start = await ends();
    await page.keyboard.press('e');
    result.label = await page.evaluate(() => document.activeElement.getAttribute('aria-label'));
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowDown');
    result.byKeys = await ends();
    await page.keyboard.press('Escape');
    result.discarded = await ends();
    const box = await page.locator('.end').nth(1).boundingBox();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    result.mm = await page.evaluate(() => view.width / axial.image.clientWidth);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 20, y + 4, { steps: 4 });
    result.dragged = await ends();
    await page.mouse.up();
    result.unsaved = await page.textContent('#unsaved');
    result.accept = await page.isDisabled('#save');
    await shot('size');
    await clickAt(page, 'axial', 60, 60); // no point is put while a size is not saved
    result.refused = await said(page, 'size is not saved');
    await page.locator('.end').nth(1).focus();
    await page.keyboard.press('Enter');
    result.saved = await said(page, 'kept');
    await ready(page);
    result.kept = await ends();
    result.shown = await page.textContent('.about .size');
    await page.click('#undo-last');
    result.undone = await said(page, 'taken back');
    await ready(page);
    result.back = await ends();
    await page.keyboard.press('c');
    result.asked = await page.textContent('#unsaved');
    await clickAt(page, 'axial', 0, 0);
    await page.waitForFunction(() => draft);
    result.outline = await words();
    await shot('outline');
    await page.keyboard.press('Enter');
    await said(page, 'kept');
    await ready(page);
    result.after = await words();
    await page.keyboard.press('r');
    result.reset = await said(page, 'automatic size counts again');
    await ready(page);
    result.end = await ends();
    return result;
  },

  // Barriers that axe-core finds on all pages, and the statuses of those that refuse.
  async barriers({ page }, { pages, axe }) {
    const result = { statuses: {} };
    for (const [name, address] of Object.entries(pages)) {
      result.statuses[name] = (await page.goto(address, { waitUntil: 'networkidle' })).status();
      result[name] = await barriers(page, axe);
    }
    return result;
  },
};

// Renames, deletes (which asks) and restores a lesion with its buttons, by keyboard alone.
async function buttons(page) {
  const rows = () => page.locator('.row.lesion').count();
  const found = { before: await rows() };
  await page.locator('.name[data-lesion=lesion_1]').focus();
  await page.keyboard.press('F2');
  await page.keyboard.type('hilum');
  await page.keyboard.press('Enter');
  found.renamed = await said(page, 'renamed');
  await page.waitForFunction(() => document.querySelector('.row[data-lesion=lesion_1] .label').textContent === 'hilum');
  await page.locator('.name[data-lesion=lesion_1]').focus();
  await page.keyboard.press('Delete');
  await page.waitForSelector('#ask[open]');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  found.deleted = await said(page, 'deleted');
  await page.waitForFunction((n) => document.querySelectorAll('.row.lesion').length === n - 1, found.before);
  await page.locator('button[data-do=restore][data-lesion=lesion_1]').focus();
  await page.keyboard.press('Enter');
  found.restored = await said(page, 'restored');
  await page.waitForFunction((n) => document.querySelectorAll('.row.lesion').length === n, found.before);
  return found;
}

async function main(name, given) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'] });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addInitScript(() => { if (!localStorage.getItem('nobody') && !localStorage.getItem('reader')) localStorage.setItem('reader', 'dr browser'); });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const errors = [], foreign = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => { const { url } = message.location(); if (message.type() === 'error' && !url.endsWith('/favicon.ico') && !(given.pages && url === page.url())) errors.push(message.text()); });
  page.on('request', (request) => { if (!request.url().startsWith(given.base) && !request.url().startsWith(given.more || given.base)) foreign.push(request.url()); });
  const shot = (shown) => page.screenshot({ path: path.join(given.shots, `review-${shown}.png`) });
  const result = await scenarios[name]({ page, browser, shot, shots: given.shots }, given);
  await browser.close();
  console.log(JSON.stringify({ ...result, errors, foreign }));
}

main(process.argv[2], JSON.parse(process.argv[3]));
