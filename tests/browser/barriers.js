// What axe-core finds on the page that is open, or in the part of it that a selector names: [[impact, rule, [html, …]], …].
const { readFileSync } = require('node:fs');

async function barriers(page, axe, part = 'html') {
  await page.evaluate(readFileSync(axe, 'utf8'));
  const { violations } = await page.evaluate((part) => window.axe.run(part, { resultTypes: ['violations'] }), part);
  return violations.map((one) => [one.impact, one.id, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160))]);
}

module.exports = { barriers };
