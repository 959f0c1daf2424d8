import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Child } from '../../bench/child.ts';
import type { Pressed } from '../../bench/million/generator.ts';
import { audit, unitCounts } from '../../db/operations.ts';
import { ticketKey } from '../../db/ticket-keys.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/** `keep = auto` with 50 shoppers for each unit and all processes. */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const UNITS = 200;
const CROWD = 50 * UNITS;
let system: System;
let crowd: Child;

beforeAll(async () => {
  system = await startSystem();
  crowd = new Child(join(ROOT, 'bench', 'million', 'generator.ts'));
});
afterAll(async () => {
  crowd?.end();
  await system?.stop();
});

async function held(): Promise<number> {
  const count = (await unitCounts(system.databases)).find(({ sku }) => sku === 'TV');
  return count === undefined ? -1 : count.unitsTotal - count.free;
}

async function share(): Promise<number> {
  const read = await system.session.get(system.paths.sku('TV').autoKeep);
  return read.ok ? Number(read.value.text) : Number.NaN;
}

/**
 * The share of outcomes that are known within 2.5 s of the draw, the nearest bucket above the
 * limit.
 */
async function inTime(): Promise<number> {
  const texts = await Promise.all(['web-1', 'web-2'].map((name) => system.metrics(name)));
  const sum = (pattern: RegExp) =>
    texts.reduce((all, text) => all + Number(pattern.exec(text)?.[1] ?? 0), 0);
  const all = sum(/^flashsale_request_outcome_seconds_count(?:\{[^}]*\})? (\d+)/m);
  return sum(/^flashsale_request_outcome_seconds_bucket\{le="2\.5"[^}]*\} (\d+)/m) / all;
}

test('keep = auto sheds most shoppers, sells every unit with short waits, and then opens the gate to all', async () => {
  const sale = await system.createSale([{ sku: 'TV', units: UNITS }]);
  await system.session.create(system.paths.sku('TV').keep, 'auto');
  await until('it begins', async () => (await share()) === 0.1);
  await until('the nodes keep it', async () => {
    const texts = await Promise.all(['web-1', 'web-2'].map((name) => system.metrics(name)));
    return texts.every((text) => /flashsale_kept_share\{sku="TV"[^}]*\} 0\.1\n/.test(text));
  });

  const key = (await ticketKey(system.databases, sale))?.toString('base64') ?? '';
  const { jwtSecret } = system;
  const skus = ['TV'];
  await crowd.ask({ crowd: { jwtSecret, ticketKey: key, sale, skus, twice: 0, connections: 32 } });
  await crowd.ask({ prepare: CROWD });
  const { hostname, port } = new URL(system.url);
  const place = { host: hostname, port: Number(port) };
  const { presses, unanswered, verdicts } = await crowd.ask<Pressed>({ press: place });
  const { shed = 0, queued = 0 } = verdicts['TV'] ?? {};
  expect({ presses, unanswered, queued }).toEqual({ presses: CROWD, unanswered: 0, queued: UNITS });
  expect(shed).toBeGreaterThan(CROWD / 2);
  await until('all are decided', async () => (await held()) === UNITS);
  await until('the nodes know', async () => (await inTime()) >= 0.95);
  expect(await audit(system.databases)).toEqual([]);

  await until('demand is over: the share rises', async () => (await share()) === 1);
  const environment = { cwd: ROOT, env: system.environment };
  const show = ['ops/cli.ts', 'quota', 'show', 'TV', '--json'];
  const { stdout } = await run(process.execPath, show, environment);
  expect(JSON.parse(stdout).skus[0]).toMatchObject({ keep: 'auto', share: 1, isAutomatic: true });
  const shopper = new Shopper(system.url, system.jwtSecret);
  await until('the page says so', async () => {
    const { body } = await shopper.call('GET', `/api/v1/sales/${sale}`);
    return body.keep === 1;
  });

  await system.databases.regular.query({ text: "SELECT hot.restock('TV', 1)" });
  await system.set(system.paths.sku('TV').quota, String(UNITS + 1));
  expect((await shopper.buy(sale, 'TV')).body.status).toBe('ordered');
});
