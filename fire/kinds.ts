/**
 * The faults that a schedule is drawn from: a closed set. What each one does is in `faults/`, and a
 * kind without a deed does not compile.
 */

export const PROCESSES = [
  ...['web-1', 'web-2', 'worker-regular', 'worker-hot', 'keeper-1', 'keeper-2'],
] as const;
export const SERVERS = ['postgres', 'rabbitmq', 'zookeeper'] as const;
export type ServerName = (typeof SERVERS)[number];

/** The goods of a run. Their names in the shop begin with the name of the run. */
export const GOODS = ['counted', 'plenty', 'daily', 'pot', 'seats'] as const;
export type GoodsName = (typeof GOODS)[number];
const COUNTED = ['counted'] as const;
/** Goods with a stock that ends. */
export const LIMITED = ['counted', 'pot', 'seats'] as const;

const WEB = PROCESSES.filter((name) => name.startsWith('web-'));

/** A link: from a process to a server that it uses. */
export const LINKS: readonly string[] = PROCESSES.flatMap((process) =>
  SERVERS.filter((server) => server !== 'zookeeper' || !process.startsWith('worker-')).map(
    (server) => `${process}>${server}`,
  ),
);

interface Kind {
  readonly targets: readonly string[];
  /** Shortest and longest duration. */
  readonly lastsMs: readonly [number, number];
  /** How often it is drawn, compared with the others. */
  readonly weight: number;
  /** Only one fault of a group has the same target at the same time. */
  readonly group: 'part' | 'link' | 'operator' | 'dba' | 'session';
}

const KINDS = {
  /** SIGKILL, then a new start. PostgreSQL stops immediately, without a checkpoint. */
  kill: { targets: [...PROCESSES, ...SERVERS], lastsMs: [0, 4_000], weight: 5, group: 'part' },
  /** SIGSTOP and SIGCONT. */
  freeze: { targets: [...PROCESSES, ...SERVERS], lastsMs: [300, 4_000], weight: 4, group: 'part' },
  /** A freeze that lasts longer than the session and the trust window: it returns as a zombie. */
  zombie: { targets: PROCESSES, lastsMs: [7_000, 11_000], weight: 4, group: 'part' },
  /** No byte passes, either way; then the connections are gone. */
  cut: { targets: LINKS, lastsMs: [500, 9_000], weight: 3, group: 'link' },
  /** What the process sends does not arrive; then the connections are gone. */
  'cut-to-server': { targets: LINKS, lastsMs: [500, 9_000], weight: 3, group: 'link' },
  /** What the server answers comes late: what was done is not known. */
  'cut-from-server': { targets: LINKS, lastsMs: [500, 9_000], weight: 4, group: 'link' },
  /** Every connection is reset, again and again. */
  reset: { targets: LINKS, lastsMs: [0, 2_000], weight: 4, group: 'link' },
  delay: { targets: LINKS, lastsMs: [1_000, 6_000], weight: 2, group: 'link' },
  /** As TCP shows the loss of packets: bytes come late, in bursts. */
  loss: { targets: LINKS, lastsMs: [1_000, 6_000], weight: 2, group: 'link' },
  'memory-alarm': { targets: ['rabbitmq'], lastsMs: [1_000, 5_000], weight: 1, group: 'part' },
  'disk-alarm': { targets: ['rabbitmq'], lastsMs: [1_000, 5_000], weight: 1, group: 'part' },
  /** Others use all connections of PostgreSQL. */
  connections: { targets: ['postgres'], lastsMs: [1_000, 5_000], weight: 2, group: 'session' },
  /** Somebody forgets a transaction that has locked rows of the stock. */
  'row-lock': { targets: LIMITED, lastsMs: [500, 5_000], weight: 2, group: 'session' },
  /** Somebody forgets a transaction that has a snapshot. */
  snapshot: { targets: COUNTED, lastsMs: [1_000, 8_000], weight: 1, group: 'session' },
  /** The quota falls below what was admitted, then comes back. */
  quota: { targets: LIMITED, lastsMs: [500, 4_000], weight: 3, group: 'operator' },
  pause: { targets: LIMITED, lastsMs: [500, 4_000], weight: 2, group: 'operator' },
  /** The grant of a web node is fixed. */
  pin: { targets: WEB, lastsMs: [500, 6_000], weight: 2, group: 'operator' },
  /** A quota that is no number. */
  'bad-edit': { targets: LIMITED, lastsMs: [500, 3_000], weight: 1, group: 'operator' },
  keep: { targets: LIMITED, lastsMs: [500, 4_000], weight: 1, group: 'operator' },
  'set-slots': { targets: COUNTED, lastsMs: [0, 0], weight: 3, group: 'dba' },
  restock: { targets: COUNTED, lastsMs: [0, 0], weight: 2, group: 'dba' },
  /** To the other home, and back. */
  'move-sku': { targets: COUNTED, lastsMs: [500, 6_000], weight: 3, group: 'dba' },
  vacuum: { targets: COUNTED, lastsMs: [0, 0], weight: 1, group: 'dba' },
} as const satisfies Record<string, Kind>;

export type FaultName = keyof typeof KINDS;
export const FAULT_NAMES = Object.keys(KINDS) as FaultName[];

export const kindOf = (name: FaultName): Kind => KINDS[name];

/** Faults that this program cannot make on any machine yet. A run says so when it starts. */
export const NOT_YET: Readonly<Record<string, string>> = {
  failover: 'the system under fire has one PostgreSQL, without standbys',
  'slow disk, full disk': 'the servers share the disk of the machine (RabbitMQ has its disk alarm)',
  'clock jumps': 'all processes share the clock of the machine',
  'namespaces, lost and doubled packets': 'links are relays of TCP, which show loss as lateness',
};
