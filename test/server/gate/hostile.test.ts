import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { until } from '../../until.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

/** What attackers send, over real sockets. */

let node: WebNode;
/** Ends a call that hangs. */
const SILENCE_MS = 30_000;
afterEach(() => node?.close());

async function open(environment: Record<string, string> = {}): Promise<number> {
  node = await openWebNode({ environment });
  await node.app.listen({ host: '127.0.0.1', port: 0 });
  return (node.app.server.address() as AddressInfo).port;
}

/** Sends raw bytes, and resolves with everything received until the server ends or goes silent. */
function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk;
      if (/\r\n\r\n[\s\S]*\}$/.test(text)) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
  });
}

function requestText(user: string, lines: string[] = [], body = '{"quantity":1}'): string {
  return [
    `POST /api/v1/buy/${node.ticketOf(user)} HTTP/1.1`,
    'host: shop.example',
    `authorization: Bearer ${node.tokenOf(user)}`,
    'content-type: application/json',
    ...lines,
    `content-length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const soon = () => Math.floor(Date.now() / 1_000) + 600;

it('an error while a press is judged without I/O is an answer, and ends no process', async () => {
  const port = await open();
  Object.assign(node.context.catalogue, {
    availability() {
      throw new RangeError('a bug');
    },
  });
  expect(await exchange(port, requestText('ada'))).toMatch(/^HTTP\/1\.1 500 .*internal_error/s);
});

describe('a token', () => {
  const press = (token: string, user = 'ada') =>
    node.app.inject({
      method: 'POST',
      url: `/api/v1/buy/${node.ticketOf(user)}`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      payload: '{"quantity":1}',
    });

  it('is accepted only with the signature of the shop', async () => {
    await open({ RATE_LIMIT_IP_PER_SECOND: '100000' });
    const none = base64({ alg: 'none', typ: 'JWT' });
    const hs256 = base64({ alg: 'HS256', typ: 'JWT' });
    const claims = base64({ sub: 'ada', exp: soon() });
    const signed = (text: string, secret: string) =>
      `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    const { identity } = node.config;
    const secret = identity.kind === 'secret' ? identity.secret : '';
    const forged = [
      `${none}.${claims}.`,
      `${none}.${claims}`,
      signed(`${none}.${claims}`, secret),
      signed(`${hs256}.${claims}`, 'another secret'),
      signed(`${base64({ alg: 'HS512' })}.${claims}`, secret),
      signed(`${hs256}.${base64({ sub: 'ada', exp: 1 })}`, secret),
      signed(`${hs256}.${base64({ sub: 'ada' })}`, secret),
      signed(`${hs256}.${base64({ exp: soon() })}`, secret),
      signed(`${hs256}.${base64({ sub: 'a\0da', exp: soon() })}`, secret),
      signed(`${hs256}.${base64({ sub: { toString: 'ada' }, exp: soon() })}`, secret),
      signed(`${hs256}.${base64({ sub: 'x'.repeat(129), exp: soon() })}`, secret),
      '..',
      'x'.repeat(5_000),
    ];
    for (const token of forged) {
      expect([token.slice(0, 60), (await press(token)).statusCode]).toEqual([
        token.slice(0, 60),
        401,
      ]);
    }
    expect((await press(signed(`${hs256}.${claims}`, secret))).statusCode).toBe(202);
  });

  it('or a ticket with any one bit flipped is refused', async () => {
    await open({ RATE_LIMIT_IP_PER_SECOND: '100000', RATE_LIMIT_USER_PER_SECOND: '100000' });
    const token = node.tokenOf('ada');
    const ticket = node.ticketOf('ada');
    const flipped = (text: string, at: number, bit: number) =>
      text.slice(0, at) +
      String.fromCharCode(text.charCodeAt(at) ^ (1 << bit)) +
      text.slice(at + 1);
    const headers = { 'content-type': 'application/json' };
    const send = (url: string, bearer: string) =>
      node.app.inject({
        method: 'POST',
        url: `/api/v1/buy/${encodeURI(url)}`,
        headers: { ...headers, authorization: `Bearer ${bearer}` },
        payload: '{"quantity":1}',
      });
    for (let at = 0; at < ticket.length; at += 3) {
      const { statusCode } = await send(flipped(ticket, at, at % 7), token);
      expect([403, 404]).toContain(statusCode);
    }
    // The last character of base64url has unused bits. Only the characters before it are all
    // signature.
    for (let at = 0; at < token.length - 1; at += 7) {
      expect((await send(ticket, flipped(token, at, 0))).statusCode).toBe(401);
    }
    expect(node.world.drawn).toBe(0);
  });
});

describe('forwarding headers', () => {
  // The clocks stand still, so that a slow machine gives nobody another second of a limit.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  async function verdicts(port: number): Promise<string[]> {
    const spoofed = (i: number) => [
      `x-forwarded-for: 198.51.100.${i}`,
      `forwarded: for=198.51.100.${i}`,
    ];
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => exchange(port, requestText(`user-${i}`, spoofed(i)))),
    );
    return answers.map((answer) => answer.slice(9, 12));
  }

  it('of an untrusted peer leave its requests in the bucket of the peer', async () => {
    const statuses = await verdicts(await open({ RATE_LIMIT_IP_PER_SECOND: '3' }));
    expect(statuses.filter((status) => status === '429').length).toBeGreaterThanOrEqual(3);
  });

  it('of a trusted proxy count, and each address has its own bucket', async () => {
    const environment = {
      RATE_LIMIT_IP_PER_SECOND: '1',
      TRUST_PROXY: '127.0.0.0/8',
      TRUST_PROXY_HOPS: '1',
    };
    const statuses = await verdicts(await open(environment));
    expect(new Set(statuses)).toEqual(new Set(['202']));
  });

  it('of a trusted proxy count up to the first untrusted address', async () => {
    const port = await open({
      RATE_LIMIT_IP_PER_SECOND: '1',
      TRUST_PROXY: '127.0.0.0/8',
      TRUST_PROXY_HOPS: '1',
    });
    const line = (i: number) => [`x-forwarded-for: 198.51.100.${i}, 203.0.113.5`];
    const first = await exchange(port, requestText('a', line(1)));
    const second = await exchange(port, requestText('b', line(2)));
    expect([first.slice(9, 12), second.slice(9, 12)]).toEqual(['202', '429']);
  });
});

describe('malformed requests', () => {
  it.each([
    ['NUL in the ticket', (text: string) => text.replace('/buy/TV', '/buy/TV\0')],
    ['NUL in a header', (text: string) => text.replace('shop.example', 'shop\0.example')],
    [
      'a bare LF in the head',
      (text: string) => text.replace('shop.example\r\n', 'shop.example\n\n'),
    ],
    ['a space in the URL', (text: string) => text.replace('/buy/', '/buy/ x')],
    [
      'two lengths',
      (text: string) => text.replace('content-length', 'content-length: 2\r\ncontent-length'),
    ],
    [
      'a length and chunks',
      (text: string) =>
        text.replace('content-length', 'transfer-encoding: chunked\r\ncontent-length'),
    ],
    [
      'a flood of header bytes',
      (text: string) => text.replace('host:', `x: ${'y'.repeat(20_000)}\r\nhost:`),
    ],
  ])('with %s are refused and draw nothing', async (_name, spoil) => {
    const port = await open();
    const answer = await exchange(port, spoil(requestText('ada')));
    expect(answer).toMatch(/^HTTP\/1.1 4\d\d /);
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(node.world.drawn).toBe(0);
    // The node still works and serves the next shopper.
    expect(await exchange(port, requestText('bob'))).toMatch(/^HTTP\/1.1 202 /);
  });

  it.each([
    ['__proto__', '{"quantity":1,"__proto__":{"quantity":1}}'],
    ['constructor', '{"quantity":1,"constructor":{"prototype":{}}}'],
    ['an encoded CRLF as quantity', '{"quantity":"1\\r\\nx: y"}'],
    ['900 levels', '['.repeat(900) + ']'.repeat(900)],
    ['a quantity that is none', '{"quantity":1e400}'],
  ])('with a body of %s are refused and change nothing', async (_name, body) => {
    const port = await open();
    expect(await exchange(port, requestText('ada', [], body))).toMatch(/^HTTP\/1.1 400 /);
    expect(node.world.drawn).toBe(0);
    expect(({} as { quantity?: number }).quantity).toBeUndefined();
  });

  it('with a body that grows past its limit in chunks are disconnected', async () => {
    const port = await open();
    const head = requestText('ada').split('content-length')[0];
    const chunk = `400\r\n${'x'.repeat(1_024)}\r\n`;
    const answer = await exchange(
      port,
      `${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(64)}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
  });

  it('with a thousand headers are refused', async () => {
    const port = await open();
    const flood = Array.from({ length: 1_000 }, (_, i) => `x-${i}: y`);
    expect(await exchange(port, requestText('ada', flood))).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe('slow clients', () => {
  it('delay nobody, a thousand of them included, and are disconnected in time', async () => {
    const port = await open({ RATE_LIMIT_IP_PER_SECOND: '100000' });
    const SLOW = 1_000;
    let cut = 0;
    const sockets: Socket[] = [];
    const [head = ''] = requestText('slow').split('{"quantity"');
    for (let i = 0; i < SLOW; i += 1) {
      const socket = connect(port, '127.0.0.1', () => {
        // Half of them stop in the head, half in the body.
        socket.write(i % 2 === 0 ? head.slice(0, 80) : `${head}{`);
      });
      socket
        .on('error', () => {})
        .on('close', () => {
          cut += 1;
        });
      socket.resume();
      sockets.push(socket);
    }
    const startedAtMs = performance.now();
    for (let i = 0; i < 50; i += 1) {
      expect(await exchange(port, requestText(`healthy-${i}`))).toMatch(/^HTTP\/1.1 202 /);
    }
    const eachMs = (performance.now() - startedAtMs) / 50;
    expect(eachMs, 'they do not wait until the slow are cut off').toBeLessThan(5_000);
    await until('all the slow are cut off', () => cut === SLOW);
    for (const socket of sockets) socket.destroy();
    expect(cut).toBe(SLOW);
    expect(node.world.drawn).toBe(50);
  });
});
