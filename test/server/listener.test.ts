import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { openWebNode, type WebNode } from './web-node.ts';

/** Invalid bytes and slow clients, over one socket. */

const SLOW_BYTE_MS = 2_000;
/** The manual says 10 s. The checks of the server and the last answer add a little. */
const SLOW_BYTES_MAX = 8;
/** Sent behind a waiting request: more bytes than sockets and kernels buffer. */
const MORE_BYTES = 1_048_576;
const MORE_TIMES = 32;

let node: WebNode;
let socket: Socket;
let received: string;
let isClosed: boolean;

beforeEach(async () => {
  node = await openWebNode();
  await node.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = node.app.server.address() as AddressInfo;
  received = '';
  isClosed = false;
  socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.on('data', (data) => {
    received += data;
  });
  socket.on('close', () => {
    isClosed = true;
  });
});
afterEach(async () => {
  socket.destroy();
  await node.close();
});

const headOf = (length: number) =>
  [
    `POST /api/v1/buy/${node.ticketOf('ada')} HTTP/1.1`,
    'host: shop.example',
    `authorization: Bearer ${node.tokenOf('ada')}`,
    'content-type: application/json',
    `content-length: ${length}`,
    '\r\n',
  ].join('\r\n');
const BODY = '{"quantity":1}';

const statuses = () => [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);

describe('bytes that are not a request', () => {
  it('are answered after the request before them, which is accepted', async () => {
    const { promise, resolve } = Promise.withResolvers<'confirmed'>();
    node.world.publish = promise;
    socket.write(`${headOf(BODY.length)}${BODY}, and more than its length`);
    await until('it is drawn', () => node.world.drawn === 1);
    // The parser has read the rest by then, because it came in the same packet.
    await new Promise(setImmediate);
    expect(received).toBe('');
    resolve('confirmed');
    await until('the connection has ended', () => isClosed);
    expect(statuses()).toEqual(['202', '400']);
  });

  it('are answered after all requests before them', async () => {
    const { promise, resolve } = Promise.withResolvers<'confirmed'>();
    node.world.publish = promise;
    const livez = 'GET /livez HTTP/1.1\r\nhost: shop.example\r\n\r\n';
    socket.write(`${headOf(BODY.length)}${BODY}${livez}nonsense\r\n\r\n`);
    await until('it is drawn', () => node.world.drawn === 1);
    resolve('confirmed');
    await until('the connection has ended', () => isClosed);
    expect(statuses()).toEqual(['202', '200', '400']);
  });

  it('are not read while the request before them waits, and are answered once', async () => {
    const { promise, resolve } = Promise.withResolvers<'confirmed'>();
    node.world.publish = promise;
    let errors = 0;
    node.app.server.on('clientError', () => {
      errors += 1;
    });
    socket.write(`${headOf(BODY.length)}${BODY}nonsense`);
    await until('it is drawn and the rest is met', () => node.world.drawn === 1 && errors > 0);
    const more = Buffer.alloc(MORE_BYTES);
    for (let n = 0; n < MORE_TIMES; n += 1) socket.write(more);
    // The server has read what arrived before these calls by the time it answers them.
    const livez = `http://127.0.0.1:${(node.app.server.address() as AddressInfo).port}/livez`;
    for (let n = 0; n < MORE_TIMES; n += 1) await (await fetch(livez)).text();
    expect(errors).toBe(1);
    resolve('confirmed');
    await until('the connection has ended', () => isClosed);
    expect(statuses()).toEqual(['202', '400']);
  });

  it('within a body end its request with an error', async () => {
    const chunked = headOf(0).replace('content-length: 0', 'transfer-encoding: chunked');
    socket.write(`${chunked}nonsense\r\n`);
    await until('the connection has ended', () => isClosed);
    expect(statuses()).toEqual(['400']);
    expect(node.world.drawn).toBe(0);
  });
});

describe('a client that sends a byte every two seconds', () => {
  it.each([
    ['of the head', () => ['GET /livez HTTP/1.1\r\nx: ', 'a']],
    ['of the body', () => [`${headOf(1_000)}`, '{']],
  ])('%s is disconnected', async (_where, parts) => {
    const [first = '', next = ''] = parts();
    socket.write(first);
    let sent = 0;
    const timer = setInterval(() => {
      sent += 1;
      socket.write(next);
    }, SLOW_BYTE_MS);
    await until('it is cut off', () => isClosed, { deadlineMs: 120_000 });
    clearInterval(timer);
    expect(statuses()).toEqual(['408']);
    expect(sent).toBeLessThanOrEqual(SLOW_BYTES_MAX);
  });
});
