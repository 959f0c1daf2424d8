import { type Challenge, solveChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Operator } from '../../ops/quota/operator.ts';
import { Reader } from '../../ops/quota/overview.ts';
import { freePort } from '../../ops/stack/ports.ts';
import { createGuestSigner } from '../../server/gate/identity.ts';
import { readPageFiles } from '../../server/http/page-files.ts';
import { type Edge, startEdge } from '../edge.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';
import { call } from './nodes.ts';

/**
 * Four web nodes behind the edge: the limits of an address and of a user are those of one node. Then
 * three nodes are killed, which moves their users without harm, and the same is measured at one node.
 */

const WEB = ['web-1', 'web-2', 'web-3', 'web-4'];
const ADDRESS_PER_SECOND = 8;
const USER_PER_SECOND = 12;
const MANY = 60;
/** Far more than the queries that the processes make by themselves meanwhile. */
const READS = 2_400;
const BROWSER = { 'user-agent': 'Mozilla/5.0', accept: '*/*', 'accept-language': 'en' };

let system: System;
let edge: Edge;
let ports: number[];
let sale: string;
/** Each use of an address, and of a user, is the first one. */
let used = 0;
/** The edge sends a token's calls to one node, so each user keeps the token that they got first. */
const tokens = new Map<string, string>();
const address = () => `10.${++used >> 16}.${(used >> 8) % 256}.${used % 256}`;
function user(): string {
  const who = `user-${++used}`;
  tokens.set(who, createGuestSigner(system.jwtSecret)(who));
  return who;
}

beforeAll(async () => {
  system = await startSystem({
    webNodes: 0,
    environment: {
      TRUST_PROXY: '127.0.0.1/32',
      TRUST_PROXY_HOPS: '1',
      RATE_LIMIT_IP_PER_SECOND: String(ADDRESS_PER_SECOND),
      RATE_LIMIT_USER_PER_SECOND: String(USER_PER_SECOND),
      COOLDOWN_SECONDS: '600',
      TICKET_TTL_SECONDS: '600',
    },
  });
  ports = await Promise.all(WEB.map(() => freePort()));
  await Promise.all(
    WEB.map((name, at) => system.run(name, 'server/main.ts', { PORT: String(ports[at]) })),
  );
  // The test says from which address a call comes.
  edge = await startEdge(ports, { forwardedFrom: ['127.0.0.0/8'] });
  sale = await system.createSale(['TV', 'Phone'].map((sku) => ({ sku, units: 1_000 })));
  await livingNodes(WEB, 4);
});
afterAll(async () => {
  await edge?.close();
  await system?.stop();
});

async function livingNodes(names: readonly string[], many: number): Promise<void> {
  for (const name of names) {
    const gauge = new RegExp(`^flashsale_living_nodes(?:\\{.*\\})? ${many}$`, 'm');
    await until(`${name} knows ${many} nodes`, async () => gauge.test(await system.metrics(name)), {
      deadlineMs: 60_000,
    });
  }
}

async function post(path: string, who: string | undefined, from: string, body: unknown = '') {
  const headers = {
    ...BROWSER,
    'x-forwarded-for': from,
    ...(who !== undefined && { authorization: `Bearer ${tokens.get(who)}` }),
  };
  const text = body === '' ? '' : JSON.stringify(body);
  const answer = await call(edge.url + path, { method: 'POST', headers, body: text });
  return { status: answer.status, body: JSON.parse(answer.body) };
}

const ticket = (who: string, from: string, sku = 'TV', challenge?: string) =>
  post(`/api/v1/sales/${sale}/tickets`, who, from, { sku, ...(challenge && { challenge }) });
const press = (url: string, who: string, from: string) => post(url, who, from, { quantity: 1 });

type Asked = Awaited<ReturnType<typeof post>>;

/** How many of the calls were within the limit, and how many seconds they took. */
async function allowed(ask: (n: number) => Promise<Asked>) {
  const startedAt = performance.now();
  const answers = await Promise.all(Array.from({ length: MANY }, (_, n) => ask(n)));
  const seconds = (performance.now() - startedAt) / 1_000;
  const many = answers.filter(({ body }) => body.verdict !== 'rate_limited').length;
  return { many, seconds };
}

async function buyer(): Promise<string> {
  const who = user();
  const { body } = await ticket(who, address());
  expect((await press(body.purchaseUrl, who, address())).status).toBe(202);
  return who;
}

async function solved(who: string): Promise<string> {
  const { body } = await ticket(who, address(), 'Phone');
  const challenge = body.challenge as Challenge;
  const solution = await solveChallenge({ challenge, deriveKey });
  return Buffer.from(JSON.stringify({ challenge, solution })).toString('base64');
}

/** What is allowed by the nodes that live now: the table of the limits. */
async function measure() {
  const [pressing, issuing, strange, alone] = [address(), address(), address(), user()];
  const tickets = await Promise.all(
    Array.from({ length: MANY }, async () => {
      const who = user();
      return { who, url: (await ticket(who, address())).body.purchaseUrl as string };
    }),
  );
  const presses = await allowed((n) => {
    const { who = '', url = '' } = tickets[n] ?? {};
    return press(url, who, pressing);
  });
  const issues = await allowed(() => ticket(user(), issuing));
  const guests = await allowed(() => post('/api/v1/demo/guest', undefined, strange));
  const ofUser = await allowed(() => ticket(alone, address()));

  const who = await buyer();
  let afterCooldown = 0;
  // With the first purchase, these are as many calls as the user may make at once.
  for (let n = 0; n < 5; n += 1) {
    const { body } = await ticket(who, address());
    const again = await press(body.purchaseUrl, who, address());
    if (again.body.verdict !== 'cooldown') afterCooldown += 1;
  }
  const solver = user();
  const solution = await solved(solver);
  const reused = await Promise.all(
    Array.from({ length: 8 }, () => ticket(solver, address(), 'Phone', solution)),
  );
  const ofSolution = reused.filter(({ status }) => status === 201).length;
  return { presses, issues, guests, ofUser, afterCooldown, ofSolution };
}

function expectLimits(measured: Awaited<ReturnType<typeof measure>>, nodes: number): void {
  const { presses, issues, guests, ofUser, afterCooldown, ofSolution } = measured;
  for (const [of, perSecond, parts] of [
    [presses, ADDRESS_PER_SECOND, nodes],
    [issues, ADDRESS_PER_SECOND, nodes],
    [guests, ADDRESS_PER_SECOND, nodes],
    [ofUser, USER_PER_SECOND, 1],
  ] as const) {
    expect(of.many).toBeGreaterThanOrEqual(perSecond);
    // The bucket, what comes back meanwhile, and at each node less than a token that is rounded up.
    expect(of.many).toBeLessThanOrEqual(perSecond * (1 + of.seconds) + parts);
  }
  expect([afterCooldown, ofSolution]).toEqual([0, 1]);
}

const numbers = ({ afterCooldown, ofSolution, ...of }: Awaited<ReturnType<typeof measure>>) => ({
  ...Object.fromEntries(
    Object.entries(of).map(([name, { many, seconds }]) => [
      name,
      `${many} in ${seconds.toFixed(1)} s`,
    ]),
  ),
  afterCooldown,
  ofSolution,
});

describe('four nodes', () => {
  it('answer pages, files and the catalogue without a query', async () => {
    const queries = async () => {
      const [row] = await system.databases.regular.query<{ many: number }>({
        text: 'SELECT (xact_commit + xact_rollback)::int AS many FROM pg_stat_database WHERE datname = current_database()',
      });
      return row?.many ?? 0;
    };
    const paths = [
      ...[
        '/',
        `/sales/${sale}`,
        `/sales/${sale}/lottery`,
        '/api/v1/sales',
        `/api/v1/sales/${sale}`,
      ],
      `${readPageFiles().prefix}/js/api.js`,
    ];
    // Each process looks at the database some times a second, whether anybody reads or not.
    const idleFrom = { ms: performance.now(), queries: await queries() };
    await until('processes have looked', async () => (await queries()) > idleFrom.queries + 300);
    const before = await queries();
    const idlePerMs = (before - idleFrom.queries) / (performance.now() - idleFrom.ms);
    const startedMs = performance.now();
    for (let n = 0; n < READS; n += 1) {
      const answer = await fetch(`http://127.0.0.1:${ports[n % 4]}${paths[n % paths.length]}`);
      await answer.arrayBuffer();
      expect(answer.status).toBe(200);
    }
    // Sessions write their counts within a second or two, and all sessions are at work.
    const atEnd = await queries();
    await until('all counts are written', async () => (await queries()) > atEnd + 60);
    const idle = idlePerMs * (performance.now() - startedMs);
    // That no single path costs a query is the subject of `test/server/caches.test.ts`.
    expect((await queries()) - before).toBeLessThan(2 * idle + READS / 3);
  });

  it('allow together what one allows', async () => {
    const { session, paths } = system;
    const edit = await new Operator(session, paths, 'test').challenge('Phone', 'on');
    const reader = new Reader(session, paths);
    await until('it is in force', async () => (await reader.notApplied(edit)).length === 0);
    const ofFour = await measure();
    expectLimits(ofFour, 4);

    const before = await Promise.all(Array.from({ length: 12 }, () => buyer()));
    await Promise.all(WEB.slice(1).map((name) => system.kill(name)));
    // The users of the dead nodes are served at once, and nobody gets a second unit.
    for (const who of before) {
      const again = await ticket(who, address());
      expect([again.status, again.body.verdict]).toEqual([201, undefined]);
      const pressed = await press(again.body.purchaseUrl, who, address());
      expect([202, 429]).toContain(pressed.status);
    }
    await livingNodes(WEB.slice(0, 1), 1);
    const ofOne = await measure();
    expectLimits(ofOne, 1);
    console.table({ 'four nodes': numbers(ofFour), 'one node': numbers(ofOne) });

    const most = await system.databases.regular.query<{ units: number }>({
      text: "SELECT max(sum)::int AS units FROM (SELECT sum(units) FROM hot.orders WHERE sku = 'TV' GROUP BY user_id) held",
    });
    expect(most).toEqual([{ units: 1 }]);
  });
});
