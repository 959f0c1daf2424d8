import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProgress } from '../../ops/stack/progress.ts';
import { startTestbed } from '../../ops/stack/testbed.ts';
import { MUTANTS } from './list.ts';
import { copyTree, plant } from './tree.ts';

/**
 * `npm run mutants [-- <word>]` checks that the tests find bugs. It plants one bug after the other
 * in a copy of the tree, runs the tests that should find it, and expects them to fail. It ends with
 * 1 if a mutant survives or cannot be planted, or if the tests fail without one.
 */

interface Patience {
  readonly timeoutMs: number;
  /** How often a failed test is repeated. */
  readonly retries: number;
  readonly testTimeoutMs: number;
}

/**
 * For all tests on the unchanged tree: a failure that a busy machine caused must not end the run.
 */
const SOUND: Patience = { timeoutMs: 1_800_000, retries: 1, testTimeoutMs: 600_000 };
/** For the tests of one mutant: a race that it opens may fail one run and not the next. */
const MUTANT: Patience = { timeoutMs: 180_000, retries: 0, testTimeoutMs: 60_000 };

interface Result {
  readonly red: boolean;
  /**
   * Whether the run was ended because it took too long. It then counts as neither failed nor
   * passed.
   */
  readonly timedOut: boolean;
  readonly seconds: number;
  /** The first test that failed, or how the run ended. */
  readonly by: string;
}

function runTests(
  folder: string,
  tests: readonly string[],
  env: NodeJS.ProcessEnv,
  { timeoutMs, retries, testTimeoutMs }: Patience,
): Promise<Result> {
  const startMs = performance.now();
  const vitest = join(folder, 'node_modules/vitest/vitest.mjs');
  const report = join(folder, 'mutant.json');
  rmSync(report, { force: true });
  return new Promise((resolve) => {
    const once = ['run', '--bail=1', `--retry=${retries}`, `--testTimeout=${testTimeoutMs}`];
    const args = [vitest, ...once, '--reporter=json', `--outputFile=${report}`, ...tests];
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env,
      stdio: 'ignore',
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGTERM');
    }, timeoutMs);
    child.once('close', (code) => {
      clearTimeout(timer);
      const seconds = (performance.now() - startMs) / 1_000;
      const by = timedOut ? 'nothing in time' : (firstFailure(report) ?? `exit code ${code}`);
      resolve({ red: code !== 0, timedOut, seconds, by });
    });
  });
}

function firstFailure(file: string): string | undefined {
  interface Report {
    testResults: { message: string; assertionResults: { status: string; title: string }[] }[];
  }
  try {
    const report: Report = JSON.parse(readFileSync(file, 'utf8'));
    const all = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    const failed = all.find(({ status }) => status === 'failed')?.title;
    return (
      failed ?? report.testResults.find(({ message }) => message !== '')?.message.split('\n')[0]
    );
  } catch {
    return undefined;
  }
}

function verdict(result: Result | undefined): string {
  if (result === undefined) return 'DOES NOT APPLY';
  if (result.timedOut) return 'TOOK TOO LONG';
  return result.red ? 'caught' : 'SURVIVED';
}

const word = process.argv[2];
const chosen = MUTANTS.filter(
  ({ name, file }) => word === undefined || `${name} ${file}`.includes(word),
);
const folder = copyTree();
const testbed = await startTestbed(
  process.env,
  createProgress((line) => console.log(line)),
);
const { databaseUrl, amqpUrl, amqpManagementUrl, zookeeper } = testbed.servers;
const env = {
  ...process.env,
  DATABASE_URL: databaseUrl,
  AMQP_URL: amqpUrl,
  ...(amqpManagementUrl !== undefined && { AMQP_MANAGEMENT_URL: amqpManagementUrl }),
  ZOOKEEPER: zookeeper,
};
let bad = 0;
try {
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))];
  const sound = await runTests(folder, tests, env, SOUND);
  if (sound.red) {
    console.error(`The tests are red without a mutant: ${sound.by}`);
    bad += 1;
  }
  console.log('| promise | planted bug | | seen by | s |\n|---|---|---|---|---|');
  for (const mutant of sound.red ? [] : chosen) {
    const before = plant(folder, mutant);
    const result =
      before === undefined ? undefined : await runTests(folder, mutant.tests, env, MUTANT);
    if (before !== undefined) writeFileSync(join(folder, mutant.file), before);
    const how = verdict(result);
    if (how !== 'caught') bad += 1;
    const seen = how === 'caught' ? result?.by : '';
    const columns = [mutant.promise, mutant.name, how, seen, result?.seconds.toFixed(0) ?? ''];
    console.log(`| ${columns.join(' | ')} |`);
  }
} finally {
  await testbed.stop();
  rmSync(folder, { recursive: true, force: true });
}
console.log(bad === 0 ? `all ${chosen.length} caught` : `${bad} not caught`);
process.exitCode = bad === 0 ? 0 : 1;
