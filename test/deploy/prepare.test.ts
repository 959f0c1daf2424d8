import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LOGIN_ROLES as LOGINS } from '../../contracts/secrets.ts';
import { openSession } from '../../db/client/pool.ts';
import { urlOfLogin } from '../../db/install/logins.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { PROGRAM_ENVIRONMENT } from '../children.ts';
import { createDatabase, PATIENCE, type TestDatabase } from '../db/database.ts';
import { passwordOf, servers } from '../servers.ts';

/** `prepare` of a deployment as a process: a new database, and all secrets in files. */

const ROOT = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase({ empty: true });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.remove();
});

function fileWith(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, `${content}\n`);
  return file;
}

function run(script: string, variables: Record<string, string>) {
  const { stdout, stderr, status } = spawnSync(process.execPath, script.split(' '), {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...PROGRAM_ENVIRONMENT, ...variables },
  });
  return { text: stdout + stderr, status };
}

it('migrates, installs, and makes logins, with secrets from files alone', async () => {
  const passwords = LOGINS.map((role) => [
    `DATABASE_PASSWORD_${role.toUpperCase()}_FILE`,
    fileWith(role, passwordOf(role)),
  ]);
  const DATABASE_URL_FILE = fileWith('url', database.url);
  const prepared = run('ops/stack/prepare.ts', {
    DEMO: '0',
    ZOOKEEPER: servers.zookeeper,
    AMQP_URL_FILE: fileWith('amqp', servers.amqpUrl),
    DATABASE_URL_FILE,
    ...Object.fromEntries(passwords),
  });
  expect(prepared).toEqual({ text: '', status: 0 });
  for (const role of LOGINS) {
    const session = await openSession(urlOfLogin(database.url, role, passwordOf(role)), {
      applicationName: 'test',
      ...PATIENCE,
    });
    await session.close();
  }
  const audited = run('ops/cli.ts db audit', { DATABASE_URL_FILE });
  expect(audited).toEqual({ text: 'the books balance\n', status: 0 });
});

it('ends with 78 when a variable and its file are both set', () => {
  const { text, status } = run('ops/stack/prepare.ts', {
    DATABASE_URL: database.url,
    DATABASE_URL_FILE: fileWith('both', database.url),
  });
  expect(text).toBe('DATABASE_URL and DATABASE_URL_FILE are both set: set one\n');
  expect(status).toBe(78);
});

it('ends with 78 when a file has a secret that is published', () => {
  const { text, status } = run('ops/stack/prepare.ts', {
    AMQP_URL: servers.amqpUrl,
    ZOOKEEPER: servers.zookeeper,
    DATABASE_URL_FILE: fileWith('published', `postgres://a:${'flashsale'}@127.0.0.1:1/none`),
  });
  expect(text).toMatch(/^DATABASE_URL has a secret that is published/);
  expect(status).toBe(78);
});
