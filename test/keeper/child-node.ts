import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Draw } from '../../server/quota/agent.ts';
import { servers } from '../servers.ts';
import { until } from '../until.ts';

/** A web node that can be killed and stopped: an agent in a separate process. */
export interface ChildNode {
  /** Its node id and grant as last printed. */
  readonly said: { node?: string; grant: number };
  draw(units: number): Promise<Draw>;
  signal(signal: NodeJS.Signals): void;
  /** Kills the process at once; resolves when it has ended. */
  close(): Promise<void>;
}

export function startChildNode(root: string, sku: string, sessionTimeoutMs: number): ChildNode {
  const file = join(import.meta.dirname, 'node-process.ts');
  const child = spawn(
    process.execPath,
    [file, servers.zookeeper, root, sku, String(sessionTimeoutMs)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  child.once('exit', () => resolve());
  const answers: Draw[] = [];
  const said: { node?: string; grant: number } = { grant: 0 };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    if (message.asked === undefined) Object.assign(said, message);
    else answers.push(message.answer);
  });
  return {
    said,
    async draw(units) {
      child.stdin.write(`${units}\n`);
      return until('an answer', () => answers.shift(), { pollMs: 5 });
    },
    signal: (signal) => void child.kill(signal),
    close() {
      child.kill('SIGKILL');
      return gone;
    },
  };
}
