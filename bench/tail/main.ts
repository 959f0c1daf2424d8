import { parseArgs } from 'node:util';
import { audit } from '../../db/operations.ts';
import { rounded } from '../figures.ts';
import { machine, memoryWithoutBuffers } from '../machine.ts';
import { figuresOf, openShop } from '../whole-way/shop.ts';

/**
 * `npm run bench -- tail [--json]`: ten minutes at 60 % of what the capacity model says that this machine takes, by the costs
 * that it has now. Everybody takes the whole way. No process may grow, once it is warm.
 */

const USAGE = `npm run bench -- tail [options]
  --json       print only the figures on stdout
  --minutes N  (10)
  --rate N     shoppers a second; otherwise 60 % of what the capacity model allows`;
const SHARE = 0.6;
const MUST_STAY_BELOW = { accepted_ms_p95: 100, ordered_ms_p95: 500 } as const;
const GROWTH_MAX_PERCENT = 1;
const LOOK_MS = 10_000;
const WARM_MINUTES = 2;
/** Before the clock starts, until each web node knows the sale. */
const WARM_UP_SECONDS = 5;

const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    minutes: text('10'),
    rate: text(''),
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const startedMs = performance.now();
const write = (line: string) => (values.json ? console.error(line) : console.log(line));
const minutes = Number(values.minutes);
let perSecond = Number(values.rate);

interface Look {
  readonly minute: number;
  readonly megabytes: ReadonlyMap<string, number>;
}

/**
 * Percent a minute by which a process grew after it was warm: the slope of the least squares through the lowest
 * reading of each minute, divided by their mean. The other readings have garbage that waits for its collection.
 */
function growthOf(looks: readonly Look[], name: string): number {
  const warm = looks.filter(({ minute }) => minute >= Math.min(WARM_MINUTES, minutes / 2));
  const lowest = new Map<number, number>();
  for (const { minute, megabytes } of warm) {
    const now = megabytes.get(name) ?? 0;
    const of = Math.floor(minute);
    lowest.set(of, Math.min(now, lowest.get(of) ?? now));
  }
  const points = [...lowest];
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  const under = points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
  return (over / under / y) * 100;
}

const stage = await openShop(write);
const looks: Look[] = [];
let figures: Record<string, unknown> = {};
try {
  if (values.rate === '') perSecond = (await stage.fullRate()) * SHARE;
  await stage.come(perSecond / 2, WARM_UP_SECONDS);
  const beganMs = performance.now();
  const timer = setInterval(() => {
    const minute = (performance.now() - beganMs) / 60_000;
    looks.push({ minute, megabytes: memoryWithoutBuffers(stage.shop.pids) });
  }, LOOK_MS);
  figures = figuresOf(await stage.come(perSecond, minutes * 60));
  clearInterval(timer);
  const auditRows = (await audit(stage.shop.databases)).length;
  if (auditRows > 0) throw new Error(`the audit found ${auditRows} broken promises`);
} finally {
  await stage.close();
}
const names = [...(looks[0]?.megabytes.keys() ?? [])];
const growth = Object.fromEntries(names.map((name) => [name, rounded(growthOf(looks, name))]));
for (const [name, percent] of Object.entries(growth)) {
  const [first, last] = [looks[0], looks.at(-1)].map((look) => look?.megabytes.get(name) ?? 0);
  const isOver = percent > GROWTH_MAX_PERCENT;
  write(
    `${name}: ${Math.round(first ?? 0)} to ${Math.round(last ?? 0)} MB, ${percent} % a minute${isOver ? ' NOT REACHED' : ''}`,
  );
}
for (const [name, most] of Object.entries(MUST_STAY_BELOW)) {
  const value = Number(figures[name]);
  write(`${name}: ${value} (must stay below ${most})${value < most ? '' : ' NOT REACHED'}`);
}
console.log(
  JSON.stringify({
    bench: 'tail',
    ...figures,
    growth_percent_a_minute: growth,
    shoppers_per_s: Math.round(perSecond),
    machine,
    took_s: Math.round((performance.now() - startedMs) / 1_000),
  }),
);
