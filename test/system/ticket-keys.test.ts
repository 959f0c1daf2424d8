import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/** A ticket key leaks while the sale runs: the operator's command, two web nodes, a shopper. */

const ROOT = join(import.meta.dirname, '..', '..');
let system: System;
let sale: string;

beforeAll(async () => {
  system = await startSystem({
    environment: { TICKET_TTL_SECONDS: '600', COOLDOWN_SECONDS: '0' },
  });
  sale = await system.createSale([{ sku: 'TV', units: 50 }]);
});
afterAll(() => system?.stop());

async function tickets(...words: string[]) {
  const args = ['ops/cli.ts', 'tickets', ...words, '--json'];
  const options = { cwd: ROOT, env: { ...system.environment } };
  return JSON.parse((await promisify(execFile)(process.execPath, args, options)).stdout);
}

it('a ticket key is revoked by command: every node refuses its tickets, and new tickets are good for a purchase', async () => {
  const shopper = () => new Shopper(system.url, system.jwtSecret);
  const ada = shopper();
  const leaked = await ada.ticket(sale, 'TV');
  expect(await tickets('rotate', sale)).toEqual({ sale, id: 2, revoked: false });
  // Retired, not revoked: its tickets are valid until they expire.
  const rotated = shopper();
  await until('a ticket of the new key', async () => {
    const keys = await tickets('keys', sale);
    return keys.length === 2 && keys[0].retiredAt !== null && keys[0].revokedAt === null;
  });
  expect((await ada.press(sale, 'TV', { ticket: leaked })).status).toBe(202);

  const old = await rotated.ticket(sale, 'TV');
  expect(await tickets('revoke', sale)).toEqual({ sale, id: 3, revoked: true });
  const revokedAt = performance.now();
  // Connections are spread over both nodes.
  const refusals = async () => {
    const texts = await Promise.all(['web-1', 'web-2'].map((name) => system.metrics(name)));
    const pattern = /^flashsale_purchase_answers_total\{verdict="ticket_invalid"[^}]*\} (\d+)/m;
    return texts.map((text) => Number(pattern.exec(text)?.[1] ?? 0));
  };
  const before = await refusals();
  await until('it is refused everywhere', async () => {
    await rotated.call('POST', `/api/v1/buy/${old}`, '{"quantity":0}', { connection: 'close' });
    const now = await refusals();
    return now.every((count, node) => count > (before[node] ?? 0));
  });
  console.log(`refused by every node ${Math.round(performance.now() - revokedAt)} ms after`);
  const bought = await rotated.buy(sale, 'TV');
  expect(bought.body.status).toBe('ordered');
});
