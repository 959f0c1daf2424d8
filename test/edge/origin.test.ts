import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { request, Agent as SecureAgent } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { prepareEdge, selfSigned } from '../../ops/stack/edge.ts';
import { ensurePackages } from '../../ops/stack/packages.ts';
import { accepts, freePort } from '../../ops/stack/ports.ts';
import { EDGE_PACKAGES, findEdge } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { startEdge } from '../edge.ts';
import { until } from '../until.ts';
import { call, standIn } from './nodes.ts';
import { expectProblem } from './two-nodes.ts';

/** Who the edge is, and who may ask it: its certificate, and the proof of the shop's own CDN. */

const machine = { path: process.env['PATH'] ?? '', root: '/' };
const folder = new TestFolder();
const open: { close(): Promise<void> }[] = [];
/** Waits and streams that the node has not answered. */
const held: ServerResponse[] = [];
let node: Awaited<ReturnType<typeof standIn>>;

beforeAll(async () => {
  const quiet = createProgress(() => {});
  await ensurePackages(EDGE_PACKAGES, machine, quiet);
  node = await standIn(({ url, headers }, response) => {
    if (!url?.startsWith('/api/v1/requests/')) return response.end(JSON.stringify(headers));
    if (url.endsWith('/events')) response.write('event: status\n\n');
    held.push(response);
  });
  open.push(node);
});
afterAll(async () => {
  for (const each of open.reverse()) await each.close();
  folder.remove();
});

function made(name: string) {
  const at = join(folder.path, name);
  mkdirSync(at);
  return selfSigned(at, findEdge(machine).openssl);
}

/** One GET over TLS. */
async function get(url: string, options: object = {}) {
  const agent = new SecureAgent({ keepAlive: false });
  const asked = request(url, { agent, rejectUnauthorized: false, ...options }).end();
  const [answer] = await once(asked, 'response');
  return { status: answer.statusCode as number, headers: answer.headers, body: await text(answer) };
}

async function certificateAt(port: number): Promise<string> {
  const socket = connectTls({ port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

describe('a renewed certificate', () => {
  /** What the container of Kubernetes runs, at the paths of this machine, and looking more often. */
  function containerScript(configuration: string, certificate: string, key: string): string {
    const file = join(import.meta.dirname, '../../ops/kubernetes/base/edge.yaml');
    const pod = parseAllDocuments(readFileSync(file, 'utf8'))[0]?.toJS().spec.template.spec;
    const [{ command, args }] = pod.containers;
    expect(command).toEqual(['sh', '-ec']);
    const script: string = args[0];
    expect(script).toContain('sleep 30');
    return script
      .replaceAll('/edge/nginx.conf', `${configuration} -e stderr`)
      .replaceAll('/tls/tls.crt', certificate)
      .replaceAll('/tls/tls.key', key)
      .replaceAll('sleep 30', 'sleep 0.2');
  }

  it('is served without a restart, and waits and streams that are open go on', async () => {
    const [http, https, lastPort] = [await freePort(), await freePort(), await freePort()];
    const at = join(folder.path, 'edge');
    prepareEdge(
      {
        ...{ folder: at, logFile: join(folder.path, 'log'), lastPort },
        ...{ http: `127.0.0.1:${http}`, https: `127.0.0.1:${https}` },
        nodes: [`127.0.0.1:${node.port}`],
      },
      findEdge(machine),
    );
    const [certificate, key] = [join(at, 'certificate.pem'), join(at, 'key.pem')];
    const script = containerScript(join(at, 'nginx.conf'), certificate, key);
    const edge = spawn('sh', ['-ec', script], { stdio: 'ignore', detached: true });
    open.push({
      async close() {
        const ended = once(edge, 'exit');
        // The whole group: nginx, its workers, and the loop that looks at the files.
        process.kill(-(edge.pid ?? 0), 'SIGTERM');
        await ended;
      },
    });
    await until('it listens', () => accepts('127.0.0.1', lastPort, 1_000));
    const url = `https://127.0.0.1:${https}`;
    const before = await certificateAt(https);

    const poll = get(`${url}/api/v1/requests/1?wait=20`);
    const stream = request(`${url}/api/v1/requests/1/events`, { rejectUnauthorized: false }).end();
    const [events] = await once(stream, 'response');
    const told = text(events);
    await until('both are held', () => held.length === 2);

    const renewed = made('renewed');
    writeFileSync(key, readFileSync(renewed.key));
    writeFileSync(certificate, readFileSync(renewed.certificate));
    await until('the new one is served', async () => (await certificateAt(https)) !== before, {
      deadlineMs: 60_000,
    });
    for (const response of held.splice(0)) response.end('{"status":"done"}');
    expect(await poll).toMatchObject({ status: 200, body: '{"status":"done"}' });
    expect(await told).toBe('event: status\n\n{"status":"done"}');
  });
});

describe('behind a CDN', () => {
  const secret = 'Origin.Secret+'.repeat(3);

  it('answers who sends the secret of this shop, and nobody else but for its own health', async () => {
    const edge = await startEdge([node.port], { originSecret: secret });
    open.push(edge);
    const path = '/api/v1/orders';
    for (const sent of [undefined, '', 'x', secret.toLowerCase(), `${secret}x`, `x${secret}`]) {
      const headers: Record<string, string> = sent === undefined ? {} : { 'x-origin-secret': sent };
      for (const each of [path, '/sales/demo', '/assets/0123456789abcdef/a.js', '/']) {
        expectProblem(await call(edge.url + each, { headers }), { status: 403 });
      }
    }
    const known = await call(edge.url + path, { headers: { 'x-origin-secret': secret } });
    expect(known.status).toBe(200);
    // The nodes do not learn it.
    expect(known.body).not.toContain('x-origin-secret');
    expect((await call(`${edge.url}/livez`)).status).toBe(200);
  });

  it('answers who has a certificate of the named CA', async () => {
    const [own, strange] = [made('own'), made('strange')];
    const edge = await startEdge([node.port], { originCa: own.certificate });
    open.push(edge);
    const identity = ({ certificate, key }: typeof own) => ({
      cert: readFileSync(certificate),
      key: readFileSync(key),
    });
    const url = `${edge.secureUrl}/api/v1/orders`;
    expect((await get(url, identity(own))).status).toBe(200);
    expectProblem(await get(url, identity(strange)), { status: 403 });
    expectProblem(await get(url), { status: 403 });
    expect((await get(`${edge.secureUrl}/livez`)).status).toBe(200);
    // Without TLS nobody can prove it.
    expectProblem(await call(`${edge.url}/api/v1/orders`), { status: 403 });
  });
});
