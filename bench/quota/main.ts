import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Reader } from '../../ops/quota/overview.ts';
import { clusterOf } from '../../test/keeper/sim/cluster.ts';
import { ZkSession } from '../../zk/client/session.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { Child } from '../child.ts';
import { percentile } from '../figures.ts';
import { startZookeeper } from './place.ts';

/**
 * `npm run bench -- quota [--json] [--edits n]`: the time from the write of an edit until the last of
 * 50 web nodes applies it, with real sessions on a real ZooKeeper. The edits raise and lower a quota by
 * turns, and change the state. The keeper is a separate process; its CPU time and ZooKeeper's
 * transactions are counted. The second part simulates 100 nodes × 50 SKUs in virtual time: writes per
 * edit, and the cost of more nodes.
 */

const NODES = 50;
const SKU = 'TV';
const UNITS = 100_000;
const EDITS_DEFAULT = 200;
const EDIT_EVERY_MS = 60;
const IDLE_MS = 3_000;
/** On a slow or busy machine the run ends with fewer edits. */
const EDITING_MS_MAX = 60_000;

/** Limits of a run. Writes and CPU time are comparable even on a busy machine. */
const LIMITS = {
  edit_to_all_applied_ms_p99: 100,
  keeper_cpu_ms_per_edit: 50,
  // A grant and a report of each node, and a few for the edit itself. A state writes no grants.
  zookeeper_transactions_per_edit: 2 * NODES + 5,
  // The probes of each session: six within its timeout.
  idle_zookeeper_transactions_per_second: 2 * NODES,
};

const flag = (name: string) => process.argv[process.argv.indexOf(name) + 1];
const asJson = process.argv.includes('--json');
const edits = process.argv.includes('--edits') ? Number(flag('--edits')) : EDITS_DEFAULT;
const say = (text: string) => asJson || console.log(text);

const round = (value: number) => Math.round(value * 10) / 10;
const share = (cpuMs: number, seconds: number) => Math.round(cpuMs / seconds) / 1_000;
const zookeeper = await startZookeeper();
const root = `/bench-${process.pid}`;
const { sku, history } = pathsBelow(root);
const { quota: quotaPath, state: statePath } = sku(SKU);
const session = new ZkSession({ servers: zookeeper.address, sessionTimeoutMs: 10_000 });

/** A helper process: the keeper, or all web nodes. */
function start(role: 'keeper' | 'web-nodes'): Child {
  const program = join(import.meta.dirname, 'member.ts');
  return new Child(program, [role, zookeeper.address, root, String(NODES)]);
}

/** Measures the work of the keeper and of ZooKeeper since the last reading. */
async function createMeter(keeper: Child) {
  const look = async () => ({
    atMs: performance.now(),
    cpuMs: (await keeper.ask<{ cpuMs: number }>({})).cpuMs,
    transactions: await zookeeper.transactions(),
  });
  let before = await look();
  return async () => {
    const now = await look();
    const since = {
      seconds: (now.atMs - before.atMs) / 1_000,
      cpuMs: now.cpuMs - before.cpuMs,
      writes: now.transactions - before.transactions,
    };
    before = now;
    return since;
  };
}

/** Writes an edit and returns the time until the last node has applied it, in ms. */
async function edit(webNodes: Child, count: number): Promise<{ isQuota: boolean; tookMs: number }> {
  const isQuota = count % 4 !== 3;
  const quota = count % 2 === 0 ? UNITS / 2 : UNITS;
  const state = count % 8 === 3 ? 'paused' : 'open';
  const asked = webNodes.ask<{ at: number }>(isQuota ? { granted: quota } : { state });
  // Wall-clock time, which is the same for all processes of the machine.
  const writtenAt = performance.timeOrigin + performance.now();
  // Written directly: the CLI would first send several reads.
  const written = isQuota
    ? await session.set(quotaPath, String(quota), -1)
    : await session.set(statePath, state, -1);
  if (!written.ok) throw new Error(`ZooKeeper did not accept the edit: ${written.error}`);
  return { isQuota, tookMs: (await asked).at - writtenAt };
}

async function measure() {
  session.start();
  await session.connected(10_000);
  await session.ensure(quotaPath, String(UNITS));
  await session.ensure(statePath, 'open');
  await session.ensure(history, '');
  const [keeper, webNodes] = [start('keeper'), start('web-nodes')];
  try {
    say(`waiting for ${NODES} web nodes …`);
    await webNodes.ask({ granted: UNITS });
    const meter = await createMeter(keeper);
    const quotaMs: number[] = [];
    const stateMs: number[] = [];
    const untilMs = performance.now() + EDITING_MS_MAX;
    let made = 0;
    for (; made < edits && performance.now() < untilMs; made++) {
      const { isQuota, tookMs } = await edit(webNodes, made);
      (isQuota ? quotaMs : stateMs).push(tookMs);
      await delay(EDIT_EVERY_MS);
    }
    const editing = await meter();
    const { nodes } = await new Reader(session, pathsBelow(root)).overview();
    await meter();
    await delay(IDLE_MS);
    const idle = await meter();
    return {
      nodes: nodes.length,
      edits: made,
      edit_to_all_applied_ms_p50: round(percentile([...quotaMs, ...stateMs], 0.5)),
      edit_to_all_applied_ms_p99: round(percentile([...quotaMs, ...stateMs], 0.99)),
      quota_edit_ms_p99: round(percentile(quotaMs, 0.99)),
      state_edit_ms_p99: round(percentile(stateMs, 0.99)),
      edits_per_second: round(made / editing.seconds),
      keeper_cpu_share: share(editing.cpuMs, editing.seconds),
      keeper_cpu_ms_per_edit: round(editing.cpuMs / made),
      zookeeper_transactions_per_second: round(editing.writes / editing.seconds),
      zookeeper_transactions_per_edit: round(editing.writes / made),
      idle_keeper_cpu_share: share(idle.cpuMs, idle.seconds),
      idle_zookeeper_transactions_per_second: round(idle.writes / idle.seconds),
    };
  } finally {
    for (const child of [webNodes, keeper]) child.end();
    await session.close();
    await zookeeper.stop();
  }
}

const measured = await measure();
say('100 nodes × 50 SKUs in virtual time …');
const result = {
  ...measured,
  simulated_100x50: await clusterOf(100, 50),
  simulated_50x50: await clusterOf(50, 50),
};
const isKept = (name: keyof typeof LIMITS) => result[name] <= LIMITS[name];
const over = (Object.keys(LIMITS) as (keyof typeof LIMITS)[]).filter((name) => !isKept(name));
const all = { ...result, limits: LIMITS, over };
console.log(asJson ? JSON.stringify(all) : JSON.stringify(all, null, 2));
process.exitCode = over.length === 0 ? 0 : 1;
