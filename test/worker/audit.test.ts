import { afterAll, beforeAll, expect, it } from 'vitest';
import { auditSchema, endAudit, takeAudit } from '../../db/audit.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { createMetrics } from '../../process/metrics.ts';
import { auditBooks, createAuditMetrics, pauseMs } from '../../worker/audit.ts';
import { log } from '../broker/harness.ts';
import { createDatabase, type TestDatabase } from '../db/database.ts';
import { openSale, order, stock } from '../db/shop.ts';
import { until } from '../until.ts';

/** Two workers audit one schema: one at a time, and both report the result. */

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  const ops = database.as('ops');
  const sku = await stock(ops, await openSale(ops), { units: 5 });
  await order(database.as('worker'), sku);
});
afterAll(() => database.remove());

function startWorker(stopping: AbortSignal) {
  const databases = database.as('worker');
  const registry = createMetrics('test');
  let runs = 0;
  const ended = auditBooks({
    schema: 'hot',
    calls: {
      take: () => takeAudit(databases, 'hot'),
      run: () => {
        runs += 1;
        return auditSchema(databases, 'hot');
      },
      end: (done) => endAudit(databases, 'hot', done),
    },
    intervalMs: 3_600_000,
    lookIntervalMs: 20,
    log,
    metrics: createAuditMetrics(registry),
    stopping,
  });
  const tells = async (sample: string) => (await registry.text()).includes(sample);
  return { runs: () => runs, ended, tells };
}

it('one audit runs when it is due, and each worker reports its result', async () => {
  const stop = new AbortController();
  const workers = [startWorker(stop.signal), startWorker(stop.signal)];
  const all = async (sample: string) =>
    (await Promise.all(workers.map(({ tells }) => tells(sample)))).every(Boolean);
  const rows = (count: number) => `flashsale_audit_rows{schema="hot",process="test"} ${count}`;
  await until('both tell that all is well', () => all(rows(0)));
  expect(workers.reduce((sum, { runs }) => sum + runs(), 0)).toBe(1);

  await database.admin.query({ text: `UPDATE hot.buyer SET units = units + 1` });
  await database.admin.query({ text: `UPDATE hot.audit_run SET next_at = now()` });
  await until('both tell of a broken promise', () => all(rows(1)));
  expect(await all('flashsale_audit_ended_timestamp_seconds')).toBe(true);
  expect(workers.reduce((sum, { runs }) => sum + runs(), 0)).toBe(2);
  stop.abort();
  await Promise.all(workers.map(({ ended }) => ended));
});

it('an audit is due from the start, and its figures are absent while the database cannot be asked', async () => {
  const stop = new AbortController();
  const registry = createMetrics('test');
  let isAway = false;
  const mayTake = Promise.withResolvers<void>();
  const ended = auditBooks({
    schema: 'hot',
    calls: {
      async take() {
        await mayTake.promise;
        if (isAway) throw new DatabaseError('unavailable', 'away');
        return { mine: false, last: { rows: 1, seconds: 2, endedAt: new Date(1_000_000_000) } };
      },
      run: async () => ({ rows: [], missing: [] }),
      end: async () => {},
    },
    intervalMs: 60_000,
    lookIntervalMs: 5,
    log,
    metrics: createAuditMetrics(registry),
    stopping: stop.signal,
  });
  const text = () => registry.text();
  const due = 'flashsale_audit_due_timestamp_seconds{schema="hot",process="test"}';
  expect(await text()).toContain(due);
  mayTake.resolve();
  await until('it tells', async () => (await text()).includes('flashsale_audit_rows{'));
  // 2 s of work, 60 s of pause.
  expect(await text()).toContain(`${due} 1000062`);
  isAway = true;
  await until('it tells no more', async () => !(await text()).includes('flashsale_audit_rows{'));
  expect(await text()).toContain(due);
  stop.abort();
  await ended;
});

it('an audit that found nothing but missed a home does not end, and the last result stays', async () => {
  const stop = new AbortController();
  let runs = 0;
  const reported: number[] = [];
  const ended = auditBooks({
    schema: 'hot',
    calls: {
      take: async () => ({ mine: runs < 2, last: undefined }),
      async run() {
        runs += 1;
        return { rows: [], missing: runs === 1 ? ['regular'] : [] };
      },
      end: async ({ rows }) => void reported.push(rows),
    },
    intervalMs: 60_000,
    lookIntervalMs: 5,
    log,
    metrics: createAuditMetrics(createMetrics('test')),
    stopping: stop.signal,
  });
  await until('one has ended', () => reported.length > 0);
  stop.abort();
  await ended;
  expect([runs, reported]).toEqual([2, [0]]);
});

it('an audit is taken over from a dead worker when its time is over', async () => {
  const databases = database.as('worker');
  await database.admin.query({ text: `UPDATE hot.audit_run SET next_at = now()` });
  expect(await takeAudit(databases, 'hot')).toMatchObject({ mine: true });
  expect(await takeAudit(databases, 'hot')).toMatchObject({ mine: false });
  await database.admin.query({
    text: `UPDATE hot.audit_run SET next_at = next_at - interval '10 min'`,
  });
  expect(await takeAudit(databases, 'hot')).toMatchObject({ mine: true });
});

it('audits use only a small share of the time, however long each takes', () => {
  expect(pauseMs(60_000, 100)).toBe(60_000);
  expect(pauseMs(60_000, 30_000)).toBe(570_000);
});
