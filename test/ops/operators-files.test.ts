import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { toFile } from '../../ops/commands/sale-export.ts';
import { createProgram } from '../../ops/program.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { until } from '../until.ts';

/** Commands of operators who have a strict umask, call twice at once, or have no server. */

const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
afterAll(() => rmSync(folder, { recursive: true }));

it('the secrets of a shop can be read by the users of containers, also under a strict umask', () => {
  const made = join(folder, 'secrets');
  const line = 'umask 077; exec "$0" ops/cli.ts secrets new "$1"';
  const { status, stderr } = spawnSync('sh', ['-c', line, process.execPath, made], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
  expect(modeOf(made)).toBe('700');
  expect(readdirSync(made).filter((name) => modeOf(join(made, name)) !== '444')).toEqual([]);
});

it('two exports to the same file at once leave one of them, whole', async () => {
  const file = join(folder, 'orders.csv');
  const text = (letter: string) => Buffer.from(letter.repeat(1_000));
  let ended = false;
  const slow = toFile(file, async (write) => {
    await write(text('a'));
    await until('the other export has ended', () => ended);
    await write(text('a'));
  });
  await toFile(file, (write) => write(text('b')));
  expect(readFileSync(file, 'utf8')).toBe('b'.repeat(1_000));
  ended = true;
  await slow;
  expect(readFileSync(file, 'utf8')).toBe('a'.repeat(2_000));
  expect(readdirSync(folder).filter((name) => name.includes('orders'))).toEqual(['orders.csv']);
});

it('nobody is told that there are no dead letters if they could not be looked at', async () => {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  const environment = {
    DATABASE_URL: 'postgres://shop:password@127.0.0.1:1/shop',
    AMQP_URL: 'amqp://a:b@127.0.0.1:1/shop',
  };
  try {
    const program = await createProgram(environment, 'dead-letters');
    const words = ['dead-letters', 'refuse', '--all'];
    await expect(program.parseAsync(words, { from: 'user' })).rejects.toThrow();
  } finally {
    log.mockRestore();
  }
  expect(lines).toEqual([]);
});

it('a file that is not there is named in words', () => {
  const args = ['ops/cli.ts', 'load', join(folder, 'nothing.yaml')];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([
    1,
    `flashsale: ${join(folder, 'nothing.yaml')}: there is no such file\n`,
  ]);
});
