import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { audit } from '../../db/calls.ts';
import { createProgram } from '../../ops/program.ts';
import { uniqueName } from '../servers.ts';
import { type System, startSystem } from '../system.ts';
import { Terminal } from '../terminal.ts';
import { until } from '../until.ts';

/** The life of a sale by the commands of a merchant, as the shop's web nodes show it. */

let system: System;
const folder = mkdtempSync(join(tmpdir(), 'sale-commands-'));
const sale = uniqueName('spring');
const [tv, coat] = [uniqueName('TV'), uniqueName('Coat')];
const file = join(folder, 'spring.yaml');

beforeAll(async () => {
  system = await startSystem({ webNodes: 2 });
});
afterAll(async () => {
  expect(await audit(system.databases)).toEqual([]);
  await system.stop();
  rmSync(folder, { recursive: true });
});
afterEach(() => {
  process.exitCode = 0;
});

/** Runs a command. Returns its last line as JSON, or as text if it is none. */
async function flashsale(...words: string[]) {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  try {
    const program = await createProgram(system.environment, 'sale');
    await program.parseAsync(words, { from: 'user' });
  } finally {
    log.mockRestore();
  }
  const last = lines.at(-1) ?? '';
  return last.startsWith('{') || last.startsWith('[') ? JSON.parse(last) : lines.join('\n');
}

const act = (...words: string[]) =>
  flashsale('sale', ...words, '--json', '--wait', '300', '--reason', 'a test');

const claimWindow = (time: string) =>
  flashsale('sale', 'claim-window', sale, time, '--json', '--reason', 'a test');

async function shopShows() {
  const response = await fetch(`${system.url}/api/v1/sales/${sale}`);
  return response.ok ? response.json() : response.status;
}

const text = (units: number, price = '99.00') => `
sale: ${sale}
title: { en: Spring sale, de: Frühlingsverkauf }
opens: 2090-01-01T10:00:00+01:00
closes: 2090-01-02T10:00:00+01:00
payWindow: 15m
launch: lottery
colors: { accent: "#1a5fb4" }
skus:
  - sku: ${tv}
    title: { en: Television, de: Fernseher }
    price: "${price}"
    currency: EUR
    limit: 1
    units: ${units}
    home: hot
    picture: { url: /tv.jpg, alt: { en: A TV, de: Ein Fernseher } }
  - { sku: ${coat}, title: Coat, price: "9.90", currency: EUR, limit: 2, units: 5 }
`;

it('new writes a file that plan accepts', async () => {
  const path = join(folder, 'new.yaml');
  const flags = ['--sale', uniqueName('fresh'), '--sku', uniqueName('Lamp'), '--units', '7'];
  await flashsale('sale', 'new', path, ...flags, '--json');
  const plan = await flashsale('sale', 'plan', path, '--json');
  expect(plan).toMatchObject({ refused: [] });
  expect(plan.changes).toContainEqual(expect.objectContaining({ field: 'units', to: '7' }));
  await expect(flashsale('sale', 'new', path, ...flags, '--json')).rejects.toThrow('exists');
  await expect(
    flashsale('sale', 'new', join(folder, 'bad.yaml'), '--limit', 'many', '--json'),
  ).rejects.toThrow('skus[0].limit: many is not allowed');
  const text = readFileSync(path, 'utf8');
  expect(text).toContain('# Price and currency stay');
  const schema = /\$schema=(\S+)/.exec(text)?.[1] ?? '';
  expect(JSON.parse(readFileSync(join(folder, schema), 'utf8'))).toHaveProperty('properties.skus');
});

it('new asks at a terminal, asks again after a wrong answer, and writes a file that plan accepts', async () => {
  const cli = join(import.meta.dirname, '..', '..', 'ops', 'flashsale.mjs');
  const env = { ...process.env, ...system.environment };
  const start = () => new Terminal(`'${process.execPath}' '${cli}' sale new`, { cwd: folder, env });
  const terminal = start();
  const answers = async (question: string, ...given: string[]) => {
    const said: string[] = [];
    for (const answer of given) {
      said.push(await terminal.reads(`${question} [`));
      await terminal.reads('] ');
      terminal.types(`${answer}\r`);
    }
    return said.slice(1).join('');
  };
  const [name, lamp] = [uniqueName('asked'), uniqueName('Lamp')];
  expect(await answers('(letters, digits, - and _)', 'my sale', name)).toMatch(
    /sale: my sale is not allowed; expected the name of the sale: 1 to 40 letters/,
  );
  await answers('Title for shoppers', 'Lights: 50 % off "today"');
  expect(await answers('Opens at (with zone, or in 15m)', 'tomorrow', 'in 15m')).toMatch(
    /opens: tomorrow is not allowed; expected when the sale opens: a time with its zone/,
  );
  expect(await answers('Closes at', 'in 5m', '')).toContain('the sale closes before it opens');
  await answers('How long an order waits for its payment', '');
  await answers('Name of the first SKU', lamp);
  await answers('Title of the SKU', '');
  await answers('Currency', 'KWD');
  expect(await answers('Price of a unit', 'cheap', '9.9901', '9.990')).toMatch(
    /price: cheap is not allowed[\s\S]*KWD has 3/,
  );
  expect(await answers('Units that one user may hold', '0', '2')).toContain('limit: 0 is not');
  await answers('Units to sell', '12');
  expect(await terminal.ends()).toMatchObject({
    code: 0,
    text: expect.stringContaining(`${name}.yaml is written. Next: edit it, then flashsale`),
  });
  const plan = await flashsale('sale', 'plan', join(folder, `${name}.yaml`), '--json');
  expect(plan).toMatchObject({ refused: [] });
  expect(plan.changes).toContainEqual(
    expect.objectContaining({ field: 'price', to: expect.stringContaining('9.990') }),
  );

  const other = start();
  await other.reads('] ');
  other.types(`${name}\r`);
  expect(await other.reads('] ')).toContain(`${name}.yaml exists: --force overwrites it`);
  other.types('\u0004');
  expect(await other.ends()).toMatchObject({
    code: 1,
    text: expect.stringContaining('no file was written: the questions were not answered'),
  });
});

it('apply puts the sale on, and every web node shows it when it returns', async () => {
  writeFileSync(file, text(10).replace('price: "99.00"', 'price: 99.00'));
  await expect(act('apply', file)).rejects.toThrow(`${file}:12:12: skus[0].price: 99.00`);
  writeFileSync(file, text(10));
  expect(await act('apply', file)).toMatchObject({ nodes: 2, notKnown: [] });
  // Each web node answers some of these.
  for (let calls = 0; calls < 10; calls += 1) {
    expect(await shopShows()).toMatchObject({
      ...{ title: 'Spring sale', state: 'scheduled', shed: 'lottery' },
      presentation: {
        ...{ languages: ['en', 'de'], colors: { accent: '#1a5fb4' } },
        title: { en: 'Spring sale', de: 'Frühlingsverkauf' },
      },
      skus: expect.arrayContaining([
        expect.objectContaining({
          ...{ sku: tv, title: 'Television', price: '99.00' },
          presentation: expect.objectContaining({
            picture: { url: '/tv.jpg', alt: { en: 'A TV', de: 'Ein Fernseher' } },
          }),
        }),
      ]),
    });
  }
  expect(await flashsale('sale', 'plan', file)).toBe(`${sale} is as the file says`);
  const shown = await flashsale('sale', 'show', sale, '--json');
  expect(shown).toMatchObject({ sale, state: 'scheduled', closesAt: '2090-01-02T09:00:00.000Z' });
  expect(shown.skus).toContainEqual(
    expect.objectContaining({ sku: tv, home: 'hot', units: 10, quota: '10', state: 'open' }),
  );
});

it('open, pause, restock, extend, close and remove are in force when they return', async () => {
  await expect(act('close', sale)).rejects.toThrow('has not opened');
  await act('open', sale);
  expect(await shopShows()).toMatchObject({ state: 'open' });
  await act('pause', sale);
  expect(await shopShows()).toMatchObject({ state: 'paused' });
  await act('open', sale);
  expect(await shopShows()).toMatchObject({ state: 'open' });
  await act('restock', tv, '15');
  expect(await system.granted(tv)).toBe(25);
  await until('the shop counts the new units', async () => {
    const { skus } = await flashsale('sale', 'show', sale, '--json');
    return skus.some((row: { sku: string; free: number }) => row.sku === tv && row.free === 25);
  });
  await act('extend', sale, '+2h');
  expect(await shopShows()).toMatchObject({ closesAt: '2090-01-02T11:00:00.000Z' });
  await expect(act('extend', sale, '2089-01-01T10:00:00Z')).rejects.toThrow('a later time');

  // The keys of the opening exist now: web nodes ask for them as soon as it has come.
  await until('the sale has opened', async () => {
    const plan = await flashsale('sale', 'plan', file, '--json');
    return plan.refused.some(({ field }: { field: string }) => field === 'opens');
  });
  expect(process.exitCode).toBe(1);
  await expect(act('apply', file)).rejects.toThrow('nothing was changed');
  await expect(act('remove', sale)).rejects.toThrow('close it first');
  await expect(claimWindow('31d')).rejects.toThrow('expected a time from 1s to 30d');
  expect(await claimWindow('2h')).toEqual({ sale, claimWindow: '2h' });
  expect(await claimWindow('default')).toEqual({ sale, claimWindow: null });
  await act('close', sale);
  expect(await shopShows()).toMatchObject({ state: 'closed' });
  await expect(act('extend', sale, '+1h')).rejects.toThrow('has closed');

  const other = text(3).replaceAll(sale, `${sale}-2`).replaceAll(tv, `${tv}-2`);
  writeFileSync(file, other.replaceAll(coat, `${coat}-2`));
  await act('apply', file);
  await act('remove', `${sale}-2`);
  expect((await fetch(`${system.url}/api/v1/sales/${sale}-2`)).status).toBe(404);
  expect(await system.session.exists(system.paths.sku(`${tv}-2`).sku)).toEqual({
    ok: true,
    value: undefined,
  });
  const rows = await flashsale('sale', 'list', '--json');
  expect(rows).toMatchObject([{ sale, state: 'closed', skus: 2, units: 30 }]);
  const actions = await system.databases.regular.query({
    text: `SELECT DISTINCT action FROM catalog.actions(NULL) WHERE reason = 'a test' ORDER BY 1`,
  });
  expect(actions.map(({ action }) => action)).toEqual([
    ...['change', 'close', 'create', 'extend', 'open', 'pause', 'remove', 'restock'],
  ]);
});

it('pot prints what the published hash is of, once the sale is over', async () => {
  const sku = uniqueName('Packet');
  const pot = { amount: '9.00', packets: 6, division: 'random' } as const;
  const gifts = await system.createSale([{ sku, price: '0', units: 6, pot }]);
  const response = await fetch(`${system.url}/api/v1/sales/${gifts}`);
  const shown = (await response.json()) as { skus: { pot: { sha256: string } }[] };
  await expect(flashsale('sale', 'pot', sku)).rejects.toThrow('stay secret until then');
  await system.databases.regular.query({
    text: `UPDATE catalog.sale SET opens_at = now() - interval '2 days', closes_at = now() - interval '1 day'
           WHERE sale = $1`,
    values: [gifts],
  });
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  await flashsale('sale', 'pot', sku).finally(() => write.mockRestore());
  const hash = createHash('sha256').update(printed).digest('hex');
  expect(hash).toBe(shown.skus[0]?.pot.sha256);
  expect(await flashsale('sale', 'pot', sku, '--json')).toMatchObject({
    ...{ sku, amount: '9.00', packets: 6, sha256: hash, isAsPromised: true },
    amounts: printed.trim().split('\n').slice(1),
  });
});
