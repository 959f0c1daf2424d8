import { parseArgs } from 'node:util';

/** What `npm run million` plays; the defaults are the scenario of the text that it comes from. */
export interface MillionOptions {
  /** Distinct users, each of whom presses once. */
  readonly requests: number;
  readonly products: number;
  /** Units of each product. */
  readonly units: number;
  /** Share of requests that web nodes keep. */
  readonly keep: number;
  /** Share of users who press a second time. */
  readonly twice: number;
  /** Connections of the crowd. */
  readonly connections: number;
  /** The crowd gives up after this long. */
  readonly secondsMax: number;
  /** Print the report as one line of JSON last. */
  readonly json: boolean;
}

export const USAGE = `npm run million -- [options]
  --requests N      distinct users, each presses once        (1000000)
  --products N      products on sale                         (3)
  --units N         units of each product                    (1000)
  --keep SHARE      share of requests that is kept, 0 to 1   (0.1)
  --twice SHARE     share of users who press twice, 0 to 1   (0.05)
  --connections N   connections of the crowd                 (64)
  --seconds N       the crowd gives up after                 (1800)
  --json            the report as one line of JSON last
  --help            this text`;

export class UsageError extends Error {
  override name = 'UsageError';
}

function number(name: string, text: string, min: number, max: number, whole: boolean): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    const kind = whole ? 'a whole number' : 'a number';
    throw new UsageError(`--${name} must be ${kind} from ${min} to ${max}, got ${text}`);
  }
  return value;
}

/** @throws {UsageError} */
export function parseOptions(args: readonly string[]): MillionOptions {
  const option = (value: string) => ({ type: 'string', default: value }) as const;
  const options = {
    requests: option('1000000'),
    products: option('3'),
    units: option('1000'),
    keep: option('0.1'),
    twice: option('0.05'),
    connections: option('64'),
    seconds: option('1800'),
    json: { type: 'boolean', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  return {
    requests: number('requests', values.requests, 1, 100_000_000, true),
    products: number('products', values.products, 1, 100, true),
    units: number('units', values.units, 1, 10_000_000, true),
    keep: number('keep', values.keep, 0, 1, false),
    twice: number('twice', values.twice, 0, 1, false),
    connections: number('connections', values.connections, 1, 10_000, true),
    secondsMax: number('seconds', values.seconds, 1, 86_400, true),
    json: values.json,
  };
}
