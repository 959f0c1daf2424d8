import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startNginx } from '../nginx.ts';
import { openWebNode, type WebNode } from './web-node.ts';

/**
 * A web node behind a real nginx: once with the defaults of nginx, once with the configuration in
 * the manual.
 */

const SECRET = 'a-secret-that-only-the-nginx-of-this-test-knows';
const FORGED = '198.51.100.7';
/**
 * All of 127.0.0.0/8 leads to this machine, so a client can have another address than the proxy.
 */
const CLIENT = '127.0.0.5';

let node: WebNode;
let nginx: Awaited<ReturnType<typeof startNginx>> | undefined;
afterEach(async () => {
  nginx?.close();
  nginx = undefined;
  await node.close();
});

async function open(configuration: (port: number, upstream: string) => string): Promise<void> {
  const environment = { TRUST_PROXY: '127.0.0.1', TRUST_PROXY_SECRET: SECRET };
  node = await openWebNode({ environment });
  await node.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = node.app.server.address() as AddressInfo;
  nginx = await startNginx((own) => configuration(own, `127.0.0.1:${port}`));
}

const plain = (port: number, upstream: string) =>
  `server { listen ${port}; location / { proxy_pass http://${upstream}; } }`;

/** The example of the manual, with the addresses and the secret of this test. */
function documented(port: number, upstream: string): string {
  const manual = readFileSync(join(import.meta.dirname, '../../docs/operating.md'), 'utf8');
  const [, example = ''] = /```nginx\n([\s\S]*?)```/.exec(manual) ?? [];
  const placed = example
    .replace('server 10.0.0.21:8080;', `server ${upstream};`)
    .replace('server 10.0.0.22:8080;', '')
    .replace('listen 80;', `listen ${port};`)
    .replace('"the value of TRUST_PROXY_SECRET"', `"${SECRET}"`);
  expect([placed.includes(upstream), placed.includes(SECRET)]).toEqual([true, true]);
  return placed;
}

interface Told {
  readonly status: number;
  readonly body: string;
}

function call(method: string, path: string, headers: Record<string, string>, body = '') {
  return new Promise<Told>((resolve, reject) => {
    const all = { authorization: `Bearer ${node.tokenOf('ada')}`, ...headers };
    const options = { method, headers: all, localAddress: CLIENT };
    const sent = request(`${nginx?.url}${path}`, options, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
    });
    sent.on('error', reject).end(body);
  });
}

const askForTicket = (headers: Record<string, string> = {}) =>
  call(
    'POST',
    '/api/v1/sales/demo/tickets',
    { 'content-type': 'application/json', ...headers },
    '{"sku":"TV"}',
  );

describe.each([
  ['with its defaults', plain],
  ['as the manual says', documented],
])('nginx %s', (_how, configuration) => {
  it('forwards each event of a stream at once', async () => {
    await open(configuration);
    const headers = { 'content-type': 'application/json' };
    const pressed = await call(
      'POST',
      `/api/v1/buy/${node.ticketOf('ada')}`,
      headers,
      '{"quantity":1}',
    );
    expect(pressed.status).toBe(202);
    const { requestId } = JSON.parse(pressed.body);
    const stream = await fetch(`${nginx?.url}/api/v1/requests/${requestId}/events`, {
      headers: { authorization: `Bearer ${node.tokenOf('ada')}` },
    });
    const reader = stream.body?.getReader();
    const first = Buffer.from((await reader?.read())?.value ?? '').toString();
    const queued = { requestId, status: 'queued' };
    // A buffered event would arrive together with the comments that follow it.
    expect(first).toBe(`event: status\ndata: ${JSON.stringify(queued)}\n\n`);
    await reader?.cancel();
  });

  it('does not make the web node trust an address that a client has forged', async () => {
    await open(configuration);
    node.world.blocked = [FORGED];
    const forged = { 'x-forwarded-for': FORGED };
    expect((await askForTicket(forged)).status).toBe(201);
    expect((await askForTicket({ ...forged, 'x-proxy-secret': `${SECRET}x` })).status).toBe(201);
  });
});

it("nginx as the manual says reports the client's address, whatever the client sends", async () => {
  await open(documented);
  node.world.blocked = [CLIENT];
  expect((await askForTicket()).status).toBe(403);
  expect((await askForTicket({ 'x-forwarded-for': FORGED })).status).toBe(403);
});
