// Opens a page of sccache-report in Chromium: node browser.mjs CHECK PAGE [FOLDER]. Prints what is wrong, and exits with 1.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const WIDTHS = [360, 1280, 2000];
const THEMES = ['light', 'dark'];
const [name, file, folder] = process.argv.slice(2);

// Opens the page, does something in it, and asserts that it printed and requested nothing.
async function visit(browser, options, act, prepare = () => {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(0);
  await prepare(context);
  const page = await context.newPage();
  const seen = [];
  const url = pathToFileURL(file).href;
  for (const [event, text] of [
    ['console', (message) => message.text()],
    ['pageerror', String],
    ['request', (request) => request.url()],
    ['dialog', (dialog) => dialog.dismiss().then(() => dialog.message())],
    ['popup', (popup) => popup.url()],
    ['framenavigated', (frame) => frame.url()],
    ['download', (download) => download.url()],
    ['crash', () => 'the tab'],
  ]) {
    page.on(event, async (what) => seen.push(`${event}: ${await text(what)}`));
  }
  await page.goto(url);
  await act(page);
  assert.deepEqual(seen, [`request: ${url}`, `framenavigated: ${url}`], JSON.stringify(options));
  await context.close();
}

const openAll = (page) => page.evaluate(() => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});

const checks = {
  // Nothing is wider than the window, whatever its width and theme. Leaves pictures in FOLDER.
  async sizes(browser) {
    for (const width of WIDTHS) {
      for (const colorScheme of THEMES) {
        const viewport = { width, height: 900 };
        await visit(browser, { viewport, colorScheme }, async (page) => {
          await page.screenshot({ path: join(folder, `${width}-${colorScheme}.png`), fullPage: true });
          assert.equal(await widest(page), width);
          await openAll(page);
          assert.equal(await widest(page), width, 'opened');
        });
      }
    }
  },

  // The picture of the README: FOLDER/page.png.
  async picture(browser) {
    await visit(browser, { viewport: { width: 1280, height: 1490 }, deviceScaleFactor: 0.56 }, (page) => page.screenshot({ path: join(folder, 'page.png') }));
  },

  async accessible(browser) {
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    for (const width of [WIDTHS[0], WIDTHS[1]]) {
      for (const colorScheme of THEMES) {
        const viewport = { width, height: 900 };
        await visit(browser, { viewport, colorScheme }, async (page) => {
          await openAll(page);
          assert.deepEqual(await page.evaluate(incompleteCharts), []);
          const { violations } = await page.evaluate(() => window.axe.run());
          const lines = violations.flatMap(({ id, nodes }) =>
            nodes.slice(0, 5).map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}: ${failureSummary}`));
          assert.deepEqual(lines, [], `${width} ${colorScheme}`);
        }, (context) => context.addInitScript({ path: axe }));
      }
    }
  },

  async controls(browser) {
    await visit(browser, {}, async (page) => {
      const table = page.locator('table.pk').first();
      const names = await visible(table, 0);
      assert(names.length > 20);
      const headings = await table.locator(':scope > thead th').allInnerTexts();
      for (const [column, heading] of headings.entries()) {
        const orders = [];
        for (let click = 0; click < 2; click++) {
          await table.getByRole('button', { name: heading }).click();
          const order = await table.locator(':scope > thead th').nth(column).getAttribute('aria-sort');
          orders.push(order);
          assert.equal(await table.locator(':scope > thead [aria-sort]').count(), 1, heading);
          const shown = (await visible(table, column)).map(value).filter((it) => it !== null);
          if (order === 'descending') shown.reverse();
          assert.deepEqual(shown, sorted(shown, compare), `${heading} ${order}`);
        }
        assert.deepEqual(sorted(orders), ['ascending', 'descending'], heading);
      }
      const filter = page.getByRole('searchbox').first();
      await filter.fill('FIREfox');
      assert.deepEqual(await visible(table, 0), ['www-client/firefox']);
      await filter.fill('no such package');
      assert.deepEqual(await visible(table, 0), []);
      await filter.fill('');
      assert.deepEqual(sorted(await visible(table, 0)), sorted(names));
      await page.locator('svg').first().hover();
    });
  },

  // All that scripts show is there, packages open, and no control is shown that doesn't work.
  async scriptless(browser) {
    const tables = (page) => page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
      return [...document.querySelectorAll('table')].map((table) => table.innerText);
    });
    let scripted;
    await visit(browser, {}, async (page) => { scripted = await tables(page); });
    await visit(browser, { javaScriptEnabled: false }, async (page) => {
      assert.equal(await page.locator('button, input').count(), 0);
      const first = page.locator('table.pk details').first();
      await first.locator('summary').click();
      assert(await first.locator(':scope > :not(summary)').first().isVisible());
      assert.deepEqual(await tables(page), scripted);
    });
  },

  async hostile(browser) {
    const executed = [];
    await visit(browser, {}, async (page) => {
      await openAll(page);
      for (const chart of await page.locator('svg').all()) await chart.hover();
      for (const summary of await page.locator('summary').all()) await summary.focus();
      await page.getByRole('searchbox').first().fill('<script>');
      await page.getByRole('searchbox').first().fill('');
      assert.equal(await page.locator('script').count(), 1);
      assert.equal(await page.locator('img, iframe, link, base, object, embed, textarea').count(), 0);
      const handlers = await page.evaluate(() => [...document.querySelectorAll('*')].flatMap((element) =>
        [...element.attributes].map(({ name }) => name).filter((name) => /^on|^autofocus$|^style$/.test(name))));
      assert.deepEqual(handlers, []);
      for (const text of ['<script>executed()</script>', '&lt;script&gt;&amp;#60;&quot;', '{{ 7 * 7 }}']) {
        assert((await page.locator('main').innerText()).includes(text), text);
      }
    }, (context) => context.exposeFunction('executed', () => executed.push('')));
    assert.deepEqual(executed, []);
  },
};

// The charts without a name, a description, or a table of their numbers in the same section or package.
const incompleteCharts = () => [...document.querySelectorAll('svg')].filter((chart) => {
  const name = chart.querySelector('title')?.textContent ?? chart.getAttribute('aria-label');
  const part = chart.closest('details, section');
  return !name || !chart.querySelector('desc').textContent || !part.querySelector('table');
}).map((chart) => chart.outerHTML.slice(0, 200));

// A sorted copy. Node.js 18, which Debian 12 has, lacks toSorted.
const sorted = (items, compare) => [...items].sort(compare);

// The texts of a column in the rows that are shown.
const visible = (table, column) => table.evaluate((table, column) =>
  [...table.tBodies[0].rows].filter((row) => row.checkVisibility())
    .map(({ cells: { [column]: cell } }) => (cell.querySelector('summary') ?? cell).innerText.trim()), column);

// Seconds, another number, or text; null if it is unknown.
function value(text) {
  if (text === '-') return null;
  const plain = text.replace(/,/g, '');
  const parts = plain.match(/[\d.]+ (h|min|s)\b/g);
  if (!parts) return /^\D{0,2}[\d.]+( %)?$/.test(plain) ? parseFloat(plain.match(/[\d.]+/)) : text;
  const seconds = { h: 3600, min: 60, s: 1 };
  const total = parts.reduce((sum, part) => sum + parseFloat(part) * seconds[part.split(' ')[1]], 0);
  return plain.startsWith('-') ? -total : total;
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const widest = (page) => page.evaluate(() => document.documentElement.scrollWidth);

const folders = process.env.PATH.split(delimiter);
const executablePath = folders.map((folder) => join(folder, 'chromium')).find(existsSync);
// By a pipe, with a user data folder of its own that goes with it.
const browser = await chromium.launch({ executablePath, timeout: 0 });
try {
  await checks[name](browser);
} finally {
  await browser.close();
}
