import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { COSTS, readCosts } from '../../ops/capacity/costs.ts';
import { type Launch, limitsOf, moneyOf, needsOf, ratesOf } from '../../ops/capacity/model.ts';
import { createProgram } from '../../ops/program.ts';
import { expectAccessible, launch as launchBrowser, visit } from '../page/browser.ts';

/** What a launch needs. */

const folder = mkdtempSync(join(tmpdir(), 'capacity-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { costs } = readCosts();
const launch: Launch = {
  visitors: 1e6,
  withinSeconds: 60,
  pressesEach: 1.05,
  units: 3_000,
  waiting: 50_000,
  decidedWithinSeconds: 30,
  openedWithinSeconds: 3_600,
};
const amount = (part: string, need: string, of = launch) =>
  needsOf(of, costs).find((one) => one.part === part && one.need === need)?.amount ?? Number.NaN;

async function flashsale(...words: string[]): Promise<string> {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  try {
    const program = await createProgram({}, 'capacity');
    program.commands[0]?.exitOverride().configureOutput({ writeErr: () => {} });
    await program.parseAsync(['capacity', ...words], { from: 'user' });
  } finally {
    log.mockRestore();
  }
  return lines.join('\n');
}

describe('the model', () => {
  it('names measured costs only, and uses each of them', () => {
    const named = new Set(needsOf(launch, costs).flatMap(({ from }) => from));
    // This one is only for a machine that is driven to its limit.
    expect([...named, 'full_share'].sort()).toEqual(Object.keys(COSTS).sort());
  });

  it('orders are not faster than presses', () => {
    expect(ratesOf({ ...launch, visitors: 60, units: 1e6 }).orders).toBe(1.05);
    expect(ratesOf(launch).orders).toBe(100);
  });

  it('doubles what presses cost with the presses, and what orders cost with the orders', () => {
    const twice = { ...launch, visitors: 2e6 };
    const ratio = amount('web nodes', 'processes', twice) / amount('web nodes', 'processes');
    expect(ratio).toBeGreaterThan(1.5);
    expect(ratio).toBeLessThan(2.5);
    const more = { ...launch, units: 6_000 };
    const disk = amount('PostgreSQL', 'disk for orders', more);
    expect(disk / amount('PostgreSQL', 'disk for orders')).toBeCloseTo(2);
    expect(amount('PostgreSQL', 'cores', twice)).toBeGreaterThan(amount('PostgreSQL', 'cores'));
  });

  it('shoppers who wait ask again, and everybody who gets an order has waited', () => {
    expect(ratesOf(launch).waits).toBe(100 + 5_000);
    const patient = { ...launch, waiting: 500_000 };
    const more = amount('web nodes', 'cores', patient) - amount('web nodes', 'cores');
    // 70 % of each core is used.
    expect(more).toBeGreaterThan((45_000 * costs.web_us_a_wait) / 1e6 / 0.7);
  });

  it('says what is full first', () => {
    const machine = { cores: 64, webNodes: 2, workers: 8, generatorUs: 0 };
    const mix = { shed: 0.6, ticket: 0.2, order: 0.2, wait: 0.2 };
    expect(limitsOf(machine, mix, costs)[0]?.limit).toBe('threads of the web nodes');
    const [first] = limitsOf({ ...machine, cores: 1, webNodes: 8 }, mix, costs);
    expect(first?.limit).toBe('cores of the machine');
    expect(
      limitsOf(machine, { shed: 1, ticket: 0, order: 0, wait: 0 }, costs).at(-1)?.perSecond,
    ).toBe(Number.POSITIVE_INFINITY);
  });

  it('prices grow with the hours', () => {
    const prices = { coreHour: 0.05, memoryGbHour: 0.01, diskGbMonth: 0.1, trafficGb: 0.05 };
    const of = (hours: number) => moneyOf(launch, costs, { currency: 'EUR', ...prices, hours });
    expect(of(2) - of(1)).toBeCloseTo(of(3) - of(2));
    expect(of(2)).toBeGreaterThan(of(1));
  });
});

describe('flashsale capacity', () => {
  const words = ['--visitors', '1e6', '--within', '60s', '--units', '3000', '--waiting', '50000'];

  it('prints the needs, with the cost of each', async () => {
    const told = JSON.parse(await flashsale(...words, '--json'));
    expect(told).toMatchObject({
      launch,
      needs: JSON.parse(JSON.stringify(needsOf(launch, costs))),
    });
    expect(await flashsale(...words)).toMatch(/web nodes +processes +\d+ .*web_us_a_shed_press \d/);
  });

  it('lets no more shoppers wait than there are visitors', async () => {
    const few = ['--visitors', '200', '--units', '3000', '--json'];
    expect(JSON.parse(await flashsale(...few)).launch.waiting).toBe(200);
    await expect(flashsale(...few, '--waiting', '201')).rejects.toThrow(
      'of 200 visitors no 201 can wait',
    );
  });

  it('writes a page with the same model', async () => {
    const file = join(folder, 'capacity.html');
    await flashsale(...words, '--html', file);
    const [, script = ''] =
      /<script type="module">([\s\S]*)const form =/.exec(readFileSync(file, 'utf8')) ?? [];
    const text = `${script}\nexport { MEASURED, needsOf };`;
    const page = await import(`data:text/javascript,${encodeURIComponent(text)}`);
    expect(page.needsOf(launch, page.MEASURED)).toEqual(needsOf(launch, costs));
  });

  it('its page says which field is wrong, and shows the needs again once it is right', async () => {
    const file = join(folder, 'fields.html');
    await flashsale(...words, '--html', file);
    const browser = await launchBrowser();
    const { page, end } = await visit(browser, pathToFileURL(file).href);
    try {
      const rows = page.locator('tbody tr');
      const note = page.locator('[role=status]');
      const many = await rows.count();
      expect([many > 5, await note.innerText()]).toEqual([true, '']);
      await page.locator('[name=units]').fill('');
      expect(await rows.count()).toBe(0);
      expect(await note.innerText()).toBe('Units: a number above 0 is needed.');
      await page.locator('[name=waiting]').fill('0');
      expect(await note.innerText()).toMatch(/^Units, Shoppers who wait for an outcome at once: /);
      await page.locator('[name=units]').fill('10');
      await page.locator('[name=waiting]').fill('1000001');
      expect(await note.innerText()).toMatch(/: at most 1000000, /);
      await page.locator('[name=waiting]').fill('1');
      expect([await rows.count(), await note.innerText()]).toEqual([many, '']);
      await expectAccessible(page);
    } finally {
      await end();
      await browser.close();
    }
  });

  it.each(['web_idle_cores', 'worker_idle_cores'])(
    'refuses costs whose %s leave no room',
    async (name) => {
      const file = join(folder, 'busy.json');
      const told = { ...readCosts(), costs: { ...costs, [name]: 0.7 } };
      writeFileSync(file, JSON.stringify(told));
      await expect(flashsale(...words, '--costs', file)).rejects.toThrow(
        `${name} is 0.7: below 0.7 is needed`,
      );
      writeFileSync(file, JSON.stringify({ ...told, costs: { ...costs, [name]: 0.69 } }));
      expect(await flashsale(...words, '--costs', file)).toMatch(/processes/);
    },
  );

  it('takes prices, and refuses what is none', async () => {
    const file = join(folder, 'prices.json');
    const prices = { coreHour: 0.05, memoryGbHour: 0.01, diskGbMonth: 0.1, trafficGb: 0.05 };
    writeFileSync(file, JSON.stringify({ currency: 'EUR', ...prices, hours: 48 }));
    const page = join(folder, 'prices.html');
    const said = await flashsale(...words, '--prices', file, '--html', page);
    const [sum = 'no sum'] = /\d+\.\d\d EUR for 48 h/.exec(said) ?? [];
    const browser = await launchBrowser();
    const visited = await visit(browser, pathToFileURL(page).href);
    try {
      expect(await visited.page.locator('main').innerText()).toContain(sum);
    } finally {
      await visited.end();
      await browser.close();
    }
    writeFileSync(file, JSON.stringify({ currency: 'EUR', ...prices }));
    await expect(flashsale(...words, '--prices', file)).rejects.toThrow('hours');
    writeFileSync(file, '{"machine":{}}');
    await expect(flashsale(...words, '--costs', file)).rejects.toThrow(/prices\.json: .*required/);
    writeFileSync(file, 'no JSON');
    await expect(flashsale(...words, '--prices', file)).rejects.toThrow(/prices\.json is no JSON/);
    await expect(flashsale('--visitors', 'many', '--units', '1')).rejects.toThrow('number above 0');
    await expect(flashsale('--visitors', '1.5', '--units', '1')).rejects.toThrow('whole number');
  });
});
