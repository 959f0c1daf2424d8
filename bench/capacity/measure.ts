import { setTimeout as delay } from 'node:timers/promises';
import type { CostValues } from '../../ops/capacity/model.ts';
import { Line } from '../crowd/line.ts';
import { press } from '../crowd/press.ts';
import { createSigner, purchaseRequest, statusRequest } from '../crowd/purchase.ts';
import type { Way } from '../flow/ways.ts';
import { busySeconds, cpuSeconds, machine, memoryOf } from '../machine.ts';
import type { Shop } from '../shop.ts';

/** The measurements from which the costs of the model come. */

const IDLE_SECONDS = 10;
const WAITING = 9_000;
/** Requests that fill the queue, while nobody decides them. */
const QUEUED = 30_000;
const SETTLE_MS = 1_000;
const POLL_MS = 20;
const CONNECTIONS = 256;

export type Cores = ReadonlyMap<string, number>;

/** Cores that each process uses while `work` runs. */
async function coresDuring<T>(
  pids: ReadonlyMap<string, number>,
  work: () => Promise<T>,
): Promise<{ cores: Cores; seconds: number; result: T }> {
  const before = cpuSeconds(pids);
  const startMs = performance.now();
  const result = await work();
  const seconds = (performance.now() - startMs) / 1_000;
  const after = cpuSeconds(pids);
  const cores = [...after].map(
    ([name, used]) => [name, (used - (before.get(name) ?? 0)) / seconds] as const,
  );
  return { cores: new Map(cores), seconds, result };
}

const GROUPS = {
  web: /^web-/,
  postgres: /^postgres/,
  broker: /^rabbitmq/,
  worker: /^worker-/,
  zookeeper: /^(zookeeper|keeper)/,
  generator: /^generator/,
} as const;
export type Group = keyof typeof GROUPS;

/** The cores of all processes of a kind together. */
function ofGroup(cores: Cores, group: Group): number {
  return [...cores].reduce((sum, [name, used]) => (GROUPS[group].test(name) ? sum + used : sum), 0);
}

/** A figure for each part of the shop, and for the generator: CPU µs of a request, or cores. */
export type Load = Readonly<Record<Group, number>>;

const groupsOf = (cores: Cores): Load =>
  Object.fromEntries(
    Object.keys(GROUPS).map((group) => [group, ofGroup(cores, group as Group)]),
  ) as Load;

/** Cores of each part while nobody asks for anything. */
export async function atRest(pids: ReadonlyMap<string, number>): Promise<Load> {
  const { cores } = await coresDuring(pids, () => delay(IDLE_SECONDS * 1_000));
  return groupsOf(cores);
}

/**
 * Drives the shop as fast as it answers, and returns the CPU µs that each part takes for one of `count`, above what
 * it takes at rest: envelopes and batches are full then. With little load they are small, so each order costs more.
 */
export async function drive(
  shop: Shop,
  generatorPid: number,
  rest: Load,
  work: () => Promise<number>,
): Promise<{ us: Load; cores: Load; perSecond: number; busy: number }> {
  const pids = new Map([...shop.pids, ['generator', generatorPid]]);
  const busyBefore = busySeconds();
  const { cores, seconds, result } = await coresDuring(pids, work);
  const used = groupsOf(cores);
  const us = Object.entries(used).map(([group, all]) => [
    group,
    (Math.max(0, all - rest[group as Group]) * seconds * 1e6) / result,
  ]);
  return {
    us: Object.fromEntries(us) as Load,
    cores: used,
    perSecond: result / seconds,
    busy: (busySeconds() - busyBefore) / seconds / machine.cores,
  };
}

/** Sends each request once, as fast as answers come. Returns how many were answered so. */
export async function answered(
  shop: Shop,
  requests: readonly (Buffer | string)[],
  statuses: readonly string[],
): Promise<number> {
  let next = 0;
  const pressed = await press(shop, CONNECTIONS, () => requests[next++]);
  const others = Object.keys(pressed.statuses).filter((status) => !statuses.includes(status));
  if (others.length > 0) throw new Error(`answered otherwise: ${JSON.stringify(pressed.statuses)}`);
  return pressed.answers;
}

/** Waits until the events of all orders are published: they are a part of what an order costs. */
export async function eventsPublished({ databases }: Shop): Promise<void> {
  const text = 'SELECT EXISTS (SELECT FROM hot.outbox) AS waiting';
  for (;;) {
    const [row] = await databases.home('hot').query<{ waiting: boolean }>({ text });
    if (row?.waiting !== true) return;
    await delay(POLL_MS);
  }
}

/** Bytes of a press and its answer, with their headers. */
export async function pressBytes(shop: Shop, request: Buffer): Promise<number> {
  const answer = await new Promise<number>((resolve, reject) => {
    Line.open(shop.host, shop.port, reject).then((one) => {
      one.ask(request, (_status, body) => {
        one.end();
        // The head of an answer is some 400 bytes; TCP and TLS are not counted.
        resolve(body.length + 400);
      });
    }, reject);
  });
  return request.length + answer;
}

/** Bytes of the page with all files that it names, as a browser gets them compressed. */
export async function pageBytes(shop: Shop, sale: string): Promise<number> {
  const base = `http://${shop.host}:${shop.port}`;
  const known = new Set([`/sales/${sale}`]);
  let bytes = 0;
  for (const path of known) {
    const head = await fetch(base + path, { headers: { 'accept-encoding': 'br' }, method: 'HEAD' });
    const response = await fetch(base + path);
    const text = await response.text();
    bytes += Number(head.headers.get('content-length') ?? text.length);
    // Files name each other by paths from the root, or beside themselves.
    for (const [, found = ''] of text.matchAll(/["'(]((?:\/assets\/|\.{1,2}\/)[^"')\s]+)["')]/g)) {
      const { pathname } = new URL(found, base + path);
      // Of the languages, a visitor gets one.
      if (/\.(js|css|svg)$/.test(pathname) && !/languages\/(?!en)/.test(pathname))
        known.add(pathname);
    }
  }
  return bytes;
}

/** Measures, while the workers stand still, the kB of a web node for a waiting shopper, and the bytes of the broker for a request. */
export async function whileNobodyDecides(
  shop: Shop,
  way: Way,
): Promise<Pick<CostValues, 'web_kb_a_waiting_shopper' | 'broker_bytes_a_request'>> {
  const named = (name: RegExp) => new Map([...shop.pids].filter(([one]) => name.test(one)));
  const workers = named(GROUPS.worker);
  const [webs, broker] = [named(GROUPS.web), named(GROUPS.broker)];
  const megabytes = (pids: typeof webs) =>
    [...memoryOf(pids).values()].reduce((sum, one) => sum + one, 0);
  const sign = createSigner(way.keys);
  const lines: Line[] = [];
  for (const pid of workers.values()) process.kill(pid, 'SIGSTOP');
  try {
    const before = megabytes(webs);
    for (let n = 0; n < WAITING; n += 1) {
      const userId = `waiter-${process.pid}-${n}`;
      lines.push(await waiter(shop, sign.ticket(userId, way.keys.sku), sign.token(userId)));
    }
    await delay(SETTLE_MS);
    const web_kb_a_waiting_shopper = kilobytesEach(megabytes(webs) - before, WAITING);
    const empty = megabytes(broker);
    const requests = Array.from({ length: QUEUED }, (_, n) => {
      const userId = `queued-${process.pid}-${n}`;
      return purchaseRequest(sign.ticket(userId, way.keys.sku), sign.token(userId));
    });
    await answered(shop, requests, ['202']);
    await delay(SETTLE_MS);
    const broker_bytes_a_request = 1_024 * kilobytesEach(megabytes(broker) - empty, QUEUED);
    return { web_kb_a_waiting_shopper, broker_bytes_a_request };
  } finally {
    for (const pid of workers.values()) process.kill(pid, 'SIGCONT');
    for (const one of lines) one.end();
  }
}

/** A process that gave memory back meanwhile would make the difference less than nothing. */
const kilobytesEach = (megabytes: number, count: number) =>
  Math.max(0, (megabytes * 1_024) / count);

const asked = (line: Line, request: Buffer | string) =>
  new Promise<string>((resolve) => {
    line.ask(request, (_status, body) => resolve(body));
  });

async function statusUrlOf(line: Line, ticket: string, token: string): Promise<string> {
  const { statusUrl } = JSON.parse(await asked(line, purchaseRequest(ticket, token))) as {
    statusUrl?: string;
  };
  if (statusUrl === undefined) throw new Error('a purchase was refused');
  return statusUrl;
}

/** A shopper who has bought and waits for the outcome on the same connection. */
async function waiter({ host, port }: Shop, ticket: string, token: string): Promise<Line> {
  const line = await Line.open(host, port, () => {});
  const statusUrl = await statusUrlOf(line, ticket, token);
  line.ask(statusRequest(statusUrl, token, 30), () => {});
  return line;
}

/** Each user buys and waits for the outcome by long-poll, on as many connections as `answered` has. */
export async function buyAndWait(
  { host, port }: Shop,
  { keys }: Way,
  users: readonly string[],
): Promise<void> {
  const sign = createSigner(keys);
  const left = users.values();
  const one = async () => {
    const line = await Line.open(host, port, () => {});
    for (const user of left) {
      const token = sign.token(user);
      const statusUrl = await statusUrlOf(line, sign.ticket(user, keys.sku), token);
      while ((await asked(line, statusRequest(statusUrl, token, 30))).includes('"queued"'));
    }
    line.end();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
}
