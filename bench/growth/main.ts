import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { audit } from '../../db/operations.ts';
import { Child } from '../child.ts';
import { median, rounded } from '../figures.ts';
import { openShopWay, play, type Round } from '../flow/ways.ts';
import { machine } from '../machine.ts';
import { GROW, KINDS, type Kind, TITLES } from './grow.ts';

/**
 * `npm run bench -- growth [--json]`: whether an order costs more in a shop that has more in it: SKUs, open sales, web
 * nodes. Two private shops sell the same SKU to the same crowd by turns, and one of them has grown. The key is the CPU time of an
 * order there divided by that in the plain shop. It contains what the shop does between orders.
 */

const USAGE = `npm run bench -- growth [options]
  --json          print only the figures on stdout
  --only KIND     ${KINDS.join(', ')}; without it: one after the other
  --rounds N      rounds, in each of which either shop sells once (5)
  --requests N    requests of a round to each shop                (40000)`;

const KEYS: Readonly<Record<Kind, string>> = {
  skus: 'skus_cost',
  sales: 'sales_cost',
  nodes: 'nodes_cost',
};
const MUST_STAY_BELOW = 1.1;
const UNITS = 20_000_000;
const WARM_UP_REQUESTS = 20_000;
const CONNECTIONS = 256;
/** After a shop has grown, for what this starts. */
const SETTLE_MS = 5_000;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '40000' },
  },
});
const isKind = (text: string | undefined): text is Kind => KINDS.some((kind) => kind === text);
if (values.help || (values.only !== undefined && !isKind(values.only))) {
  console.error(USAGE);
  process.exit(values.help ? 0 : 64);
}
const write = (line: string) => (values.json ? console.error(line) : console.log(line));
const generator = new Child(join(import.meta.dirname, '..', 'flow', 'generator.ts'));

async function openShop() {
  const { shop, way, close } = await openShopWay(write, UNITS);
  const sell = async (count: number): Promise<Round> => {
    await generator.ask({ prepare: { ...way.keys, count } });
    const round = await play(way, generator, { count, connections: CONNECTIONS });
    if (round.committed === round.accepted) return round;
    throw new Error(`${round.accepted} requests were accepted, ${round.committed} committed`);
  };
  return { shop, sell, close };
}

/** CPU µs of the shop and its servers for an order. */
const costOf = ({ cpuUs: { generator: _, ...shop } }: Round) =>
  Object.values(shop).reduce((sum, us) => sum + us, 0);

async function measure(kind: Kind): Promise<Record<string, unknown>> {
  const plain = await openShop();
  const grown = await openShop().catch(async (error: unknown) => {
    await plain.close();
    throw error;
  });
  let end = () => {};
  try {
    end = await GROW[kind](grown.shop);
    await delay(SETTLE_MS);
    for (const { sell } of [plain, grown]) await sell(WARM_UP_REQUESTS);
    const rounds: { plain: Round; grown: Round }[] = [];
    for (let n = 1; n <= Number(values.rounds); n += 1) {
      const requests = Number(values.requests);
      const one = { plain: await plain.sell(requests), grown: await grown.sell(requests) };
      rounds.push(one);
      const [before, after] = [costOf(one.plain), costOf(one.grown)];
      write(
        `${TITLES[kind]}, round ${n}: ${rounded(before)} and ${rounded(after)} µs an order: ${rounded(after / before)}`,
      );
    }
    const auditRows = (await audit(grown.shop.databases)).length;
    if (auditRows > 0) throw new Error(`the audit found ${auditRows} broken promises`);
    const mid = (of: (one: (typeof rounds)[number]) => number) => rounded(median(rounds.map(of)));
    return {
      cost: mid((one) => costOf(one.grown) / costOf(one.plain)),
      rate: mid(({ plain: a, grown: b }) => b.committed / b.seconds / (a.committed / a.seconds)),
      cpu_us_plain: rounds.at(-1)?.plain.cpuUs,
      cpu_us_grown: rounds.at(-1)?.grown.cpuUs,
    };
  } finally {
    end();
    await grown.close();
    await plain.close();
  }
}

const figures: Record<string, unknown> = {};
try {
  for (const kind of isKind(values.only) ? [values.only] : KINDS) {
    const { cost, rate, ...rest } = await measure(kind);
    write(
      `${TITLES[kind]}: an order costs ${cost} (must stay below ${MUST_STAY_BELOW})${Number(cost) < MUST_STAY_BELOW ? '' : ' NOT REACHED'}`,
    );
    figures[KEYS[kind]] = cost;
    figures[`${kind}_rate`] = rate;
    figures[`${kind}_last_round`] = rest;
  }
} finally {
  generator.end();
}
console.log(JSON.stringify({ bench: 'growth', ...figures, machine }));
