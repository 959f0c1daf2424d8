import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { isRehearsal } from '../../../contracts/rehearsal.ts';
import { EVENTS_EXCHANGE } from '../../../contracts/topology.ts';
import { createProgram } from '../../../ops/program.ts';
import { createConnections } from '../../broker/harness.ts';
import { PROGRAM_ENVIRONMENT } from '../../children.ts';
import { type System, startSystem } from '../../system.ts';
import { until } from '../../until.ts';
import { Credentials } from '../../zk/credentials.ts';
import { type Traces, tracesOf } from './traces.ts';

/** Rehearsals by the command, against all processes. */

const EVENTS_QUEUE = 'merchant';
const CROWD = [
  ...['--within', '2s', '--opens-in', '10s', '--beside-open-sales', '--json'],
  // How fast the machine of a test is says nothing.
  ...['--answered-within', '5m', '--decided-within', '5m'],
];
let system: System;
let sale: string;
let before: Traces;
const children: ChildProcess[] = [];
const connections = createConnections();

beforeAll(async () => {
  // Operators have only the rights that they have in a shop.
  system = await startSystem({ credentials: new Credentials() });
  // The quota is lower than the units, and each kind of goods is there, in both homes.
  sale = await system.createSale([
    { sku: 'TV', units: 30, quota: 24, slots: 3 },
    {
      sku: 'Seat',
      units: 4,
      schema: 'regular',
      section: { seats: [{ row: 'A', from: 1, to: 4 }], singles: 'allow' },
    },
    { sku: 'Packet', units: 3, price: '0', pot: { amount: '9.00', packets: 3, division: 'equal' } },
  ]);
  await system.session.create(system.paths.sku('TV').challenge, 'off');
  await system.databases.regular.query({
    text: `SELECT catalog.set_claim_window($1, '2 hours', 'olga')`,
    values: [sale],
  });
  const broker = await connections.open(system.environment['AMQP_URL'] ?? '');
  const merchant = await broker.openChannel();
  await merchant.assertQueue(EVENTS_QUEUE, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum' },
  });
  await merchant.bindQueue(EVENTS_QUEUE, EVENTS_EXCHANGE, '#');
  before = await settled();
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await connections.closeAll();
  await system.stop();
});
afterEach(() => {
  process.exitCode = 0;
});

/** Now and then, workers and the keeper tidy up on their own. */
async function settled(): Promise<Traces> {
  let last = '';
  return until('nothing changes', async () => {
    const found = await tracesOf(system);
    const isSame = JSON.stringify(found) === last;
    last = JSON.stringify(found);
    return isSame && found;
  });
}

async function rehearse(...words: string[]) {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  const error = vi.spyOn(console, 'error').mockImplementation(() => {});
  try {
    const environment = {
      ...system.environment,
      SHOP_URL: system.url,
      MONITORS: ['web-1', 'web-2', 'worker-1'].map((name) => system.monitorUrl(name)).join(),
    };
    const program = await createProgram(environment, 'rehearse');
    await program.parseAsync(['rehearse', ...words], { from: 'user' });
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
  return JSON.parse(lines.at(-1) ?? '');
}

const shadows = async () => {
  const rows = await system.databases.regular.query<{ sale: string }>({
    text: 'SELECT sale FROM catalog.sale',
  });
  return rows.map((row) => row.sale).filter(isRehearsal);
};

it('sells a shadow that nobody else sees to the last unit, compares it, and leaves nothing', async () => {
  const done = rehearse(sale, ...CROWD);
  const shadow = await until('the shop sells the shadow', async () => {
    const [found] = await shadows();
    const response = await fetch(`${system.url}/api/v1/sales/${found}`);
    const shown = (await response.json()) as { title: string; skus: unknown[] };
    expect([shown.title, shown.skus.length]).toEqual([`Rehearsal: ${sale}`, 3]);
    return found;
  });
  // Another node may answer, which hears of it a moment later.
  await until('it has a page', async () => (await fetch(`${system.url}/sales/${shadow}`)).ok);
  const listed = await (await fetch(`${system.url}/api/v1/sales`)).text();
  expect(listed).toContain(sale);
  expect(listed).not.toContain('rehearsal');
  const [slots] = await system.databases.regular.query({
    text: 'SELECT count(*)::int AS count FROM hot.stock_slot WHERE sku = $1',
    values: [`${shadow}-3`],
  });
  expect(slots).toEqual({ count: 3 });
  await until('shoppers of its waitlist have as long to pay', async () => {
    const [own] = await system.databases.regular.query({
      text: `SELECT claim_window = '2 hours' AS "isOwn" FROM catalog.sale WHERE sale = $1`,
      values: [shadow],
    });
    expect(own).toEqual({ isOwn: true });
    return true;
  });
  const found = await done;
  const { findings, skus, isWell, comparison, report } = found;
  expect(findings.filter((one: { isWell: boolean }) => !one.isWell)).toEqual([]);
  expect(isWell).toBe(true);
  expect(skus).toEqual([
    { sku: 'Packet', units: 3, wanted: expect.any(Number), sold: 3, bought: 3 },
    { sku: 'Seat', units: 4, wanted: expect.any(Number), sold: 4, bought: 4 },
    { sku: 'TV', units: 24, wanted: expect.any(Number), sold: 24, bought: 24 },
  ]);
  expect(report.orders).toMatchObject({ made: 31, paid: 31 });
  expect(comparison).toMatchObject({ shop: { webNodes: 2, workers: 1 } });
  expect(comparison.limits).toHaveLength(3);
  for (const row of comparison.cpu) expect(row.measuredSeconds).toBeGreaterThan(0);
  const broker = await connections.open(system.environment['AMQP_URL'] ?? '');
  const queue = await (await broker.openChannel()).checkQueue(EVENTS_QUEUE);
  expect(queue).toMatchObject({ messageCount: 0 });
  expect(await settled()).toEqual(before);
});

function start(...words: string[]) {
  const child = spawn(process.execPath, ['ops/cli.ts', 'rehearse', sale, ...CROWD, ...words], {
    env: { ...PROGRAM_ENVIRONMENT, ...system.environment, SHOP_URL: system.url },
  });
  children.push(child);
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const closed = once(child, 'close').then(([code]) => ({ code, errors }));
  /** Waits until the shop is so, while the command runs. */
  const during = (what: string, look: () => Promise<boolean>) =>
    until(what, async () => {
      if (child.exitCode !== null) return 'ended';
      return (await look()) && 'so';
    }).then((seen) => expect([seen, errors]).toEqual(['so', errors]));
  return { child, closed, until: during };
}

it('removes what a killed one has left, when it is called again, and all of it at Ctrl-C', async () => {
  // It lasts long enough to be killed.
  const killed = start('--visitors', '600', '--within', '60s');
  await killed.until('it has orders', async () => {
    const [row] = await system.databases.regular.query<{ count: string }>({
      text: `SELECT count(*) FROM hot.orders WHERE sale LIKE 'rehearsal-%'`,
    });
    return Number(row?.count) > 0;
  });
  killed.child.kill('SIGKILL');
  await killed.closed;
  const [left] = await shadows();
  expect(await settled()).not.toEqual(before);

  const again = start('--visitors', '600', '--within', '60s');
  await again.until('the other one is removed, and a new one is on', async () => {
    const found = await shadows();
    return found.length === 1 && !found.includes(left ?? '');
  });
  again.child.kill('SIGINT');
  expect(await again.closed).toEqual({
    code: 1,
    errors: expect.stringContaining(`removing ${left}`),
  });
  expect(await settled()).toEqual(before);
  expect(await rehearse(sale, '--remove', '--json')).toEqual({ sale, removed: 0 });
});

it('refuses what cannot be rehearsed', async () => {
  await expect(rehearse('nothing', '--json')).rejects.toThrow('there is no sale nothing');
  await expect(rehearse(sale, '--json')).rejects.toThrow(`${sale} is open`);
  expect(await settled()).toEqual(before);
});
