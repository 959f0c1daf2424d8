import { openSession } from '../../db/client/pool.ts';
import { until } from '../until.ts';
import { PATIENCE, type TestDatabase } from './database.ts';

type Place = Pick<TestDatabase, 'url' | 'admin'>;

/** Locks slots of the SKU from another session, as an open transaction does. */
export async function holdSlots(database: Place, sku: string, slotsMax = 1_000) {
  const session = await openSession(database.url, {
    applicationName: 'holder',
    ...PATIENCE,
  });
  await session.run('BEGIN');
  await session.query({
    text: 'SELECT FROM hot.stock_slot WHERE sku = $1 AND slot <= $2 FOR UPDATE',
    values: [sku, slotsMax],
  });
  return {
    async release() {
      await session.run('ROLLBACK');
      await session.close();
    },
  };
}

/** Waits until this many sessions of the database wait for a lock. */
export async function blocked(database: Place, sessions: number): Promise<void> {
  await until(`${sessions} sessions wait for a lock`, async () => {
    const [row] = await database.admin.query<{ waiting: number }>({
      text: `SELECT count(*)::int AS waiting FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    });
    return row?.waiting === sessions;
  });
}
