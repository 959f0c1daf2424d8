import { createPool, Databases, type Pool, type Role } from '../../db/client/pool.ts';
import type { ReadAnswer } from '../../db/client/standby.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { until } from '../until.ts';
import { type CrashServer, startCrashServer } from './crash-server.ts';
import { openPool, PATIENCE } from './database.ts';
import { type Standby, startStandby } from './standby.ts';

/** A shop on a primary with one standby. */
export interface Pair {
  readonly primary: CrashServer;
  readonly standby: Standby;
  readonly readUrl: string;
  readonly admin: Pool;
  /** Pools of a role on the primary; `options`: settings of its sessions. */
  as(role: Role, options?: string): Databases;
  /** The same, with lists of orders from the standby. */
  reading(role: Role, readUrl?: string): Reading;
  /** Waits until the standby has replayed all that was written. */
  caughtUp(): Promise<void>;
  remove(): Promise<void>;
}

export interface Reading {
  readonly databases: Databases;
  /** The pool of the standby. */
  readonly pool: Pool;
  /** Where each read went. */
  readonly answers: ReadAnswer[];
}

export async function startPair(): Promise<Pair> {
  const primary = await startCrashServer({ restart: false });
  const { url } = primary;
  await prepareHomes(
    new Map([
      ['regular', url],
      ['hot', url],
    ]),
  );
  const standby = await startStandby(url);
  const readUrl = standby.urlOf(url);
  const admin = openPool(url, 4);
  const replayed = openPool(readUrl, 1);
  const pools = [admin, replayed];
  const as = (role: Role, options?: string) => {
    const own = new URL(url);
    if (options !== undefined) own.searchParams.set('options', options);
    const pool = openPool(own.href, 4, role);
    pools.push(pool);
    return Databases.ofOne(pool);
  };
  return {
    primary,
    standby,
    readUrl,
    admin,
    as,
    reading(role, target = readUrl) {
      const databases = as(role);
      const answers: ReadAnswer[] = [];
      const pool = createPool({ url: target, role, max: 4, applicationName: 'reads', ...PATIENCE });
      pools.push(pool);
      const standbys = new Map([['regular', target]]);
      databases.readFrom(
        standbys,
        () => pool,
        (_, answer) => answers.push(answer),
      );
      return { databases, pool, answers };
    },
    async caughtUp() {
      const text = 'SELECT pg_current_wal_flush_lsn()::text AS lsn';
      const [row] = await admin.query<{ lsn: string }>({ text });
      await until('the standby has replayed it', async () => {
        const state = await replayed.query<{ is: boolean }>({
          text: 'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS is',
          values: [row?.lsn],
        });
        return state[0]?.is === true;
      });
    },
    async remove() {
      await Promise.all(pools.map((pool) => pool.close()));
      await standby.remove();
      await primary.remove();
    },
  };
}
