import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Machine, which } from './programs.ts';

/** Docker as the place of the three servers, through its own command line. */

const ENGINE_ANSWER_TIMEOUT_MS = 5_000;

const run = promisify(execFile);

/** Whether an engine answers; a client without one (or one that hangs) is no Docker. */
export async function dockerAnswers(machine: Machine): Promise<boolean> {
  const docker = which('docker', machine);
  if (docker === undefined) return false;
  try {
    const format = ['version', '--format', '{{.Server.Version}}'];
    const { stdout } = await run(docker, format, { timeout: ENGINE_ANSWER_TIMEOUT_MS });
    return /^\d/.test(stdout);
  } catch {
    return false;
  }
}
