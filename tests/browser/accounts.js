// A reader and a server with accounts: node accounts.js NAME '{"base": …, "shots": …, …}'; prints its result as a line of JSON.
const http = require('node:http');
const ohif = require('./ohif.js');

const LOCKED = ['/lesions/', '/ohif/', '/static/ohif/index.html', '/proxy/dicom/qido/studies', '/info/', '/datastore/?output=all'];

const scenarios = {
  // Log in through the form, work on the review page and in OHIF, meet a foreign page, log out, and be kept out.
  async whole({ page, shot }, { base, user, password, baseline, followup, patient, marks }) {
    const result = {};
    const context = page.context();
    const sent = watch(page, base);

    await page.goto(`${base}/lesions/?patient=${encodeURIComponent(patient)}`);
    result.form = { url: page.url(), type: await page.getAttribute('#password', 'type') };
    await shot('login-1-form');
    result.wrong = await logIn(page, user, 'wrong horse');
    await shot('login-2-wrong');
    result.right = await logIn(page, user, password);
    result.cookies = await context.cookies(base);
    result.script = await page.evaluate(() => document.cookie);
    result.review = { reader: await page.inputValue('#reader'), locked: await page.locator('#reader').isDisabled() };
    await shot('login-3-review');

    await ohif.openStudy(page, base, baseline);
    result.mark = await ohif.prompt(page, 'mark_lesion', marks);
    await ohif.openStudy(page, base, followup);
    result.track = await ohif.track(page);
    await shot('login-4-ohif');
    await page.locator('[data-cy="lesions-btn"]').click();
    await page.locator('.lesionTracker .point').first().waitFor();
    result.panel = await page.locator('.lesionTracker').innerText();

    await page.goto(`${base}/lesions/?patient=${encodeURIComponent(patient)}`, { waitUntil: 'networkidle' });
    await page.waitForFunction(() => { const crops = [...document.querySelectorAll('.row.lesion img')]; return crops.length && crops.every((one) => one.complete && one.naturalWidth); });
    result.rows = await page.locator('.row.lesion').count();
    result.crops = await page.locator('.row.lesion img').evaluateAll((all) => all.filter((one) => one.complete && one.naturalWidth > 0).length);
    await page.locator('.cell.track, .cell').filter({ has: page.locator('img') }).last().focus();
    await page.keyboard.press('a');
    await page.waitForFunction(() => document.getElementById('said').textContent.includes('accepted'));
    result.accepted = await page.textContent('#said');
    await shot('login-5-accepted');

    result.foreign = await foreignPage(context, base);
    result.sent = await sent();
    await page.click('#log-out');
    await page.waitForURL('**/login');
    result.after = { cookies: await context.cookies(base), statuses: await refusals(page, base) };
    for (const address of ['/lesions/', '/ohif/', `/ohif/monai-label?StudyInstanceUIDs=${followup}`]) {
      await page.goto(`${base}${address}`);
      result.after[address] = page.url();
    }
    await shot('login-6-logged-out');
    return result;
  },
};

// Counts what the browser asked of each part of the server, and whether the cookie went along.
function watch(page, base) {
  const seen = [];
  page.on('requestfinished', (request) => {
    if (request.url().startsWith(base)) {
      seen.push(request.allHeaders().then((headers) => ({
        part: new URL(request.url()).pathname.split('/')[1], cookie: /lesion_tracker=/.test(headers.cookie ?? ''),
      })).catch(() => undefined));
    }
  });
  const known = [];
  return async () => {
    known.push(...await Promise.all(seen));
    return known.filter(Boolean);
  };
}

async function logIn(page, user, password) {
  await page.fill('#username', user);
  await page.fill('#password', password);
  const [answer] = await Promise.all([
    page.waitForResponse((one) => one.url().endsWith('/login') && one.request().method() === 'POST'),
    page.click('form button'),
  ]);
  await page.waitForLoadState('load');
  const said = await page.locator('[role=alert]').allInnerTexts();
  return { status: answer.status(), url: page.url(), said };
}

// Another page on this machine, open in the same browser, tries to write and to read with the reader's cookie.
async function foreignPage(context, base) {
  const server = http.createServer((_, answer) => answer.end('<!doctype html><title>elsewhere</title>'));
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const page = await context.newPage();
  try {
    const origin = `http://127.0.0.1:${server.address().port}`;
    await page.goto(`${origin}/`);
    const [write, read] = await page.evaluate(async (base) => {
      const form = new FormData();
      form.append('params', '{}');
      const write = { method: 'POST', body: form, credentials: 'include', mode: 'no-cors' };
      const said = (asked) => asked.then(() => 'answered', (error) => String(error));
      return [
        await said(fetch(`${base}/infer/mark_lesion?image=x`, write)),
        await said(fetch(`${base}/info/`, { credentials: 'include' })),
      ];
    }, base);
    // What the browser hides: the server's answer to the same request with the reader's cookie.
    const same = { headers: { origin }, multipart: { params: '{}' } };
    const status = (await context.request.post(`${base}/infer/mark_lesion?image=x`, same)).status();
    return { status, write, read };
  } finally {
    await page.close();
    server.close();
  }
}

// What is answered without the cookie; the log-in page itself may ask for nothing.
async function refusals(page, base) {
  const found = {};
  for (const address of LOCKED) found[address] = (await page.request.get(`${base}${address}`)).status();
  for (const model of ['mark_lesion', 'track_lesion', 'correct_lesion']) {
    const asked = await page.request.post(`${base}/infer/${model}?image=x`, { multipart: { params: '{}' } });
    found[`/infer/${model}`] = asked.status();
  }
  return found;
}

ohif.runScenario(scenarios);
