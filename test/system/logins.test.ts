import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { setLogins, urlOfLogin } from '../../db/install/logins.ts';
import { passwordOf } from '../servers.ts';
import { Shopper } from '../shopper.ts';
import { System } from '../system.ts';
import { until } from '../until.ts';

/** Every process runs with the login of its role: the shop works, and no password is shown. */

const MEMBERS = [
  { name: 'keeper-1', entry: 'keeper/main.ts', role: 'ops' },
  { name: 'worker-1', entry: 'worker/main.ts', role: 'worker' },
  { name: 'web-1', entry: 'server/main.ts', role: 'web' },
] as const;
const PASSWORDS = MEMBERS.map(({ role }) => passwordOf(role));
let system: System;

beforeAll(async () => {
  system = await System.start({ webNodes: 0, keepers: 0, workers: 0 });
  const url = system.environment['DATABASE_URL'] ?? '';
  await setLogins(url, Object.fromEntries(MEMBERS.map(({ role }) => [role, passwordOf(role)])));
  await Promise.all(
    MEMBERS.map(({ name, entry, role }) =>
      system.run(name, entry, { DATABASE_URL: urlOfLogin(url, role, passwordOf(role)) }),
    ),
  );
});
afterAll(() => system.stop());

it('a shopper can buy and cancel, and gets true answers', async () => {
  const sale = await system.createSale([{ sku: 'TV', units: 1 }]);
  const shopper = new Shopper(system.url, system.jwtSecret);
  const { body: outcome } = await shopper.buy(sale, 'TV');
  expect(outcome.status).toBe('ordered');
  const cancelled = await shopper.call('POST', `/api/v1/orders/${outcome.order.orderNo}/cancel`);
  expect(cancelled.status).toBe(200);
  const { body: mine } = await shopper.call('GET', '/api/v1/orders');
  expect(mine.orders[0].status).toBe('cancelled');
});

it('no log and no command line contains a password', () => {
  const logs = MEMBERS.map(({ name }) => system.log(name)).join('\n');
  const lines = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    })
    .join('\n');
  expect(lines).toContain('worker/main.ts');
  for (const password of PASSWORDS) {
    expect(logs.includes(password)).toBe(false);
    expect(lines.includes(password)).toBe(false);
  }
});

it('only a process whose login may do more than its role reports that in its log', async () => {
  const warning = 'the database login may do more than this process needs';
  for (const { name } of MEMBERS) expect(system.log(name), name).not.toContain(warning);
  await system.run('worker-2', 'worker/main.ts');
  await until('the warning', () => system.log('worker-2').includes(warning));
});
