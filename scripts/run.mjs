#!/usr/bin/env node
/**
 * Runs one entry file of this project on the project's own Node: `node scripts/run.mjs <entry.ts> [args]`.
 * Plain JavaScript for any Node from 18 on and without packages, because it is what runs on a fresh
 * clone: it installs the packages first when they are missing or other than package-lock.json says.
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
/** Of npm's words, in characters: enough for its last error. */
const OUTPUT_LENGTH_MAX = 20_000;

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Why the packages must be installed, or undefined when what is installed is what the lock says. */
function whyInstall() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  if (!wanted) return 'package-lock.json is missing';
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (!installed) return 'the packages are not installed';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const present = installed[path];
    // Packages for other platforms are in the lock but rightly absent here.
    if (!present && entry.optional) continue;
    if (present?.version !== entry.version || present?.integrity !== entry.integrity) {
      return 'the installed packages are not those of package-lock.json';
    }
  }
  // `statSync` would do; `lstat` also tells a link whose target is gone from a file.
  try {
    if (!lstatSync(projectNode).isFile()) return 'Node is not in place';
  } catch {
    return 'Node is not in place';
  }
  return undefined;
}

/** @returns {{parent: number | undefined, command: string}} from /proc, where there is one */
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
 * npm passes a signal on to the shell that it runs scripts with, and that shell dies of it without
 * telling this process; a killed npm tells nobody at all. So when npm or its shell is gone, that is
 * taken for the signal. Outside of npm nothing is watched: a shell may go and leave this running.
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
 * Runs a program to its end. With `quiet` its words come back in `output` instead of on the screen.
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
    // A terminal's Ctrl-C reaches the child by itself; the second copy that is sent here does no
    // harm, since the entry files take only the first. What matters is that this process stays until
    // the child is done, or the shell's prompt would return while servers still run.
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
  // npm hands its own settings down in npm_* variables; inside `npm test` they would make the
  // install script of the package `node` look for another package's folder.
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package|lifecycle|config_global)/.test(name),
    ),
  );
  const how = { env: environment, quiet: true };
  const flags = ['--no-fund', '--no-audit', '--loglevel=error', '--fetch-retries=5'];
  let result = await run(npm, ['ci', ...flags], how);
  if (result.code !== 0 && result.code < 127) {
    // A registry that lacks a package for another platform makes `npm ci` refuse the whole lock.
    // `--no-save`: the lock stays as it is.
    console.error('flashsale: npm ci refuses the lock file: npm install …');
    const second = await run(npm, ['install', '--no-save', ...flags], how);
    result = { code: second.code, output: `${result.output}\n${second.output}` };
  }
  clearInterval(tick);
  if (result.code === 0 && whyInstall() === 'Node is not in place') {
    // Where npm is told to ignore install scripts, the package `node` has not fetched its program.
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
    console.error(`flashsale: npx flashsale will not be found: ${error.message}`);
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

// `npm run bench -- db` is called in a subfolder at times: entry files are named from the root.
const { code } = await run(projectNode, [join(root, entry), ...rest], {
  env: { ...process.env, PATH: `${binFolder}:${process.env['PATH'] ?? ''}` },
});
process.exitCode = code;
