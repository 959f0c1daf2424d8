import type { CostName } from './costs.ts';

/**
 * What a launch needs, from what the parts cost. Pure, and without imports at run time: the page that
 * `flashsale capacity --html` writes has this very file in it.
 *
 * It assumes that each press, ticket and order costs a part the same however many there are, and that the rest is
 * a constant for each process. `npm run bench -- capacity` checks that against a machine that is driven to its limit.
 */

/** Of a core, or of all cores of a server, that is used at the peak; the rest is for what nobody foresaw. */
const USED_SHARE = 0.7;
/** With fewer, the loss of one process is an outage. */
const PROCESSES_MIN = 2;
/** Sessions at PostgreSQL: of each web node, of each worker, and of keepers, console, monitors and people together. */
const SESSIONS = { webNode: 4, worker: 6, others: 20 };
/** Files of a web node besides the connections of shoppers. */
const FILES_OF_A_NODE = 200;
/** A press holds a connection of a web node for so long; measured p95 at the peak rate, in seconds. */
const PRESS_SECONDS = 0.1;
/** A page asks again after so long without an outcome, in seconds. */
const LONG_POLL_SECONDS = 10;

/** The launch that is planned. All are positive. */
export interface Launch {
  /** People who have the page open. */
  readonly visitors: number;
  /** Time within which all of them press, in seconds. */
  readonly withinSeconds: number;
  /** Presses of one visitor: some press twice. */
  readonly pressesEach: number;
  readonly units: number;
  /** Shoppers who wait for an outcome at once. */
  readonly waiting: number;
  /** Time until each unit has its order, in seconds. */
  readonly decidedWithinSeconds: number;
  /** Time within which the pages are opened, in seconds. */
  readonly openedWithinSeconds: number;
}

export type CostValues = Readonly<Record<CostName, number>>;

export interface Need {
  readonly part: string;
  readonly need: string;
  readonly amount: number;
  readonly unit: string;
  /** How it follows from the launch. */
  readonly because: string;
  /** The measured costs that it comes from. */
  readonly from: readonly CostName[];
}

export interface Prices {
  readonly currency: string;
  readonly coreHour: number;
  readonly memoryGbHour: number;
  readonly diskGbMonth: number;
  readonly trafficGb: number;
  /** Hours for which the servers are rented. */
  readonly hours: number;
}

const round = (value: number) => Number(value.toPrecision(3));

/** As people read it: whole numbers, or three digits below ten. */
export function shownAmount(amount: number): string {
  return (amount >= 10 ? Math.ceil(amount) : round(amount)).toLocaleString('en');
}

export function ratesOf(launch: Launch) {
  const presses = (launch.visitors * launch.pressesEach) / launch.withinSeconds;
  const orders = Math.min(presses, launch.units / launch.decidedWithinSeconds);
  // A shopper with an order has waited for it, and one who waits longer asks again.
  const waits = orders + launch.waiting / LONG_POLL_SECONDS;
  return { presses, tickets: launch.visitors / launch.withinSeconds, orders, waits };
}

/** The processes that a launch needs. @throws {RangeError} one has no room for work beside its idle cost */
function processesOf(launch: Launch, costs: CostValues) {
  const { presses, tickets, orders, waits } = ratesOf(launch);
  const webUs =
    (presses - orders) * costs.web_us_a_shed_press +
    tickets * costs.web_us_a_ticket +
    orders * costs.web_us_an_order +
    waits * costs.web_us_a_wait;
  const processes = (us: number, idle: CostName) => {
    if (costs[idle] < USED_SHARE) {
      return Math.max(PROCESSES_MIN, Math.ceil(us / 1e6 / (USED_SHARE - costs[idle])));
    }
    throw new RangeError(
      `${idle} is ${costs[idle]}: below ${USED_SHARE} is needed, or no number of processes is enough`,
    );
  };
  return {
    webUs,
    webNodes: processes(webUs, 'web_idle_cores'),
    workers: processes(orders * costs.worker_us_an_order, 'worker_idle_cores'),
  };
}

const WEB_COSTS: readonly CostName[] = [
  'web_us_a_shed_press',
  'web_us_a_ticket',
  'web_us_an_order',
  'web_us_a_wait',
  'web_idle_cores',
];

export function needsOf(launch: Launch, costs: CostValues): Need[] {
  const { presses, tickets, orders, waits } = ratesOf(launch);
  const { webUs, webNodes, workers } = processesOf(launch, costs);
  const cores = (us: number, idle: number) => (us / 1e6 + idle) / USED_SHARE;
  const waitingEach = Math.ceil(launch.waiting / webNodes);
  const perSecond = `${round(presses)} presses, ${round(tickets)} tickets, ${round(orders)} orders and ${round(waits)} long-polls a second`;
  const share = `${USED_SHARE * 100} % of a core is used`;
  const gigabytes = (bytes: number) => bytes / 1e9;
  return [
    {
      ...{ part: 'web nodes', need: 'processes', amount: webNodes, unit: '' },
      because: `${perSecond}; ${share}; one thread each`,
      from: WEB_COSTS,
    },
    {
      ...{ part: 'web nodes', need: 'cores', unit: 'cores' },
      amount: cores(webUs, webNodes * costs.web_idle_cores),
      because: `CPU of all web nodes; ${share}`,
      from: WEB_COSTS,
    },
    {
      ...{ part: 'web nodes', need: 'memory of each', unit: 'MB' },
      amount: costs.web_mb + (waitingEach * costs.web_kb_a_waiting_shopper) / 1_000,
      because: `${waitingEach} shoppers wait at each`,
      from: ['web_mb', 'web_kb_a_waiting_shopper'],
    },
    {
      ...{ part: 'web nodes', need: 'file descriptors of each', unit: '' },
      amount: FILES_OF_A_NODE + waitingEach + Math.ceil((presses * PRESS_SECONDS) / webNodes),
      because: 'a connection for each shopper who waits and each press under way',
      from: [],
    },
    {
      ...{ part: 'edge', need: 'connections', amount: launch.visitors + launch.waiting, unit: '' },
      because: 'one of each open page, and one to a web node for each shopper who waits',
      from: [],
    },
    {
      ...{ part: 'edge', need: 'bandwidth', unit: 'Mbit/s' },
      amount:
        ((presses * costs.press_bytes +
          (launch.visitors * costs.page_bytes) / launch.openedWithinSeconds) *
          8) /
        1e6,
      because: 'presses at the peak while pages are still opened; a CDN takes the pages',
      from: ['press_bytes', 'page_bytes'],
    },
    {
      ...{ part: 'PostgreSQL', need: 'cores', unit: 'cores' },
      amount: cores(
        orders * costs.postgres_us_an_order,
        (costs.postgres_idle_cores * webNodes) / PROCESSES_MIN,
      ),
      because: `${round(orders)} orders a second; ${share}; each web node asks for the board twice a second`,
      from: ['postgres_us_an_order', 'postgres_idle_cores'],
    },
    {
      ...{ part: 'PostgreSQL', need: 'connections', unit: '' },
      amount: webNodes * SESSIONS.webNode + workers * SESSIONS.worker + SESSIONS.others,
      because: `${SESSIONS.webNode} of each web node, ${SESSIONS.worker} of each worker, ${SESSIONS.others} of all others`,
      from: [],
    },
    {
      ...{ part: 'PostgreSQL', need: 'disk for orders', unit: 'GB' },
      amount: gigabytes(launch.units * costs.postgres_bytes_an_order),
      because: `${launch.units} orders`,
      from: ['postgres_bytes_an_order'],
    },
    {
      ...{ part: 'PostgreSQL', need: 'WAL', unit: 'GB' },
      amount: gigabytes(launch.units * costs.wal_bytes_an_order),
      because: 'it is archived, and goes to each standby',
      from: ['wal_bytes_an_order'],
    },
    {
      ...{ part: 'RabbitMQ', need: 'cores', unit: 'cores' },
      amount: cores(orders * costs.broker_us_an_order, costs.broker_idle_cores),
      because: `${round(orders)} orders a second; ${share}`,
      from: ['broker_us_an_order', 'broker_idle_cores'],
    },
    {
      ...{ part: 'RabbitMQ', need: 'memory for waiting requests', unit: 'MB' },
      amount: (launch.units * costs.broker_bytes_a_request) / 1e6,
      because: 'all units are admitted at once, at the worst',
      from: ['broker_bytes_a_request'],
    },
    {
      ...{ part: 'workers', need: 'processes', amount: workers, unit: '' },
      because: `${round(orders)} orders a second; ${share}; one thread each`,
      from: ['worker_us_an_order', 'worker_idle_cores'],
    },
    {
      ...{ part: 'ZooKeeper and keepers', need: 'cores', unit: 'cores' },
      amount: cores(orders * costs.zookeeper_us_an_order, costs.zookeeper_idle_cores),
      because: 'reports of web nodes follow the orders',
      from: ['zookeeper_us_an_order', 'zookeeper_idle_cores'],
    },
  ];
}

/** What the servers cost for the hours of the launch, by part. The edge and its CPU are not in it. */
export function moneyOf(launch: Launch, costs: CostValues, prices: Prices): number {
  const needs = needsOf(launch, costs);
  const sum = (part: string, need: string) =>
    needs.find((one) => one.part === part && one.need === need)?.amount ?? 0;
  const { webNodes, workers } = processesOf(launch, costs);
  const cores =
    Math.ceil(sum('web nodes', 'cores')) +
    Math.ceil(sum('PostgreSQL', 'cores')) +
    Math.ceil(sum('RabbitMQ', 'cores')) +
    Math.ceil(sum('ZooKeeper and keepers', 'cores')) +
    workers;
  const memoryGb = (webNodes * sum('web nodes', 'memory of each')) / 1e3;
  const diskGb = sum('PostgreSQL', 'disk for orders') + sum('PostgreSQL', 'WAL');
  const trafficGb =
    (launch.visitors * (launch.pressesEach * costs.press_bytes + costs.page_bytes)) / 1e9;
  return (
    (cores * prices.coreHour + memoryGb * prices.memoryGbHour) * prices.hours +
    diskGb * prices.diskGbMonth +
    trafficGb * prices.trafficGb
  );
}

/** A machine on which all parts run together, with what drives them. */
export interface OneMachine {
  readonly cores: number;
  readonly webNodes: number;
  readonly workers: number;
  /** CPU µs that the load generator needs for a request of the mix. */
  readonly generatorUs: number;
}

/** The calls that come to the shop: so many of each kind together are one of the mix. */
export interface Mix {
  readonly shed: number;
  readonly ticket: number;
  readonly order: number;
  /** Waits for an outcome by long-poll. */
  readonly wait: number;
}

export interface Limit {
  readonly limit: string;
  /** Requests of the mix a second. */
  readonly perSecond: number;
}

/** The rates at which something is full, the lowest first. */
export function limitsOf(machine: OneMachine, mix: Mix, costs: CostValues): Limit[] {
  const { cores, webNodes, workers, generatorUs } = machine;
  const webUs =
    mix.shed * costs.web_us_a_shed_press +
    mix.ticket * costs.web_us_a_ticket +
    mix.order * costs.web_us_an_order +
    mix.wait * costs.web_us_a_wait;
  const behindUs =
    mix.order *
    (costs.postgres_us_an_order +
      costs.broker_us_an_order +
      costs.worker_us_an_order +
      costs.zookeeper_us_an_order);
  const idle =
    webNodes * costs.web_idle_cores +
    workers * costs.worker_idle_cores +
    costs.postgres_idle_cores +
    costs.broker_idle_cores +
    costs.zookeeper_idle_cores;
  const threads = (count: number, us: number, idleCores: number) =>
    (count * (1 - idleCores) * 1e6) / us;
  return [
    {
      limit: 'cores of the machine',
      perSecond: ((cores * costs.full_share - idle) * 1e6) / (webUs + behindUs + generatorUs),
    },
    {
      limit: 'threads of the web nodes',
      perSecond: threads(webNodes, webUs, costs.web_idle_cores),
    },
    {
      limit: 'threads of the workers',
      perSecond: threads(workers, mix.order * costs.worker_us_an_order, costs.worker_idle_cores),
    },
  ].toSorted((one, other) => one.perSecond - other.perSecond);
}
