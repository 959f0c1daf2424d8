import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../db/operations.ts';
import { type Answer, Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/** Shoppers who accept fewer units than they ask for, over HTTP, with all processes. */
describe('a request that accepts fewer units', () => {
  let system: System;

  beforeAll(async () => {
    system = await startSystem({ webNodes: 1, environment: { COOLDOWN_SECONDS: '0' } });
  });
  afterAll(() => system?.stop());

  const shopper = () => new Shopper(system.url, system.jwtSecret);

  interface Press {
    readonly quantity: number;
    readonly acceptFewer?: boolean;
  }

  async function press(who: Shopper, sale: string, sku: string, body: Press, key = randomUUID()) {
    const ticket = await who.ticket(sale, sku);
    const headers = { 'idempotency-key': key };
    return who.call('POST', `/api/v1/buy/${ticket}`, body, headers);
  }

  /** The order of a request that was taken. */
  async function orderOf(who: Shopper, taken: Answer) {
    expect(taken.status, JSON.stringify(taken.body)).toBe(202);
    const { body } = await who.outcome(taken.body.statusUrl);
    expect(body.status, JSON.stringify(body)).toBe('ordered');
    return body.order;
  }

  it('gets the last units, once, and only the drawn units count', async () => {
    const sale = await system.createSale([{ sku: 'Few', units: 5, userLimit: 3 }]);
    const [ann, ben] = [shopper(), shopper()];
    expect(await orderOf(ann, await press(ann, sale, 'Few', { quantity: 3 }))).toMatchObject({
      quantity: 3,
      amount: '29.70',
    });
    const whole = await press(ben, sale, 'Few', { quantity: 3 });
    expect(whole).toMatchObject({ status: 429, body: { verdict: 'quota_spent' } });
    expect(whole.body).toMatchObject({ reason: 'too_few_now' });
    const key = randomUUID();
    const fewer = { quantity: 3, acceptFewer: true };
    const taken = await press(ben, sale, 'Few', fewer, key);
    const order = await orderOf(ben, taken);
    expect(order).toMatchObject({ quantity: 2, amount: '19.80' });
    // The same key is the same request: its quantity is the one asked for, not the one drawn.
    const again = await press(ben, sale, 'Few', fewer, key);
    expect(again).toMatchObject({ status: 202, body: { requestId: key } });
    expect(await orderOf(ben, again)).toEqual(order);
    const other = await press(ben, sale, 'Few', { ...fewer, quantity: 2 }, key);
    expect(other).toMatchObject({ status: 400, body: { verdict: 'bad_request' } });

    // All drawn units come back.
    const cancelled = await ben.call('POST', `/api/v1/orders/${order.orderNo}/cancel`);
    expect(cancelled.status).toBe(200);
    const next = shopper();
    const last = await until('the units that came back are sold', async () => {
      const answer = await press(next, sale, 'Few', fewer);
      return answer.status === 202 && answer;
    });
    expect((await orderOf(next, last)).quantity).toBe(2);
    expect(await audit(system.databases)).toEqual([]);
  });

  it('gets the units of its node when the rest is spread over two nodes', async () => {
    await system.run('web-2', 'server/main.ts');
    const sale = await system.createSale([{ sku: 'Spread', units: 2, userLimit: 3 }]);
    const quantities: number[] = [];
    await until('both are sold', async () => {
      const who = shopper();
      const answer = await press(who, sale, 'Spread', { quantity: 3, acceptFewer: true });
      if (answer.status === 202) quantities.push((await orderOf(who, answer)).quantity);
      return quantities.reduce((sum, quantity) => sum + quantity, 0) === 2;
    });
    // As long as any unit is left, no request that accepts fewer is refused.
    expect(Math.min(...quantities)).toBeGreaterThan(0);
    expect(await system.granted('Spread')).toBeGreaterThan(0);
    expect(await audit(system.databases)).toEqual([]);
  });
});
