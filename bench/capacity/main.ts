import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { audit } from '../../db/operations.ts';
import { COSTS_FILE, type Costs } from '../../ops/capacity/costs.ts';
import { type CostValues, limitsOf } from '../../ops/capacity/model.ts';
import { Operator } from '../../ops/quota/operator.ts';
import { APPLICATION_NAMES, WEB_NAMES } from '../../ops/stack/application.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { createSigner, purchaseRequest, ticketRequest } from '../crowd/purchase.ts';
import { median, rounded } from '../figures.ts';
import { shopWay, type Way } from '../flow/ways.ts';
import { residentMegabytes, machine as thisMachine } from '../machine.ts';
import { type Shop, startServers, startShop } from '../shop.ts';
import {
  buy,
  cpuCosts,
  eachAlone,
  ORDERS,
  purchases,
  TICKETS,
  users,
  workersOf,
} from './each-alone.ts';
import {
  answered,
  atRest,
  drive,
  eventsPublished,
  type Load,
  pageBytes,
  pressBytes,
  whileNobodyDecides,
} from './measure.ts';

/**
 * `npm run bench -- capacity [--json] [--write]`: measures what shed presses, tickets and orders cost each part, one after the
 * other. Predicts from that at which rates of tickets and of orders a shop with one web node meets its first limit, and which
 * that is, and drives such a shop to it.
 */

const USAGE = `npm run bench -- capacity [options]
  --json       print only the figures on stdout
  --write      write the costs to ops/capacity/costs.json
  --rounds N   rounds with one web node     (3)`;

const UNITS = 20_000_000;
const PRESSES = 60_000;
/** Of its core, when a thread is full. */
const FULL_THREAD = 0.85;
const END_MS = 5_000;
const MUST_BE_WITHIN = 0.2;
const NOTHING = { shed: 0, ticket: 0, order: 0, wait: 0 };

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const startedMs = performance.now();
const write = (text: string) => (values.json ? console.error(text) : console.log(text));
const say = (text: string) =>
  write(`${Math.round((performance.now() - startedMs) / 1_000)} s: ${text}`);

const bench = await startServers(
  ['postgres', 'rabbitmq', 'zookeeper'],
  process.env,
  createProgress(write),
);

/** Presses that are shed, as fast as it goes. */
async function shedAlone(shop: Shop, { keys }: Way, rest: Load) {
  const sign = createSigner(keys);
  const requests = users('shed', PRESSES).map((user) =>
    purchaseRequest(sign.ticket(user, keys.sku), sign.token(user)),
  );
  // The first time, the just-in-time compiler is at work.
  await answered(shop, requests, ['429']);
  const shed = await drive(shop, process.pid, rest, () => answered(shop, requests, ['429']));
  say(`${Math.round(shed.perSecond)} shed presses/s`);
  return shed;
}

/** The kinds of load that are predicted, for a shop with one web node. */
async function withOneNode(shop: Shop, way: Way, rest: Load, round: number) {
  const sign = createSigner(way.keys);
  const { sale, sku } = way.keys;
  const requests = users(`one${round}`, TICKETS).map((user) =>
    ticketRequest(sale, sku, sign.token(user)),
  );
  const drives = (work: () => Promise<number>) => drive(shop, process.pid, rest, work);
  const ticket = await drives(() => answered(shop, requests, ['201']));
  const order = await drives(() => buy(shop, way, `one${round}`, ORDERS));
  for (const [kind, { perSecond, busy, cores }] of Object.entries({ ticket, order })) {
    say(
      `one web node: ${Math.round(perSecond)} ${kind}s/s, ${rounded(cores.web)} cores of the web node, ${rounded(busy)} of all`,
    );
  }
  return { ticket, order };
}

/** Ends all web nodes but one. */
async function endNodes(shop: Shop): Promise<void> {
  for (const name of WEB_NAMES.slice(1)) process.kill(shop.pids.get(name) ?? 0, 'SIGTERM');
  await delay(END_MS);
}

/** A sale of whose presses none is kept. */
async function shedSale(shop: Shop): Promise<Way> {
  const key = await shop.openSale('shed', 'SHED', 1_000);
  const servers = bench.servers.zookeeper ?? '';
  const session = new ZkSession({ servers, sessionTimeoutMs: 10_000 });
  session.start();
  await session.connected(30_000);
  const paths = pathsBelow(shop.zkRoot);
  await new Operator(session, paths, 'bench', 'shed everything').keep('SHED', '0');
  await session.close();
  await delay(1_000);
  const keys = { jwtSecret: shop.jwtSecret, ticketKey: key.toString('base64') };
  return { keys: { ...keys, sale: 'shed', sku: 'SHED' } } as Way;
}

async function measure() {
  const shop = await startShop(bench, {
    processes: APPLICATION_NAMES,
    environment: { RATE_LIMIT_IP_PER_SECOND: '1000000' },
  });
  const way = await shopWay(shop, UNITS);
  const shedWay = await shedSale(shop);
  const rest = await atRest(shop.pids);
  const web_mb = median(WEB_NAMES.map((name) => residentMegabytes(shop.pids.get(name) ?? 0)));
  const shed = await shedAlone(shop, shedWay, rest);
  const { ticket, order, wait, ...sizes } = await eachAlone(shop, way, rest, say);
  const [press] = purchases(way, 'bytes', 1);
  const costs: CostValues = {
    ...{ web_mb, ...sizes },
    web_us_a_shed_press: shed.us.web,
    ...cpuCosts(shop, rest, { ticket, order, wait }),
    ...(await whileNobodyDecides(shop, way)),
    press_bytes: press === undefined ? 0 : await pressBytes(shop, press),
    page_bytes: await pageBytes(shop, way.keys.sale),
  };
  await eventsPublished(shop);
  await endNodes(shop);
  const rounds: Awaited<ReturnType<typeof withOneNode>>[] = [];
  for (let n = 1; n <= Number(values.rounds); n += 1) {
    rounds.push(await withOneNode(shop, way, rest, n));
  }
  const auditRows = (await audit(shop.databases)).length;
  await shop.close();
  if (auditRows > 0) throw new Error(`the audit found ${auditRows} broken promises`);
  const generatorUs = { ticket: ticket.us.generator, order: order.us.generator };
  return { costs, rounds, workers: workersOf(shop), generatorUs };
}

const { costs, rounds, workers, generatorUs } = await measure().finally(() => bench.stop());
const figures: Record<string, unknown> = {};
for (const kind of ['ticket', 'order'] as const) {
  const machine = {
    cores: thisMachine.cores,
    webNodes: 1,
    workers,
    generatorUs: generatorUs[kind],
  };
  const [first] = limitsOf(machine, { ...NOTHING, [kind]: 1 }, costs);
  const measured = median(rounds.map((round) => round[kind].perSecond));
  const isThread = median(rounds.map((round) => round[kind].cores.web)) >= FULL_THREAD;
  const limit = isThread ? 'threads of the web nodes' : 'cores of the machine';
  const ratio = (first?.perSecond ?? 0) / measured;
  const isRight = Math.abs(ratio - 1) <= MUST_BE_WITHIN && first?.limit === limit;
  write(
    `${kind}s, one web node: ${Math.round(first?.perSecond ?? 0)}/s predicted, ${first?.limit}; ` +
      `${Math.round(measured)}/s measured, ${limit}: ${rounded(ratio)} (must be 0.8 to 1.2, and the same limit)${isRight ? '' : ' NOT REACHED'}`,
  );
  figures[`${kind}s_predicted_vs_measured`] = rounded(ratio);
  figures[`${kind}s_limit`] = [first?.limit, limit];
  figures[`${kind}s_per_s`] = [Math.round(first?.perSecond ?? 0), Math.round(measured)];
}
const told = Object.fromEntries(
  Object.entries(costs).map(([name, value]) => [name, rounded(value)]),
) as CostValues;
if (values.write) {
  const { cpu = '', cores, node } = thisMachine;
  const file: Costs = {
    machine: { cpu, cores, node },
    measuredOn: new Date().toISOString().slice(0, 10),
    costs: told,
  };
  writeFileSync(COSTS_FILE, `${JSON.stringify(file, undefined, 2)}\n`);
}
console.log(
  JSON.stringify({
    bench: 'capacity',
    ...figures,
    costs: told,
    machine: thisMachine,
    took_s: Math.round((performance.now() - startedMs) / 1_000),
  }),
);
