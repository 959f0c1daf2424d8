import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SCRATCH_PREFIX } from '../ops/stack/test-folder.ts';
import { runbookLines } from './runbook/lines.ts';
import { Reader } from './runbook/reader.ts';
import { until } from './until.ts';

/**
 * The first five minutes of the README, word for word: a separate stack is started as the README
 * says, with the edge in front of it and Prometheus beside it, and every line of its shell blocks is run. Then
 * somebody puts on a sale on the same stack and goes through all of docs/runbook.md.
 */

const ROOT = join(import.meta.dirname, '..');
const START_TIMEOUT_MS = 300_000;
const STOP_TIMEOUT_MS = 300_000;
const run = promisify(execFile);

const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
const environment = { ...process.env, FLASHSALE_FOLDER: folder, npm_lifecycle_event: 'start' };
// The stack must bring its own servers, wherever those of this run come from.
for (const name of ['DATABASE_URL', 'AMQP_URL', 'AMQP_MANAGEMENT_URL', 'ZOOKEEPER']) {
  Reflect.deleteProperty(environment, name);
}
let start: ChildProcess;
let screen = '';

interface Target {
  readonly health: string;
  readonly labels: { readonly job: string };
}

/** The lines of the shell blocks between the marker and the next chapter. */
function lines(): string[] {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const chapter = /<!-- each line of the next blocks is run by[^>]*-->([\s\S]*?)\n## /.exec(text);
  const blocks = [...(chapter?.[1] ?? '').matchAll(/```sh\n([\s\S]*?)```/g)];
  return blocks.flatMap(([, block]) => (block ?? '').split('\n')).filter((line) => line !== '');
}

beforeAll(async () => {
  start = spawn(process.execPath, ['ops/stack/start.ts', '--edge', '--watch'], {
    cwd: ROOT,
    env: environment,
  });
  start.stdout?.on('data', (chunk) => {
    screen += chunk;
  });
  start.stderr?.on('data', (chunk) => {
    screen += chunk;
  });
  await until('npm start is ready', () => screen.includes('Ctrl-C stops everything'), {
    deadlineMs: START_TIMEOUT_MS,
  }).catch((error: Error) => {
    throw new Error(`${error.message}\n${screen}`);
  });
  const url = /SHOP_URL=(\S+)/.exec(screen)?.[1];
  await until(
    'the demo sale is open',
    async () => {
      const response = await fetch(`${url}/api/v1/sales/demo`);
      return ((await response.json()) as { state: string }).state === 'open';
    },
    { deadlineMs: START_TIMEOUT_MS },
  );
}, START_TIMEOUT_MS * 2);

afterAll(async () => {
  const ended = new Promise((resolve) => start.once('exit', resolve));
  start.kill('SIGTERM');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}, STOP_TIMEOUT_MS);

it('Prometheus sees every process, every server with an exporter, the host and the shop', async () => {
  const url = /^Prometheus (\S+)\/alerts$/m.exec(screen)?.[1];
  const seen = await until('every target is up', async () => {
    const response = await fetch(`${url}/api/v1/targets`);
    const { activeTargets } = ((await response.json()) as { data: { activeTargets: Target[] } })
      .data;
    const bad = activeTargets.filter(({ health }) => health !== 'up');
    if (bad.length > 0) throw new Error(JSON.stringify(bad));
    return activeTargets.length > 0 && activeTargets.map(({ labels }) => labels.job);
  });
  const jobs = Map.groupBy(seen, (job) => job);
  expect(Object.fromEntries([...jobs].map(([job, all]) => [job, all.length]))).toEqual({
    flashsale: 7,
    ...{ host: 1, postgres: 1, rabbitmq: 1, shop: 1 },
  });
});

it('the first five minutes of the README work as written', async () => {
  const typed = lines();
  expect(typed.length).toBeGreaterThan(15);
  // One shell for all lines, because later lines use what earlier ones set. A mark separates their
  // outputs.
  const script = typed
    // While the machine is busy with other tests, the doctor may say no: an alert fires, or a source takes its time.
    .map((line) => (line.includes('flashsale doctor') ? `until ${line}; do sleep 1; done` : line))
    .map((line, index) => `printf '\\n@@ ${index}\\n'\n${line}`)
    .join('\n');
  const env = { ...environment, PATH: `${ROOT}/node_modules/.bin:${process.env['PATH']}` };
  const { stdout } = await run('bash', ['-e', '-c', script], { cwd: ROOT, env });
  const outputs = stdout.split(/^@@ \d+$/m).slice(1);
  const outputOf = (part: string) => outputs[typed.findIndex((line) => line.includes(part))] ?? '';
  expect(outputOf('?wait=10')).toContain('"status":"ordered"');
  expect(outputOf('flashsale doctor')).toMatch(/^go$/m);
  expect(outputOf('hot.audit()')).toContain('(0 rows)');
  expect(outputOf('slot_fill')).toContain('TV');
  expect(outputOf('hot.orders')).toMatch(/TV +\| ordered/);
  expect(outputOf('place_orders.sql')).toContain('CREATE FUNCTION');
  expect(outputOf('!flashsale!keep')).toContain('twelve');
});

it('every command of the runbook works as written, from a week before to the day after', async () => {
  const here = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
  const reader = await Reader.sitDown(here, environment);
  try {
    const typed = runbookLines().filter(({ notRun }) => notRun === undefined);
    expect(typed.length).toBeGreaterThan(150);
    const last = typed.filter(({ isLast }) => isLast);
    expect(last).toHaveLength(1);
    for (const line of [...typed.filter(({ isLast }) => !isLast), ...last])
      await reader.follow(line);
    for (const { text } of runbookLines().filter(({ notRun }) => notRun !== undefined)) {
      for (const [, name = ''] of text.matchAll(/SELECT (\w+)\(/g))
        await reader.expectRoutine(name);
    }
  } finally {
    await reader.close();
    rmSync(here, { recursive: true, force: true });
  }
});
