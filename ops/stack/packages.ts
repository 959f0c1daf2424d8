import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { type Machine, missingPackages, type PackageName, which } from './programs.ts';
import type { Progress } from './progress.ts';

/** Programs are missing and cannot be installed on this machine. */
export class PackagesMissing extends Error {
  override name = 'PackagesMissing';
}

/** How long apt-get waits for another apt-get to finish, in seconds. */
const APT_LOCK_TIMEOUT_S = 300;
/** For a mirror that is slow or briefly down: retries per file, and a timeout in seconds. */
const APT_FILE_RETRIES = 5;
const APT_SILENCE_TIMEOUT_S = 60;
/** Pauses before the whole command is repeated; each run has a timeout, in case apt-get hangs. */
const APT_PAUSES_MS: readonly number[] = [3_000, 15_000];
const APT_RUN_TIMEOUT_MS = 900_000;
const OUTPUT_TAIL_LINES = 20;

const INSTEAD: Partial<Record<PackageName, string>> = {
  postgresql: 'DATABASE_URL',
  'rabbitmq-server': 'AMQP_URL',
  zookeeper: 'ZOOKEEPER',
};

function explain(missing: readonly PackageName[], why: string): PackagesMissing {
  const variables = missing.map((name) => INSTEAD[name]).filter((name) => name !== undefined);
  const instead =
    variables.length === 0
      ? ''
      : `, or start Docker, or point ${variables.join(', ')} at servers that run`;
  return new PackagesMissing(
    `Missing on this machine: ${missing.join(', ')}. ${why}. ` +
      `Install the packages ${missing.join(', ')} with your system's package manager${instead}.`,
  );
}

function runAptGet(command: readonly string[]): Promise<{ code: number; output: string }> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const stdio = ['inherit', 'pipe', 'pipe'] as const;
    const child = spawn(program, args, { stdio: [...stdio], timeout: APT_RUN_TIMEOUT_MS });
    let output = '';
    const keep = (data: Buffer) => {
      output = (output + data.toString('utf8')).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => resolve({ code: 127, output: error.message }));
    child.once('close', (code, signal) => {
      resolve({
        code: code ?? 1,
        output: signal === null ? output : `${output}\nended: ${signal}`,
      });
    });
  });
}

/**
 * Installs the missing packages of `wanted` with apt-get.
 *
 * @throws {PackagesMissing} with the names of the packages, when there is no way to install them
 */
export async function ensurePackages(
  wanted: readonly PackageName[],
  machine: Machine,
  progress: Progress,
  pausesMs = APT_PAUSES_MS,
): Promise<void> {
  const missing = missingPackages(wanted, machine);
  if (missing.length === 0) return;
  const aptGet = which('apt-get', machine);
  if (aptGet === undefined) throw explain(missing, 'There is no Docker engine and no apt-get');
  const sudo = which('sudo', machine);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && sudo === undefined) throw explain(missing, 'apt-get needs root or sudo');
  const command = [
    ...(isRoot ? [] : [sudo ?? '', ...(process.stdin.isTTY ? [] : ['-n'])]),
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    // invoke-rc.d starts no service in the single-user run level. Only the programs are wanted, not
    // the system's own servers.
    'RUNLEVEL=1',
    aptGet,
    ...['-o', `DPkg::Lock::Timeout=${APT_LOCK_TIMEOUT_S}`],
    ...['-o', `Acquire::Retries=${APT_FILE_RETRIES}`],
    ...['http', 'https'].flatMap((scheme) => [
      '-o',
      `Acquire::${scheme}::Timeout=${APT_SILENCE_TIMEOUT_S}`,
    ]),
  ];
  await progress.step(
    `installing ${missing.join(', ')} with apt-get (about a minute)`,
    async () => {
      for (const pauseMs of [...pausesMs, undefined]) {
        // A failed update is not fatal, because an older package list may suffice.
        await runAptGet([...command, 'update']);
        const install = ['install', '-y', '--no-install-recommends', ...missing];
        const { code, output } = await runAptGet([...command, ...install]);
        if (code === 0 && missingPackages(wanted, machine).length === 0) return;
        const tail = output.trimEnd().split('\n').slice(-OUTPUT_TAIL_LINES).join('\n');
        const why = `apt-get install ended with ${code}:\n${tail}\n`;
        if (pauseMs === undefined) throw explain(missing, why);
        progress.say(`${why}Next try in ${pauseMs / 1_000} s`);
        await delay(pauseMs);
      }
    },
  );
}
