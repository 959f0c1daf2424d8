import { setTimeout as delay } from 'node:timers/promises';
import type { CostValues } from '../../ops/capacity/model.ts';
import { WEB_NAMES } from '../../ops/stack/application.ts';
import { createSigner, purchaseRequest, ticketRequest } from '../crowd/purchase.ts';
import { rounded } from '../figures.ts';
import type { Way } from '../flow/ways.ts';
import type { Shop } from '../shop.ts';
import { answered, buyAndWait, drive, eventsPublished, type Load } from './measure.ts';

/** Measures the CPU that each part of the shop takes for a shopper's calls. Each kind of call is made as fast as it goes. */

export const TICKETS = 20_000;
export const ORDERS = 30_000;
const POLL_MS = 10;

export const users = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}-${process.pid}-${n}`);

export function purchases(way: Way, prefix: string, count: number): Buffer[] {
  const sign = createSigner(way.keys);
  return users(prefix, count).map((user) =>
    purchaseRequest(sign.ticket(user, way.keys.sku), sign.token(user)),
  );
}

/** Lets shoppers come until all orders are committed and their events are published. */
async function untilCommitted(
  shop: Shop,
  way: Way,
  count: number,
  come: () => Promise<unknown>,
): Promise<number> {
  const before = await way.sold();
  await come();
  while ((await way.sold()) - before < count) await delay(POLL_MS);
  await eventsPublished(shop);
  return count;
}

export function buy(shop: Shop, way: Way, prefix: string, count: number): Promise<number> {
  const requests = purchases(way, prefix, count);
  return untilCommitted(shop, way, count, () => answered(shop, requests, ['202']));
}

async function sizesOf({ databases }: Shop) {
  const [row] = await databases.home('hot').query<Record<string, string>>({
    text: `SELECT pg_database_size(current_database()) AS bytes, pg_current_wal_lsn() - '0/0' AS wal`,
  });
  return { bytes: Number(row?.['bytes']), wal: Number(row?.['wal']) };
}

/**
 * Tickets, orders, and orders whose shoppers wait for the outcome. The load comes from this process.
 *
 * @param rest what the parts take while nobody asks for anything
 */
export async function eachAlone(shop: Shop, way: Way, rest: Load, say: (text: string) => void) {
  const sign = createSigner(way.keys);
  const { sale, sku } = way.keys;
  const tickets = users('ticket', TICKETS).map((user) =>
    ticketRequest(sale, sku, sign.token(user)),
  );
  const drives = (work: () => Promise<number>) => drive(shop, process.pid, rest, work);
  say('warming up');
  // The first time, the just-in-time compiler is at work.
  await buy(shop, way, 'warm', ORDERS);
  await answered(shop, tickets, ['201']);
  const ticket = await drives(() => answered(shop, tickets, ['201']));
  say(`${Math.round(ticket.perSecond)} tickets/s`);
  const before = await sizesOf(shop);
  const order = await drives(() => buy(shop, way, 'alone', ORDERS));
  say(`${Math.round(order.perSecond)} orders/s, ${rounded(order.busy)} of the cores busy`);
  const after = await sizesOf(shop);
  const waiters = users('waits', ORDERS);
  const wait = await drives(() =>
    untilCommitted(shop, way, ORDERS, () => buyAndWait(shop, way, waiters)),
  );
  say(`${Math.round(wait.perSecond)} orders/s with a wait for each outcome`);
  return {
    ...{ ticket, order, wait },
    postgres_bytes_an_order: (after.bytes - before.bytes) / ORDERS,
    wal_bytes_an_order: (after.wal - before.wal) / ORDERS,
  };
}

export const workersOf = ({ pids }: Shop) =>
  [...pids.keys()].filter((name) => name.startsWith('worker-')).length;

type Driven = Awaited<ReturnType<typeof drive>>;

/** The CPU costs of the capacity model. */
export function cpuCosts(
  shop: Shop,
  rest: Load,
  { ticket, order, wait }: Readonly<Record<'ticket' | 'order' | 'wait', Driven>>,
) {
  return {
    // Waits for disks and for each other take the rest.
    full_share: order.busy,
    web_us_a_ticket: ticket.us.web,
    web_us_an_order: order.us.web,
    web_us_a_wait: Math.max(0, wait.us.web - order.us.web),
    web_idle_cores: rest.web / WEB_NAMES.length,
    postgres_us_an_order: order.us.postgres,
    postgres_idle_cores: rest.postgres,
    broker_us_an_order: order.us.broker,
    broker_idle_cores: rest.broker,
    worker_us_an_order: order.us.worker,
    worker_idle_cores: rest.worker / workersOf(shop),
    zookeeper_us_an_order: order.us.zookeeper,
    zookeeper_idle_cores: rest.zookeeper,
  } as const satisfies Partial<CostValues>;
}
