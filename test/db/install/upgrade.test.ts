import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate as applyMigrations } from 'postgres-migrations';
import { expect, test } from 'vitest';
import { createSku } from '../../../db/calls.ts';
import { openSession } from '../../../db/client/pool.ts';
import { prepare } from '../../../db/install/prepare.ts';
import { createDatabase, PATIENCE } from '../database.ts';

/** A database of version 0018, whose sales and prices are older than the present rules. */

const MIGRATIONS = fileURLToPath(new URL('../../../db/migrations', import.meta.url));

test('names of sales and prices of an older version stay valid', async () => {
  const database = await createDatabase({ empty: true });
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'));
  for (const file of readdirSync(MIGRATIONS).filter((name) => name < '0019')) {
    cpSync(join(MIGRATIONS, file), join(folder, file));
  }
  const session = await openSession(database.url, { applicationName: 'upgrade', ...PATIENCE });
  await session.run('SET search_path = public');
  await applyMigrations({ client: session.client }, folder);
  await session.run(`
    INSERT INTO catalog.sale (sale, title, opens_at, closes_at, pay_window)
    VALUES ('ending', 'Ending', now(), now() + interval '1 h', interval '15 min');
    INSERT INTO catalog.sku (sku, sale, schema, title, price, currency, user_limit)
    VALUES ('cheap', 'ending', 'hot', 'Cheap', 0.10, 'EUR', 3)`);
  await session.close();
  await prepare(database.url);

  const cheap = { sku: 'cheap', sale: 'ending', schema: 'hot', title: 'Cheap' } as const;
  const plan = { ...cheap, price: '0.10', currency: 'EUR', units: 0, slots: 1 };
  expect(await createSku(database.as('ops'), { ...plan, userLimit: 3 })).toBe(false);
  const edit = (change: string) =>
    database.admin.query({ text: `UPDATE catalog.sku SET ${change} WHERE sku = 'cheap'` });
  await edit('user_limit = 2');
  await expect(edit('user_limit = 3')).rejects.toMatchObject({ sqlstate: 'FS005' });
  await expect(edit('price = 0.11')).rejects.toMatchObject({ sqlstate: 'FS005' });
  await database.remove();
  rmSync(folder, { recursive: true });
});
