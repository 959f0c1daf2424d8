import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';

/**
 * Runs commands of ops/cli.ts one after the other in this process: to start a process for each of a hundred commands
 * takes a minute of CPU. A shell sends words and variables, each ended by a zero byte: how many words, the words, the variables,
 * an empty one. The answer is the exit status, and where stdout and stderr are.
 */

const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
const realExit = process.exit;
let calls = 0;

class Exit extends Error {}

/** Calls ops/cli.ts as a new process would: it reads `process` and sets the exit code. */
async function run(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<{ code: number; out: Buffer; err: Buffer }> {
  calls += 1;
  const written = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const real = { stdout: process.stdout.write, stderr: process.stderr.write };
  let exited: number | undefined;
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
      if (exited === undefined) written[name].push(Buffer.from(chunk as string));
      const done = rest.at(-1);
      if (typeof done === 'function') done();
      return true;
    }) as typeof process.stdout.write;
  }
  process.exit = (code) => {
    exited ??= Number(code ?? 0);
    throw new Exit();
  };
  process.argv = [process.execPath, 'ops/cli.ts', ...words];
  process.env = environment;
  process.exitCode = 0;
  try {
    await import(`../../ops/cli.ts?call=${calls}`);
    const code = exited ?? Number(process.exitCode);
    return { code, out: Buffer.concat(written.stdout), err: Buffer.concat(written.stderr) };
  } finally {
    process.stdout.write = real.stdout;
    process.stderr.write = real.stderr;
    process.exit = realExit;
    process.exitCode = 0;
  }
}

const server = createServer((socket) => {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', async (chunk: string) => {
    text += chunk;
    if (!text.endsWith('\0\0')) return;
    const [count = '', ...parts] = text.split('\0');
    const [program, ...words] = parts.slice(0, Number(count));
    const variables = parts.slice(Number(count)).filter((part) => part !== '');
    if (program !== 'flashsale') return socket.end(`127 ${program}\n`);
    const environment = Object.fromEntries(
      variables.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]),
    );
    const { code, out, err } = await run(words, environment);
    const path = join(folder, String(calls));
    writeFileSync(`${path}.out`, out);
    writeFileSync(`${path}.err`, err);
    socket.end(`${code} ${path}\n`);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as { port: number }).port, folder });
});
process.on('disconnect', () => realExit(0));
