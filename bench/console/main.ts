import { setTimeout as delay } from 'node:timers/promises';
import { createProgress } from '../../ops/stack/progress.ts';
import { Caller } from '../../test/console/place.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { median, rounded } from '../figures.ts';
import { cpuSeconds } from '../machine.ts';
import { type Shop, startServers, startShop } from '../shop.ts';

/**
 * `npm run bench -- console [--json] [--seconds n]`: the CPU of a console while one person looks at the live
 * view, by turns with nobody looking. Two web nodes are real. The others are nodes in ZooKeeper whose reports,
 * copies of a real one, change each second, as those of nodes that sell do.
 */

const PROCESSES = ['web-1', 'web-2', 'keeper-1', 'worker-regular', 'worker-hot', 'console'];
const NODES = 100;
const SKUS = 3;
const ROUNDS = 5;
const SECONDS_DEFAULT = 20;
const REPORT_EVERY_MS = 1_000;
/** Until the just-in-time compiler has done most of its work. */
const WARM_UP_MS = 30_000;
const SESSION_TIMEOUT_MS = 10_000;

/** The most that the console may use of one core. */
const LIMITS = { console_cpu_percent: 2 };

const asJson = process.argv.includes('--json');
const secondsAt = process.argv.indexOf('--seconds');
const seconds = secondsAt < 0 ? SECONDS_DEFAULT : Number(process.argv[secondsAt + 1]);
const say = (text: string) => void (asJson || console.log(text));

async function used(pids: ReadonlyMap<string, number>): Promise<number> {
  const [before, atMs] = [cpuSeconds(pids), performance.now()];
  await delay(seconds * 1_000);
  const cpu = (cpuSeconds(pids).get('console') ?? 0) - (before.get('console') ?? 0);
  return (cpu / (performance.now() - atMs)) * 1e5;
}

/** Adds nodes to the tree whose reports change; resolves to a function that ends that. */
async function addNodes(zookeeper: string, root: string): Promise<() => Promise<void>> {
  const session = new ZkSession({ servers: zookeeper, sessionTimeoutMs: SESSION_TIMEOUT_MS });
  session.start();
  await session.connected(SESSION_TIMEOUT_MS);
  const paths = pathsBelow(root);
  const real = await session.children(paths.nodes);
  const names = real.ok ? real.value : [];
  const report = await session.get(paths.report(names[0] ?? ''));
  if (!report.ok) throw new Error(`no report of a web node: ${report.error}`);
  const { text } = report.value;
  const added = Array.from({ length: NODES - names.length }, (_, n) => `web-copy-${n}`);
  for (const name of added) {
    await session.create(paths.node(name), '', { ephemeral: true });
    await session.create(paths.report(name), text);
  }
  const timer = setInterval(() => {
    for (const name of added) void session.set(paths.report(name), text, -1);
  }, REPORT_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await session.close();
  };
}

async function measure(shop: Shop) {
  const pids = new Map([['console', shop.pids.get('console') ?? 0]]);
  const caller = new Caller(shop.console.url);
  const { status } = await caller.signIn(shop.console.token);
  if (status !== 201) throw new Error(`the console answers ${status} to the sign-in`);
  const looking: number[] = [];
  const alone: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const abort = new AbortController();
    let nodes = 0;
    const stream = (async () => {
      for await (const { event, data } of caller.live(abort.signal)) {
        if (event === 'view') nodes = (data as { nodes: unknown[] }).nodes.length;
      }
    })().catch(() => {});
    // The first round is the warm-up.
    if (round === 0) await delay(WARM_UP_MS);
    else looking.push(await used(pids));
    abort.abort();
    await stream;
    if (nodes !== NODES) throw new Error(`the live view shows ${nodes} nodes, not ${NODES}`);
    if (round === 0) continue;
    alone.push(await used(pids));
    say(
      `round ${round}: ${rounded(looking.at(-1) ?? 0)} % of a core; nobody looks: ${rounded(alone.at(-1) ?? 0)} %`,
    );
  }
  return { looking, alone };
}

const bench = await startServers(
  ['postgres', 'rabbitmq', 'zookeeper'],
  process.env,
  createProgress(say),
);
try {
  const shop = await startShop(bench, { processes: PROCESSES, environment: {} });
  for (let n = 1; n <= SKUS; n += 1) await shop.openSale(`sale-${n}`, `sku-${n}`, 1_000);
  const removeNodes = await addNodes(bench.servers.zookeeper ?? '', shop.zkRoot);
  const { looking, alone } = await measure(shop);
  await removeNodes();
  await shop.close();
  const results = {
    nodes: NODES,
    skus: SKUS,
    console_cpu_percent: rounded(median(looking)),
    console_cpu_percent_rounds: looking.map((value) => rounded(value)),
    nobody_looks_cpu_percent: rounded(median(alone)),
  };
  console.log(asJson ? JSON.stringify(results) : results);
  if (results.console_cpu_percent > LIMITS.console_cpu_percent) process.exitCode = 1;
} finally {
  await bench.stop();
}
