import { parseDatabaseUrl } from '../../contracts/database-url.ts';
import { openSession, type Session } from '../../db/client/pool.ts';
import type { GoodsName } from '../kinds.ts';
import type { Begin, Field } from './field.ts';

/** What others do to PostgreSQL: forgotten sessions, and the routines of DBAs. */

const PATIENCE = { applicationName: 'fire', statementTimeoutMs: 20_000, lockTimeoutMs: 10_000 };
/** PostgreSQL keeps some connections for its superuser, which is who asks here. */
const SESSIONS_MAX = 220;
/** A busy server gives them slowly. */
const SESSIONS_MS = 3_000;

const open = ({ shop }: Field) => openSession(shop.databaseUrl, PATIENCE);

async function closeAll(sessions: readonly Session[]): Promise<void> {
  // The server may have been stopped meanwhile.
  await Promise.allSettled(sessions.map((session) => session.close()));
}

export const connections: Begin = async (field) => {
  const sessions: Session[] = [];
  try {
    const untilMs = performance.now() + SESSIONS_MS;
    while (sessions.length < SESSIONS_MAX && performance.now() < untilMs) {
      sessions.push(await open(field));
    }
  } catch {
    // There is no connection left.
  }
  return () => closeAll(sessions);
};

const forgotten =
  (text: (sku: string) => string): Begin =>
  async (field, target) => {
    const session = await open(field);
    session.client.on('error', () => {});
    await session.run(text(field.sku(target as GoodsName)));
    return () => closeAll([session]);
  };

export const rowLock = forgotten(
  (sku) => `
  BEGIN;
  SELECT FROM hot.stock_slot WHERE sku = '${sku}' FOR UPDATE;
  SELECT FROM hot.unit WHERE sku = '${sku}' AND order_no IS NULL FOR UPDATE;
  SELECT FROM regular.stock_slot WHERE sku = '${sku}' FOR UPDATE`,
);

export const snapshot = forgotten(
  () => 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM hot.outcome',
);

/** As a slow disk: a commit waits so long before it is written. */
const COMMIT_DELAY_US = 100_000;

export const slowDisk: Begin = async ({ shop }) => {
  const set = async (url: string, ...texts: readonly string[]) => {
    const session = await openSession(url, PATIENCE);
    try {
      for (const text of [...texts, 'SELECT pg_reload_conf()']) await session.run(text);
    } finally {
      await session.close();
    }
  };
  await set(
    shop.databaseUrl,
    `ALTER SYSTEM SET commit_delay = ${COMMIT_DELAY_US}`,
    'ALTER SYSTEM SET commit_siblings = 0',
  );
  return async () => {
    // Another member may lead meanwhile.
    for (const url of parseDatabaseUrl(shop.databaseUrl).urls) {
      await set(url, 'ALTER SYSTEM RESET commit_delay', 'ALTER SYSTEM RESET commit_siblings');
    }
  };
};

async function schemaOf({ shop }: Field, sku: string): Promise<string> {
  const [row] = await shop.databases.regular.query<{ schema: string }>({
    text: 'SELECT schema FROM catalog.sku WHERE sku = $1',
    values: [sku],
  });
  return row?.schema ?? 'hot';
}

async function call(field: Field, goods: string, routine: string, ...values: unknown[]) {
  const sku = field.sku(goods as GoodsName);
  const schema = await schemaOf(field, sku);
  const places = values.map((_, at) => `, $${at + 2}`).join('');
  await field.shop.databases.regular.query({
    text: `SELECT FROM ${schema}.${routine}($1${places})`,
    values: [sku, ...values],
  });
}

export const setSlots: Begin = async (field, goods) => {
  const [row] = await field.shop.databases.regular.query<{ slots: string }>({
    text: 'SELECT count(*) AS slots FROM hot.stock_slot WHERE sku = $1',
    values: [field.sku(goods as GoodsName)],
  });
  await call(field, goods, 'set_slots', Number(row?.slots) > 8 ? 3 : 16);
  return undefined;
};

const RESTOCK_UNITS = 7;
export const restock: Begin = async (field, goods) => {
  const sku = field.sku(goods as GoodsName);
  // Told first: whether a call that failed has brought them is not known.
  field.brought(sku, RESTOCK_UNITS);
  const quota = (field.quotas.get(sku) ?? 0) + RESTOCK_UNITS;
  field.quotas.set(sku, quota);
  await call(field, goods, 'restock', RESTOCK_UNITS);
  return async () => void (await field.shop.operator.quota(sku, String(quota)));
};

/** The routine belongs to the home that the SKU goes to. */
async function move(field: Field, goods: string): Promise<void> {
  const sku = field.sku(goods as GoodsName);
  const to = (await schemaOf(field, sku)) === 'hot' ? 'regular' : 'hot';
  const text = `SELECT FROM ${to}.move_sku($1)`;
  await field.shop.databases.regular.query({ text, values: [sku] });
}

export const moveSku: Begin = async (field, goods) => {
  await move(field, goods);
  return async () => {
    if ((await schemaOf(field, field.sku(goods as GoodsName))) !== 'hot') await move(field, goods);
  };
};

export const vacuum: Begin = async (field) => {
  const session = await open(field);
  await session.run('VACUUM ANALYZE hot.orders').catch(() => {});
  await session.run('VACUUM FULL hot.stock_slot').finally(() => session.close());
  return undefined;
};
