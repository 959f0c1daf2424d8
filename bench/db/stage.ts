import { readFileSync } from 'node:fs';
import { openSession, type Session } from '../../db/client/pool.ts';
import { prepare } from '../../db/install/prepare.ts';

/** The measured databases: an empty one, and one with years of orders. */

/** Long, because one statement inserts ten million rows or builds an index of them. */
const STATEMENT_TIMEOUT_MS = 15 * 60_000;

const OPEN_SALE = `
  SELECT catalog.create_sale('sale', 'Bench', now() - interval '1 hour', now() + interval '1 day');
  SELECT catalog.create_sku('TV', 'sale', 'hot', 'TV', 9.95, 'EUR', 1, 1000000000, 16);`;

/**
 * Returns place_orders with the SELECT of the main text, which takes the fullest slot and waits for its
 * lock. It is made from the project's SQL files, so that nothing else differs.
 */
function withForUpdate(): string {
  const pick =
    / ORDER BY s\.remaining[^\n]*DESC(\s*)LIMIT 1(\s*)(FOR UPDATE(?: OF s)?) SKIP LOCKED/g;
  const names = ['lock_slots', 'place_plain_batch', 'place_mixed_batch', 'place_orders'];
  const files = names.map((name) =>
    readFileSync(new URL(`../../db/procedures/${name}.sql`, import.meta.url), 'utf8'),
  );
  const text = files.join('\n');
  if ([...text.matchAll(pick)].length !== 3)
    throw new Error('place_orders selects its slots in another way than expected');
  return text
    .replaceAll(pick, ' ORDER BY s.remaining DESC$1LIMIT 1$2$3')
    .replaceAll(
      /(?<=:schema\.)(?:lock_slots|place_plain_batch|place_mixed_batch|place_orders)\b/g,
      '$&_for_update',
    )
    .replaceAll(
      /(?<=FROM )(?:lock_slots|place_plain_batch|place_mixed_batch)(?=\()/g,
      '$&_for_update',
    )
    .replaceAll(/(?<!:):schema\b/g, 'hot');
}

export interface Stage {
  readonly url: string;
  readonly admin: Session;
}

function openAdmin(url: string): Promise<Session> {
  const timeouts = { statementTimeoutMs: STATEMENT_TIMEOUT_MS, lockTimeoutMs: 60_000 };
  return openSession(url, { applicationName: 'bench', ...timeouts });
}

/** Creates a database with tables, routines, the compared alternatives, and a sale. */
export async function createStage(serverUrl: string, name: string): Promise<Stage> {
  const server = await openAdmin(serverUrl);
  await server.run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await server.run(`CREATE DATABASE ${name}`);
  await server.close();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await prepare(url.href);
  const admin = await openAdmin(url.href);
  await admin.run(readFileSync(new URL('./baselines.sql', import.meta.url), 'utf8'));
  await admin.run(withForUpdate());
  await admin.run(OPEN_SALE);
  return { url: url.href, admin };
}

export type Disk = 'own' | 'slow';

/** `slow` adds 1 ms to every commit, as a cloud disk does. Applies to connections made afterwards. */
export async function setDisk(admin: Session, disk: Disk): Promise<void> {
  const delayUs = disk === 'slow' ? 1_000 : 0;
  await admin.run(`ALTER SYSTEM SET commit_delay = ${delayUs}`);
  await admin.run(`ALTER SYSTEM SET commit_siblings = ${disk === 'slow' ? 0 : 5}`);
  await admin.run('SELECT pg_reload_conf()');
}
