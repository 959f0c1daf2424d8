import { Keeper } from '../../../keeper/keeper.ts';
import { NodeAgent } from '../../../server/quota/agent.ts';
import { pathsBelow } from '../../../zk/tree/paths.ts';
import { Clock, SimProcess } from './clock.ts';
import { connectThrough } from './link.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';
import { Ensemble } from './zookeeper.ts';

/** Many web nodes in virtual time: the cost of editing a few SKUs while many stay unchanged. */

const UNITS = 10_000;
const EDITS = 6;
const IDLE_MS = 10_000;
const ROOT = '/flashsale';

export interface Cluster {
  readonly nodes: number;
  readonly skus: number;
  /** SKUs whose quota is edited at the same moment. */
  readonly edited: number;
  readonly edit_virtual_ms_max: number;
  readonly transactions_per_edit: number;
  readonly grant_writes_per_edit: number;
  /** Transactions in ten seconds without an edit. */
  readonly idle_transactions: number;
}

export async function clusterOf(nodes: number, skus: number, edited = 1): Promise<Cluster> {
  const clock = new Clock();
  const random = new Random(1);
  const ensemble = new Ensemble(clock, random.fork(), 1);
  const paths = pathsBelow(ROOT);
  const names = Array.from({ length: skus }, (_, index) => `S${index}`);
  for (const sku of names) {
    ensemble.type(paths.sku(sku).quota, String(UNITS));
    ensemble.type(paths.sku(sku).state, 'open');
  }
  const network = (name: string) => {
    const process = new SimProcess(name);
    const faults = { slowShare: 0, slowMs: 0, lostEvents: 0, doubledEvents: 0 };
    const options = { clock, random: random.fork(), ensemble, process, ...faults };
    return { process, network: new Network({ ...options, onRead: () => {} }) };
  };
  let [transactions, grantWrites] = [0, 0];
  ensemble.onChange = (changes) => {
    transactions++;
    grantWrites += changes.filter(({ path }) => path.includes('/grants/')).length;
  };
  const uninstall = clock.install(() => random.next());
  const session = (network: Network) => ({
    servers: ensemble.addresses,
    sessionTimeoutMs: 6_000,
    connect: connectThrough(network),
    now: () => performance.now(),
  });
  try {
    const keeper = network('keeper');
    await clock.as(keeper.process, () => {
      new Keeper({
        session: session(keeper.network),
        root: ROOT,
        tickMs: 200,
        unitCounts: async () => ({
          counts: names.map((sku) => ({ sku, unitsTotal: UNITS, free: UNITS })),
          isComplete: true,
        }),
        homes: ['both'],
        settle: async () => {},
        beats: new Map(),
        setWaitlists: async () => {},
        log: { info: () => {}, warn: () => {}, error: console.error },
      });
    });
    const agents: NodeAgent[] = [];
    for (let index = 0; index < nodes; index++) {
      const web = network(`web${index}`);
      await clock.as(web.process, () => {
        const options = { root: ROOT, nodePrefix: `web${index}`, newId: () => '0' };
        agents.push(new NodeAgent({ session: session(web.network), ...options }));
      });
    }
    /** Whether every node acts on its share of these units. Nodes that do are not asked again. */
    const allHave = (changed: readonly string[], units: number) => {
      const waiting = changed.flatMap((sku) => agents.map((agent) => ({ sku, agent })));
      return () => {
        for (let last = waiting.at(-1); last !== undefined; last = waiting.at(-1)) {
          const { sku, agent } = last;
          const own = agent.grants().find((grant) => grant.sku === sku);
          if (own?.grant !== units / nodes || !agent.ready()) return false;
          waiting.pop();
        }
        return true;
      };
    };
    await clock.run(60_000, allHave(names, UNITS));
    await clock.run(clock.now + 5_000, () => false);
    const settledAt = transactions;
    await clock.run(clock.now + IDLE_MS, () => false);
    const idle = transactions - settledAt;
    let longestMs = 0;
    const before = { transactions, grantWrites };
    for (let count = 0; count < EDITS; count++) {
      const quota = count % 2 === 0 ? UNITS / 2 : UNITS;
      const editedAt = clock.now;
      const changed = names.slice(0, edited);
      for (const sku of changed) ensemble.type(paths.sku(sku).quota, String(quota));
      await clock.run(editedAt + 5_000, allHave(changed, quota));
      longestMs = Math.max(longestMs, clock.now - editedAt);
      await clock.run(clock.now + 100, () => false);
    }
    return {
      nodes,
      skus,
      edited,
      edit_virtual_ms_max: Math.round(longestMs),
      transactions_per_edit: (transactions - before.transactions) / EDITS,
      grant_writes_per_edit: (grantWrites - before.grantWrites) / EDITS,
      idle_transactions: idle,
    };
  } finally {
    uninstall();
  }
}
