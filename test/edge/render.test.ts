import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createProgram } from '../../ops/program.ts';
import { prepareEdge } from '../../ops/stack/edge.ts';
import { findEdge } from '../../ops/stack/programs.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';

/** `flashsale edge render`: what nginx takes, and what is refused before nginx sees it. */

const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const out = join(folder, 'out.conf');
const programs = findEdge({ path: process.env['PATH'] ?? '', root: '/' });

async function render(...args: string[]): Promise<string> {
  const program = await createProgram({}, 'edge');
  program.exitOverride();
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) {
    command.exitOverride();
  }
  await program.parseAsync(['edge', 'render', '--out', out, ...args], { from: 'user' });
  return readFileSync(out, 'utf8');
}

/** What nginx says of a configuration; empty if it takes it. */
function complaint(text: string): string {
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, text);
  const { status, stderr } = spawnSync(programs.nginx, ['-t', '-c', file, '-e', 'stderr'], {
    encoding: 'utf8',
  });
  return status === 0 ? '' : stderr;
}

const NODE = ['--node', '127.0.0.1:1', '--folder', folder];
const secret = join(folder, 'secret');
writeFileSync(secret, `${'s3cret'.repeat(8)}\n`);
/** A certificate for the variants with TLS. */
prepareEdge(
  {
    ...{ folder, logFile: join(folder, 'log'), http: '127.0.0.1:1', https: '127.0.0.1:2' },
    ...{ lastPort: 3, nodes: ['127.0.0.1:4'] },
  },
  programs,
);
const TLS = ['--certificate', join(folder, 'certificate.pem'), '--key', join(folder, 'key.pem')];

describe('the configuration', () => {
  it.each([
    ['without TLS', ['--http', '18080']],
    ['with TLS alone', ['--https', '18443', ...TLS]],
    ['with both', ['--http', '127.0.0.1:18080', '--https', '[::1]:18443', ...TLS]],
    [
      'behind balancers',
      ['--http', '18080', '--forwarded-from', '10.0.0.0/8', '--forwarded-from', '2001:db8::/32'],
    ],
    ['with a call log', ['--http', '18080', '--call-log', join(folder, 'calls.log')]],
    ['behind the PROXY protocol', ['--http', '18080', '--proxy-protocol-from', '10.0.0.7']],
    [
      'with a secret and other limits',
      [
        '--http',
        '18080',
        '--proxy-secret-file',
        secret,
        '--set',
        'tls_protocols=TLSv1.2 TLSv1.3',
        '--set',
        'body_size=8k',
      ],
    ],
    [
      'behind a CDN that proves itself',
      ['--https', '18443', ...TLS, '--origin-ca', TLS[1] ?? '', '--origin-secret-file', secret],
    ],
    ['with the traces of others', ['--http', '18080', '--trust-traceparent']],
    [
      'for a name',
      ['--https', '18443', ...TLS, '--name', 'shop.example', '--name', 'www.shop.example'],
    ],
  ])('is taken by nginx %s', async (_how, args) => {
    const text = await render(...NODE, ...args);
    expect(text).not.toMatch(/\{\{|#: |undefined/);
    expect(complaint(text)).toBe('');
  });

  it('sends clients to TLS, and serves without it only if that is asked for', async () => {
    const both = [...NODE, '--http', '80', '--https', '8443', ...TLS];
    const text = await render(...both);
    expect(text).toContain('return 308 https://$host:8443$request_uri;');
    expect(text.match(/listen 80 /g)).toHaveLength(1);
    expect(await render(...both, '--plain-http')).not.toContain('return 308');
    expect(await render(...both, '--name', 'shop.example')).toContain('Strict-Transport-Security');
    expect(text).not.toContain('Strict-Transport-Security');
  });

  it('never tries a call that changes something at a second node', async () => {
    expect(await render(...NODE, '--http', '80')).not.toMatch(/^[^#]*non_idempotent/m);
  });

  it('of compose names the nodes of compose, and is taken by nginx', async () => {
    const file = readFileSync(join(import.meta.dirname, '../../docker-compose.yml'), 'utf8');
    const { services } = parse(file, { merge: true }) as {
      services: Record<string, { command: string[] }>;
    };
    const { command = [] } = services['edge-config'] ?? {};
    expect(command.slice(0, 4)).toEqual(['node', 'ops/flashsale.mjs', 'edge', 'render']);
    const args = command.slice(4).filter((arg) => !/^--(out|folder)=/.test(arg));
    const text = await render(...args, '--folder', folder);
    const nodes = [...text.matchAll(/server (web-\d+):8080 .* resolve;/g)].map(([, name]) => name);
    expect(nodes).toEqual(Object.keys(services).filter((name) => name.startsWith('web')));
    expect(nodes.length).toBeGreaterThan(1);
    // Debian's nginx is older than the one of compose: it cannot look names up again.
    const older = text.replaceAll(' resolve;', ';').replace(/^ *resolver .*$/m, '');
    expect(complaint(older.replaceAll(/web-\d+:/g, '127.0.0.1:'))).toBe('');
  });
});

describe('is refused', () => {
  it.each([
    ['no node', ['--http', '80'], /at least one web node/],
    ['no port', NODE, /name a port/],
    ['TLS without a certificate', [...NODE, '--https', '443'], /certificate/],
    ['a node without a port', ['--node', 'web-1', '--http', '80'], /node "web-1"/],
    ['a node with more', ['--node', 'a:1; evil', '--http', '80'], /node/],
    ['a port that is a word', [...NODE, '--http', 'http'], /address "http"/],
    ['a last port that is a word', [...NODE, '--http', '80', '--last-port', 'abc'], /65535/],
    ['port 0', [...NODE, '--http', '80', '--last-port', '0'], /65535/],
    ['a range that is none', [...NODE, '--http', '80', '--forwarded-from', '10.0.0.0/99'], /CIDR/],
    ['an unknown limit', [...NODE, '--http', '80', '--set', 'nodes=1'], /no limit nodes/],
    ['a limit with more', [...NODE, '--http', '80', '--set', 'body_size=1k; x'], /body_size/],
    ['a limit without a value', [...NODE, '--http', '80', '--set', 'body_size'], /NAME=VALUE/],
    ['the CA of a CDN without TLS', [...NODE, '--http', '80', '--origin-ca', 'ca'], /needs https/],
    ['a name with more', [...NODE, '--http', '80', '--name', 'a b'], /name "a b"/],
  ])('%s', async (_what, args, message) => {
    await expect(render(...args)).rejects.toThrow(message);
  });

  it('a short secret, without showing it', async () => {
    writeFileSync(secret, 'too-short');
    for (const option of ['--proxy-secret-file', '--origin-secret-file']) {
      const rendered = render(...NODE, '--http', '80', option, secret);
      await expect(rendered).rejects.toThrow(/secret/);
      await expect(rendered).rejects.not.toThrow(/too-short/);
    }
  });
});
