import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { newRehearsal } from '../../contracts/rehearsal.ts';
import { createSale } from '../../db/calls.ts';
import { removeRehearsal } from '../../db/rehearsals.ts';
import { parseSaleFile } from '../../ops/sale/file.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import type { FileError } from '../../ops/yaml/problems.ts';
import { SECURITY_HEADERS } from '../../server/routes/pages.ts';
import { uniqueName } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { at, HOUR_MS, Merchant, saleFile } from './merchant.ts';
import { Caller, type Console, startConsole, type Who } from './place.ts';

/** Sales in the console: the form is another editor of the sale file. */

const PEOPLE = ['viewer', 'support', 'operator', 'merchant', 'boss'] as const;

let system: System;
let place: Console;
let merchant: Merchant;
const folder = new TestFolder();
const people = {} as Record<Who, Caller>;

beforeAll(async () => {
  system = await startSystem({ webNodes: 1 });
  place = await startConsole(system, () => ({ SHOP_URL: system.url }));
  for (const who of PEOPLE) {
    people[who] = new Caller(place.url);
    expect((await people[who].signIn(place.tokens[who])).status).toBe(201);
  }
  merchant = new Merchant(people.merchant);
});
afterAll(async () => {
  folder.remove();
  await system?.stop();
});

const asMerchant = (method: string, path: string, body?: object) =>
  people.merchant.call(method, path, body);

/** What a command prints. */
async function flashsale(...args: string[]): Promise<string> {
  const run = promisify(execFile)(process.execPath, ['ops/cli.ts', ...args], {
    env: system.environment,
  });
  return (await run).stdout;
}

function written(file: object): string {
  const path = join(folder.path, `${uniqueName('sale')}.yaml`);
  writeFileSync(path, stringify(file));
  return path;
}

describe('the form', () => {
  it('has the errors of the file, of everything at once', async () => {
    const wrong = saleFile({
      opens: '2026-02-30T10:00:00Z',
      payWindow: '15',
      titel: 'no such key',
      title: { en: 'Only English' },
      skus: [{ sku: '-', title: { en: 'x', de: 'y' }, price: 99, currency: 'EURO', limit: 1.5 }],
    });
    let ofFile: FileError | undefined;
    try {
      parseSaleFile(stringify(wrong), 'x.yaml', []);
    } catch (error) {
      ofFile = error as FileError;
    }
    const plain = (problems: FileError['problems']) =>
      problems.map(({ path, message }) => `${path}: ${message}`).sort();
    const { problems, plan } = await merchant.planOf(wrong);
    expect(plan).toBeUndefined();
    expect(problems.length).toBeGreaterThan(7);
    expect(plain(problems)).toEqual(plain(ofFile?.problems ?? []));

    const read = await asMerchant('POST', '/api/sale-files/read', { text: stringify(wrong) });
    expect(read.json).toMatchObject({ file: null, problems: ofFile?.problems });
    const preview = { text: JSON.stringify(wrong) };
    const { json } = await asMerchant('POST', '/api/sale-files/preview', preview);
    expect(json.problems).toEqual(problems);
  });

  it('plans what the command plans, applies it, and the shop has it', async () => {
    const file = saleFile();
    const planned = await merchant.planOf(file);
    const command = JSON.parse(await flashsale('sale', 'plan', written(file), '--json'));
    expect(planned.plan).toEqual(command);
    expect(planned).toMatchObject({ problems: [], isChanged: false, plan: { refused: [] } });

    const change = await merchant.applied(file, planned);
    expect(change).toMatchObject({ state: 'done', login: 'merchant', action: 'apply' });
    expect(change.lines[0]).toBe(`sale ${file.sale}`);
    expect(change.lines.at(-1)).toMatch(/^Known to every web node \(1\) after \d+ ms\.$/);
    const response = await fetch(`${system.url}/api/v1/sales/${file.sale}`);
    const { title, colors, languages } = file;
    expect(await response.json()).toMatchObject({
      state: 'scheduled',
      presentation: { title, colors, languages },
      skus: [{ price: '99.00', limit: 2 }],
    });
    const history = (await asMerchant('GET', '/api/history')).json.entries;
    const made = { who: 'merchant', action: 'create', target: file.sale, why: 'for the test' };
    expect(history).toContainEqual(expect.objectContaining(made));
  });

  it('shows the present sale as a file that changes nothing, also by the command', async () => {
    const file = await merchant.created({
      payWindow: '90m',
      description: { en: 'More', de: 'Mehr' },
    });
    const { file: shown, version } = await merchant.present(file.sale);
    expect(shown).toEqual(file);
    expect((await merchant.planOf(shown, version)).plan).toMatchObject({
      changes: [],
      refused: [],
    });
    const yaml = await flashsale('sale', 'show', file.sale, '--yaml');
    const read = await asMerchant('POST', '/api/sale-files/read', { text: yaml });
    expect(read.json).toEqual({ file: shown, yaml, problems: [] });
    expect((await asMerchant('GET', '/api/sale-files/nothing')).status).toBe(404);
  });

  it('leaves what operators set, and says what they have set', async () => {
    const file = await merchant.created();
    const sku = file.skus[0]?.sku ?? '';
    await system.set(system.paths.sku(sku).quota, '40');
    const { file: shown, switches } = await merchant.present(file.sale);
    expect(shown).toEqual(file);
    expect(switches[sku]).toMatchObject({ quota: '40', state: 'open' });
  });

  it('refuses a plan that is not the one that was shown, and changes nothing', async () => {
    const file = await merchant.created();
    const { version } = await merchant.present(file.sale);
    const mine = { ...file, title: { en: 'My sale', de: 'Mein Verkauf' } };
    const shown = await merchant.planOf(mine, version);
    expect(shown.isChanged).toBe(false);
    const skus = file.skus.map((sku) => ({ ...sku, price: '79.00' }));
    await flashsale('sale', 'apply', written({ ...file, skus }));

    const stale = await merchant.applied(mine, shown);
    expect(stale).toMatchObject({ state: 'refused' });
    expect(stale.lines.at(-1)).toContain('was changed meanwhile');
    expect((await merchant.present(file.sale)).file).toMatchObject({ title: file.title, skus });
    const again = await merchant.planOf(mine, version);
    expect(again.isChanged).toBe(true);
    expect(again.plan.changes).toContainEqual(
      expect.objectContaining({ field: 'price', from: '79.00', to: '99.00' }),
    );
    expect(await merchant.applied(mine, again)).toMatchObject({ state: 'done' });
  });

  it('carries out the opening time that was shown, also one that counts from now', async () => {
    const file = saleFile({ opens: 'in 2h', closes: 'in 3h' });
    const planned = await merchant.planOf(file);
    const shown = planned.plan.changes.find(({ field }: { field: string }) => field === 'opens');
    expect(await merchant.applied(file, planned)).toMatchObject({ state: 'done' });
    expect((await merchant.present(file.sale)).file.opens).toBe(shown.to);
  });

  it('says what is refused, and why', async () => {
    const file = await merchant.created({ opens: 'in 1s' });
    await until('the sale is open', async () => {
      const { json } = await asMerchant('GET', `/api/sale-files/${file.sale}`);
      return json.hasOpened;
    });
    const later = { ...file, opens: at(HOUR_MS / 2) };
    const planned = await merchant.planOf(later);
    const reason = expect.stringContaining('shoppers have tickets');
    expect(planned.plan.refused).toEqual([expect.objectContaining({ field: 'opens', reason })]);
    const change = await merchant.applied(later, planned);
    expect(change).toMatchObject({ state: 'refused', lines: [reason] });
  });
});

describe('the life of a sale', () => {
  it('is opened, paused, extended, restocked, called off and recorded', async () => {
    const file = await merchant.created();
    const sku = file.skus[0]?.sku ?? '';
    expect(await merchant.deed(file, 'open')).toMatchObject({ state: 'done' });
    await until('it sells', async () => (await system.granted(sku)) === 100);
    const bought = await new Shopper(system.url, system.jwtSecret).buy(file.sale, sku);
    expect(bought.body.status).toBe('ordered');
    const paused = await merchant.deed(file, 'pause');
    expect(paused.lines[0]).toMatch(/state: open → paused$/);
    const bad = await merchant.deed(file, 'extend', { until: 'tomorrow' });
    expect(bad).toMatchObject({ state: 'refused', lines: [expect.stringContaining('+30m')] });
    expect(await merchant.deed(file, 'extend', { until: '+30m' })).toMatchObject({ state: 'done' });
    const more = await merchant.deed(file, 'restock', { sku, units: 5 });
    expect(more.lines).toContainEqual(expect.stringContaining('105 in all'));
    const twice = { sku, units: 7, change: randomBytes(16).toString('hex') };
    for (const _ of [1, 2]) await merchant.deed(file, 'restock', twice);
    const reused = { ...twice, reason: 'another deed' };
    const other = await asMerchant('POST', `/api/sales/${file.sale}/pause`, reused);
    expect(other).toMatchObject({ status: 409, json: { detail: 'Another change has this id.' } });
    const kept = await merchant.deed(file, 'remove');
    expect(kept).toMatchObject({
      state: 'refused',
      lines: [expect.stringContaining('has orders')],
    });
    const off = await merchant.deed(file, 'call-off');
    expect(off).toMatchObject({ state: 'done' });
    expect(off.lines.join('\n')).toMatch(/1 orders cancelled, 0 payments go back\nnothing is left/);
    expect(await merchant.deed(file, 'open')).toMatchObject({ state: 'refused' });

    const { json } = await asMerchant('GET', '/api/history');
    const mine = json.entries.filter(({ why }: { why: string }) => why?.startsWith('a test of'));
    const actions = new Set(mine.map(({ action }: { action: string }) => action));
    for (const action of ['open', 'pause', 'extend', 'restock', 'call_off']) {
      expect([action, actions.has(action)]).toEqual([action, true]);
    }
    // Merchants do not see what operators rehearse.
    const [shadow, closesAt] = [newRehearsal(file.sale), new Date(Date.now() + HOUR_MS)];
    const facts = { title: 'x', opensAt: new Date(), closesAt, payWindowSeconds: 60 };
    await createSale(system.databases, { ...facts, sale: shadow });
    const { sales } = (await asMerchant('GET', '/api/sales')).json;
    await removeRehearsal(system.databases, shadow);
    expect(JSON.stringify(sales)).not.toContain(shadow);
    const stock = { sku, units: 112, free: 112, state: 'closed' };
    const listed = { sale: file.sale, isCalledOff: true, skus: [stock] };
    expect(sales).toContainEqual(expect.objectContaining(listed));
  });

  it('is restocked only by its own products, and the history says in words what changed', async () => {
    const [file, other] = [await merchant.created(), await merchant.created()];
    const sku = other.skus[0]?.sku ?? '';
    expect(await merchant.deed(file, 'restock', { sku, units: 5 })).toMatchObject({
      state: 'refused',
      lines: [`${sku} belongs to the sale ${other.sale}, not to ${file.sale}`],
    });
    const more = await merchant.deed(other, 'restock', { sku, units: 5 });
    const said = [`${sku} has 5 units more: 105 in all`, 'its quota rises from 100 to 105'];
    expect(more.lines.slice(0, -1)).toEqual(said);
    await merchant.deed(other, 'extend', { until: '+1h' });
    const { entries } = (await asMerchant('GET', '/api/history')).json;
    const mine = entries.filter(({ target }: { target: string }) => target === other.sale);
    expect(mine).toContainEqual(
      expect.objectContaining({
        action: 'extend',
        from: expect.stringMatching(/^closes at: 2\S+$/),
        to: expect.stringMatching(/^closes at: 2\S+$/),
      }),
    );
    const command = await flashsale('sale', 'list', '--json');
    expect(JSON.parse(command)).toContainEqual(expect.objectContaining({ state: 'called off' }));
  });

  it('is removed while nobody has bought', async () => {
    const file = await merchant.created();
    expect(await merchant.deed(file, 'remove')).toMatchObject({ state: 'done' });
    expect((await asMerchant('GET', `/api/sale-files/${file.sale}`)).status).toBe(404);
  });
});

describe('the preview', () => {
  it('is the shop’s page with the draft, before, during and after', async () => {
    const file = saleFile();
    const { json } = await asMerchant('POST', '/api/sale-files/preview', {
      text: JSON.stringify(file),
    });
    expect(json).toEqual({ problems: [], sale: file.sale });
    const root = `/preview/${file.sale}/open`;
    const page = await asMerchant('GET', `${root}/sales/${file.sale}`);
    expect(page.text).toContain(`data-root="${root}"`);
    expect(page.text).toContain(`src="${root}/js/sale-page.js"`);
    expect(page.text).not.toMatch(/(href|src)="\/(?!preview)/);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      const framed = value.replace("frame-ancestors 'none'", "frame-ancestors 'self'");
      const pictures = framed.startsWith('default-src') ? `; img-src 'self' ${system.url}` : '';
      const expected = name === 'x-frame-options' ? 'SAMEORIGIN' : framed + pictures;
      expect([name, page.headers.get(name)]).toEqual([name, expected]);
    }
    const [shopRoot] = /\/assets\/\w+/.exec(await (await fetch(`${system.url}/`)).text()) ?? [];
    for (const path of ['js/sale-page.js', 'css/base.css', 'languages/ar.js', 'images/tv.svg']) {
      const shops = await (await fetch(`${system.url}${shopRoot}/${path}`)).text();
      expect((await asMerchant('GET', `${root}/${path}`)).text).toBe(shops);
    }
    for (const [phase, state, isNow] of [
      ['before', 'scheduled', (now: string) => now < file.opens],
      ['open', 'open', (now: string) => now > file.opens && now < file.closes],
      ['after', 'closed', (now: string) => now > file.closes],
    ] as const) {
      const path = `/preview/${file.sale}/${phase}/api/v1/sales/${file.sale}`;
      const sale = (await asMerchant('GET', path)).json;
      expect([phase, isNow(sale.serverTime)]).toEqual([phase, true]);
      const { title } = file;
      expect(sale).toMatchObject({ state, presentation: { title }, skus: [{ state, limit: 2 }] });
    }
  });

  it('has the plan of seats, all of them free', async () => {
    const seats = [{ row: 'A', from: 1, to: 9 }];
    const terms = { title: { en: 'x', de: 'y' }, price: '9.00', currency: 'EUR', limit: 2 };
    const file = saleFile({ skus: [{ sku: 'Stalls', ...terms, goods: 'numbered', seats }] });
    await asMerchant('POST', '/api/sale-files/preview', { text: JSON.stringify(file) });
    const path = `/preview/${file.sale}/open/api/v1/sales/${file.sale}`;
    const sale = (await asMerchant('GET', path)).json;
    expect(sale.skus).toMatchObject([{ sku: 'Stalls', goods: 'numbered' }]);
    const units = (await asMerchant('GET', `${path}/skus/Stalls/units`)).json;
    expect(units).toMatchObject({ seats, units: 9, singles: 'avoid', free: '/4A=' });
    expect((await asMerchant('GET', `${path}/skus/Other/units`)).status).toBe(404);
  });

  it('sells nothing, and belongs to the one who made it', async () => {
    const file = saleFile();
    await asMerchant('POST', '/api/sale-files/preview', { text: JSON.stringify(file) });
    const root = `/preview/${file.sale}/open`;
    for (const path of ['demo/guest', `sales/${file.sale}/tickets`, 'orders']) {
      const answer = await asMerchant('POST', `${root}/api/v1/${path}`, {});
      expect(answer).toMatchObject({ status: 403, json: { verdict: 'preview' } });
    }
    expect((await people.boss.call('GET', `${root}/sales/${file.sale}`)).status).toBe(404);
    for (const path of ['/preview/x/never/js/api.js', `${root}/../../package.json`]) {
      expect([path, (await asMerchant('GET', path)).status]).toEqual([path, 404]);
    }
    const back = await asMerchant('GET', `${root}/sales/${file.sale}/lottery`);
    expect(back.headers.get('location')).toBe(`${root}/sales/${file.sale}`);
    const picture = await asMerchant('GET', `${root}/pictures/tv%20set.jpg`);
    expect(picture.headers.get('location')).toBe(`${system.url}/pictures/tv%20set.jpg`);
    // The shop's address and a text without a slash between them would be another address.
    const escaped = await asMerchant('GET', '/preview/%61%61%61%61bbbbbbbbbb/open/tv.jpg');
    expect(escaped.headers.get('location')).toBe(`${system.url}/tv.jpg`);
  });
});

describe('roles', () => {
  const deeds = ['open', 'pause', 'close', 'remove', 'extend', 'restock', 'call-off'];
  const posts = [
    ...['read', 'plan', 'apply', 'preview'].map((name) => `/api/sale-files/${name}`),
    ...deeds.map((name) => `/api/sales/x/${name}`),
  ];
  const preview = ['/preview/x/open/sales/x', '/preview/x/open/api/v1/sales/x'];
  const gets = ['/api/sales', '/api/sale-files/x', '/api/changes/x', ...preview];
  const routes = [...posts.map((path) => ['POST', path]), ...gets.map((path) => ['GET', path])];

  it.each(routes)('%s %s is refused to all but merchants', async (method = '', path = '') => {
    const body = method === 'POST' ? { nonsense: true } : undefined;
    for (const who of PEOPLE) {
      const { json } = await people[who].call(method, path, body);
      const mayCall = who === 'merchant' || who === 'boss';
      expect([who, json?.verdict === 'forbidden']).toEqual([who, !mayCall]);
    }
    expect((await new Caller(place.url).call(method, path, body)).status).toBe(401);
  });
});
