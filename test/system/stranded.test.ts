import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stranded } from '../../db/stranded.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/** The reasons why units are not sold, as the command line and the keeper's metrics show them. */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
let system: System;

beforeAll(async () => {
  system = await startSystem({ environment: { COOLDOWN_SECONDS: '0' } });
});
afterAll(() => system?.stop());

async function stranded(): Promise<Stranded[]> {
  const args = ['ops/cli.ts', 'quota', 'stranded', '--json'];
  const { stdout } = await run(process.execPath, args, { cwd: ROOT, env: system.environment });
  return JSON.parse(stdout);
}

test('idle nodes, pins and unpaid orders are listed with the units that they hold', async () => {
  const sale = await system.createSale([{ sku: 'TV', units: 20, userLimit: 1 }]);
  const units = async () => {
    const rows = (await stranded()).filter(({ sku }) => sku === 'TV');
    return Object.fromEntries(rows.map((row) => [row.cause, row.units]));
  };
  await until('all of it idles', async () => {
    expect(await units()).toEqual({ idle_node: 20 });
    return true;
  });

  const shopper = new Shopper(system.url, system.jwtSecret);
  const answer = await shopper.buy(sale, 'TV');
  expect(answer.body.status).toBe('ordered');
  await until('the node has heard of it', async () => {
    expect(await units()).toEqual({ idle_node: 19, unpaid: 1 });
    return true;
  });

  const nodes = await system.session.children(system.paths.nodes);
  const node = nodes.ok ? (nodes.value[0] ?? '') : '';
  await system.session.create(system.paths.sku('TV').pin(node), '10');
  await until('its spare units are pinned', async () => {
    const { pinned = 0, idle_node: idle = 0, unpaid } = await units();
    return pinned > 0 && pinned + idle === 19 && unpaid === 1;
  });
  await until(
    'the keeper says the same',
    async () => {
      const metrics = await system.metrics('keeper-1');
      return /flashsale_stranded_units\{sku="TV",cause="pinned"[^}]*\} [1-9]/.test(metrics);
    },
    // Where counting the stock takes long, the keeper counts less often.
  );
});
