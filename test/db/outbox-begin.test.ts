import { expect, it } from 'vitest';
import { outboxBatch, outboxDone } from '../../db/calls.ts';
import { openSession } from '../../db/client/pool.ts';
import { until } from '../until.ts';
import { PATIENCE } from './database.ts';
import { openShop } from './open-shop.ts';
import { order, stock } from './shop.ts';

const { ops, worker, database, sale } = await openShop();
const sku = await stock(ops, sale, { units: 100 });

/** Takes the events and prolongs the lease, as a relay does that has had it for half of its time. */
async function take(relay: string): Promise<string[]> {
  await database.admin.query({
    text: `UPDATE hot.outbox_relay SET leased_until = now() + interval '1 s' WHERE relay = $1`,
    values: [relay],
  });
  return (await outboxBatch(worker, 'hot', relay, 100)).map(({ eventNo }) => eventNo);
}

async function relayAll(relay: string): Promise<void> {
  await outboxDone(worker, 'hot', await take(relay));
}

async function goneUntil(): Promise<bigint> {
  const [row] = await database.admin.query<{ no: string }>({
    text: 'SELECT gone_until::text AS no FROM hot.outbox_relay',
  });
  return BigInt(row?.no ?? -1);
}

/** Other tests' transactions on this server hold the number back for a while. */
const passed = (relay: string, event: bigint) =>
  until(`event ${event} is passed`, async () => {
    await relayAll(relay);
    return (await goneUntil()) >= event;
  });

it('a relay no longer looks for events that have left the outbox', async () => {
  await order(worker, sku);
  const [first] = await take('a');
  await relayAll('a');
  await passed('a', BigInt(first ?? 'none'));
  await order(worker, sku);
  const [next] = await take('a');
  expect(BigInt(next ?? 'none')).toBeGreaterThan(BigInt(first ?? 'none'));
  await take('a');
  expect(await goneUntil()).toBeLessThan(BigInt(next ?? 'none'));
});

it('another relay looks at all of them once', async () => {
  await order(worker, sku);
  const events = await take('a');
  await database.admin.query({ text: 'UPDATE hot.outbox_relay SET leased_until = now()' });
  expect(await take('b')).toEqual(events);
  expect(await goneUntil()).toBe(0n);
  await relayAll('b');
  await passed('b', BigInt(events.at(-1) ?? 'none'));
});

it('an event whose transaction ends late is published, however many have left before', async () => {
  const late = await openSession(database.url, { applicationName: 'late', ...PATIENCE });
  await late.run(`BEGIN; SELECT * FROM hot.place_orders('${sku}', ARRAY[gen_random_uuid()], '{late}',
                                                        '{1}', '{f}', '{node}')`);
  const [row] = await late.query<{ no: string }>({
    text: `SELECT max(event_no)::text AS no FROM hot.outbox`,
  });
  for (let round = 0; round < 5; round += 1) {
    await order(worker, sku);
    await relayAll('b');
  }
  expect(await goneUntil()).toBeLessThan(BigInt(row?.no ?? 'none'));
  await late.run('COMMIT');
  await late.close();
  expect(await take('b')).toEqual([row?.no]);
  await passed('b', BigInt(row?.no ?? 'none'));
});
