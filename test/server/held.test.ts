import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { openWebNode, type WebNode } from './web-node.ts';

/** Connections whose call waits: Node's HTTP server gives their sockets away and gets them back. */

let node: WebNode;
let client: Socket;
/** The end of the web node. */
let connection: Socket;
let received: string;
let isClosed: boolean;

beforeAll(async () => {
  node = await openWebNode();
  await node.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => node.close());

async function open(): Promise<void> {
  received = '';
  isClosed = false;
  const arrived = once(node.app.server, 'connection');
  client = connect((node.app.server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.on('data', (data) => {
    received += data;
  });
  const one = client;
  // The one of the last test may say so late.
  one.on('close', () => {
    isClosed ||= one === client;
  });
  [connection] = await arrived;
}
beforeEach(open);
afterEach(() => client.destroy());

/** More than the system keeps for both ends of a connection. */
const UNREAD_BYTES = 16_000_000;
const LIVEZ = 'GET /livez HTTP/1.1\r\nhost: shop.example\r\n\r\n';

async function take(): Promise<string> {
  const requestId = randomUUID();
  const request = { requestId, userId: 'ann', units: 2 };
  await node.context.purchases.take(node.world.row, request, 'ticket', 'web-1').published;
  return requestId;
}

function poll(requestId: string, query = '?wait=30', more: readonly string[] = []): string {
  const head = [
    `GET /api/v1/requests/${requestId}${query} HTTP/1.1`,
    'host: shop.example',
    `authorization: Bearer ${node.tokenOf('ann')}`,
    ...more,
  ];
  return `${head.join('\r\n')}\r\n\r\n`;
}

const isWaited = () => until('it waits', () => node.context.statusWaits.requestCount === 1);
const decide = (requestId: string) =>
  node.context.purchases.onVerdict({ requestId, status: 'sold_out', units: 0 });
const isHeld = () => (connection as { parser?: unknown }).parser === null;
const answers = () => received.split(/(?=HTTP\/1\.1 )/);
const statuses = () => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
const isAnswered = (many: number) =>
  until(`${many} answers`, () => statuses().length === many && /[}\d]\s*$/.test(received));

describe('a connection whose call waits', () => {
  it.each(['?wait=30', '/events'])(
    'is held without a parser, again and again: %s',
    async (query) => {
      for (let many = 1; many <= 12; many += 1) {
        const requestId = await take();
        client.write(poll(requestId, query));
        await isWaited();
        expect(isHeld()).toBe(true);
        decide(requestId);
        const outcome = `{"requestId":"${requestId}","status":"sold_out"}`;
        await until('the outcome', () => received.includes(outcome));
        if (query === '/events') await until('its end', () => received.endsWith('0\r\n\r\n'));
        expect(statuses()).toHaveLength(many);
        expect(connection.timeout).toBe(66_000);
        for (const event of connection.eventNames()) {
          expect(connection.listenerCount(event)).toBeLessThanOrEqual(3);
        }
      }
      client.write(LIVEZ);
      await isAnswered(13);
      expect(isHeld()).toBe(false);
      expect(new Set(statuses())).toEqual(new Set(['200']));
    },
  );

  it('gets the same head as on any other connection', async () => {
    const requestId = await take();
    client.write(poll(requestId));
    await isWaited();
    decide(requestId);
    await isAnswered(1);
    // With the start of another request behind it, Node's server keeps the connection.
    const other = await take();
    client.write(poll(other) + LIVEZ.slice(0, 9));
    await isWaited();
    expect(isHeld()).toBe(false);
    decide(other);
    await isAnswered(2);
    const [held, usual] = answers().map((one) =>
      one
        .toLowerCase()
        .replaceAll(requestId, 'id')
        .replaceAll(other, 'id')
        .replace(/^date: .+$/m, 'date'),
    );
    expect(held).toBe(usual);
    client.write(LIVEZ.slice(9));
    await isAnswered(3);
    expect(statuses()).toEqual(['200', '200', '200']);
  });

  it.each([
    ['a request', LIVEZ, '200'],
    ['bytes that are not a request', 'nonsense\r\n\r\n', '400'],
  ])('answers %s that came early in its turn', async (_what, early, status) => {
    const requestId = await take();
    client.write(poll(requestId));
    await isWaited();
    expect(isHeld()).toBe(true);
    client.write(early);
    await until('it has come', () => connection.isPaused());
    expect(received).toBe('');
    decide(requestId);
    await until('both answers', () => statuses().length === 2);
    expect(statuses()).toEqual(['200', status]);
    expect(received.indexOf('sold_out')).toBeLessThan(received.lastIndexOf('HTTP/1.1'));
  });

  it.each([
    ['asks for an upgrade', ['connection: upgrade', 'upgrade: websocket'], true],
    ['has a body', ['content-length: 2'], false],
  ])('is answered if its request %s', async (_what, more, held) => {
    const requestId = await take();
    client.write(poll(requestId, '?wait=30', more) + (held ? '' : '{}'));
    await isWaited();
    expect(isHeld()).toBe(held);
    decide(requestId);
    await isAnswered(1);
    client.write(LIVEZ);
    await isAnswered(2);
    expect(statuses()).toEqual(['200', '200']);
  });

  it('is closed after the answer if the client wishes so', async () => {
    const requestId = await take();
    client.write(poll(requestId, '?wait=30', ['connection: close']));
    await isWaited();
    decide(requestId);
    await until('the connection has ended', () => isClosed);
    expect(received).toMatch(/^connection: close\r$/im);
    expect(received).toContain('sold_out');
  });

  it('is closed, and the wait ends, when the client says no more', async () => {
    client.write(poll(await take(), '/events'));
    await isWaited();
    client.end();
    await until('the connection has ended', () => isClosed);
    await until('it is forgotten', () => node.context.statusWaits.waitingCount === 0);
  });

  it('is closed if too many bytes come before the answer', async () => {
    client.write(poll(await take()));
    await isWaited();
    // As if so much had come in one packet.
    connection.emit('data', Buffer.alloc(32_769));
    await until('the connection has ended', () => isClosed);
    await until('it is forgotten', () => node.context.statusWaits.waitingCount === 0);
  });

  it('is closed when the node stops and nothing is asked on it', async () => {
    const requestId = await take();
    client.write(poll(requestId));
    await isWaited();
    decide(requestId);
    await isAnswered(1);
    await node.close();
    await until('the connection has ended', () => isClosed);
    node = await openWebNode();
    await node.app.listen({ host: '127.0.0.1', port: 0 });
  });

  it('is not released while answers before it are not read, so that Node pauses the client', async () => {
    client.pause();
    connection.write(Buffer.alloc(UNREAD_BYTES));
    expect(connection.writableNeedDrain).toBe(true);
    client.write(poll(await take()));
    await isWaited();
    expect(isHeld()).toBe(false);
    client.destroy();
    await until('it is forgotten', () => node.context.statusWaits.waitingCount === 0);
  });

  it('makes no call after its last answer, even if that is not read yet', async () => {
    const requestId = await take();
    client.write(poll(requestId, '?wait=30', ['connection: close']));
    await isWaited();
    client.pause();
    connection.write(Buffer.alloc(UNREAD_BYTES));
    let calls = 0;
    const count = ({ socket }: { socket: unknown }) => {
      if (socket === connection) calls += 1;
    };
    node.app.server.on('request', count);
    decide(requestId);
    const seen = connection.bytesRead;
    client.write(LIVEZ);
    await until('it has come', () => connection.bytesRead > seen || connection.destroyed);
    client.resume();
    await until('it is closed', () => isClosed);
    node.app.server.off('request', count);
    expect(calls).toBe(0);
  });

  it('makes its next call after the verdict was told to all, not meanwhile', async () => {
    const requestId = await take();
    client.write(poll(requestId));
    await isWaited();
    client.write(LIVEZ);
    await until('it has come', () => connection.isPaused());
    let isTelling = true;
    const next = once(node.app.server, 'request').then(() => isTelling);
    let isWithin = false;
    node.app.server.prependOnceListener('request', () => {
      isWithin = isTelling;
    });
    decide(requestId);
    isTelling = false;
    await next;
    expect(isWithin).toBe(false);
    await isAnswered(2);
  });

  it('is still held after blank lines, which some clients send', async () => {
    const requestId = await take();
    client.write(poll(requestId));
    await isWaited();
    let seen = connection.bytesRead;
    client.write('\r\n');
    await until('the blank line has come', () => connection.bytesRead > seen);
    decide(requestId);
    await isAnswered(1);
    seen = connection.bytesRead;
    client.write('\r\n');
    await until('another one has come', () => connection.bytesRead > seen);
    expect(isHeld()).toBe(true);
    client.write(LIVEZ);
    await isAnswered(2);
    expect(statuses()).toEqual(['200', '200']);
  });

  it('ends if Node gives something else away than its socket', async () => {
    const { server } = node.app;
    const { emit } = server;
    server.emit = (event: string, ...args: unknown[]) =>
      emit.apply(
        server,
        (event === 'upgrade' ? [event, args[0], new PassThrough()] : [event, ...args]) as never,
      );
    client.write(poll(await take()));
    await until('it is closed', () => isClosed);
    server.emit = emit;
    await until('it is forgotten', () => node.context.statusWaits.waitingCount === 0);
  });
});
