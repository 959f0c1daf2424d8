import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dockerAnswers } from '../../ops/stack/docker.ts';
import { ensurePackages, PackagesMissing } from '../../ops/stack/packages.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { type Machine, SERVER_PACKAGES } from '../../ops/stack/programs.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { assertReachable, missingServers, serversOfEnvironment } from '../../ops/stack/servers.ts';
import { countResults } from '../../ops/stack/test-counts.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';

const empty = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
afterAll(() => rmSync(empty, { recursive: true, force: true }));
const progress = createProgress(() => {});

describe('servers that the environment names', () => {
  test('may be any of them, while the others count as missing', () => {
    expect(missingServers(serversOfEnvironment({}))).toEqual(['postgres', 'rabbitmq', 'zookeeper']);
    const servers = serversOfEnvironment({ AMQP_URL: 'amqp://me:p%40ss@broker/flashsale' });
    expect(missingServers(servers)).toEqual(['postgres', 'zookeeper']);
    expect(servers.amqpManagementUrl).toBe('http://me:p%40ss@broker:15672');
  });

  test('may be a second database server beside a private first one', () => {
    const hotDatabaseUrl = 'postgres://me@host/hot';
    const servers = serversOfEnvironment({ HOT_DATABASE_URL: hotDatabaseUrl });
    expect(servers).toEqual({ hotDatabaseUrls: { hot: hotDatabaseUrl } });
    expect(missingServers(servers)).toContain('postgres');
  });

  test('do not include an empty variable', () => {
    expect(missingServers(serversOfEnvironment({ DATABASE_URL: '' }))).toContain('postgres');
  });

  test.each([
    ['DATABASE_URL', 'mysql://me:s3cret@host/db'],
    ['DATABASE_URL', 's3cret'],
    ['HOT_DATABASE_URL', 'http://me:s3cret@host'],
    ['AMQP_URL', 'http://me:s3cret@host'],
    ['AMQP_MANAGEMENT_URL', 'amqp://me:s3cret@host'],
    ['ZOOKEEPER', 'localhost'],
    ['ZOOKEEPER', 'http://localhost:2181'],
  ])('refuse %s=%s by name and without its value', (name, value) => {
    const read = () => serversOfEnvironment({ [name]: value });
    expect(read).toThrow(new RegExp(`^${name} must be`));
    expect(read).not.toThrow(/s3cret/);
  });

  test('are reported with their address when they do not answer', async () => {
    const port = await freePort();
    const servers = serversOfEnvironment({
      DATABASE_URL: `postgres://me:s3cret@127.0.0.1:${port}/db`,
      ZOOKEEPER: `127.0.0.1:${port}`,
    });
    await expect(assertReachable(servers)).rejects.toThrow(
      `DATABASE_URL: no answer from 127.0.0.1:${port}\nZOOKEEPER: no answer from 127.0.0.1:${port}`,
    );
  });
});

describe('a machine without Docker and packages', () => {
  const machine: Machine = { path: empty, root: empty };

  test('is found to have no Docker', async () => {
    expect(await dockerAnswers(machine)).toBe(false);
  });

  test('gets one error that names the packages to install, and the alternatives', async () => {
    const ensured = ensurePackages(SERVER_PACKAGES, machine, progress);
    await expect(ensured).rejects.toThrow(PackagesMissing);
    await expect(ensured).rejects.toThrow(
      /Install the packages postgresql, rabbitmq-server, zookeeper/,
    );
    await expect(ensured).rejects.toThrow(/no Docker engine and no apt-get/);
    await expect(ensured).rejects.toThrow(/DATABASE_URL, AMQP_URL, ZOOKEEPER/);
  });
});

test('a package mirror that fails is asked a few times, and its error is reported', async () => {
  const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
  const script = `#!/bin/sh\necho "$@" >> ${folder}/calls\necho 'no route to the mirror' >&2\nexit 100\n`;
  writeFileSync(join(folder, 'apt-get'), script, { mode: 0o755 });
  // A user other than root needs sudo, which here only runs the command.
  const sudo = '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n';
  writeFileSync(join(folder, 'sudo'), sudo, { mode: 0o755 });
  const machine: Machine = { path: folder, root: folder };
  const ensured = ensurePackages(SERVER_PACKAGES, machine, progress, [1, 1]);
  await expect(ensured).rejects.toThrow(/ended with 100:\nno route to the mirror/);
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  expect(calls.filter((call) => / update$/.test(call))).toHaveLength(3);
  expect(calls.filter((call) => / install -y /.test(call))).toHaveLength(3);
  rmSync(folder, { recursive: true, force: true });
});

test('the last line of npm test also counts failures outside of tests', () => {
  const report = {
    numPassedTests: 5,
    numFailedTests: 1,
    testResults: [
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
      { status: 'failed', assertionResults: [{ status: 'failed' }] },
      { status: 'failed', assertionResults: [] },
    ],
  };
  expect(countResults(report)).toEqual({ passed: 5, failed: 2 });
});
