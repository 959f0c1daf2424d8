import { randomUUID } from 'node:crypto';
import { Agent, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OrderTerms, Verdict } from '../../contracts/messages.ts';
import type { RequestOutcome } from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { Problem } from '../../server/http/problems.ts';
import { issueReceipt } from '../../server/requests/receipt.ts';
import { until } from '../until.ts';
import { openWebNode, type WebNode } from './web-node.ts';

/** Shoppers wait for their outcome over sockets. */

const terms: OrderTerms = {
  sale: 'demo',
  sku: 'TV',
  currency: 'EUR',
  createdAt: '2026-01-01T00:00:00.000Z',
  payBefore: new Date(Date.now() + 600_000).toISOString(),
};

let node: WebNode;
let agent: Agent;
let looked: number;
let requestId: string;

beforeEach(async () => {
  node = await openWebNode();
  // The requests of a test share a connection in turn, so that an answer with a wrong end breaks
  // the next one.
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await node.app.listen({ host: '127.0.0.1', port: 0 });
  looked = 0;
  node.world.outcomes = async () => {
    looked += 1;
    return [];
  };
  requestId = randomUUID();
  const request = { requestId, userId: 'ann', units: 2 };
  await node.context.purchases.take(node.world.row, request, 'ticket', 'web-1').published;
});

afterEach(async () => {
  agent.destroy();
  await node.close();
});

const port = () => (node.app.server.address() as AddressInfo).port;

function ask(path: string, user = 'ann') {
  const headers = { authorization: `Bearer ${node.tokenOf(user)}` };
  return new Promise<{ status: number; close: boolean; body: string }>((resolve, reject) => {
    const path_ = `/api/v1/requests/${path}`;
    get({ host: '127.0.0.1', port: port(), path: path_, headers, agent }, async (response) => {
      const { statusCode = 0, headers: its } = response;
      const close = its.connection === 'close';
      resolve({ status: statusCode, close, body: await text(response) });
    }).on('error', reject);
  });
}

/** On a machine that stood still before, the node asks the database once before it waits. */
async function isWaited(): Promise<void> {
  await until('it waits', () => node.context.statusWaits.requestCount === 1);
  looked = 0;
}

function ordered(changes: Partial<Verdict> = {}): Verdict {
  const order = { orderNo: '42', units: 2, amount: '19.90' };
  return { requestId, status: 'ordered', ...order, ...changes };
}

const answer = () => ({
  requestId,
  status: 'ordered',
  order: {
    orderNo: '42',
    requestId,
    sale: 'demo',
    sku: 'TV',
    quantity: 2,
    amount: '19.90',
    currency: 'EUR',
    status: 'ordered',
    createdAt: terms.createdAt,
    payBefore: terms.payBefore,
  },
});

const dataOf = (stream: string): unknown[] =>
  [...stream.matchAll(/^event: status\ndata: (.*)\n\n/gm)].map(([, data = '']) => JSON.parse(data));

const paid = (): RequestOutcome => ({
  requestId,
  userId: 'ann',
  sale: 'demo',
  sku: 'TV',
  units: 2,
  status: 'paid',
  reason: null,
  orderNo: '42',
  amount: '19.90',
  currency: 'EUR',
  payBefore: new Date(terms.payBefore),
  decidedAt: new Date(terms.createdAt),
});

describe('a shopper who waits when the verdict arrives', () => {
  it('gets the order with the verdict, and a later question gets the present state of the order', async () => {
    const poll = ask(`${requestId}?wait=30`);
    await isWaited();
    node.context.purchases.onVerdict(ordered(), terms);
    expect(JSON.parse((await poll).body)).toEqual(answer());
    expect(looked).toBe(0);
    node.world.outcomes = async () => [paid()];
    expect(JSON.parse((await ask(requestId)).body)).toMatchObject({ status: 'paid' });
  });

  it('gets texts in any script unchanged', async () => {
    for (const path of [`${requestId}?wait=30`, `${requestId}/events`]) {
      const reason = 'Zurückgestellt: 在庫';
      requestId = randomUUID();
      const request = { requestId, userId: 'ann', units: 2 };
      await node.context.purchases.take(node.world.row, request, 'ticket', 'web-1').published;
      const answered = ask(path.replace(/^[^/?]+/, requestId));
      await isWaited();
      node.context.purchases.onVerdict({ requestId, status: 'rejected', reason, units: 0 });
      expect((await answered).body).toContain(`"status":"rejected","reason":"${reason}"`);
    }
  });

  it('gets the verdict on the event stream, and can use the connection again', async () => {
    const stream = ask(`${requestId}/events`);
    await isWaited();
    node.context.purchases.onVerdict(ordered(), terms);
    const { status, body } = await stream;
    expect(status).toBe(200);
    expect(dataOf(body)).toEqual([{ requestId, status: 'queued' }, answer()]);
    expect(looked).toBe(0);
    node.world.outcomes = async () => [paid()];
    expect(JSON.parse((await ask(requestId)).body)).toMatchObject({ status: 'paid' });
    expect(dataOf((await ask(`${requestId}/events`)).body)).toMatchObject([{ status: 'paid' }]);
  });

  it('gets the answer from the database when the verdict is incomplete or too old', async () => {
    const expired = { ...terms, payBefore: new Date(Date.now() - 1).toISOString() };
    for (const [verdict, its] of [
      [ordered({ amount: '19.90' }), undefined],
      [(({ amount: _, ...old }) => old)(ordered()), terms],
      [ordered(), expired],
    ] as const) {
      requestId = randomUUID();
      node.world.outcomes = async () => [];
      const request = { requestId, userId: 'ann', units: 2 };
      await node.context.purchases.take(node.world.row, request, 'ticket', 'web-1').published;
      const poll = ask(`${requestId}?wait=30`);
      await isWaited();
      node.world.outcomes = async () => [paid()];
      node.context.purchases.onVerdict({ ...verdict, requestId }, its);
      expect(JSON.parse((await poll).body)).toMatchObject({ status: 'paid' });
    }
  });

  it("gets nothing about another user's request, even after waiting for it", async () => {
    const theirs = randomUUID();
    const poll = ask(`${theirs}?wait=30`, 'bob');
    await isWaited();
    const request = { requestId: theirs, userId: 'ann', units: 2 };
    await node.context.purchases.take(node.world.row, request, 'ticket', 'web-1').published;
    node.context.purchases.onVerdict(ordered({ requestId: theirs }), terms);
    expect((await poll).status).toBe(404);
    expect((await ask(requestId, 'bob')).status).toBe(404);
    expect((await ask(`${requestId}/events`, 'bob')).status).toBe(404);
  });

  it('gets the end of the stream when the outcome cannot be looked up, and has to ask again', async () => {
    const stream = ask(`${requestId}/events`);
    await isWaited();
    node.world.outcomes = () => Promise.reject(new DatabaseError('unavailable', 'it restarts'));
    node.context.purchases.onVerdict({ requestId, status: 'ordered', units: 1, orderNo: '2' });
    expect(dataOf((await stream).body)).toEqual([{ requestId, status: 'queued' }]);
    expect((await ask(requestId)).status).toBe(503);
  });
});

it('an event stream has no chunks for an HTTP/1.0 client', async () => {
  const socket = connect(port(), '127.0.0.1');
  const all = text(socket);
  const authorization = `authorization: Bearer ${node.tokenOf('ann')}`;
  socket.write(`GET /api/v1/requests/${requestId}/events HTTP/1.0\r\n${authorization}\r\n\r\n`);
  await isWaited();
  node.context.purchases.onVerdict({ requestId, status: 'sold_out', units: 0 });
  const [head = '', ...body] = (await all).split('\r\n\r\n');
  expect(head.toLowerCase()).not.toContain('transfer-encoding');
  const [queued, soldOut] = ['queued', 'sold_out'].map((status) =>
    JSON.stringify({ requestId, status }),
  );
  expect(body.join('')).toBe(
    `event: status\ndata: ${queued}\n\nevent: status\ndata: ${soldOut}\n\n`,
  );
});

it('a status call is answered in every spelling of its URL, and a malformed URL is refused', async () => {
  const json = { requestId, status: 'queued' };
  for (const path of [requestId, requestId.toUpperCase(), `${requestId}?wait=0&x=1`]) {
    expect(JSON.parse((await ask(path)).body)).toEqual(json);
  }
  expect((await ask(`%${requestId.charCodeAt(0).toString(16)}${requestId.slice(1)}`)).status).toBe(
    200,
  );
  for (const path of [`${requestId}?wait=-1`, `${requestId}?wait=9999`, 'x', `${requestId}~`]) {
    expect((await ask(path)).status).toBe(400);
  }
  const anonymous = await node.app.inject(`/api/v1/requests/${requestId}`);
  expect(anonymous.statusCode).toBe(401);
});

it('a status wait ends when the client hangs up', async () => {
  const { statusWaits } = node.context;
  const authorization = `authorization: Bearer ${node.tokenOf('ann')}`;
  for (const path of ['?wait=30', '/events']) {
    const socket = connect(port(), '127.0.0.1');
    const url = `/api/v1/requests/${requestId}${path}`;
    socket.write(`GET ${url} HTTP/1.1\r\nhost: a\r\n${authorization}\r\n\r\n`);
    await isWaited();
    expect(statusWaits.waitingCount).toBe(1);
    socket.destroy();
    await until('it is forgotten', () => statusWaits.waitingCount === 0);
    expect(statusWaits.requestCount).toBe(0);
  }
});

it('an event stream is kept open by a comment every 15 s, for 5 minutes', async () => {
  await node.close();
  // Look-ups use the same clock. With the real clock, five minutes would pass during the first one.
  vi.useFakeTimers({
    toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance'],
  });
  try {
    node = await openWebNode();
    const request = { requestId, userId: 'ann', units: 2 };
    await node.context.purchases.take(node.world.row, request, 'ticket', 'web-1').published;
    const headers = { authorization: `Bearer ${node.tokenOf('ann')}` };
    const stream = node.app.inject({ url: `/api/v1/requests/${requestId}/events`, headers });
    const { statusWaits } = node.context;
    await until('it waits', () => statusWaits.waitingCount === 1);
    for (let seconds = 0; seconds < 301; seconds += 1) await vi.advanceTimersByTimeAsync(1_000);
    const { body } = await stream;
    expect(body.match(/event: status/g)).toHaveLength(1);
    expect(body.match(/^: waiting$/gm)).toHaveLength(20);
    expect(statusWaits.waitingCount).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

it('a node that stops answers all waiting shoppers and keeps no connection open', async () => {
  const poll = ask(`${requestId}?wait=30`);
  await isWaited();
  const closing = node.close();
  const { status, close, body } = await poll;
  expect([status, close, JSON.parse(body)]).toEqual([200, true, { requestId, status: 'queued' }]);
  await closing;
  node = await openWebNode();
});

it.each([
  { what: 'a stream that has begun', isTaken: true, status: 200 },
  { what: 'a question that has no answer yet', isTaken: false, status: 404 },
])('a node that stops ends $what of another node and keeps no connection open', async (one) => {
  const foreign = randomUUID();
  const { sale } = node.world.row;
  const key = node.context.catalogue.ticketKeys.receipt(sale);
  if (key === undefined) throw new Error('no key');
  const proof = one.isTaken
    ? `~${issueReceipt(key, { sale, requestId: foreign, userId: 'ann' })}`
    : '';
  const stream = ask(`${foreign}${proof}/events`);
  await until('it waits', () => node.context.statusWaits.requestCount === 1);
  // The database answers after the server has closed its idle connections.
  const asked = Promise.withResolvers<void>();
  const found = Promise.withResolvers<RequestOutcome[]>();
  node.world.outcomes = () => {
    asked.resolve();
    return found.promise;
  };
  const closing = node.close();
  await asked.promise;
  await until('nobody is let in', () => !node.app.server.listening);
  found.resolve([]);
  expect(await stream).toMatchObject({ status: one.status });
  await closing;
  node = await openWebNode();
});

it.each(['?wait=5&x=1', '/events?x=1'])(
  'a shopper beyond the limit is refused, whatever the URL looks like: %s',
  async (query) => {
    vi.spyOn(node.context.statusWaits, 'begin').mockImplementation(() => {
      throw new Problem('overloaded');
    });
    const { status, body } = await ask(`${requestId}${query}`);
    expect([status, JSON.parse(body)]).toMatchObject([503, { verdict: 'overloaded' }]);
  },
);
