import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PROGRAM_ENVIRONMENT } from './children.ts';

const ROOT = join(import.meta.dirname, '..');

/** Runs a command of the command line, as an operator does in a shell. */
export async function flashsale(
  words: readonly string[],
  options: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly input?: string;
  } = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['ops/cli.ts', ...words], {
    cwd: ROOT,
    env: { ...PROGRAM_ENVIRONMENT, ...options.environment },
  });
  child.stdin.end(options.input);
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, err };
}
