import { join } from 'node:path';
import { freePort } from '../../ops/stack/ports.ts';
import { Child } from '../child.ts';
import type { Answer } from './answers.ts';

export interface Bare {
  readonly place: { readonly host: string; readonly port: number };
  /** Pid of each process, by its name. */
  readonly pids: ReadonlyMap<string, number>;
  end(): void;
}

/** Starts as many bare node:http processes as a shop has web nodes, on one port. */
export async function startBare(answer: Answer, processes: number): Promise<Bare> {
  const program = join(import.meta.dirname, 'process.ts');
  const port = await freePort();
  const children = Array.from({ length: processes }, () => new Child(program, [answer]));
  await Promise.all(children.map((child) => child.ask(port)));
  return {
    place: { host: '127.0.0.1', port },
    pids: new Map(children.map(({ pid }, index) => [`bare-${index + 1}`, pid])),
    end() {
      for (const child of children) child.end();
    },
  };
}
