import { InvalidArgumentError } from 'commander';
import { runningStack } from '../stack/running.ts';
import type { CommandContext } from './command.ts';

/** Shared by the commands that let a crowd come. */

const PROCESSES_MAX = 64;
/** Without a terminal, a line comes so often. */
const LINE_SECONDS = 10;
const CLEAR_LINE = '\r\u001b[K';

export function parseProcesses(value: string): number {
  const processes = Number(value);
  if (!/^\d{1,2}$/.test(value) || processes < 1 || processes > PROCESSES_MAX) {
    throw new InvalidArgumentError(`It is a number from 1 to ${PROCESSES_MAX}.`);
  }
  return processes;
}

/** The address in the options, else SHOP_URL, else that of the running local stack. */
export function targetOf({ environment }: CommandContext, shop: string | undefined): string {
  const text = shop ?? environment['SHOP_URL'] ?? runningStack(environment)['SHOP_URL'] ?? '';
  const isAddress = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (!isAddress || new URL(text).pathname !== '/') {
    throw new Error(`the address of the shop is like https://shop.example, not ${text}`);
  }
  return text;
}

/** Shows a line of progress: in its place on a terminal, now and then elsewhere. */
export function progressLine() {
  let looks = 0;
  return {
    show(text: string): void {
      looks += 1;
      if (process.stderr.isTTY) {
        process.stderr.write(CLEAR_LINE + text.slice(0, (process.stderr.columns ?? 80) - 1));
      } else if (looks % LINE_SECONDS === 1) console.error(text);
    },
    end(): void {
      if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
    },
  };
}
