import { readFileSync } from 'node:fs';
import { openSession, type Session } from '../../db/client/pool.ts';

/** The database of the benchmark: created, filled, and its books checked. */

const FILES = ['tables.sql', 'transfer_one.sql', 'transfer_batch.sql'];
const DATABASE = 'bench_keynote';
const STATEMENT_TIMEOUT_MS = 60_000;
/** As in the public benchmark. */
const BALANCE = 10_000_000;

export interface Books {
  readonly made: number;
  readonly refused: number;
}

export interface Stage {
  readonly url: string;
  /** The same accounts again, and no transfers. */
  reset(accounts: number): Promise<void>;
  /** @throws {Error} if the books do not balance, or are not what the clients were told */
  check(told: Books, accounts: number): Promise<void>;
  close(): Promise<void>;
}

function open(url: string): Promise<Session> {
  const timeouts = { statementTimeoutMs: STATEMENT_TIMEOUT_MS, lockTimeoutMs: 10_000 };
  return openSession(url, { applicationName: 'bench', ...timeouts });
}

export async function install(session: Session): Promise<void> {
  for (const file of FILES) {
    await session.run(readFileSync(new URL(file, import.meta.url), 'utf8'));
  }
}

export async function createStage(serverUrl: string): Promise<Stage> {
  const server = await open(serverUrl);
  await server.run(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
  await server.run(`CREATE DATABASE ${DATABASE}`);
  const url = new URL(serverUrl);
  url.pathname = `/${DATABASE}`;
  const session = await open(url.href);
  await install(session);
  return {
    url: url.href,
    async reset(accounts) {
      await session.run(`CALL keynote.reset(${accounts}, ${BALANCE})`);
      await session.run('VACUUM ANALYZE keynote.account, keynote.transfer');
    },
    async check(told, accounts) {
      const [books] = await session.query<Record<string, string>>({
        text: 'SELECT * FROM keynote.books($1)',
        values: [BALANCE],
      });
      const expected = {
        ...{ made: told.made, refused: told.refused },
        ...{ accounts, total: accounts * BALANCE, wrong: 0 },
      };
      for (const [name, value] of Object.entries(expected)) {
        if (Number(books?.[name]) !== value) {
          throw new Error(`${name} is ${books?.[name]} and not ${value}: ${JSON.stringify(books)}`);
        }
      }
      if (Number(books?.['lowest']) < 0) throw new Error('an account is below 0');
    },
    async close() {
      await session.close();
      await server.run(`DROP DATABASE ${DATABASE} WITH (FORCE)`);
      await server.close();
    },
  };
}
