import { join } from 'node:path';
import type { Home } from '../../contracts/homes.ts';
import { applicationNames } from '../../ops/stack/application.ts';
import { postgresFolder, postgresUser } from '../../ops/stack/native.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { postgresUrl, preparePostgres } from '../../ops/stack/postgres.ts';
import { findPostgres } from '../../ops/stack/programs.ts';
import type { Progress } from '../../ops/stack/progress.ts';
import type { Servers } from '../../ops/stack/servers.ts';
import { newSettings } from '../../ops/stack/state.ts';
import { type BenchServers, type Shop, startServers, startShop } from '../shop.ts';
import { CpuGroup } from './share.ts';

/** A shop with hot homes on servers of their own, each held to the same share of a core. */

const SHARED_BUFFERS_MB = 128;
const UNITS = 20_000_000;

export const serverOf = (home: Home) => `postgres-${home}`;
export const workerOf = (home: Home) => `worker-${home}`;
export const skuOf = (home: Home) => `sku-${home}`;
export const saleOf = (home: Home) => `scale-${home}`;

export interface Stage {
  readonly shop: Shop;
  readonly amqpUrl: string;
  /** Pids of servers and processes by name. */
  readonly pids: ReadonlyMap<string, number>;
  /** The ticket key of each home's sale. */
  readonly keys: ReadonlyMap<Home, Buffer>;
  /** Holds each home to the share; undefined: to none. */
  limit(share: number | undefined): void;
  /** Takes a process of the load into the group of the shop. */
  add(pid: number): void;
  stop(): Promise<void>;
}

async function startHome(bench: BenchServers, home: Home, progress: Progress): Promise<string> {
  const user = postgresUser();
  const name = serverOf(home);
  const instance = {
    folder: join(postgresFolder({ folder: bench.folder, progress }, user), name),
    port: await freePort(),
    password: newSettings().passwords.postgres,
    logFile: join(bench.folder, 'logs', `${name}.log`),
    user,
    sharedBuffersMb: SHARED_BUFFERS_MB,
  };
  const spec = await preparePostgres(instance, findPostgres(bench.machine));
  await bench.supervisor.start({ ...spec, name });
  return postgresUrl(instance);
}

/** @throws {SharesUnavailable | Error} */
export async function startStage(homes: readonly Home[], progress: Progress): Promise<Stage> {
  const own = { ...process.env };
  // A server of somebody else cannot be held to a share.
  for (const name of Object.keys(own)) if (/^(HOT_)?DATABASE_URLS?$/.test(name)) delete own[name];
  const ofHomes: CpuGroup[] = [];
  // Everything but the homes is in one group. Processes that this one starts are in it as well.
  const others = CpuGroup.create('others');
  others.add(process.pid);
  process.once('exit', () => {
    for (const group of [...ofHomes, others]) group.remove();
  });
  const bench = await startServers(['postgres', 'rabbitmq', 'zookeeper'], own, progress);
  try {
    const urls: [Home, string][] = [];
    for (const home of homes) urls.push([home, await startHome(bench, home, progress)]);
    const servers = { ...bench.servers, hotDatabaseUrls: Object.fromEntries(urls) } as Servers;
    const shop = await startShop(
      { ...bench, servers },
      {
        processes: applicationNames(['regular', ...homes]).filter((name) => name !== 'console'),
        environment: { RATE_LIMIT_IP_PER_SECOND: '1000000' },
      },
    );
    const keys = new Map<Home, Buffer>();
    for (const home of homes) {
      keys.set(home, await shop.openSale(saleOf(home), skuOf(home), UNITS, home));
    }
    const pids = new Map(bench.supervisor.records().map(({ name, pid }) => [name, pid]));
    for (const home of homes) {
      const group = CpuGroup.create(serverOf(home));
      ofHomes.push(group);
      group.add(pids.get(serverOf(home)) ?? 0);
    }
    return {
      ...{ shop, amqpUrl: servers.amqpUrl, pids, keys },
      async stop() {
        await shop.close();
        await bench.stop();
      },
      limit: (share) => {
        for (const group of ofHomes) group.limit(share);
      },
      add: (pid) => others.add(pid),
    };
  } catch (error) {
    await bench.stop();
    throw error;
  }
}
