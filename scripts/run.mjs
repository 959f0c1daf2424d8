#!/usr/bin/env node
/**
 * Runs one entry file of this project on the project's own Node: `node scripts/run.mjs <entry.ts> [args]`.
 * It first installs the packages if they are missing or differ from package-lock.json. It runs on a
 * fresh clone, so it is plain JavaScript for any Node from 18 on and uses no packages.
 */
import { spawn } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const binFolder = join(root, 'node_modules', '.bin');
const projectNode = join(root, 'node_modules', 'node', 'bin', 'node');

const PARENT_POLL_MS = 300;
/** Characters of npm's output that are kept: enough for its last error. */
const OUTPUT_LENGTH_MAX = 20_000;

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Returns why the packages must be installed, or undefined if they are as in package-lock.json. */
function whyInstall() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  if (!wanted) return 'package-lock.json is missing';
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!installed) return 'the packages are not installed';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const present = installed[path];
    // Packages for other platforms are in the lock file but are not installed here.
    if (!present && entry.optional) continue;
    if (present?.version !== entry.version || present?.integrity !== entry.integrity) {
      return 'the installed packages are not those of package-lock.json';
    }
  }
  // `lstat` instead of `stat`: it does not take a link for a file.
  try {
    if (!lstatSync(projectNode).isFile()) return 'Node is not in place';
  } catch {
    return 'Node is not in place';
  }
  return undefined;
}

/** @returns {{parent: number | undefined, command: string}} from /proc, if the system has one */
function lookUp(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { parent, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8') };
  } catch {
    return { parent: undefined, command: '' };
  }
}

/**
 * Calls `action` when npm or its shell has ended. npm sends a signal only to the shell that runs the
 * script, and the shell dies without a signal to this process. A killed npm sends no signal at all. So
 * the end of npm or of its shell counts as the signal. Outside of npm nothing is watched, because a
 * shell may end and leave this process running.
 */
function whenNpmIsGone(action) {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const above = lookUp(parent);
  const isShell = above.command.includes('run.mjs');
  const timer = setInterval(() => {
    const isHere = process.ppid === parent && (!isShell || lookUp(parent).parent === above.parent);
    if (isHere) return;
    clearInterval(timer);
    action();
  }, PARENT_POLL_MS);
  timer.unref();
}

/**
 * Runs a program to its end. With `quiet` its output is returned in `output` and not printed.
 * @returns {Promise<{code: number, output: string}>} the exit code, 128 + n for signal n
 */
function run(command, args, { env, quiet = false }) {
  return new Promise((resolve) => {
    const stdio = quiet ? ['inherit', 'pipe', 'pipe'] : 'inherit';
    const child = spawn(command, args, { cwd: root, stdio, env });
    let output = '';
    for (const stream of quiet ? [child.stdout, child.stderr] : []) {
      stream.on('data', (data) => {
        output = (output + data).slice(-OUTPUT_LENGTH_MAX);
      });
    }
    const forward = (signal) => child.kill(signal);
    whenNpmIsGone(() => child.kill('SIGTERM'));
    // A terminal sends Ctrl-C to the child as well. The second signal from here does no harm, because
    // the entry files handle only the first. This process must stay until the child has ended:
    // otherwise the shell's prompt would return while servers still run.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward);
    child.on('error', (error) => {
      console.error(`flashsale: ${command} cannot be started: ${error.message}`);
      resolve({ code: 127, output });
    });
    child.on('close', (code, signal) => {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, forward);
      resolve({ code: code ?? 128 + (constants.signals[signal] ?? 0), output });
    });
  });
}

async function install(reason) {
  const startedAt = Date.now();
  const elapsed = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  console.error(`flashsale: ${reason}: npm ci (about a minute the first time) …`);
  const tick = setInterval(() => console.error(`flashsale: npm ci: ${elapsed()} …`), 10_000);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // npm passes its own settings to children in npm_* variables. Within `npm test` they would make the
  // install script of the package `node` look in the folder of another package.
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package|lifecycle|config_global)/.test(name),
    ),
  );
  const how = { env: environment, quiet: true };
  const flags = ['--no-fund', '--no-audit', '--loglevel=error', '--fetch-retries=5'];
  let result = await run(npm, ['ci', ...flags], how);
  if (result.code !== 0 && result.code < 127) {
    // If the registry lacks a package for another platform, `npm ci` refuses the whole lock file.
    // `--no-save` leaves the lock file unchanged.
    console.error('flashsale: npm ci refuses the lock file: npm install …');
    const second = await run(npm, ['install', '--no-save', ...flags], how);
    result = { code: second.code, output: `${result.output}\n${second.output}` };
  }
  clearInterval(tick);
  if (result.code === 0 && whyInstall() === 'Node is not in place') {
    // If npm is set to ignore install scripts, the package `node` has not installed its program.
    result = await run(npm, ['rebuild', 'node', '--ignore-scripts=false'], how);
  }
  if (result.code !== 0) {
    console.error(result.output);
    console.error(`flashsale: the packages could not be installed (exit code ${result.code}).`);
    process.exit(result.code);
  }
  console.error(`flashsale: packages installed in ${elapsed()}`);
}

/** `npx flashsale` looks into node_modules/.bin first; npm does not link a package's own bin there. */
function linkCommand() {
  const link = join(binFolder, 'flashsale');
  const target = join('..', '..', 'ops', 'flashsale.mjs');
  try {
    if (readlinkSync(link) === target) return;
  } catch {
    // missing, or not a link
  }
  try {
    mkdirSync(binFolder, { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(target, link);
  } catch (error) {
    console.error(`flashsale: npx flashsale will not work: ${error.message}`);
  }
}

const [entry, ...rest] = process.argv.slice(2);
if (entry === undefined) {
  console.error('usage: node scripts/run.mjs <entry.ts> [arguments]');
  process.exit(2);
}
const reason = whyInstall();
if (reason !== undefined) await install(reason);
linkCommand();

// npm may be called in a subfolder, so the path of the entry file starts at the root.
const { code } = await run(projectNode, [join(root, entry), ...rest], {
  env: {
    // A process that is started once more, after a crash or by hand, finds here what was compiled before.
    NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled'),
    ...process.env,
    PATH: `${binFolder}:${process.env['PATH'] ?? ''}`,
  },
});
process.exitCode = code;
