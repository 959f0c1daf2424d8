import { describe, expect, it } from 'vitest';
import { readPageFiles } from '../../server/http/page-files.ts';
import { shopTime } from '../../server/public/js/api.js';
import { startEdge } from '../edge.ts';
import { until } from '../until.ts';
import { call, openNodes, standIn, type Told } from './nodes.ts';
import { edgeOfTwo, expectProblem } from './two-nodes.ts';

/** What the edge keeps, and for how long: a real nginx in front of two web nodes. */

const SALE = '/api/v1/sales/demo';
const at = edgeOfTwo();
const reached = (path: string) => at.nodes.seen.filter((each) => each === `GET ${path}`).length;
const ageOf = ({ headers }: Told) => shopTime(new Headers(headers as Record<string, string>));
const secondOf = (ms: number) => Math.floor(ms / 1_000);

describe('what is the same for everybody', () => {
  it.each([
    ...[SALE, '/api/v1/sales', '/', '/sales/demo', '/sales/demo/lottery'].map((path) => [
      path,
      200,
    ]),
    ...[
      '/api/v1/sales/none',
      '/api/v1/sales/demo/skus/TV/units',
      '/sales/none',
      '/images/none.svg',
    ].map((path) => [path, 404]),
    ['/assets/0123456789abcdef/js/none.js', 404],
  ] as [string, number][])(
    '%s reaches the nodes once a second, however many ask: %i',
    async (path, status) => {
      const startedAt = Date.now();
      const before = reached(path);
      for (let round = 0; round < 3; round += 1) {
        const answers = await Promise.all(Array.from({ length: 60 }, () => at.get(path)));
        expect(new Set(answers.map((each) => each.status))).toEqual(new Set([status]));
      }
      // The clock of nginx may be of the second before. Both nodes are asked for a file that one lacks.
      const seconds = secondOf(Date.now()) - secondOf(startedAt) + 2;
      const tries = path.startsWith('/assets/') ? at.nodes.ports.length : 1;
      expect(reached(path) - before).toBeLessThanOrEqual(seconds * tries);
    },
  );

  it('is not what a node says of the header of one client', async () => {
    const odd = Array.from({ length: 20 }, () =>
      at.get(SALE, { 'x-odd': '\u0001' }).catch(() => 0),
    );
    const fair = Array.from({ length: 60 }, () => at.get(SALE));
    await Promise.all(odd);
    const answers = await Promise.all(fair);
    expect(new Set(answers.map((each) => each.status))).toEqual(new Set([200]));
  });

  it('is one copy for all encodings', async () => {
    const startedAt = Date.now();
    const before = reached('/sales/demo');
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        at.get('/sales/demo', { 'accept-encoding': `gzip, x${n}` }),
      ),
    );
    expect(answers[0]?.headers['content-encoding']).toBe('gzip');
    const seconds = secondOf(Date.now()) - secondOf(startedAt) + 2;
    expect(reached('/sales/demo') - before).toBeLessThanOrEqual(seconds);
  });

  it('is never older than a second, and tells its age: the clock of the page stays true', async () => {
    let slowestMs = 0;
    const aged = await until('a copy is half a second old', async () => {
      const sentAt = Date.now();
      const answer = await at.get(SALE);
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
    // The sales of the two nodes differ.
    const one = at.alsoClose(await startEdge(at.nodes.ports.slice(0, 1)));
    const { headers, body } = await call(one.url + SALE);
    expect(body).not.toBe('');
    const before = at.nodes.seen.length;
    const startedAt = Date.now();
    for (let n = 0; n < 40; n += 1) {
      const known = { 'if-none-match': headers.etag ?? '' };
      const same = await call(one.url + SALE, { headers: known });
      expect([same.status, same.body]).toEqual([304, '']);
      expect(ageOf(same).serverTimeMs).toBeGreaterThan(1e12);
    }
    const seconds = secondOf(Date.now()) - secondOf(startedAt) + 2;
    expect(at.nodes.seen.length - before).toBeLessThanOrEqual(seconds);
  });

  it('is kept by path as it was written, without the query, and without whoever asked', async () => {
    expect((await at.get('/sales/demo%2Flottery')).status).toBe(404);
    expect((await at.get('/sales/demo/lottery')).status).toBe(200);
    const before = at.nodes.seen.length;
    await Promise.all(Array.from({ length: 50 }, (_, n) => at.get(`${SALE}?n=${n}`)));
    expect(at.nodes.seen.slice(before).filter((each) => each !== `GET ${SALE}`)).toEqual([]);
    expect(at.nodes.seen.length - before).toBeLessThan(10);
    const { headers } = await at.get('/sales/nowhere/');
    expect(headers.location).toBe('/sales/nowhere');
  });
});

describe('what the edge has no copy of', () => {
  const limits = { network_misses_per_second: '1', network_misses_burst: '3' };
  const KINDS = ['/sales/', '/api/v1/sales/', '/images/', '/assets/0123456789abcdef/'];

  it('is asked for as often as a network may, and what has a copy is asked for all the same', async () => {
    const shielded = at.alsoClose(await startEdge(at.nodes.ports, { limits }));
    const known = [SALE, '/sales/demo'];
    // The same sale in another spelling, of which there are thousands.
    const spelled = '/sales/%64emo';
    for (const path of [...known, spelled]) {
      expect((await call(shielded.url + path)).status).toBe(200);
    }
    const before = at.nodes.seen.length;
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, n) => call(`${shielded.url}${KINDS[n % 4]}none-${n}`)),
    );
    const seconds = (performance.now() - startedAt) / 1_000;
    // Both nodes are asked for a file. The first two are the known ones.
    expect(at.nodes.seen.length - before).toBeLessThanOrEqual((4 + seconds) * 2);
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(40);
    const strange = await call(`${shielded.url}/sales/none`, { from: '127.0.0.5' });
    expect(strange.status).toBe(404);
    await until('a refused network gets no new copy of a spelling', async () => {
      await call(`${shielded.url}/sales/${Math.random()}`);
      return (await call(shielded.url + spelled)).status === 429;
    });
    for (const path of known) {
      const asked = Date.now() / 1_000;
      await until('a refused network gets a new copy', async () => {
        await call(`${shielded.url}/sales/${Math.random()}`);
        const { status, headers } = await call(shielded.url + path);
        expect(status).toBe(200);
        return Number(headers['x-edge-asked']) > asked + 1;
      });
    }
  });

  it('is only read', async () => {
    const before = at.nodes.seen.length;
    for (const path of [...KINDS.map((kind) => `${kind}demo`), '/']) {
      const answer = await call(at.edge.url + path, { method: 'POST', body: '{}' });
      expectProblem(answer, { status: 405 });
      expect(answer.headers.allow).toBe('GET, HEAD');
    }
    expect(at.nodes.seen.length).toBe(before);
  });
});

describe('nodes that fail', () => {
  it('are asked once a second, and the last copy is shown as long as there is one', async () => {
    let isFailing = false;
    let asked = 0;
    const node = at.alsoClose(
      await standIn(({ headers }, response) => {
        asked += 1;
        if (isFailing) return response.writeHead(503, { 'cache-control': 'no-store' }).end('{}');
        const own = { 'x-accel-expires': '@1', 'x-edge-asked': headers['x-edge-asked'] as string };
        response.writeHead(200, { 'cache-control': 'public, max-age=1', ...own }).end('{}');
      }),
    );
    const alone = at.alsoClose(await startEdge([node.port]));
    expect((await call(alone.url + SALE)).status).toBe(200);
    isFailing = true;
    await until('the second of the copy is over', async () => {
      const { status, headers } = await call(alone.url + SALE);
      expect(status).toBe(200);
      return ageOf({ status, headers, body: '' }).ageMs > 1_000;
    });
    const [before, startedAt] = [asked, Date.now()];
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => call(`${alone.url}/sales/other`)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(asked - before).toBeLessThanOrEqual(secondOf(Date.now()) - secondOf(startedAt) + 2);
  });
});

describe('files with a fingerprint', () => {
  const path = () => `${readPageFiles().prefix}/js/api.js`;

  it('are kept, and asked of a node once', async () => {
    const before = reached(path());
    const first = await at.get(path());
    const again = await at.get(path(), { 'accept-encoding': 'gzip' });
    expect([first.status, again.headers['content-encoding']]).toEqual([200, 'gzip']);
    expect(first.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(reached(path()) - before).toBe(1);
  });

  it('of the version before are served after its last node is gone', async () => {
    const old = '/assets/00000000000000ff/js/api.js';
    let isGone = false;
    const node = at.alsoClose(
      await standIn((_request, response) => {
        if (isGone) return response.writeHead(404).end();
        response
          .writeHead(200, { 'cache-control': 'public, max-age=31536000, immutable' })
          .end('1');
      }),
    );
    const alone = at.alsoClose(await startEdge([node.port]));
    expect((await call(alone.url + old)).status).toBe(200);
    isGone = true;
    expect((await call(`${alone.url}/assets/00000000000000ff/js/dom.js`)).status).toBe(404);
    expect((await call(alone.url + old)).body).toBe('1');
  });

  it('are found while only one of the nodes has this version', async () => {
    let asked = 0;
    const old = at.alsoClose(
      await standIn((_request, response) => {
        asked += 1;
        response.writeHead(404).end();
      }),
    );
    const mixed = at.alsoClose(await startEdge([old.port, at.nodes.ports[0] ?? 0]));
    for (const name of ['api', 'clock', 'dom', 'format', 'hero', 'key', 'pace', 'rank']) {
      const file = `${readPageFiles().prefix}/js/${name}.js`;
      expect([name, (await call(mixed.url + file)).status]).toEqual([name, 200]);
    }
    expect(asked).toBeGreaterThan(0);
    expect((await call(`${mixed.url}/assets/0123456789abcdef/js/api.js`)).status).toBe(404);
  });
});

describe('with a node that is frozen', () => {
  it('the last copies are shown within seconds', async () => {
    let isFrozen = false;
    const node = at.alsoClose(
      await standIn(({ headers }, response) => {
        if (isFrozen) return;
        const asked = headers['x-edge-asked'] as string;
        response
          .writeHead(200, {
            'cache-control': 'public, max-age=1',
            'x-accel-expires': '@1',
            'x-edge-asked': asked,
          })
          .end('{}');
      }),
    );
    const alone = at.alsoClose(await startEdge([node.port]));
    await until('there is a copy', async () => (await call(alone.url + SALE)).status === 200);
    isFrozen = true;
    await until('the second of the copy is over, and it is shown all the same', async () => {
      const { status, headers } = await call(alone.url + SALE);
      expect(status).toBe(200);
      return ageOf({ status, headers, body: '' }).ageMs > 1_500;
    });
  });
});

describe('without a node', () => {
  it('the last copies are shown with their age, and all else says when to come back', async () => {
    const few = await openNodes(2);
    const alone = at.alsoClose(await startEdge(few.ports));
    const kept = ['/', '/sales/demo', SALE, `${readPageFiles().prefix}/js/api.js`];
    for (const path of kept) expect((await call(alone.url + path)).status).toBe(200);
    await few.close();

    await until('the second of the copies is over', async () => {
      const sentAt = Date.now();
      const { ageMs, serverTimeMs } = ageOf(await call(alone.url + SALE));
      if (ageMs < 1_500) throw new Error(`${ageMs} ms`);
      expect(serverTimeMs).toBeGreaterThan(sentAt - 1_000);
      expect(serverTimeMs).toBeLessThan(Date.now() + 1_000);
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
      await at.buy('ada', alone.url),
    ];
    for (const each of nothing) {
      expectProblem(each, { status: 503, verdict: 'overloaded' });
      expect(Number(each.headers['retry-after'])).toBeGreaterThan(0);
    }
  });
});
