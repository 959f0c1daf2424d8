import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { readLine } from '../../ops/load/recording/call-log.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { startEdge } from '../edge.ts';
import { until } from '../until.ts';
import { call, standIn } from './nodes.ts';
import { edgeOfTwo, expectProblem } from './two-nodes.ts';

/** The rendered configuration in a real nginx, in front of two web nodes: whose call it is, and the shield. */

const SALE = '/api/v1/sales/demo';
const CLIENT = '127.0.0.5';
const FORGED = '198.51.100.7';
const at = edgeOfTwo();

describe('a user', () => {
  it('is served by one node, and people without a token by all', async () => {
    const nodesOf = async (headers: Record<string, string>) => {
      const before = at.nodes.at.length;
      for (let n = 0; n < 40; n += 1) await at.get('/api/v1/orders', headers);
      return new Set(at.nodes.at.slice(before)).size;
    };
    for (const user of ['ada', 'bob', 'cleo']) {
      expect(await nodesOf({ authorization: `Bearer ${at.nodes.tokenOf(user)}` })).toBe(1);
    }
    const reachedBy = async (authorization: string) => {
      await at.get('/api/v1/orders', { authorization });
      return at.nodes.at.at(-1);
    };
    const token = at.nodes.tokenOf('ada');
    const node = await reachedBy(`Bearer ${token}`);
    for (const scheme of ['bearer', 'BEARER', 'bEaReR', 'BeArEr', 'beareR']) {
      expect(await reachedBy(`${scheme} ${token}`)).toBe(node);
    }
    expect(await nodesOf({})).toBe(2);
  });

  it('sees each event of a stream at once, and a long poll ends with its answer', async () => {
    const { requestId } = JSON.parse((await at.buy('dora')).body);
    const headers = { authorization: `Bearer ${at.nodes.tokenOf('dora')}` };
    const stream = await fetch(`${at.edge.url}/api/v1/requests/${requestId}/events`, { headers });
    const reader = stream.body?.getReader();
    const first = Buffer.from((await reader?.read())?.value ?? '').toString();
    // A buffered event would arrive together with the comments that follow it.
    expect(first).toBe(
      `event: status\ndata: ${JSON.stringify({ requestId, status: 'queued' })}\n\n`,
    );
    await reader?.cancel();
    const polled = await at.get(`/api/v1/requests/${requestId}?wait=1`, headers);
    expect(JSON.parse(polled.body)).toMatchObject({ status: 'queued' });
    const other = { authorization: `Bearer ${at.nodes.tokenOf('eve')}` };
    expect((await at.get(`/api/v1/requests/${requestId}`, other)).status).toBe(404);
  });
});

describe('the address of a client', () => {
  const forged = { 'x-forwarded-for': FORGED, forwarded: `for=${FORGED}` };
  const ticket = (url: string, headers: Record<string, string>) =>
    call(`${url}/api/v1/sales/demo/tickets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${at.nodes.tokenOf('ada')}`, ...headers },
      body: '{"sku":"TV"}',
      from: CLIENT,
    });
  const block = (...addresses: string[]) => {
    for (const { world } of at.nodes.nodes) world.blocked = addresses;
  };
  afterAll(() => block());

  it('is the one that connects, whatever it says of itself', async () => {
    block(FORGED);
    expect((await ticket(at.edge.url, forged)).status).toBe(201);
    block(CLIENT);
    expect((await ticket(at.edge.url, forged)).status).toBe(403);
  });

  it('is the one that a proxy of the named range forwards', async () => {
    const behind = at.alsoClose(
      await startEdge(at.nodes.ports, { forwardedFrom: [`${CLIENT}/32`] }),
    );
    block('192.0.2.9');
    expect((await ticket(behind.url, { 'x-forwarded-for': '192.0.2.9' })).status).toBe(403);
    expect((await ticket(behind.url, { 'x-forwarded-for': '192.0.2.8' })).status).toBe(201);
  });

  it('is the one of the PROXY protocol', async () => {
    const behind = at.alsoClose(
      await startEdge(at.nodes.ports, { proxyProtocolFrom: ['127.0.0.0/8'] }),
    );
    block('192.0.2.9');
    const body = '{"sku":"TV"}';
    const lines = [
      'PROXY TCP4 192.0.2.9 127.0.0.1 4711 80',
      'POST /api/v1/sales/demo/tickets HTTP/1.1',
      'Host: shop.example',
      `Authorization: Bearer ${at.nodes.tokenOf('ada')}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      'Connection: close',
      '',
      body,
    ];
    expect(await raw(behind.url, lines.join('\r\n'))).toMatch(/^HTTP\/1.1 403 /);
    expect(await raw(behind.url, lines.slice(1).join('\r\n'))).not.toMatch(/ 201 /);
  });
});

/** Sends bytes and returns all that comes back until the connection is closed. */
async function raw(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  // The edge resets a connection that was too slow.
  socket.on('error', () => {});
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

describe('a shield', () => {
  it('limits calls, views and connections of a network, with 429 and a time to come back', async () => {
    const limits = {
      network_calls_per_second: '1',
      network_calls_burst: '3',
      network_views_per_second: '1',
      network_views_burst: '3',
    };
    const shielded = at.alsoClose(await startEdge(at.nodes.ports, { limits }));
    for (const path of ['/openapi.json', SALE, '/sales/demo']) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => call(shielded.url + path)),
      );
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThan(10);
      for (const each of refused) {
        expect(Number(each.headers['retry-after'])).toBeGreaterThan(0);
        if (path !== '/sales/demo') expectProblem(each, { verdict: 'rate_limited' });
        else {
          // A person reads it.
          expect(each.headers['content-type']).toBe('text/html; charset=utf-8');
          expect(each.headers['cache-control']).toBe('no-store');
          expect(Number(each.headers['refresh'])).toBeGreaterThan(0);
          expect(each.body).toMatch(/#ffd400.*Too many people/);
        }
      }
      // Another network is not concerned.
      expect((await call(shielded.url + path, { from: CLIENT })).status).toBe(200);
    }
  });

  it('refuses what is too large, and ends clients that are too slow', async () => {
    const limits = { headers_timeout: '1s', body_timeout: '1s' };
    const shielded = at.alsoClose(await startEdge(at.nodes.ports, { limits }));
    const large = await call(`${shielded.url}/api/v1/buy/x`, {
      method: 'POST',
      body: JSON.stringify({ quantity: 'x'.repeat(20_000) }),
    });
    expectProblem(large, { status: 413, verdict: 'bad_request' });
    // A payment provider may tell more. This callback is not signed.
    const callback = `${shielded.url}/api/v1/orders/41/payment`;
    const tell = (bytes: number) =>
      call(callback, { method: 'POST', body: `"${'x'.repeat(bytes)}"` });
    expect((await tell(100_000)).status).toBe(403);
    expectProblem(await tell(140_000), { status: 413 });
    const headers = { 'x-large': 'x'.repeat(30_000) };
    expectProblem(await call(shielded.url, { headers }), { verdict: 'bad_request' });
    // Both wait for more bytes, which do not come: the edge hangs up, and no node has heard of it.
    const before = at.nodes.seen.length;
    const slow = [
      'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ',
      'POST /api/v1/buy/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
    ];
    await Promise.all(slow.map((bytes) => raw(shielded.url, bytes)));
    expect(at.nodes.seen.length).toBe(before);
  });

  it('keeps metrics to itself', async () => {
    expectProblem(await at.get('/metrics'), { status: 404 });
    expect(JSON.parse((await at.get('/livez')).body)).toEqual({ status: 'live' });
  });
});

describe('TLS', () => {
  it('is 1.3 alone, and carries HTTP/2', async () => {
    const session = connectHttp2(at.edge.secureUrl, { rejectUnauthorized: false });
    const stream = session.request({ ':path': SALE });
    const [headers] = await once(stream, 'response');
    stream.resume();
    await once(stream, 'end');
    const socket = session.socket as import('node:tls').TLSSocket;
    expect([headers[':status'], session.alpnProtocol, socket.getProtocol()]).toEqual([
      ...[200, 'h2'],
      'TLSv1.3',
    ]);
    session.close();
    const port = Number(new URL(at.edge.secureUrl).port);
    const old = connectTls({ port, maxVersion: 'TLSv1.2', rejectUnauthorized: false });
    const [error] = await once(old, 'error');
    expect(String(error)).toMatch(/protocol version/);
  });
});

describe('the call log', () => {
  const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has no signature, no query but the wait, and no call of a payment provider', async () => {
    const callLog = join(folder, 'calls.log');
    const logged = at.alsoClose(await startEdge(at.nodes.ports, { callLog }));
    const id = '0aa8d3bb-21c3-4c0b-bd2a-28b8f9b64c01';
    const post = (path: string) => call(logged.url + path, { method: 'POST', body: '{}' });
    for (const ticket of ['TV.mx208yom.1e04.SIGNED', 'TV%2Emx208yom%2E1e04%2ESIGNED']) {
      await post(`/api/v1/buy/${ticket}?again=a.SIGNED`);
    }
    await post('/api/v1/orders/R-1/payment?key=SIGNED');
    const receipt = `/api/v1/requests/${id}~demo.SIGNED`;
    for (const path of [
      ...[receipt, `${receipt}.node-1?wait=1&SIGNED`, `${receipt}/events`],
      ...[`/sales/demo?email=SIGNED`, '/api/v1/orders?wait=SIGNED'],
    ]) {
      await call(logged.url + path);
    }
    // Nobody fills the disk, or leaves words, with what a shopper does not send.
    await call(`${logged.url}/api/v1/orders/${'SIGNED'.repeat(100)}`);
    const large = {
      'idempotency-key': 'SIGNED'.repeat(1_000),
      authorization: `Bearer a.${'SIGNED'.repeat(1_000)}.b`,
    };
    await call(`${logged.url}/api/v1/orders`, { headers: large });
    // Quotes, and a letter at which some programs end a line.
    const odd = 'GET /sales/"\\\u2028" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    await raw(logged.url, odd);
    const text = () => readFileSync(callLog, 'utf8');
    await until('all is written', () => text().split('\n').length > 9);
    expect(text()).not.toMatch(/SIGNED|payment/);
    const calls = text().trimEnd().split('\n').map(readLine);
    const aims = calls.map((read) => {
      if (typeof read === 'string') return read;
      return [read.call, read.sale ?? read.sku, read.requestId, read.wait]
        .filter(Boolean)
        .join(' ');
    });
    // Each process of nginx writes its own lines.
    expect(aims.toSorted()).toEqual([
      ...[
        'buy',
        `long-poll demo ${id} 1`,
        'orders',
        'orders',
        'other',
        'page "\\\u2028"',
        'page demo',
      ],
      ...[`status demo ${id}`, `stream demo ${id}`],
    ]);
  });
});

describe('a node that breaks off', () => {
  it('is not asked again for a call that may have changed something, and is for another one', async () => {
    const asked: string[] = [];
    const breaking = await Promise.all(
      [1, 2].map(() =>
        standIn((request) => {
          request.resume().once('end', () => {
            asked.push(`${request.method}`);
            request.socket.destroy();
          });
        }).then(at.alsoClose),
      ),
    );
    const broken = at.alsoClose(await startEdge(breaking.map(({ port }) => port)));
    expectProblem(await at.buy('ada', broken.url), { status: 502, verdict: 'internal_error' });
    expect(asked).toEqual(['POST']);
    const read = await call(`${broken.url}/api/v1/orders`);
    expect(read.status).toBeGreaterThanOrEqual(502);
    expect(asked.length).toBeGreaterThan(1);
  });
});
