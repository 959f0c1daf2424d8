import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { audit, unitCounts } from '../../db/operations.ts';
import { servers } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { Credentials } from '../zk/credentials.ts';
import { zkCli } from '../zk/zkcli.ts';

/** A complete sale with a ZooKeeper that requires credentials, different ones for each role. */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const SKU = 'Guarded';
const UNITS = 120;
const credentials = new Credentials();
let system: System;

beforeAll(async () => {
  system = await startSystem({ keepers: 2, credentials, environment: { COOLDOWN_SECONDS: '0' } });
});
afterAll(() => system?.stop());

const shopper = () => new Shopper(system.url, system.jwtSecret);

async function held(): Promise<number> {
  const count = (await unitCounts(system.databases)).find(({ sku }) => sku === SKU);
  return count === undefined ? -1 : count.unitsTotal - count.free;
}

async function start(entry: string, variables: Record<string, string | undefined>) {
  const env = { ...system.environment, MONITOR_PORT: '0', ...variables };
  const ended = run(process.execPath, [entry], { cwd: ROOT, env, timeout: 60_000 });
  return ended.then(
    () => ({ code: 0, said: '' }),
    (error) => ({ code: error.code as number, said: `${error.stdout}${error.stderr}` }),
  );
}

test('a sale with credentials sells everything, with a dead node and edits by command and in zkCli.sh', async () => {
  const sale = await system.createSale([{ sku: SKU, units: UNITS, quota: 40 }]);
  const { quota } = system.paths.sku(SKU);
  const crowd = Array.from({ length: UNITS }, () => shopper().buy(sale, SKU));
  const answered = Promise.all(crowd);
  await until('the first 40 are sold', async () => (await held()) === 40);

  await system.kill('web-1');
  const args = ['ops/cli.ts', 'quota', 'set', SKU, '80', '--json', '--wait', '60'];
  const set = await run(process.execPath, args, { cwd: ROOT, env: system.environment });
  expect(JSON.parse(set.stdout)).toMatchObject({ from: '40', to: '80', notApplied: [] });
  await until('80 are sold', async () => (await held()) === 80);

  const said = await zkCli(servers.zookeeper, [
    `set ${quota} 1`,
    `addauth digest ${credentials.auth('operator')}`,
    `set ${quota} ${UNITS}`,
  ]);
  expect(said.match(/NoAuth|Insufficient permission/g), 'before addauth').toHaveLength(1);
  await until('all are sold', async () => (await held()) === UNITS);
  const statuses = (await answered).map(({ body }) => body.status);
  expect(new Set(statuses)).toEqual(new Set(['ordered']));
  expect(await audit(system.databases)).toEqual([]);
});

test('a wrong credential ends the process with an error that does not reveal it', async () => {
  const typo = await start('keeper/main.ts', { ZK_AUTH: 'keeper-user:typo' });
  expect(typo.code).toBe(78);
  expect(typo.said).toMatch(/ZK_AUTH has the digest keeper-user:.*ZK_ACL does not list as keeper/);
  expect(typo.said).not.toContain('typo');
  const operators = await start('server/main.ts', {});
  expect(operators.said).toMatch(/ZK_ACL does not list as web/);
});

test('a process without credentials, or with those of another shop, is not ready and says why', async () => {
  const strangers = new Credentials();
  const name = 'web-stranger';
  const variables = { ...strangers.environment('web'), PORT: '0' };
  system.run(name, 'server/main.ts', variables).catch(() => 'it never gets ready');
  await until('it says what it may not', async () => {
    expect(await system.readiness(name)).toMatch(/rights on \S+ \(ZK_AUTH\)/);
    return true;
  });
  await until('the log says so', () =>
    system.log(name).includes('ZooKeeper refuses this process: ZK_AUTH'),
  );
  await system.end(name);
});
