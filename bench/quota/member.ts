import { Keeper } from '../../keeper/keeper.ts';
import { NodeAgent } from '../../server/quota/agent.ts';

/** A process of the benchmark: the keeper, or all web nodes, each with its own session. */

const SKU = 'TV';
const UNITS = 100_000;
const [role, address = '', root = '', nodes = '0'] = process.argv.slice(2);
const session = { servers: address, sessionTimeoutMs: 6_000 };
const log = { info: () => {}, warn: console.error, error: console.error };

interface Question {
  /** Answer when all nodes together have this many units. */
  readonly granted?: number;
  readonly state?: string;
}

function keep(): void {
  new Keeper({
    session,
    root,
    tickMs: 200,
    unitCounts: async () => ({
      counts: [{ sku: SKU, unitsTotal: UNITS, free: UNITS }],
      isComplete: true,
    }),
    homes: ['both'],
    settle: async () => {},
    beats: new Map(),
    setWaitlists: async () => {},
    log,
  });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1_000 });
  });
}

function serve(): void {
  let awaited: Question | undefined;
  const look = () => {
    if (!awaited) return;
    const { granted, state } = awaited;
    const share = Math.floor((granted ?? 0) / Number(nodes));
    const isThere = agents.every((agent) =>
      granted === undefined
        ? agent.switches.state(SKU) === state
        : agent.grants().some(({ sku, grant }) => sku === SKU && grant === share),
    );
    if (!isThere) return;
    awaited = undefined;
    process.send?.({ at: performance.timeOrigin + performance.now() });
  };
  const agents = Array.from(
    { length: Number(nodes) },
    () => new NodeAgent({ session, root, nodePrefix: 'bench', log, onChange: () => look() }),
  );
  process.on('message', (question: Question) => {
    awaited = question;
    look();
  });
}

if (role === 'keeper') keep();
else serve();
process.on('disconnect', () => process.exit());
