import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { afterAll, describe, expect, it } from 'vitest';
import { startEdge } from '../edge.ts';
import { until } from '../until.ts';
import { call, standIn } from './nodes.ts';
import { expectProblem } from './two-nodes.ts';

/** What nodes get from a real nginx: over how many connections, with which headers, and how much at a time. */

const SALE = '/api/v1/sales/demo';
const FORGED = '198.51.100.7';
const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const each of open.reverse()) await each.close();
});
function alsoClose<T extends { close(): Promise<void> }>(opened: T): T {
  open.push(opened);
  return opened;
}

describe('the edge', () => {
  it('lets many of one network wait, without taking from its other calls', async () => {
    const held: ServerResponse[] = [];
    const node = alsoClose(
      await standIn(({ url }, response) => {
        if (url?.startsWith('/api/v1/requests/')) held.push(response);
        else response.end('{}');
      }),
    );
    const limits = { network_waits: '3', network_connections: '2' };
    const shielded = alsoClose(await startEdge([node.port], { limits }));
    const waits = Array.from({ length: 3 }, () => call(`${shielded.url}/api/v1/requests/1?wait=9`));
    await until('three wait', () => held.length === 3);
    expectProblem(await call(`${shielded.url}/api/v1/requests/1`), { status: 429 });
    expect((await call(`${shielded.url}/api/v1/orders`)).status).toBe(200);
    for (const response of held) response.end('{}');
    expect((await Promise.all(waits)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('passes neither cookies nor, unless it is told to, the trace of a stranger', async () => {
    const told: IncomingHttpHeaders[] = [];
    const node = alsoClose(
      await standIn(({ headers }, response) => {
        told.push(headers);
        response.end('{}');
      }),
    );
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = { cookie: 'a=b', traceparent, tracestate: 'a=b', baggage: 'a=b' };
    const believing = { trustTraceparent: true };
    for (const options of [{}, believing]) {
      const { url } = alsoClose(await startEdge([node.port], options));
      for (const path of ['/api/v1/orders', SALE]) await call(url + path, { headers });
    }
    const names = ['cookie', 'traceparent', 'tracestate', 'baggage'];
    expect(told.map((each) => names.filter((name) => name in each))).toEqual([
      ...[[], [], ['traceparent'], []],
    ]);
  });

  it('sends by its port on loopback neither an address nor a call that changes something', async () => {
    const told: IncomingMessage[] = [];
    const node = alsoClose(
      await standIn((request, response) => {
        told.push(request);
        response.end('{}');
      }),
    );
    const proxySecret = 's3cret'.repeat(8);
    const { lastUrl } = alsoClose(await startEdge([node.port], { proxySecret }));
    const forged = { 'x-forwarded-for': FORGED, authorization: 'Bearer a.b.c' };
    for (const host of ['last', 'ask', 'shop.example']) {
      const headers = { ...forged, host };
      await call(`${lastUrl}/api/v1/orders?${host}`, { headers });
      const sent = await call(`${lastUrl}/api/v1/buy/x`, { headers, method: 'POST', body: '{}' });
      expect(sent.status).toBe(405);
    }
    expect(told.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET']);
    for (const { headers } of told) {
      expect(Object.keys(headers)).not.toContain('authorization');
      expect(JSON.stringify(headers)).not.toMatch(`${FORGED}|${proxySecret}`);
    }
  });

  it('keeps as many connections to the nodes as a rush needs', async () => {
    const MANY = 150;
    const held: ServerResponse[] = [];
    let connections = 0;
    const node = alsoClose(await standIn((_request, response) => void held.push(response)));
    node.server.on('connection', () => {
      connections += 1;
    });
    const { url } = alsoClose(await startEdge([node.port]));
    const agent = new Agent({ keepAlive: true, maxSockets: MANY });
    const rush = async () => {
      const calls = Array.from({ length: MANY }, () => call(`${url}/api/v1/orders`, { agent }));
      await until('all are at the node', () => held.length === MANY);
      for (const response of held.splice(0)) response.end('{}');
      await Promise.all(calls);
    };
    await rush();
    await rush();
    agent.destroy();
    expect(connections).toBe(MANY);
  });
});
