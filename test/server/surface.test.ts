import { randomBytes } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPageFiles } from '../../server/http/page-files.ts';
import { openWebNode, rowOnSale, type WebNode } from './web-node.ts';

/** What plain HTTP clients expect of every URL: empty bodies, ETags, trailing slashes. */

let node: WebNode;
let port: number;

beforeAll(async () => {
  node = await openWebNode({ jwtSecret: randomBytes(32).toString('base64url') });
  await node.app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = node.app.server.address() as AddressInfo);
});
afterAll(() => node.close());

interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** @param chunks the parts of the body; undefined sends neither a body nor a length */
function call(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  chunks?: readonly string[],
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', method, path, headers }, async (response) => {
      const { statusCode = 0, headers: its } = response;
      resolve({ status: statusCode, headers: its, body: await text(response) });
    }).on('error', reject);
    for (const chunk of chunks ?? []) sent.write(chunk);
    sent.end();
  });
}

interface Operation {
  readonly requestBody?: { readonly required?: boolean };
}

describe('an empty body', () => {
  const TYPES = ['application/json', 'application/json; charset=utf-8', 'text/plain'];

  it('is accepted by a call that needs no body, whatever its content type', async () => {
    const { paths } = JSON.parse((await call('GET', '/openapi.json')).body) as {
      paths: Record<string, Record<string, Operation>>;
    };
    const named: Record<string, string> = { orderNo: '1', sale: 'demo', sku: 'TV' };
    const calls = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method]) => method !== 'get')
        .filter(([, { requestBody }]) => requestBody === undefined)
        .map(([method]) => [
          method.toUpperCase(),
          path.replace(/\{(\w+)\}/g, (_, name: string) => named[name] ?? name),
        ]),
    );
    const told = calls.map(([method, path]) => `${method} ${path}`);
    expect(told).toContain('POST /api/v1/orders/1/cancel');
    expect(told).toContain('DELETE /api/v1/sales/demo/skus/TV/waiting');
    // Joining the waitlist may have a body or none.
    calls.push(['POST', '/api/v1/sales/demo/skus/TV/waiting']);
    const authorization = `Bearer ${node.tokenOf('ann')}`;
    const refused: unknown[] = [];
    for (const [method = '', path = ''] of calls) {
      for (const type of TYPES) {
        const headers = { authorization, 'content-type': type };
        const answers = [
          await call(method, path, { ...headers, 'content-length': '0' }),
          ...(type.startsWith('text') ? [] : [await call(method, path, chunked(headers))]),
        ];
        for (const { status } of answers) {
          if ([400, 415].includes(status)) refused.push([method, path, type, status]);
        }
      }
    }
    expect(refused).toEqual([]);
  });

  it('is refused with the missing part by a call that needs a body', async () => {
    const headers = { authorization: `Bearer ${node.tokenOf('ann')}` };
    const type = { 'content-type': 'application/json', 'content-length': '0' };
    const answer = await call('POST', '/api/v1/sales/demo/tickets', { ...headers, ...type });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ detail: 'body must be object' });
  });
});

const chunked = (headers: Record<string, string>) => ({
  ...headers,
  'transfer-encoding': 'chunked',
});

describe('If-None-Match', () => {
  it.each([
    '/api/v1/sales',
    '/api/v1/sales/demo',
    '/sales/demo',
    '/',
    '/service-worker.js',
    `${readPageFiles().prefix}/js/format.js`,
    `${readPageFiles().prefix}/altcha/altcha.css`,
  ])('of %s is compared weakly, and may be a list or an asterisk', async (path) => {
    const { headers, status } = await call('GET', path);
    expect(status).toBe(200);
    const etag = headers.etag ?? '';
    const opaque = etag.replace(/^W\//, '');
    expect(opaque).toMatch(/^"[^"]+"$/);
    const same = [
      etag,
      opaque,
      `W/${opaque}`,
      '*',
      `"other", ${opaque}`,
      `W/"x",W/${opaque} , "y"`,
    ];
    for (const tag of same) {
      const answer = await call('GET', path, { 'if-none-match': tag });
      expect([tag, answer.status, answer.body]).toEqual([tag, 304, '']);
      expect(answer.headers.etag).toBe(etag);
    }
    for (const tag of ['"other"', 'W/"other"', opaque.slice(1, -1), '']) {
      expect((await call('GET', path, { 'if-none-match': tag })).status, tag).toBe(200);
    }
  });
});

describe('a trailing slash', () => {
  it.each([
    ['/sales/demo/', '/sales/demo'],
    ['/sales/demo/?ref=a/b', '/sales/demo?ref=a/b'],
    ['/sales/demo/lottery/', '/sales/demo/lottery'],
    ['/sales/demo/lottery/?x', '/sales/demo/lottery?x'],
  ])('in %s redirects to %s', async (path, page) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await call(method, path);
      expect(answer.status).toBe(308);
      expect(answer.headers.location).toBe(page);
    }
    expect((await call('GET', page)).status).toBe(200);
  });

  it('in the URL of the API documents leads to them', async () => {
    expect((await call('GET', '/docs')).status).toBeLessThan(400);
    expect((await call('GET', '/docs/')).status).toBeLessThan(400);
  });
});

describe('a sale without SKUs', () => {
  it.each([
    ['before', 60_000, 120_000, 'scheduled'],
    ['within', -60_000, 60_000, 'scheduled'],
    ['after', -120_000, -60_000, 'closed'],
  ])(
    'is shown %s its time as empty, and not as ended by operators',
    async (sale, opensInMs, closesInMs, state) => {
      const opensAt = new Date(Date.now() + opensInMs);
      const closesAt = new Date(Date.now() + closesInMs);
      Object.assign(node.world, { isEmpty: true, row: rowOnSale({ sale, opensAt, closesAt }) });
      await node.refresh();
      const { body } = await call('GET', `/api/v1/sales/${sale}`);
      expect(JSON.parse(body)).toMatchObject({ sale, state, skus: [] });
    },
  );
});

describe('a sale that was called off', () => {
  it.each([
    ['before', 60_000],
    ['after', -60_000],
  ])('is closed %s it opens, and says why', async (sale, opensInMs) => {
    const opensAt = new Date(Date.now() + opensInMs);
    const row = rowOnSale({ sale, opensAt, isCalledOff: true });
    Object.assign(node.world, { isEmpty: false, row, isCalledOff: true });
    await node.refresh();
    const one = JSON.parse((await call('GET', `/api/v1/sales/${sale}`)).body);
    expect(one).toMatchObject({ state: 'closed', calledOff: true, skus: [{ state: 'closed' }] });
  });
});

describe('the files of the pages', () => {
  beforeAll(async () => {
    Object.assign(node.world, { isEmpty: false, isCalledOff: false, row: rowOnSale() });
    await node.refresh();
  });

  it('have a fingerprint in their path, and browsers keep them', async () => {
    const { prefix } = readPageFiles();
    for (const page of ['/', '/notices', '/sales/demo', '/sales/demo/lottery']) {
      const { body, headers } = await call('GET', page);
      expect(headers['cache-control']).toBe('public, max-age=1');
      const named = [...body.matchAll(/(?:href|src)="(\/[^"]+\.\w+)"/g)].map(
        ([, path = '']) => path,
      );
      expect(named.length).toBeGreaterThan(3);
      for (const path of new Set(named)) {
        expect(path.startsWith(`${prefix}/`), path).toBe(true);
        const file = await call('GET', path);
        expect([path, file.status]).toEqual([path, 200]);
        expect(file.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      }
    }
    for (const path of ['/assets/0123456789abcdef/js/api.js', '/js/api.js', '/sale.html']) {
      expect([path, (await call('GET', path)).status]).toEqual([path, 404]);
    }
  });

  it('that cannot have one are asked for again', async () => {
    for (const path of ['/service-worker.js', '/images/bolt.svg']) {
      const { status, headers } = await call('GET', path);
      expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=1']);
    }
  });
});

describe('what an edge may keep', () => {
  it('tells the time of the shop, and when the edge asked', async () => {
    for (const path of ['/', '/sales/demo', '/api/v1/sales', '/api/v1/sales/demo']) {
      const beforeMs = Date.now() - 1_000;
      const plain = (await call('GET', path)).headers;
      expect(Number(plain['x-shop-time'])).toBeGreaterThan(beforeMs);
      expect(plain).not.toHaveProperty('x-accel-expires');
      const asked = { 'x-edge-asked': '1700000000.123' };
      expect((await call('GET', path, asked)).headers).toMatchObject({
        ...asked,
        'x-accel-expires': '@1',
      });
      const nonsense = (await call('GET', path, { 'x-edge-asked': '1; x' })).headers;
      expect(nonsense).not.toHaveProperty('x-edge-asked');
    }
    const { headers } = await call('GET', '/api/v1/sales/demo');
    expect(headers['surrogate-key']).toBe('sales sale-demo');
  });
});

it('a sale without a sale file has no presentation, neither alone nor in the list', async () => {
  const { sales } = JSON.parse((await call('GET', '/api/v1/sales')).body);
  expect(sales).toHaveLength(1);
  expect(sales[0]).not.toHaveProperty('presentation');
  const sale = JSON.parse((await call('GET', '/api/v1/sales/demo')).body);
  expect(sale).not.toHaveProperty('presentation');
});
