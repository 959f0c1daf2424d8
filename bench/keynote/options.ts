import { parseArgs } from 'node:util';

/** Command-line options of the benchmark. */

export const USAGE = `npm run bench -- keynote [--json] [--rounds N] [--seconds N] [--accounts N] [--connections N]
                          [--batch N] [--batch-wait-ms N]
  --json           print progress on stderr. The last line is one JSON object in any case
  --rounds         rounds, in each of which both ways run once with each distribution  (5)
  --seconds        length of one run                                                   (3)
  --accounts       accounts with the same balance                                      (100000)
  --connections    connections of the clients                                          (64)
  --batch          most transfers in a call of the batch procedure                     (500)
  --batch-wait-ms  how long a transfer waits for others to join its batch              (1)
DATABASE_URL and AMQP_URL name other servers; without them, private ones are started and removed.`;

export class UsageError extends Error {}

export type KeynoteOptions = ReturnType<typeof parseOptions>;

/** @throws {UsageError} */
export function parseOptions(args: readonly string[]) {
  const number = (fallback: number) => ({ type: 'string', default: String(fallback) }) as const;
  let values: Record<string, string | boolean>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        rounds: number(5),
        seconds: number(3),
        accounts: number(100_000),
        connections: number(64),
        batch: number(500),
        'batch-wait-ms': number(1),
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const count = (name: string, least = 1) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < least) {
      throw new UsageError(`--${name} takes ${least} or more`);
    }
    return value;
  };
  return {
    json: values['json'] === true,
    help: values['help'] === true,
    rounds: count('rounds'),
    seconds: count('seconds'),
    accounts: count('accounts', 2),
    connections: count('connections'),
    batchRequestsMax: count('batch'),
    batchWaitMs: count('batch-wait-ms', 0),
  };
}
