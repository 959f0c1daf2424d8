import { Clock, SimProcess } from '../../test/zk/sim/clock.ts';
import { Network } from '../../test/zk/sim/link.ts';
import { Random } from '../../test/zk/sim/random.ts';
import { Ensemble } from '../../test/zk/sim/zookeeper.ts';
import { NodeAgent } from '../../zk/agent.ts';
import { Keeper } from '../../zk/keeper.ts';
import { pathsBelow } from '../../zk/paths.ts';

/** A large fleet in virtual time: what one edit of one SKU costs beside many that stay as they are. */

const UNITS = 10_000;
const EDITS = 10;
const ROOT = '/flashsale';

export interface Cluster {
  readonly nodes: number;
  readonly skus: number;
  readonly edit_virtual_ms_max: number;
  readonly transactions_per_edit: number;
  readonly grant_writes_per_edit: number;
}

export async function clusterOf(nodes: number, skus: number): Promise<Cluster> {
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
  const session = (connect: Network['connect']) => ({
    servers: ensemble.addresses,
    sessionTimeoutMs: 6_000,
    connect,
  });
  try {
    const keeper = network('keeper');
    await clock.as(keeper.process, () => {
      new Keeper({
        session: session(keeper.network.connect),
        root: ROOT,
        tickMs: 200,
        unitCounts: async () => names.map((sku) => ({ sku, unitsTotal: UNITS, free: UNITS })),
        settle: async () => {},
        setLines: async () => {},
        log: { info: () => {}, warn: () => {}, error: console.error },
      });
    });
    const agents: NodeAgent[] = [];
    for (let index = 0; index < nodes; index++) {
      const web = network(`web${index}`);
      await clock.as(web.process, () => {
        const options = { root: ROOT, nodePrefix: `web${index}`, newId: () => '0' };
        agents.push(new NodeAgent({ session: session(web.network.connect), ...options }));
      });
    }
    const has = (sku: string, units: number) =>
      agents.every((agent) =>
        agent.grants().some((grant) => grant.sku === sku && grant.grant === units / nodes),
      );
    await clock.run(60_000, () => agents.every((agent) => agent.ready()) && has('S0', UNITS));
    await clock.run(clock.now + 5_000, () => false);
    let longestMs = 0;
    const before = { transactions, grantWrites };
    for (let count = 0; count < EDITS; count++) {
      const quota = count % 2 === 0 ? UNITS / 2 : UNITS;
      const editedAt = clock.now;
      ensemble.type(paths.sku('S0').quota, String(quota));
      await clock.run(editedAt + 5_000, () => has('S0', quota));
      longestMs = Math.max(longestMs, clock.now - editedAt);
      await clock.run(clock.now + 100, () => false);
    }
    return {
      nodes,
      skus,
      edit_virtual_ms_max: Math.round(longestMs),
      transactions_per_edit: (transactions - before.transactions) / EDITS,
      grant_writes_per_edit: (grantWrites - before.grantWrites) / EDITS,
    };
  } finally {
    uninstall();
  }
}
