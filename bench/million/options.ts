import { parseArgs } from 'node:util';
import { parseShare, SHARE_FORM } from '../../contracts/shares.ts';

/** Options of `npm run million`. The defaults are the scenario of the original text. */
export interface MillionOptions {
  /** Distinct users, each of whom presses once. */
  readonly requests: number;
  /** A sale that is open; undefined for a sale of the scenario's own. */
  readonly sale: string | undefined;
  readonly products: number;
  /** Units of each product. */
  readonly units: number;
  /** Share of requests that web nodes keep. */
  readonly keep: number;
  /** Share of users who press a second time. */
  readonly twice: number;
  /** Connections of the crowd. */
  readonly connections: number;
  /** The crowd gives up after this time. */
  readonly secondsMax: number;
  /** Print the report as one line of JSON at the end. */
  readonly json: boolean;
}

export const USAGE = `npm run million -- [options]
  --requests N      distinct users; each presses once        (1000000)
  --sale NAME       an open sale in place of a new one; its orders stay in it,
                    and --products, --units and --keep are those of the sale
  --products N      products on sale                         (3)
  --units N         units of each product                    (1000)
  --keep SHARE      share of requests that is kept, 0 to 1   (0.1)
  --twice SHARE     share of users who press twice, 0 to 1   (0.05)
  --connections N   connections of the crowd                 (64)
  --seconds N       time after which the crowd gives up      (1800)
  --json            print the report as one line of JSON at the end
  --help            print this text`;

export class UsageError extends Error {
  override name = 'UsageError';
}

function number(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, got ${text}`);
  }
  return value;
}

function share(name: string, text: string): number {
  const value = parseShare(text);
  if (value === undefined) throw new UsageError(`--${name} must be ${SHARE_FORM}, got ${text}`);
  return value;
}

/** @throws {UsageError} */
export function parseOptions(args: readonly string[]): MillionOptions {
  const option = (value: string) => ({ type: 'string', default: value }) as const;
  const ofNewSale = { type: 'string' } as const;
  const options = {
    requests: option('1000000'),
    sale: { type: 'string' },
    products: ofNewSale,
    units: ofNewSale,
    keep: ofNewSale,
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
  const { sale, products, units, keep } = values;
  if (sale !== undefined && (products ?? units ?? keep) !== undefined) {
    throw new UsageError(`--products, --units and --keep are those of the sale ${sale}`);
  }
  return {
    sale,
    requests: number('requests', values.requests, 1, 100_000_000),
    products: number('products', products ?? '3', 1, 100),
    units: number('units', units ?? '1000', 1, 10_000_000),
    keep: share('keep', keep ?? '0.1'),
    twice: share('twice', values.twice),
    connections: number('connections', values.connections, 1, 10_000),
    secondsMax: number('seconds', values.seconds, 1, 86_400),
    json: values.json,
  };
}
