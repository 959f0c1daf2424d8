import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerAnswers } from './docker.ts';
import { PROJECT_ROOT } from './folder.ts';
import { memoryFolder } from './memory-folder.ts';
import { ensurePackages } from './packages.ts';
import {
  BACKUP_PACKAGE,
  BROWSER_PACKAGE,
  BROWSER_SHELL_PACKAGE,
  CLOCK_PACKAGE,
  checkPackage,
  EDGE_PACKAGES,
  FAILOVER_PACKAGES,
  FIREWALL_PACKAGE,
  type Machine,
  type PackageName,
  SERVER_PACKAGES,
  UNITS_PACKAGE,
  WATCH_PACKAGES,
} from './programs.ts';
import { createProgress, type Progress } from './progress.ts';
import { missingServers, serversOfEnvironment } from './servers.ts';
import { type Counts, countResults } from './test-counts.ts';
import { SCRATCH_PREFIX } from './test-folder.ts';

/**
 * `npm test`: set-up, then all tests. The type check and the lint run while the tests' servers start;
 * all three run even when one fails. The last line is `N passed, N failed`: the tests, and 1 more
 * failed for each check that does not pass.
 */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** @returns the exit code, and the output if `stdio` is `pipe` */
function run(
  args: readonly string[],
  stdio: 'inherit' | 'pipe',
): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: PROJECT_ROOT, stdio });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    }
    // The child stops its servers first; this process must outlive it to report the result.
    const forward = (signal: NodeJS.Signals) => child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, forward);
    child.once('close', (code) => {
      for (const signal of SIGNALS) process.off(signal, forward);
      resolve({ code: code ?? 1, text });
    });
  });
}

/** @returns whether it passed; its output is printed in one piece, not between the tests' lines */
async function check(name: string, args: readonly string[], progress: Progress): Promise<boolean> {
  const { code, text } = await run(args, 'pipe');
  progress.say(
    `${name} ${code === 0 ? 'passed' : `failed (exit code ${code})`}\n${text}`.trimEnd(),
  );
  return code === 0;
}

async function setUp(environment: NodeJS.ProcessEnv, progress: Progress): Promise<void> {
  const machine: Machine = { path: environment['PATH'] ?? '', root: '/' };
  const missing = missingServers(serversOfEnvironment(environment));
  const useDocker = missing.length > 0 && (await dockerAnswers(machine));
  const packages: PackageName[] = [
    BROWSER_PACKAGE,
    UNITS_PACKAGE,
    CLOCK_PACKAGE,
    ...EDGE_PACKAGES,
    ...WATCH_PACKAGES,
    ...FAILOVER_PACKAGES,
    FIREWALL_PACKAGE,
    BACKUP_PACKAGE,
  ];
  // All three, even if only one is missing: they are small and the next run may need them.
  if (missing.length > 0 && !useDocker) packages.push(...SERVER_PACKAGES);
  await ensurePackages(packages, machine, progress);
  // Not every system has it. Without it the tests use the whole browser.
  await ensurePackages([BROWSER_SHELL_PACKAGE], machine, progress).catch((error: Error) => {
    progress.say(error.message);
  });
  // The package name contains the installed PostgreSQL version. If it is missing, its test says so.
  if (missing.includes('postgres') && !useDocker) {
    await ensurePackages([checkPackage(machine)], machine, progress).catch((error: Error) => {
      progress.say(error.message);
    });
  }
}

async function runTests(args: readonly string[]): Promise<Counts & { exitCode: number }> {
  const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
  const results = join(folder, 'results.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  try {
    const command = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args];
    const { code: exitCode } = await run(command, 'inherit');
    let counts: Counts;
    try {
      counts = countResults(JSON.parse(readFileSync(results, 'utf8')));
    } catch {
      // Vitest ended before it wrote a result; that counts as one failure.
      counts = { passed: 0, failed: 1 };
    }
    return { ...counts, exitCode };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const inMemory = memoryFolder();
if (inMemory !== undefined) process.env['TMPDIR'] ??= inMemory;
const progress = createProgress((line) => console.log(line));
let failed = 0;
let passed = 0;
try {
  await setUp(process.env, progress);
  // Biome would colour its output letter by letter in a CI log.
  const plain = process.stdout.isTTY ? [] : ['--colors=off'];
  const checks: [name: string, args: string[]][] = [
    ['type check', ['node_modules/typescript/bin/tsc', '--noEmit', '--singleThreaded']],
    ['format and lint', ['node_modules/@biomejs/biome/bin/biome', 'ci', '.', ...plain]],
  ];
  const [tests, ...checked] = await Promise.all([
    progress.step('tests', () => runTests(process.argv.slice(2))),
    ...checks.map(([name, args]) => check(name, args, progress)),
  ]);
  passed = tests.passed;
  failed += tests.exitCode !== 0 ? Math.max(1, tests.failed) : tests.failed;
  failed += checked.filter((isPassed) => !isPassed).length;
} catch (error) {
  failed += 1;
  console.error(error instanceof Error ? error.message : error);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
