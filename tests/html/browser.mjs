// Opens a page of sccache-report in Chromium: node browser.mjs CHECK PAGE [FOLDER]. Prints what is wrong, and exits with 1.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const WIDTHS = [360, 1280, 2000];
const THEMES = ['light', 'dark'];
const [name, file, folder] = process.argv.slice(2);

// Opens the page, does something in it, and asserts that it printed and requested nothing.
async function visit(browser, options, act, prepare = () => {}, url = pathToFileURL(file).href) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(0);
  await prepare(context);
  const page = await context.newPage();
  const seen = [];
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

async function eachWindow(browser, act) {
  for (const width of WIDTHS) {
    for (const colorScheme of THEMES) {
      const options = { viewport: { width, height: 900 }, colorScheme };
      await visit(browser, options, (page) => act(page, { width, colorScheme }));
    }
  }
}

const openAll = (page) => page.evaluate(() => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});

// The numbers of the page, as JSON of the other reports has them: beside the page.
const numbers = () => JSON.parse(readFileSync(join(dirname(file), 'numbers.json')));

const checks = {
  // Nothing is wider than the window or out of reach, whatever the width and theme.
  async sizes(browser) {
    await eachWindow(browser, async (page, { width }) => {
      assert.equal(await widest(page), width);
      await openAll(page);
      assert.equal(await widest(page), width, 'opened');
      assert.deepEqual(await page.evaluate(unreachable), []);
      assert.deepEqual(await page.evaluate(overlapping), []);
      assert.deepEqual(await page.evaluate(narrow), []);
      assert.deepEqual(await page.evaluate(moving), []);
    });
  },

  // Leaves pictures for people in FOLDER. Chromium can't draw more than 16,384 pixels at once.
  async pictures(browser) {
    await eachWindow(browser, async (page, { width, colorScheme }) => {
      assert(await page.evaluate(() => document.documentElement.scrollHeight) < 16384);
      await page.screenshot({ path: join(folder, `${width}-${colorScheme}.png`), fullPage: true });
    });
  },

  // On paper of A4, what is open is printed, and no control.
  async printed(browser) {
    await visit(browser, { viewport: { width: 794, height: 1123 } }, async (page) => {
      await openAll(page);
      await page.emulateMedia({ media: 'print' });
      assert.equal(await widest(page), 794);
      assert.deepEqual(await page.evaluate(unreachable), []);
      assert(!(await page.getByRole('searchbox').isVisible()));
    });
  },

  // A name in the lists leads to its package, also one that was filtered out: the script opens it, and without one the page scrolls
  // there.
  async links(browser) {
    const visitLinks = async (javaScriptEnabled) => {
      const context = await browser.newContext({ javaScriptEnabled, viewport: { width: 360, height: 640 } });
      const page = await context.newPage();
      await page.goto(pathToFileURL(file).href);
      for (const link of await page.locator('.rank a').all()) {
        if (javaScriptEnabled) await page.getByRole('searchbox').fill('no such package');
        await link.click();
        const row = page.locator(await link.getAttribute('href'));
        const name = row.locator('summary').first();
        assert.equal(await name.innerText(), await link.innerText());
        await name.waitFor({ state: 'visible' });
        assert((await name.boundingBox()).y < 640, await name.innerText());
        assert.equal(await row.locator('details').first().evaluate((details) => details.open), javaScriptEnabled);
      }
      for (const link of await page.locator('nav a').all()) {
        const heading = page.locator(await link.getAttribute('href'));
        await link.click();
        assert((await heading.boundingBox()).y < 640, await link.innerText());
      }
      await context.close();
    };
    await visitLinks(true);
    await visitLinks(false);
  },

  // A web server gets one request, and a policy that is enforced prints nothing.
  async served(browser) {
    const requests = [];
    const server = createServer((request, response) => {
      requests.push(request.url);
      response.setHeader('Content-Type', 'text/html');
      response.end(readFileSync(file));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${server.address().port}/`;
    await visit(browser, {}, async (page) => {
      await openAll(page);
      await page.locator('svg').first().hover();
    }, () => {}, url);
    server.close();
    assert.deepEqual(requests, ['/']);
  },

  // The picture of the README: FOLDER/page.png, the top of the page up to the first chart.
  async picture(browser) {
    await visit(browser, { viewport: { width: 900, height: 2000 } }, async (page) => {
      const chart = await page.locator('section[aria-labelledby=trend] figure').first().boundingBox();
      const clip = { x: 0, y: 0, width: 900, height: Math.ceil(chart.y + chart.height + 8) };
      await page.screenshot({ path: join(folder, 'page.png'), clip });
    });
  },

  async accessible(browser) {
    const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    for (const width of [WIDTHS[0], WIDTHS[1]]) {
      for (const colorScheme of THEMES) {
        const viewport = { width, height: 900 };
        await visit(browser, { viewport, colorScheme }, async (page) => {
          await openAll(page);
          assert.deepEqual(await page.evaluate(incompleteCharts), []);
          assert.deepEqual(await page.evaluate(faintMarks), []);
          assert.deepEqual(await page.evaluate(headersOfDetails), []);
          const { violations } = await page.evaluate(() => window.axe.run());
          const lines = violations.flatMap(({ id, nodes }) =>
            nodes.slice(0, 5).map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}: ${failureSummary}`));
          assert.deepEqual(lines, [], `${width} ${colorScheme}`);
        }, (context) => context.addInitScript({ path: axe }));
      }
    }
  },

  async controls(browser) {
    const { packages } = numbers();
    const byName = new Map(packages.map((row) => [row.package, row]));
    const columns = {
      package: ({ package: name }) => name,
      builds: ({ builds }) => builds,
      'hit rate': ({ hit_rate: rate }) => rate,
      'time saved': ({ time_saved_seconds: seconds }) => seconds,
      coverage: ({ coverage }) => coverage,
      verdict: ({ verdict }) => verdict,
    };
    await visit(browser, { timezoneId: 'UTC' }, async (page) => {
      const table = page.locator('#package-table > table');
      const names = await visible(table, 0);
      assert.deepEqual(sorted(names), sorted([...byName.keys()]));
      const headings = await table.locator(':scope > thead th').allInnerTexts();
      assert.deepEqual(headings, Object.keys(columns));
      const order = page.locator('#order');
      const byTime = table.locator(':scope > thead th', { hasText: 'time saved' });
      assert.equal(await byTime.getAttribute('aria-sort'), 'descending');
      assert.equal(await order.innerText(), 'Sorted by time saved, descending.');
      assertSorted(names.map((name) => byName.get(name).time_saved_seconds ?? 0), true, 'time saved at first');
      for (const [column, heading] of headings.entries()) {
        const orders = [];
        for (let click = 0; click < 2; click++) {
          await table.locator(':scope > thead th').nth(column).getByRole('button').click();
          const order = await table.locator(':scope > thead th').nth(column).getAttribute('aria-sort');
          orders.push(order);
          assert.equal(await page.locator('#order').innerText(), `Sorted by ${heading}, ${order}.`);
          assert.equal(await table.locator(':scope > thead [aria-sort]').count(), 1, heading);
          const values = (await visible(table, 0)).map((name) => columns[heading](byName.get(name)));
          assertSorted(values, order === 'descending', `${heading} ${order}`);
        }
        assert.deepEqual(sorted(orders), ['ascending', 'descending'], heading);
      }
      const filter = page.getByRole('searchbox', { name: 'Filter packages' });
      assert.equal(await page.getByRole('searchbox').count(), 1);
      await filter.fill('FIREfox');
      assert.deepEqual(await visible(table, 0), ['www-client/firefox']);
      await filter.fill('no such package');
      assert.deepEqual(await visible(table, 0), []);
      await filter.fill('');
      assert.deepEqual(sorted(await visible(table, 0)), sorted(names));
    });
  },

  // The pointer shows the numbers of each bar, line, and day.
  async tooltips(browser) {
    const { days } = numbers();
    await visit(browser, {}, async (page) => {
      for (const [id, table] of [['trend', 'trend'], ['misses', 'miss']]) {
        const rows = await page.locator(`#${table}-table tbody tr`).evaluateAll((rows) =>
          rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim())));
        const names = await page.locator(`#${table}-table thead th`).allTextContents();
        for (const chart of await page.locator(`section[aria-labelledby=${id}] svg`).all()) {
          for (const slot of [0, Math.floor(rows.length / 2), rows.length - 1]) {
            const lines = names.map((name, n) => `${name}: ${rows[slot][n]}`).filter((line) => !line.endsWith(': '));
            assert.equal(await tooltip(page, chart, (slot + 0.5) / rows.length, 0.5), lines.join('\n'));
          }
        }
      }
      const calendar = page.locator('svg.cal');
      const mondays = await page.locator('#day-table tbody th').allTextContents();
      const view = await calendar.evaluate(({ viewBox: { baseVal: { x, y, width, height } } }) => ({ x, y, width, height }));
      assert.deepEqual(await calendar.locator('text').allTextContents().then((texts) => texts.slice(-12, -5)),
        ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']);
      const rates = new Map(days.map(({ period, hit_rate: rate }) => [period, rate]));
      const seen = new Set();
      for (let week = mondays.length - 5; week < mondays.length; week++) {
        for (let line = 0; line < 7; line++) {
          const date = new Date(Date.parse(mondays[week]) + line * 864e5).toISOString().slice(0, 10);
          const rate = rates.get(date);
          const shown = rate === undefined ? 'no build' : rate === null ? 'not measured' : `hit rate ${(rate * 100).toFixed(1)} %`;
          const { x, y, width, height } = view;
          const [across, down] = [(12 * week + 6 - x) / width, (12 * line + 6 - y) / height];
          assert.equal(await tooltip(page, calendar, across, down), `${date}: ${shown}`);
          seen.add(shown.slice(0, 3));
        }
      }
      assert(seen.has('hit') && seen.has('no '), [...seen].join());
      await openAll(page);
      const details = page.locator('#package-table details > div').first();
      const rows = details.locator('tbody tr');
      const version = await rows.first().locator('th').textContent();
      const text = await tooltip(page, details.locator('svg'), 0.5 / await rows.count(), 0.5);
      assert(text.startsWith(`version: ${version}\n`), text);
      await page.mouse.move(0, 0);
      assert.equal(await page.locator('.tip').count(), 0);
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
      const first = page.locator('#package-table details').first();
      await first.locator('summary').click();
      assert(await first.locator(':scope > :not(summary)').first().isVisible());
      assert.deepEqual(await tables(page), scripted);
    });
  },

  async hostile(browser) {
    const executed = [];
    await visit(browser, {}, async (page) => {
      await openAll(page);
      for (const chart of await page.locator('svg').all()) {
        await chart.scrollIntoViewIfNeeded();
        await chart.hover({ force: true });
      }
      for (const summary of await page.locator('summary').all()) await summary.focus();
      await page.getByRole('searchbox').first().fill('<script>');
      await page.getByRole('searchbox').first().fill('');
      assert.equal(await page.locator('script').count(), 1);
      assert.equal(await page.locator('img, iframe, link:not([rel=icon]), base, object, embed, textarea').count(), 0);
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

// The charts without a name, a caption, a description with numbers, or the table of these numbers.
const incompleteCharts = () => [...document.querySelectorAll('svg')].filter((chart) => {
  const name = chart.querySelector('title')?.textContent ?? chart.getAttribute('aria-label');
  const description = chart.querySelector('desc').textContent;
  const caption = chart.closest('figure').querySelector('figcaption').textContent;
  const { of } = chart.dataset;
  const table = of ? document.querySelector(`#${of} table`) : chart.closest('details > div').querySelector('table');
  return !name || !caption.startsWith(name) || !/\d|is known|Nothing was measured/.test(description) || !table.rows.length;
}).map((chart) => chart.outerHTML.slice(0, 200));

// The marks of charts with a contrast below 3:1 to what is behind them (WCAG 1.4.11). A grid only decorates.
const faintMarks = () => {
  const channels = (color) => {
    const [r, g, b, alpha = 1] = color.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], alpha };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = channels(getComputedStyle(document.documentElement).backgroundColor).rgb;
  return [...document.querySelectorAll('path:not(.grid)')].flatMap((mark) => {
    const style = getComputedStyle(mark);
    const card = channels(getComputedStyle(mark.ownerSVGElement).backgroundColor);
    const behind = card.alpha > 0 ? card.rgb : page;
    const paints = [[style.fill, style.fillOpacity], [style.stroke, style.strokeOpacity]].filter(([paint]) => paint !== 'none');
    const contrasts = paints.map(([paint, opacity]) => {
      const rgb = channels(paint).rgb.map((c, n) => c * opacity + behind[n] * (1 - opacity));
      const [high, low] = [luminance(rgb), luminance(behind)].sort((a, b) => b - a);
      return (high + 0.05) / (low + 0.05);
    });
    const best = Math.max(...contrasts);
    return best < 3 ? [`${mark.getAttribute('class')}: ${best.toFixed(2)}`] : [];
  });
};

// The row headers that contain more than a name.
const headersOfDetails = () => [...document.querySelectorAll('th')].filter((cell) => cell.querySelector('details, table, p'))
  .map((cell) => cell.textContent.slice(0, 100));

// The texts in tables and lists that are hidden, or that no scrolling brings into the window.
const unreachable = () => [...document.querySelectorAll('th, td, p, li, dd, summary')].filter((element) => {
  if (!element.textContent || !element.checkVisibility()) return element.textContent !== '';
  const rect = element.getBoundingClientRect();
  let [left, right] = [rect.left, rect.right];
  for (let box = element.parentElement; box; box = box.parentElement) {
    if (getComputedStyle(box).overflowX === 'auto') {
      const frame = box.getBoundingClientRect();
      if (left - frame.left + box.scrollLeft < -1 || right - frame.left + box.scrollLeft > box.scrollWidth + 1) return true;
      [left, right] = [frame.left, frame.right];
    }
  }
  return left < -1 || right > innerWidth + 1;
}).map((element) => element.outerHTML.slice(0, 200));

// The details that cover a text of their row: its name, or another cell.
const overlapping = () => [...document.querySelectorAll('.pk details > :not(summary)')].filter((element) => {
  const cells = [...element.closest('tr').cells];
  const details = element.getBoundingClientRect();
  return [element.parentElement.querySelector('summary'), ...cells.slice(1)].some((other) => {
    const range = document.createRange();
    range.selectNodeContents(other);
    const text = range.getBoundingClientRect();
    return details.height > 0 && text.bottom > details.top + 1 && text.right > details.left && text.left < details.right;
  });
}).map((element) => element.closest('tr').cells[0].textContent.slice(0, 100));

// The details that are narrower than the window, although they could be wider.
const narrow = () => [...document.querySelectorAll('.pk details > :not(summary)')].filter((element) =>
  element.getBoundingClientRect().width < Math.min(element.closest('.w').clientWidth, 900) - 1)
  .map((element) => element.closest('tr').cells[0].textContent.slice(0, 100));

// The names of rows that scrolling sideways moves.
const moving = () => [...document.querySelectorAll('.w')].filter((box) => box.checkVisibility() && box.scrollWidth > box.clientWidth)
  .flatMap((box) => {
    box.scrollLeft = box.scrollWidth;
    const moved = box.querySelector('tbody').rows[0].cells[0].getBoundingClientRect().left - box.getBoundingClientRect().left;
    const found = Math.abs(moved) > 1 ? [box.textContent.slice(0, 100)] : [];
    box.scrollLeft = 0;
    return found;
  });

// The text that the pointer shows at a part of the chart's width and height.
async function tooltip(page, chart, x, y) {
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
  return page.locator('.tip').textContent();
}

// Asserts the order of exact values, of which the page shows rounded ones: equal texts are in any order. Unknown values are last.
function assertSorted(values, isDescending, what) {
  const known = values.filter((value) => value !== null);
  assert.deepEqual(values.slice(0, known.length), known, `${what}: unknown values are last`);
  if (isDescending) known.reverse();
  for (let n = 1; n < known.length; n++) {
    const [a, b] = [known[n - 1], known[n]];
    const isSorted = typeof a === 'string' ? a <= b : a - b <= shownPrecision(what, Math.max(Math.abs(a), Math.abs(b)));
    assert(isSorted, `${what}: ${a} before ${b}`);
  }
}

// By how much two numbers with the same text differ at most.
function shownPrecision(what, number) {
  if (!what.startsWith('time')) return what.startsWith('builds') ? 0 : 0.001;
  return number < 10 ? 0.1 : number < 600 ? 1 : 60;
}

// A sorted copy. Node.js 18, which Debian 12 has, lacks toSorted.
const sorted = (items, compare) => [...items].sort(compare);

// The texts of a column in the rows that are shown.
const visible = (table, column) => table.evaluate((table, column) =>
  [...table.tBodies[0].rows].filter((row) => row.checkVisibility())
    .map(({ cells: { [column]: cell } }) => (cell.querySelector('summary') ?? cell).innerText.trim()), column);

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
