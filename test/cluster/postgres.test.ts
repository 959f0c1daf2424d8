import { afterAll, beforeAll, expect, it } from 'vitest';
import { audit } from '../../db/operations.ts';
import { canCutOff, startTrio, type Trio } from '../db/trio.ts';
import { Shopper } from '../shopper.ts';
import { Flow, type FlowCounts } from '../system/flow.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/**
 * A sale goes on while the primary of PostgreSQL is killed, frozen and cut off, each in turn: Patroni
 * promotes a standby, every request that was taken is decided once, and the old primary comes back as a
 * standby. Prints a table. A member is cut off by a rule of the firewall. Where this process may
 * write none, that fault is left out.
 */

const SKU = 'TV';
const SHOPPERS_AT_ONCE = 3;

let trio: Trio;
let system: System;
let sale: string;
const table: Record<string, string | number>[] = [];

beforeAll(async () => {
  trio = await startTrio();
  await trio.whole();
  system = await startSystem({ webNodes: 1, databaseServerUrl: trio.url });
  sale = await system.createSale([{ sku: SKU, units: 5_000 }]);
});
afterAll(async () => {
  console.table(table);
  await system?.stop();
  await trio?.remove();
});

/** Presses, and looks at its request until it is decided. Returns everything that it was told. */
async function buyOnce(): Promise<string[]> {
  const shopper = new Shopper(system.url, system.jwtSecret);
  const pressed = await until('a press is taken', async () => {
    const answer = await shopper.press(sale, SKU);
    return answer.status === 202 && answer;
  });
  const told = [`202 ${pressed.body.status}`];
  await until('the request is decided', async () => {
    const { status, body } = await shopper.call('GET', `${pressed.body.statusUrl}?wait=1`);
    const answer = `${status} ${body.verdict ?? body.status}`;
    if (told.at(-1) !== answer) told.push(answer);
    return answer === '200 ordered';
  });
  return told;
}

async function rows(text: string): Promise<number> {
  const [row] = await system.databases.home('hot').query<{ count: string }>({ text });
  return Number(row?.count);
}

/** The port of the server that takes the writes. A session to a lost one fails, and the next call has another. */
const portInUse = () => until('a server answers', () => rows('SELECT inet_server_port() AS count'));

/** @returns what the flow of shoppers counted, and the seconds until a press after the fault was ordered */
async function sellThrough(
  fault: string,
  member: string,
  harm: () => unknown,
  mend: () => unknown,
) {
  const flow = new Flow(system, sale, SKU, SHOPPERS_AT_ONCE);
  await flow.more(5);
  await harm();
  const startedAt = performance.now();
  const told = await buyOnce();
  const seconds = (performance.now() - startedAt) / 1_000;
  await mend();
  await trio.whole();
  await flow.more(5);
  const counts = await flow.stop();
  const back = await standbyReads();
  const doubled = await rows(
    `SELECT count(*) FROM (SELECT FROM hot.orders GROUP BY request_id HAVING count(*) > 1) AS d`,
  );
  table.push({
    ...{
      fault: `${member} ${fault}`,
      'orders flow after s': seconds.toFixed(1),
      'standby reads after s': back,
    },
    ...{ taken: counts.taken, lost: counts.undecided, doubled, told: told.join(', ') },
  });
  return { counts, told, doubled };
}

async function expectKept({ counts, told, doubled }: Awaited<ReturnType<typeof sellThrough>>) {
  const { taken, decided, undecided, lies } = counts satisfies FlowCounts;
  expect({ undecided, lies, doubled }).toEqual({ undecided: 0, lies: [], doubled: 0 });
  expect(decided).toEqual({ ordered: taken });
  // The last answer is that it is ordered. Until then it is queued, or cannot be told now; never anything else.
  const allowed = /^(20[02] queued|503 status_unavailable)$/;
  expect(told.slice(0, -1).filter((answer) => !allowed.test(answer))).toEqual([]);
  expect(await audit(system.databases)).toEqual([]);
}

/** Lists that a standby gave. */
async function fromStandby(): Promise<number> {
  const found = /standby_reads_total{.*answer="standby".*} (\d+)/.exec(
    await system.metrics('web-1'),
  );
  return Number(found?.[1] ?? 0);
}

/** Waits until a standby gives a shopper's list. @returns the seconds that this took */
async function standbyReads(): Promise<string> {
  const before = await fromStandby();
  const startedAt = performance.now();
  const shopper = new Shopper(system.url, system.jwtSecret);
  await until('a press is taken', async () => (await shopper.press(sale, SKU)).status === 202);
  await until('a standby gives the list', async () => {
    // The web node remembers no page with a limit.
    const { body } = await shopper.call('GET', '/api/v1/orders?limit=5');
    return body.orders?.length === 1 && (await fromStandby()) > before;
  });
  return ((performance.now() - startedAt) / 1_000).toFixed(1);
}

it("a shopper's list comes from a standby", async () => {
  await standbyReads();
});

it.each([
  ['killed', () => trio.kill, () => trio.start],
  ['frozen', () => trio.freeze, () => trio.thaw],
  ...(canCutOff() ? [['cut off', () => trio.cutOff, () => trio.rejoin] as const] : []),
] as const)(
  'the sale goes on while the primary is %s, which returns as a standby',
  async (fault, harm, mend) => {
    const old = await trio.primary();
    const port = await portInUse();
    let portAfter = port;
    const seen = await sellThrough(
      fault,
      'primary',
      () => harm()(old),
      async () => {
        // Later any of them may lead: on a busy machine a member can lose the lead.
        portAfter = await portInUse();
        await mend()(old);
      },
    );
    await expectKept(seen);
    expect(portAfter).not.toBe(port);
  },
);

it('the sale goes on while a standby that each COMMIT waits for is frozen', async () => {
  const [primary, standby] = [await trio.primary(), await trio.synchronous()];
  const seen = await sellThrough(
    'frozen',
    'standby',
    () => trio.freeze(standby),
    () => trio.thaw(standby),
  );
  await expectKept(seen);
  expect(await trio.primary()).toBe(primary);
});

it('the sale goes on without the ZooKeeper of Patroni', async () => {
  const primary = await trio.primary();
  const seen = await sellThrough(
    'killed',
    "Patroni's ZooKeeper",
    async () => {
      await trio.stopZookeeper();
      // Without the failsafe mode the primary would step down now.
      await trio.untilSafe(primary);
    },
    () => trio.startZookeeper(),
  );
  await expectKept(seen);
  expect(await trio.primary()).toBe(primary);
});
