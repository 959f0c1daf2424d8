import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../until.ts';
import { openWebNode, rowOnSale, type WebNode } from '../web-node.ts';

/** When operators edit between the head and the body of a request, the edit counts. */

let node: WebNode;
/** How often the lists were read. */
let seen: number;
beforeEach(async () => {
  node = await openWebNode();
  await node.app.listen({ host: '127.0.0.1', port: 0 });
  seen = 0;
  const lists: string[] = [];
  node.world.blocked = new Proxy(lists, {
    get(list, name) {
      if (name === 'includes') seen += 1;
      return Reflect.get(list, name);
    },
  });
});
afterEach(() => node.close());

interface Slow {
  finish(): Promise<{ status: number; verdict: string | undefined }>;
}

/** Sends the head and waits until the node has judged it. */
async function begin(url: string, user: string, body: string): Promise<Slow> {
  const { port } = node.app.server.address() as AddressInfo;
  const headers = {
    authorization: `Bearer ${node.tokenOf(user)}`,
    'content-type': 'application/json',
    'content-length': String(body.length),
  };
  const sent = request({ host: '127.0.0.1', port, path: url, method: 'POST', headers });
  const answered = new Promise<{ status: number; verdict: string | undefined }>(
    (resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', async (response) => {
        const { verdict } = JSON.parse(await text(response));
        resolve({ status: response.statusCode ?? 0, verdict });
      });
    },
  );
  const judgedBefore = seen;
  sent.flushHeaders();
  await until('the head was judged', () => seen > judgedBefore);
  // All other checks of the head are made in the same turn of the event loop.
  await new Promise(setImmediate);
  return {
    finish() {
      sent.end(body);
      return answered;
    },
  };
}

const EDITS: readonly [string, string, (user: string) => unknown][] = [
  ['closed', 'closed', () => (node.world.state = 'closed')],
  ['paused', 'paused', () => (node.world.state = 'paused')],
  ['blocked', 'the user is blocked', (user) => node.world.blocked.push(user)],
  [
    'closed',
    'the sale has ended',
    () => {
      node.world.row = rowOnSale({ closesAt: new Date(Date.now() - 1) });
      return node.refresh();
    },
  ],
  [
    'sold_out',
    'the last unit was paid for',
    () => {
      node.world.row = rowOnSale({ free: 0 });
      return node.refresh();
    },
  ],
];

describe('a purchase whose body comes late', () => {
  it.each([
    ...EDITS,
    ['overloaded', 'the broker is away', () => (node.world.brokerAvailable = false)],
    [
      'ticket_invalid',
      'the ticket keys were revoked',
      () => {
        const fresh = { id: 2, key: Buffer.alloc(32, 7), retiredAt: undefined, isRevoked: false };
        const revoked = node.world.ticketKeys.map((one) => ({ ...one, isRevoked: true }));
        Object.assign(node.world, { ticketKeys: [...revoked, fresh], ticketEpoch: 2 });
        return node.refresh();
      },
    ],
  ] as typeof EDITS)('is refused as %s: %s', async (verdict, _why, edit) => {
    const user = `user-${randomUUID()}`;
    const slow = await begin(`/api/v1/buy/${node.ticketOf(user)}`, user, '{"quantity":1}');
    await edit(user);
    expect((await slow.finish()).verdict).toBe(verdict);
    expect(node.world.drawn).toBe(0);
  });

  it('is refused as ticket_invalid: the ticket has expired', async () => {
    const expiresAtMs = Date.now() + 1_000;
    const ticket = node.ticketOf('ada', expiresAtMs);
    const slow = await begin(`/api/v1/buy/${ticket}`, 'ada', '{"quantity":1}');
    await until('the ticket has expired', () => Date.now() > expiresAtMs);
    expect((await slow.finish()).verdict).toBe('ticket_invalid');
    expect(node.world.drawn).toBe(0);
  });

  it('is accepted when nothing has changed', async () => {
    const slow = await begin(`/api/v1/buy/${node.ticketOf('ada')}`, 'ada', '{"quantity":1}');
    expect((await slow.finish()).status).toBe(202);
  });
});

describe.each(['tickets', 'challenges'])('a request for %s whose body comes late', (what) => {
  it.each(EDITS)('is refused as %s: %s', async (verdict, _why, edit) => {
    const user = `user-${randomUUID()}`;
    const slow = await begin(`/api/v1/sales/demo/${what}`, user, '{"sku":"TV"}');
    await edit(user);
    expect((await slow.finish()).verdict).toBe(verdict);
  });
});
