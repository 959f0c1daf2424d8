import { Databases, type Pool } from '../../../db/client/pool.ts';
import type { DesiredSale, DesiredSku } from '../../../ops/sale/desired.ts';
import type { SalePlace } from '../../../ops/sale/place.ts';
import { ZkSession } from '../../../zk/client/session.ts';
import { servers, uniqueName, uniqueZkRoot } from '../../servers.ts';

/** Sales in a real database and ZooKeeper, and calls that end in the middle. */

const SESSION_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 300_000;
const HOUR_MS = 3_600_000;

export interface TestPlace extends SalePlace {
  close(): Promise<void>;
}

export async function openPlace(databases: Databases): Promise<TestPlace> {
  const session = new ZkSession({
    servers: servers.zookeeper,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
  });
  session.start();
  await session.connected(CONNECT_TIMEOUT_MS);
  return { databases, session, root: uniqueZkRoot(), close: () => session.close() };
}

export function desiredSku(fields: Partial<DesiredSku> = {}): DesiredSku {
  const sku = uniqueName('sku');
  return {
    ...{ sku, schema: 'hot', title: 'A thing', price: '9.95', currency: 'EUR', userLimit: 1 },
    ...{ units: 10, presentation: { title: { en: 'A thing' } }, ...fields },
  };
}

/** A sale that opens in an hour, for an hour. */
export function desiredSale(fields: Partial<DesiredSale> = {}): DesiredSale {
  const now = Date.now();
  return {
    sale: uniqueName('sale'),
    title: 'A sale',
    opens: { at: new Date(now + HOUR_MS) },
    closes: { at: new Date(now + 2 * HOUR_MS) },
    payWindowSeconds: 900,
    presentation: { languages: ['en'], title: { en: 'A sale' } },
    skus: [desiredSku()],
    ...fields,
  };
}

class Ended extends Error {}

/**
 * The place as a process sees it that ends before its call number `calls` to a database or to
 * ZooKeeper. Reads are counted too.
 */
function endingPlace(place: SalePlace, calls: number): SalePlace {
  let left = calls;
  const count = () => {
    left -= 1;
    if (left < 0) throw new Ended();
  };
  const ending = (pool: Pool): Pool => ({
    ...pool,
    query: async (statement) => {
      count();
      return pool.query(statement) as never;
    },
  });
  const regular = ending(place.databases.regular);
  const isOne = place.databases.home('hot') === place.databases.regular;
  const session = new Proxy(place.session, {
    get(target, name) {
      const member = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...parts: unknown[]) => {
        if (['multi', 'set', 'create', 'ensure'].includes(String(name))) count();
        return member.apply(target, parts);
      };
    },
  });
  const hot = isOne ? regular : ending(place.databases.home('hot'));
  return { databases: new Databases({ regular, hot }), session, root: place.root };
}

/**
 * Calls `work` again and again. The first time it ends before its first call, the second time before
 * its second one, and so on. Calls `look` after each.
 *
 * @returns how often it ended
 */
export async function endedAnywhere(
  place: SalePlace,
  work: (place: SalePlace) => Promise<unknown>,
  look: () => Promise<void>,
): Promise<number> {
  for (let calls = 0; ; calls += 1) {
    const isDone = await work(endingPlace(place, calls)).then(
      () => true,
      (error) => {
        if (!(error instanceof Ended)) throw error;
        return false;
      },
    );
    await look();
    if (isDone) return calls;
  }
}
