import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPageFiles } from '../../server/http/page-files.ts';
import { shopTime } from '../../server/public/js/api.js';
import { type Edge, startEdge } from '../edge.ts';
import { until } from '../until.ts';
import { call, type Nodes, openNodes, standIn, type Told } from './nodes.ts';

/** The rendered configuration in a real nginx, in front of two web nodes. */

const PROBLEM = 'application/problem+json';
const SALE = '/api/v1/sales/demo';
const CLIENT = '127.0.0.5';
const FORGED = '198.51.100.7';

let nodes: Nodes;
let edge: Edge;
const open: { close(): Promise<void> }[] = [];
const alsoClose = <T extends { close(): Promise<void> }>(opened: T): T => {
  open.push(opened);
  return opened;
};

beforeAll(async () => {
  nodes = await openNodes(2);
  edge = await startEdge(nodes.ports);
});
afterAll(async () => {
  for (const each of open.reverse()) await each.close();
  await edge?.close();
  await nodes?.close();
});

const get = (path: string, headers: Record<string, string> = {}) =>
  call(edge.url + path, { headers });
const reached = (path: string) => nodes.seen.filter((each) => each === `GET ${path}`).length;
const ageOf = ({ headers }: Told) => shopTime(new Headers(headers as Record<string, string>));

function expectProblem({ status, headers, body }: Told, expected: object): void {
  expect(headers['content-type']).toBe(PROBLEM);
  expect(headers['cache-control']).toBe('no-store');
  expect(JSON.parse(body)).toMatchObject({ type: 'about:blank', status, ...expected });
}

const buy = (userId: string, url = edge.url, from = '127.0.0.1') =>
  call(`${url}/api/v1/buy/${nodes.nodes[0]?.ticketOf(userId)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${nodes.tokenOf(userId)}` },
    body: '{"quantity":1}',
    from,
  });

describe('what is the same for everybody', () => {
  it.each([SALE, '/api/v1/sales', '/', '/sales/demo', '/sales/demo/lottery'])(
    '%s reaches the nodes once a second, however many ask',
    async (path) => {
      const startedAt = Date.now();
      const before = reached(path);
      for (let round = 0; round < 3; round += 1) {
        const answers = await Promise.all(Array.from({ length: 60 }, () => get(path)));
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      }
      const seconds = Math.floor(Date.now() / 1_000) - Math.floor(startedAt / 1_000) + 1;
      expect(reached(path) - before).toBeLessThanOrEqual(seconds);
    },
  );

  it('is never older than a second, and tells its age: the clock of the page stays true', async () => {
    let slowestMs = 0;
    const aged = await until('a copy is half a second old', async () => {
      const sentAt = Date.now();
      const answer = await get(SALE);
      const receivedAt = Date.now();
      slowestMs = Math.max(slowestMs, receivedAt - sentAt);
      const { ageMs, serverTimeMs } = ageOf(answer);
      if (ageMs < 500) throw new Error(`${ageMs} ms`);
      return { ageMs, serverTimeMs, sentAt, receivedAt };
    });
    // The copy is of this second; the way to the node may have begun before its end.
    expect(aged.ageMs).toBeLessThan(1_000 + slowestMs);
    expect(aged.serverTimeMs).toBeGreaterThan(aged.sentAt - 250);
    expect(aged.serverTimeMs).toBeLessThan(aged.receivedAt + slowestMs + 250);
  });

  it('is answered with 304 by the edge itself', async () => {
    const { headers, body } = await get(SALE);
    expect(body).not.toBe('');
    const before = nodes.seen.length;
    const startedAt = Math.floor(Date.now() / 1_000);
    for (let n = 0; n < 40; n += 1) {
      const same = await get(SALE, { 'if-none-match': headers.etag ?? '' });
      expect([same.status, same.body]).toEqual([304, '']);
      expect(ageOf(same).serverTimeMs).toBeGreaterThan(1e12);
    }
    const seconds = Math.floor(Date.now() / 1_000) - startedAt + 1;
    expect(nodes.seen.length - before).toBeLessThanOrEqual(seconds);
  });

  it('is kept by path as it was written, without the query, and without whoever asked', async () => {
    expect((await get('/sales/demo%2Flottery')).status).toBe(404);
    expect((await get('/sales/demo/lottery')).status).toBe(200);
    const before = nodes.seen.length;
    await Promise.all(Array.from({ length: 50 }, (_, n) => get(`${SALE}?n=${n}`)));
    expect(nodes.seen.slice(before).filter((each) => each !== `GET ${SALE}`)).toEqual([]);
    expect(nodes.seen.length - before).toBeLessThan(10);
    const { headers } = await get('/sales/nowhere/');
    expect(headers.location).toBe('/sales/nowhere');
  });
});

describe('files with a fingerprint', () => {
  const path = () => `${readPageFiles().prefix}/js/api.js`;

  it('are kept, and asked of a node once', async () => {
    const before = reached(path());
    const first = await get(path());
    const again = await get(path(), { 'accept-encoding': 'gzip' });
    expect([first.status, again.headers['content-encoding']]).toEqual([200, 'gzip']);
    expect(first.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(reached(path()) - before).toBe(1);
  });

  it('are found while only one of the nodes has this version', async () => {
    let asked = 0;
    const old = alsoClose(
      await standIn((_request, response) => {
        asked += 1;
        response.writeHead(404).end();
      }),
    );
    const mixed = alsoClose(await startEdge([old.port, nodes.ports[0] ?? 0]));
    for (const name of ['api', 'clock', 'dom', 'format', 'hero', 'key', 'pace', 'rank']) {
      const file = `${readPageFiles().prefix}/js/${name}.js`;
      expect([name, (await call(mixed.url + file)).status]).toEqual([name, 200]);
    }
    expect(asked).toBeGreaterThan(0);
    expect((await call(`${mixed.url}/assets/0123456789abcdef/js/api.js`)).status).toBe(404);
  });
});

describe('a user', () => {
  it('is served by one node, and people without a token by all', async () => {
    const nodesOf = async (headers: Record<string, string>) => {
      const before = nodes.at.length;
      for (let n = 0; n < 40; n += 1) await get('/readyz', headers);
      return new Set(nodes.at.slice(before)).size;
    };
    for (const user of ['ada', 'bob', 'cleo']) {
      expect(await nodesOf({ authorization: `Bearer ${nodes.tokenOf(user)}` })).toBe(1);
    }
    expect(await nodesOf({})).toBe(2);
  });

  it('sees each event of a stream at once, and a long poll ends with its answer', async () => {
    const { requestId } = JSON.parse((await buy('dora')).body);
    const headers = { authorization: `Bearer ${nodes.tokenOf('dora')}` };
    const stream = await fetch(`${edge.url}/api/v1/requests/${requestId}/events`, { headers });
    const reader = stream.body?.getReader();
    const first = Buffer.from((await reader?.read())?.value ?? '').toString();
    // A buffered event would arrive together with the comments that follow it.
    expect(first).toBe(
      `event: status\ndata: ${JSON.stringify({ requestId, status: 'queued' })}\n\n`,
    );
    await reader?.cancel();
    const polled = await get(`/api/v1/requests/${requestId}?wait=1`, headers);
    expect(JSON.parse(polled.body)).toMatchObject({ status: 'queued' });
    const other = { authorization: `Bearer ${nodes.tokenOf('eve')}` };
    expect((await get(`/api/v1/requests/${requestId}`, other)).status).toBe(404);
  });
});

describe('the address of a client', () => {
  const forged = { 'x-forwarded-for': FORGED, forwarded: `for=${FORGED}` };
  const ticket = (url: string, headers: Record<string, string>) =>
    call(`${url}/api/v1/sales/demo/tickets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${nodes.tokenOf('ada')}`, ...headers },
      body: '{"sku":"TV"}',
      from: CLIENT,
    });
  const block = (...addresses: string[]) => {
    for (const { world } of nodes.nodes) world.blocked = addresses;
  };
  afterAll(() => block());

  it('is the one that connects, whatever it says of itself', async () => {
    block(FORGED);
    expect((await ticket(edge.url, forged)).status).toBe(201);
    block(CLIENT);
    expect((await ticket(edge.url, forged)).status).toBe(403);
  });

  it('is the one that a proxy of the named range forwards', async () => {
    const behind = alsoClose(await startEdge(nodes.ports, { forwardedFrom: [`${CLIENT}/32`] }));
    block('192.0.2.9');
    expect((await ticket(behind.url, { 'x-forwarded-for': '192.0.2.9' })).status).toBe(403);
    expect((await ticket(behind.url, { 'x-forwarded-for': '192.0.2.8' })).status).toBe(201);
  });

  it('is the one of the PROXY protocol', async () => {
    const behind = alsoClose(await startEdge(nodes.ports, { proxyProtocolFrom: ['127.0.0.0/8'] }));
    block('192.0.2.9');
    const body = '{"sku":"TV"}';
    const lines = [
      'PROXY TCP4 192.0.2.9 127.0.0.1 4711 80',
      'POST /api/v1/sales/demo/tickets HTTP/1.1',
      'Host: shop.example',
      `Authorization: Bearer ${nodes.tokenOf('ada')}`,
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
    const shielded = alsoClose(await startEdge(nodes.ports, { limits }));
    for (const path of ['/readyz', SALE, '/sales/demo']) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => call(shielded.url + path)),
      );
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThan(10);
      for (const each of refused) {
        expectProblem(each, { verdict: 'rate_limited' });
        expect(Number(each.headers['retry-after'])).toBeGreaterThan(0);
      }
      // Another network is not concerned.
      expect((await call(shielded.url + path, { from: CLIENT })).status).toBe(200);
    }
  });

  it('refuses what is too large, and ends clients that are too slow', async () => {
    const limits = { headers_timeout: '1s', body_timeout: '1s' };
    const shielded = alsoClose(await startEdge(nodes.ports, { limits }));
    const large = await call(`${shielded.url}/api/v1/buy/x`, {
      method: 'POST',
      body: JSON.stringify({ quantity: 'x'.repeat(20_000) }),
    });
    expectProblem(large, { status: 413, verdict: 'bad_request' });
    const headers = { 'x-large': 'x'.repeat(30_000) };
    expectProblem(await call(shielded.url, { headers }), { verdict: 'bad_request' });
    // Both wait for more bytes, which do not come: the edge hangs up, and no node has heard of it.
    const before = nodes.seen.length;
    const slow = [
      'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ',
      'POST /api/v1/buy/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
    ];
    await Promise.all(slow.map((bytes) => raw(shielded.url, bytes)));
    expect(nodes.seen.length).toBe(before);
  });

  it('keeps metrics to itself', async () => {
    expectProblem(await get('/metrics'), { status: 404 });
    expect(JSON.parse((await get('/livez')).body)).toEqual({ status: 'live' });
  });
});

describe('TLS', () => {
  it('is 1.3 alone, and carries HTTP/2', async () => {
    const session = connectHttp2(edge.secureUrl, { rejectUnauthorized: false });
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
    const port = Number(new URL(edge.secureUrl).port);
    const old = connectTls({ port, maxVersion: 'TLSv1.2', rejectUnauthorized: false });
    const [error] = await once(old, 'error');
    expect(String(error)).toMatch(/protocol version/);
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
        }).then(alsoClose),
      ),
    );
    const broken = alsoClose(await startEdge(breaking.map(({ port }) => port)));
    expectProblem(await buy('ada', broken.url), { status: 502, verdict: 'internal_error' });
    expect(asked).toEqual(['POST']);
    const read = await call(`${broken.url}/api/v1/orders`);
    expect(read.status).toBeGreaterThanOrEqual(502);
    expect(asked.length).toBeGreaterThan(1);
  });
});

describe('without a node', () => {
  it('the last copies are shown with their age, and all else says when to come back', async () => {
    const few = await openNodes(2);
    const alone = alsoClose(await startEdge(few.ports));
    const kept = ['/', '/sales/demo', SALE, `${readPageFiles().prefix}/js/api.js`];
    for (const path of kept) expect((await call(alone.url + path)).status).toBe(200);
    await few.close();

    await until('the second of the copies is over', async () => {
      const { ageMs, serverTimeMs } = ageOf(await call(alone.url + SALE));
      if (ageMs < 1_500) throw new Error(`${ageMs} ms`);
      expect(Math.abs(serverTimeMs - Date.now())).toBeLessThan(1_000);
      return true;
    });
    for (const path of kept)
      expect([path, (await call(alone.url + path)).status]).toEqual([path, 200]);

    const page = await call(`${alone.url}/sales/other`);
    expect([page.status, page.headers['content-type']]).toEqual([503, 'text/html; charset=utf-8']);
    expect(page.body).toContain('#ffd400');
    expect(Number(page.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(page.headers['refresh'])).toBeGreaterThan(0);
    const nothing = [
      await call(`${alone.url}/api/v1/sales/other`),
      await call(`${alone.url}/api/v1/orders`),
      await buy('ada', alone.url),
    ];
    for (const each of nothing) {
      expectProblem(each, { status: 503, verdict: 'overloaded' });
      expect(Number(each.headers['retry-after'])).toBeGreaterThan(0);
    }
  });
});
