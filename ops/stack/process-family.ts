import { readFileSync } from 'node:fs';

/** Sends signals to a server and all processes that it has started. */

function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** A backend may end between the look-up and the signal. Then there is nothing to do. */
function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ENOENT', 'ESRCH'].includes(code);
}

/**
 * Sends the signal to the process, then to its children, and so on.
 *
 * @throws {Error} ESRCH, if the process itself is gone
 */
export function signalFamily(pid: number, signal: NodeJS.Signals): void {
  process.kill(pid, signal);
  for (const child of childrenOf(pid)) {
    try {
      signalFamily(child, signal);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}
