import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { clusterOf } from '../../test/zk/sim/cluster.ts';
import { Reader } from '../../zk/overview.ts';
import { pathsBelow } from '../../zk/paths.ts';
import { ZkSession } from '../../zk/session.ts';
import { percentile } from '../figures.ts';
import { servers, stop } from './place.ts';

/**
 * `npm run bench -- quota [--json] [--edits n]`: real sessions on a real ZooKeeper. From the write of
 * an edit until the last of 50 web nodes acts on it: quotas by turns up and down, and states. The
 * keeper is a process of its own, whose CPU time is counted; so are ZooKeeper's transactions.
 * Then 100 nodes × 50 SKUs in virtual time: writes per edit, and what a larger fleet costs.
 */

const NODES = 50;
const SKU = 'TV';
const UNITS = 100_000;
const EDITS_DEFAULT = 200;
const EDIT_EVERY_MS = 60;
/** On a slow or busy machine the run ends with fewer edits. */
const EDITING_MS_MAX = 60_000;

/** What a run must keep to. Writes and CPU time are what they are on a busy machine too. */
const LIMITS = {
  edit_to_all_applied_ms_p99: 100,
  keeper_cpu_ms_per_edit: 50,
  // A grant and a report of each node, and a few for the edit itself; a state has no grants.
  zookeeper_transactions_per_edit: 2 * NODES + 5,
  // Each session's probe, six in its timeout.
  idle_zookeeper_transactions_per_second: 2 * NODES,
};

const flag = (name: string) => process.argv[process.argv.indexOf(name) + 1];
const asJson = process.argv.includes('--json');
const edits = process.argv.includes('--edits') ? Number(flag('--edits')) : EDITS_DEFAULT;
const say = (text: string) => asJson || console.log(text);

interface Said {
  readonly at?: number;
  readonly cpuMs?: number;
  readonly grants?: number;
  readonly states?: Record<string, number>;
}

/** A helper process: keeper or web nodes. */
function start(role: string, address: string, root: string): ChildProcess {
  return fork(join(import.meta.dirname, 'member.ts'), [role, address, root, String(NODES)]);
}

async function ask(child: ChildProcess, question: object): Promise<Said> {
  const answered = new Promise<Said>((resolve) => child.once('message', resolve as () => void));
  child.send(question);
  return answered;
}

const { address, transactions } = await servers();
const root = `/bench-${process.pid}`;
const paths = pathsBelow(root);
const session = new ZkSession({ servers: address, sessionTimeoutMs: 10_000 });
session.start();
await session.connected(10_000);
for (const [path, text] of [
  [paths.sku(SKU).quota, String(UNITS)],
  [paths.sku(SKU).state, 'open'],
  [paths.history, ''],
] as const) {
  await session.ensure(path, text);
}
const keeper = start('keeper', address, root);
const fleet = start('fleet', address, root);
say(`waiting for ${NODES} web nodes …`);
await ask(fleet, { granted: UNITS });
const reader = new Reader(session, paths);

const cpuBefore = (await ask(keeper, { cpu: true })).cpuMs ?? 0;
const transactionsBefore = await transactions();
const startedAt = performance.now();
const quotaMs: number[] = [];
const stateMs: number[] = [];
let made = 0;
for (; made < edits && performance.now() - startedAt < EDITING_MS_MAX; made++) {
  const count = made;
  const isQuota = count % 4 !== 3;
  const quota = count % 2 === 0 ? UNITS / 2 : UNITS;
  const wanted = isQuota ? { granted: quota } : { state: count % 8 === 3 ? 'paused' : 'open' };
  const asked = ask(fleet, wanted);
  // One clock for all processes of a machine.
  const writtenAt = performance.timeOrigin + performance.now();
  // As typed by hand: the way through the CLI begins with several questions.
  const written = isQuota
    ? await session.set(paths.sku(SKU).quota, String(quota), -1)
    : await session.set(paths.sku(SKU).state, wanted.state ?? '', -1);
  if (!written.ok) throw new Error(`ZooKeeper did not take the edit: ${written.error}`);
  const { at = 0 } = await asked;
  (isQuota ? quotaMs : stateMs).push(at - writtenAt);
  await new Promise((resolve) => setTimeout(resolve, EDIT_EVERY_MS));
}
const seconds = (performance.now() - startedAt) / 1_000;
const writes = (await transactions()) - transactionsBefore;
const cpuMs = ((await ask(keeper, { cpu: true })).cpuMs ?? 0) - cpuBefore;
const rows = (await reader.overview()).nodes.length;

const idleFrom = performance.now();
const idleTransactions = await transactions();
const idleCpu = (await ask(keeper, { cpu: true })).cpuMs ?? 0;
await new Promise((resolve) => setTimeout(resolve, 3_000));
const idleSeconds = (performance.now() - idleFrom) / 1_000;
const idleWrites = (await transactions()) - idleTransactions;
const idleCpuMs = ((await ask(keeper, { cpu: true })).cpuMs ?? 0) - idleCpu;

for (const child of [fleet, keeper]) child.disconnect();
await session.close();
await stop();

say('100 nodes × 50 SKUs in virtual time …');
const simulated = await clusterOf(100, 50);
const smaller = await clusterOf(50, 50);
const round = (value: number) => Math.round(value * 10) / 10;
const share = (cpuMs: number, seconds: number) => Math.round(cpuMs / seconds) / 1_000;
const result = {
  nodes: rows,
  edits: made,
  edit_to_all_applied_ms_p50: round(percentile([...quotaMs, ...stateMs], 0.5)),
  edit_to_all_applied_ms_p99: round(percentile([...quotaMs, ...stateMs], 0.99)),
  quota_edit_ms_p99: round(percentile(quotaMs, 0.99)),
  state_edit_ms_p99: round(percentile(stateMs, 0.99)),
  edits_per_second: round(made / seconds),
  keeper_cpu_share: share(cpuMs, seconds),
  keeper_cpu_ms_per_edit: round(cpuMs / made),
  zookeeper_transactions_per_second: round(writes / seconds),
  zookeeper_transactions_per_edit: round(writes / made),
  idle_keeper_cpu_share: share(idleCpuMs, idleSeconds),
  idle_zookeeper_transactions_per_second: round(idleWrites / idleSeconds),
  simulated_100x50: simulated,
  simulated_50x50: smaller,
};
const isKept = (name: keyof typeof LIMITS) => result[name] <= LIMITS[name];
const over = (Object.keys(LIMITS) as (keyof typeof LIMITS)[]).filter((name) => !isKept(name));
const all = { ...result, limits: LIMITS, over };
console.log(asJson ? JSON.stringify(all) : JSON.stringify(all, null, 2));
process.exitCode = over.length === 0 ? 0 : 1;
