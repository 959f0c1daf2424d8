import { Random } from './random.ts';

/**
 * The schedule of one run, generated from its seed: a world, and faults and edits at their times.
 */

export interface Setting {
  readonly seed: number;
  readonly servers: number;
  readonly keepers: number;
  readonly nodes: number;
  readonly skus: readonly {
    readonly sku: string;
    readonly total: number;
    readonly quota: number;
  }[];
  /** Purchase requests per second at all nodes for all SKUs. */
  readonly demand: number;
  /** How many times more requests the first node gets than the last. */
  readonly skew: number;
  readonly slowShare: number;
  readonly slowMs: number;
  readonly lostEvents: number;
  readonly doubledEvents: number;
  readonly steps: readonly Step[];
}

const STEP_KINDS = [
  'crash node',
  'stop node',
  'cut node',
  'silence node',
  'leave node',
  'evict node',
  'crash keeper',
  'stop keeper',
  'cut keeper',
  'silence keeper',
  'server down',
  'quorum lost',
  'follower alone',
  'database down',
  'worker stopped',
  'broker refuses',
  'quota',
  'garbage',
  'pin',
  'unpin',
  'restock',
  'cancel',
  'pause sku',
] as const;

export type StepKind = (typeof STEP_KINDS)[number];

export interface Step {
  readonly atMs: number;
  readonly kind: StepKind;
  /** Index of the node, keeper, server or SKU, modulo their number. */
  readonly which: number;
  readonly forMs: number;
  readonly units: number;
}

/** Faults happen until this time; afterwards everything works. */
export const FAULTS_MS = 4_000;
const LOUD: readonly StepKind[] = [
  'quota',
  'quota',
  'quota',
  'cancel',
  'pin',
  'stop node',
  'crash node',
];

export function scheduleOf(seed: number): Setting {
  const random = new Random(seed);
  const skus = Array.from({ length: random.pick([1, 1, 1, 2]) }, (_, index) => {
    const total = random.integer(10, 90);
    return { sku: `S${index}`, total, quota: random.chance(0.7) ? total : random.integer(0, 110) };
  });
  const steps = Array.from({ length: random.integer(1, 9) }, (): Step => {
    const kind = random.chance(0.4) ? random.pick(LOUD) : random.pick(STEP_KINDS);
    return {
      atMs: Math.round(random.between(100, FAULTS_MS)),
      kind,
      which: random.integer(0, 11),
      forMs: Math.round(random.between(50, 2_500)),
      units: random.integer(0, 110),
    };
  });
  const isCalm = random.chance(0.3);
  return {
    seed,
    servers: random.pick([1, 3, 3]),
    keepers: random.pick([1, 2, 2]),
    nodes: random.integer(1, 5),
    skus,
    demand: random.integer(15, 70),
    skew: random.between(1, 12),
    slowShare: isCalm ? 0 : random.between(0, 0.05),
    slowMs: random.between(20, 400),
    lostEvents: isCalm ? 0 : random.between(0, 0.05),
    doubledEvents: isCalm ? 0 : random.between(0, 0.05),
    steps: steps.toSorted((a, b) => a.atMs - b.atMs),
  };
}

function describeStep({ atMs, kind, which, forMs, units }: Step): string {
  return `${String(atMs).padStart(6)} ms  ${kind} ${which} (${forMs} ms, ${units} units)`;
}

export function describe(setting: Setting): string {
  const { seed, steps, skus, ...rest } = setting;
  const facts = Object.entries(rest).map(([name, value]) => `${name} ${Number(value.toFixed(2))}`);
  const stock = skus.map(({ sku, total, quota }) => `${sku}: ${total} units, quota ${quota}`);
  return [
    `seed ${seed}: ${facts.join(', ')}; ${stock.join('; ')}`,
    ...steps.map(describeStep),
  ].join('\n');
}
