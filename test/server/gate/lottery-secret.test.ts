import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPool, Databases, type Pool } from '../../../db/client/pool.ts';
import { saleLottery } from '../../../db/lottery.ts';
import { createSale } from '../../../db/new-sales.ts';
import { createDatabase, type TestDatabase } from '../../db/database.ts';

/** When the database reveals a lottery's secret. It decides by its own clock. */

const HOUR_MS = 3_600_000;
let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createDatabase();
  pool = createPool({ url: database.url, max: 2, applicationName: 'test' });
});
afterAll(async () => {
  await pool.close();
  await database.remove();
});

async function lotteryOf(sale: string, opensInMs: number, closesInMs: number) {
  const databases = Databases.ofOne(pool);
  await createSale(databases, {
    sale,
    title: sale,
    opensAt: new Date(Date.now() + opensInMs),
    closesAt: new Date(Date.now() + closesInMs),
    payWindowSeconds: 900,
  });
  return saleLottery(databases, sale);
}

describe('the secret of a lottery', () => {
  it('is not revealed before the sale opens, but its hash is', async () => {
    const lottery = await lotteryOf('scheduled', HOUR_MS, 2 * HOUR_MS);
    expect(lottery?.secretSha256).toHaveLength(32);
    expect(lottery).toMatchObject({ secret: undefined, isPublic: false });
  });

  it('is revealed to web nodes while the sale runs, and to everybody after it has closed', async () => {
    const open = await lotteryOf('open', -HOUR_MS, HOUR_MS);
    const closed = await lotteryOf('closed', -2 * HOUR_MS, -HOUR_MS);
    expect([open?.isPublic, closed?.isPublic]).toEqual([false, true]);
    for (const lottery of [open, closed]) {
      const hash = createHash('sha256')
        .update(lottery?.secret ?? '')
        .digest();
      expect(hash).toEqual(lottery?.secretSha256);
    }
    expect(open?.secret).not.toEqual(closed?.secret);
  });

  it('of an unknown sale does not exist', async () => {
    expect(await saleLottery(Databases.ofOne(pool), 'nowhere')).toBeUndefined();
  });
});
