import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openInstaller } from '../../db/install/installer.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { rollBackRoutine } from '../../db/install/rollback.ts';
import { keptVersions } from '../../db/install/versions.ts';
import { audit } from '../../db/operations.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { lastRelease, releaseOfChangelog, writeRelease } from '../release.ts';
import { uniqueName } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { prepareWith, type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { Flow } from './flow.ts';

/**
 * The last release and this one run side by side while a sale goes on: first the way to this release, as
 * docs/upgrading.md describes it, then the way back.
 */

const SOME = 40;
const ENTRIES = { keeper: 'keeper/main.ts', worker: 'worker/main.ts', web: 'server/main.ts' };
type Kind = keyof typeof ENTRIES;

const release = lastRelease();

describe('an upgrade during a sale', () => {
  let folder: string;
  let system: System;
  let sale: string;
  let flow: Flow;

  beforeAll(async () => {
    if (typeof release === 'string') return;
    folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
    writeRelease(release, join(folder, 'release'));
    system = await startSystem({
      release: join(folder, 'release'),
      webNodes: 1,
      // A ticket must live as long as the slowest machine takes to replace all processes.
      environment: { TICKET_TTL_SECONDS: '3600' },
    });
  });
  afterAll(async () => {
    await system?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  /** Creates the sale with the command of the last release, which alone is there. */
  async function openSale(): Promise<{ sale: string; sku: string }> {
    const [name, sku] = [uniqueName('sale'), uniqueName('sku')];
    const file = join(folder, 'sale.yaml');
    writeFileSync(
      file,
      `sale: ${name}\ntitle: Upgrade\nopens: in 1s\ncloses: in 1d\npayWindow: 15m\nskus:\n` +
        `  - {sku: ${sku}, title: Unit, price: "9.90", currency: EUR, limit: 2, units: 100000, home: hot}\n`,
    );
    const args = ['ops/cli.ts', 'sale', 'apply', file];
    const options = { cwd: join(folder, 'release'), env: system.environment };
    await promisify(execFile)(process.execPath, args, options);
    await until('the keeper has granted its units', async () => (await system.granted(sku)) > 0);
    return { sale: name, sku };
  }

  /** Starts processes of a release beside the others, then ends those one after the other. */
  async function replace(from: string, to: string, order: readonly Kind[], cwd?: string) {
    await Promise.all(
      order.map((kind) => system.run(`${kind}-${to}`, ENTRIES[kind], {}, { folder: cwd })),
    );
    await flow.more(SOME);
    for (const kind of order) {
      expect(await system.end(`${kind}-${from}`)).toBe(true);
      await flow.more(SOME);
    }
  }

  /** Puts the last release's version of each routine that has changed in force, as a DBA may. */
  async function rollBackAll(): Promise<string[]> {
    // On a busy machine a session may take longer than an attempt waits.
    const session = await until('a session', () =>
      openInstaller(system.environment['DATABASE_URL'] ?? ''),
    );
    const changed = (await keptVersions(session)).filter(({ version }) => version === 2);
    for (const { schema, name } of changed) {
      const actor = { by: 'dba@test', reason: 'upgrade test' };
      await rollBackRoutine([{ session, schemas: [schema] }], name, 1, actor);
    }
    await session.close();
    return changed.map(({ schema, name }) => `${schema}.${name}`);
  }

  /** What shoppers have in hand when the release changes: a ticket, a receipt and an unpaid order. */
  async function holdSomething() {
    const [visitor, buyer] = [
      new Shopper(system.url, system.jwtSecret),
      new Shopper(system.url, system.jwtSecret),
    ];
    const ticket = await until('a ticket', () => visitor.ticket(sale, flow.sku));
    const pressed = await until('a press is taken', async () => {
      const answer = await buyer.press(sale, flow.sku);
      return answer.status === 202 && answer;
    });
    await buyer.outcome(pressed.body.statusUrl);
    return async () => {
      const taken = await visitor.press(sale, flow.sku, { ticket });
      expect(taken.status).toBe(202);
      const outcome = await visitor.outcome(taken.body.statusUrl);
      expect(outcome.body.status).toBe('ordered');
      const receipt = await buyer.callUntilAnswered('GET', pressed.body.statusUrl);
      expect(receipt).toMatchObject({ status: 200, body: { status: 'ordered' } });
      const { orderNo } = receipt.body.order;
      const paid = await buyer.call('POST', `/api/v1/demo/orders/${orderNo}/pay`);
      expect(paid.status).toBe(200);
      const orders = await buyer.callUntilAnswered('GET', '/api/v1/orders');
      expect(orders.body.orders).toMatchObject([{ orderNo, status: 'paid' }]);
    };
  }

  it('loses and doubles nothing, on the way there and on the way back', async ({ skip }) => {
    if (typeof release === 'string') skip(release);
    const old = join(folder, 'release');
    const opened = await openSale();
    sale = opened.sale;
    await until('the sale is open', async () => {
      const ticket = await new Shopper(system.url, system.jwtSecret).ticket(sale, opened.sku);
      return ticket !== '';
    });
    flow = new Flow(system, sale, opened.sku);
    await flow.more(SOME);
    const useOnNew = await holdSomething();

    // There: the database first, then processes of this release beside those of the last one.
    const url = system.environment['DATABASE_URL'] ?? '';
    const urls = new Map([
      ['regular', url],
      ['hot', url],
    ]);
    const [{ drifted, pinned } = {}] = await until('it is prepared', () => prepareHomes(urls));
    expect({ drifted, pinned }).toEqual({ drifted: [], pinned: [] });
    // A parameter more would make a second routine of the same name, and calls of the last release ambiguous.
    const overloads = await system.databases.home('hot').query({
      text: `SELECT p.pronamespace::regnamespace, p.proname FROM pg_proc p
             WHERE p.pronamespace::regnamespace::text IN ('catalog', 'regular', 'hot')
             GROUP BY 1, 2 HAVING count(*) > 1`,
    });
    expect(overloads).toEqual([]);
    await flow.more(SOME);
    await replace('1', '2', ['worker', 'keeper', 'web']);
    await useOnNew();
    const useOnOld = await holdSomething();
    const rolledBack = await rollBackAll();
    await flow.more(SOME);

    // Back: processes of the last release on the database of this one, in the other order.
    await replace('2', '3', ['web', 'keeper', 'worker'], old);
    await useOnOld();
    // Its own preparation too, as when its stack is started again; and this one's after that.
    await until('the last release has prepared', async () => {
      await prepareWith(old, url);
      return true;
    });
    await flow.more(SOME);

    const counts = await flow.stop();
    expect(counts).toMatchObject({ undecided: 0, lies: [] });
    expect(counts.decided).toEqual({ ordered: counts.taken });
    const [row] = await system.databases.home('hot').query<{ orders: number; requests: number }>({
      text: 'SELECT count(*)::int AS orders, count(DISTINCT request_id)::int AS requests FROM hot.orders',
    });
    // Each of the two shoppers who held something has ordered on top of the crowd, twice.
    expect(row).toEqual({ orders: counts.taken + 4, requests: counts.taken + 4 });
    expect(await audit(system.databases)).toEqual([]);
    // The routines that were rolled back stay so through both preparations.
    const [last] = await until('it is prepared', () => prepareHomes(urls));
    expect(last?.pinned.toSorted()).toEqual(rolledBack.toSorted());
    expect(await audit(system.databases)).toEqual([]);
  });
});

it('finds the release that a changelog names', () => {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const text = `# Changelog\n\n## Unreleased\n\n- x\n\n## 0.2.0\n\nCommit \`${commit}\`, 2026.\n\n## 0.1.0\n`;
  expect(releaseOfChangelog(text)).toEqual({ name: 'v0.2.0', commit });
  expect(releaseOfChangelog('# Changelog\n\n## Unreleased\n')).toBe(undefined);
});
