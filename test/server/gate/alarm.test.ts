import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PrivateBroker, startPrivateBroker } from '../../broker/private-broker.ts';
import { type Answer, Shopper } from '../../shopper.ts';
import { type System, startSystem } from '../../system.ts';
import { until } from '../../until.ts';

/**
 * Purchases over HTTP while a real broker's memory alarm is on: they are refused cheaply and draw
 * nothing.
 */

const UNITS = 100;
const SKU = 'TV';
const PRESSES = 40;

let broker: PrivateBroker;
let system: System;
let sale: string;

beforeAll(async () => {
  broker = await startPrivateBroker();
  system = await startSystem({
    webNodes: 1,
    amqpUrl: broker.url,
    environment: { COOLDOWN_SECONDS: '0' },
  });
  sale = await system.createSale([{ sku: SKU, units: UNITS }]);
});

afterAll(async () => {
  await system?.stop();
  await broker?.remove();
});

const shopper = () => new Shopper(system.url, system.jwtSecret);

async function figure(pattern: RegExp): Promise<number> {
  const [, value] = pattern.exec(await system.metrics('web-1')) ?? [];
  return Number(value ?? Number.NaN);
}
const admitted = () => figure(/flashsale_quota_units\{sku="TV",quantity="admitted"[^}]*\} (\d+)/);
const blocked = () => figure(/flashsale_overload\{schema="hot",cause="broker"[^}]*\} (\d+)/);

describe("a broker's memory alarm", () => {
  it('closes the gate while it lasts, draws nothing, and is shown as the cause', async () => {
    expect((await shopper().press(sale, SKU)).status).toBe(202);
    await until('the first is decided', async () => (await admitted()) === 1);

    await broker.rabbitmqctl('set_vm_memory_high_watermark', '0.00001');
    // The broker reports the alarm to a connection when that publishes. Until then one message may
    // be held back.
    const key = randomUUID();
    const first = shopper();
    const held = first.press(sale, SKU, { key });
    await until('the gate knows', async () => (await blocked()) === 1);
    const before = await admitted();

    const answers: Answer[] = [];
    for (let i = 0; i < PRESSES; i += 1) answers.push(await shopper().press(sale, SKU));
    const kinds = new Set(answers.map(({ status, body }) => `${status} ${body.verdict}`));
    expect([...kinds]).toEqual(['503 overloaded']);
    const waits = answers.map(({ retryAfter }) => Number(retryAfter));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...waits)).toBeLessThanOrEqual(6);
    expect(new Set(waits).size).toBeGreaterThan(1);
    expect(await admitted()).toBe(before);
    const text = await system.metrics('web-1');
    expect(text).toMatch(/flashsale_purchase_answers_total\{verdict="overloaded"[^}]*\} \d\d/);
    // Information about the sale is still served.
    expect((await shopper().call('GET', `/api/v1/sales/${sale}`)).status).toBe(200);

    await broker.rabbitmqctl('set_vm_memory_high_watermark', '0.4');
    await until('the gate is open', async () => (await blocked()) === 0);
    const outcome = await shopper().buy(sale, SKU);
    expect(outcome.body.status).toBe('ordered');
    // A request that was under way when the alarm came has one outcome, whatever its answer was.
    const told = await held;
    expect([202, 503]).toContain(told.status);
    const again = await first.press(sale, SKU, { key });
    expect(again.status).toBe(202);
    expect((await first.outcome(again.body.statusUrl)).body.status).toBe('ordered');
  });
});
