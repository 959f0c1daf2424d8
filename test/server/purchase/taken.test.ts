import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { press, pressOf } from '../gate/press.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

describe('an admitted purchase', () => {
  let node: WebNode;
  beforeEach(async () => {
    node = await openWebNode();
  });
  afterEach(() => node.close());

  it('is never taken back: the same request gets the same answer', async () => {
    const mine = pressOf(node);
    const first = await press(node, mine);
    expect(first.statusCode).toBe(202);
    Object.assign(node.world, { keep: 0, state: 'paused', quota: 0, brokerAvailable: false });
    const again = await press(node, mine);
    expect([again.statusCode, again.json()]).toEqual([202, first.json()]);
    expect(node.world.drawn).toBe(1);
  });

  it('uses its ticket up if it was accepted by the broker, and leaves it usable if it was not', async () => {
    const mine = pressOf(node);
    node.world.publish = 'refused';
    expect((await press(node, mine)).json().verdict).toBe('overloaded');
    node.world.publish = 'confirmed';
    expect((await press(node, mine)).statusCode).toBe(202);
    node.context.gate.undo('another ticket', mine.user);
    mine.headers['idempotency-key'] = randomUUID();
    expect((await press(node, mine)).json().verdict).toBe('ticket_invalid');
    expect(node.world.drawn).toBe(1);
  });

  it('that the broker refused lets no copy with a forged ticket past the gate', async () => {
    const { promise, resolve } = Promise.withResolvers<'refused'>();
    node.world.publish = promise;
    const mine = { ...pressOf(node), headers: { 'idempotency-key': randomUUID() } };
    const first = press(node, mine);
    while (node.world.drawn === 0) await new Promise(setImmediate);
    // The same key with a forged ticket. Its body arrives after the first copy has been refused.
    const forged = {
      ...mine,
      ticket: mine.ticket.slice(0, -2) + (mine.ticket.endsWith('AA') ? 'QQ' : 'AA'),
    };
    const second = press(node, forged);
    resolve('refused');
    expect((await first).json().verdict).toBe('overloaded');
    expect((await second).statusCode).not.toBe(202);
    expect(node.world.drawn).toBe(0);
  });
});
