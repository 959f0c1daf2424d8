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
export const WAVES = [
  ...['wave-1', 'wave-2', 'wave-3', 'wave-4', 'wave-5', 'wave-6', 'wave-7', 'wave-8'],
] as const;
export const GOODS = ['counted', 'plenty', 'daily', 'pot', 'seats', ...WAVES] as const;
export type GoodsName = (typeof GOODS)[number];
const COUNTED = ['counted'] as const;
/** Goods with a stock that ends. */
export const LIMITED = ['counted', 'pot', 'seats'] as const;
const STOCKED = [...LIMITED, 'plenty'] as const;

const WEB = PROCESSES.filter((name) => name.startsWith('web-'));

/** A link: from a process to a server that it uses. */
export const LINKS: readonly string[] = PROCESSES.flatMap((process) =>
  SERVERS.filter((server) => server !== 'zookeeper' || !process.startsWith('worker-')).map(
    (server) => `${process}>${server}`,
  ),
);

/** Processes that carry orders. */
const WORKING = PROCESSES.filter((name) => !name.startsWith('keeper-'));

/** Processes whose clocks may jump. The others have the clock of the machine. */
export const CLOCKED = ['web-2', 'worker-hot', 'keeper-2'] as const;

interface Kind {
  readonly targets: readonly string[];
  /** Shortest and longest duration. */
  readonly lastsMs: readonly [number, number];
  /** How often it is drawn, compared with the others. */
  readonly weight: number;
  /** Only one fault of a group is at the same place at the same time. */
  readonly group: 'part' | 'link' | 'wire' | 'operator' | 'dba' | 'session' | 'disk' | 'clock';
}

/** Links on which an order travels. */
const BUSY_LINKS = LINKS.filter((link) => /^(web-.>rabbitmq|worker-)/.test(link));

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
  /** The bytes of the process are on their way for long, and arrive even if their sender has died meanwhile. */
  'late-to-server': { targets: BUSY_LINKS, lastsMs: [4_000, 8_500], weight: 3, group: 'link' },
  /** All links of a process are cut. */
  isolate: { targets: PROCESSES, lastsMs: [2_000, 10_000], weight: 4, group: 'link' },
  /** Message after message is lost with its connection, before it arrives. */
  'lose-messages': { targets: BUSY_LINKS, lastsMs: [500, 3_000], weight: 4, group: 'link' },
  /** Message after message arrives, and its answer is lost with the connection. */
  'lose-answers': { targets: BUSY_LINKS, lastsMs: [500, 3_000], weight: 4, group: 'link' },
  /** The process loses its connections while the server still does what it was asked for. */
  'hang-up': { targets: BUSY_LINKS, lastsMs: [500, 3_000], weight: 4, group: 'link' },
  /** A kill in the moment in which the process passes on what it was asked to do. */
  'kill-at-work': { targets: WORKING, lastsMs: [0, 2_000], weight: 5, group: 'part' },
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
  'row-lock': { targets: STOCKED, lastsMs: [500, 5_000], weight: 2, group: 'session' },
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
  /** Each commit waits for the disk. */
  'slow-disk': { targets: ['postgres'], lastsMs: [1_000, 6_000], weight: 3, group: 'disk' },
  /** Nothing more can be written. PostgreSQL may stop, and starts when there is room again. */
  'full-disk': { targets: ['postgres'], lastsMs: [500, 4_000], weight: 2, group: 'part' },
  /** The primary is gone for longer than its session in ZooKeeper: a standby is promoted. */
  failover: { targets: ['postgres'], lastsMs: [8_000, 11_000], weight: 10, group: 'part' },
  /** The primary is frozen for so long, and takes itself for the primary when it is back. */
  'silent-primary': { targets: ['postgres'], lastsMs: [8_000, 11_000], weight: 6, group: 'part' },
  /** Each COMMIT waits for a standby that does not answer, until the primary gives it up. */
  'silent-standby': { targets: ['postgres'], lastsMs: [1_000, 6_000], weight: 5, group: 'part' },
  /** An operator hands over to a standby. */
  switchover: { targets: ['postgres'], lastsMs: [0, 0], weight: 6, group: 'part' },
  /** The time of day of a process jumps by 25 s. */
  'clock-ahead': { targets: CLOCKED, lastsMs: [1_500, 6_000], weight: 2, group: 'clock' },
  'clock-behind': { targets: CLOCKED, lastsMs: [1_500, 6_000], weight: 2, group: 'clock' },
  vacuum: { targets: COUNTED, lastsMs: [0, 0], weight: 1, group: 'dba' },
  /** No packet passes the wire of a process, either way, and no connection ends by that. */
  silence: { targets: PROCESSES, lastsMs: [2_000, 11_000], weight: 16, group: 'wire' },
  /** Nothing that the process sends arrives. */
  'silence-out': { targets: PROCESSES, lastsMs: [2_000, 10_000], weight: 8, group: 'wire' },
  /** Nothing arrives at the process. */
  'silence-in': { targets: PROCESSES, lastsMs: [2_000, 10_000], weight: 8, group: 'wire' },
  'lost-packets': { targets: PROCESSES, lastsMs: [2_000, 8_000], weight: 8, group: 'wire' },
  'doubled-packets': { targets: PROCESSES, lastsMs: [2_000, 8_000], weight: 4, group: 'wire' },
  /** The wire carries little, and loses what is too much. */
  narrow: { targets: PROCESSES, lastsMs: [2_000, 6_000], weight: 4, group: 'wire' },
} as const satisfies Record<string, Kind>;

export type FaultName = keyof typeof KINDS;
export const FAULT_NAMES = Object.keys(KINDS) as FaultName[];

/** Faults that need standbys of PostgreSQL, and those that need a PostgreSQL without. */
const WITH_STANDBYS: readonly FaultName[] = [
  ...(['failover', 'silent-primary', 'silent-standby', 'switchover'] as const),
];
const WITHOUT_STANDBYS: readonly FaultName[] = ['full-disk'];

/** Parts that only some systems have. */
export interface Setting {
  /** Whether PostgreSQL has standbys, one of which can be promoted. */
  readonly hasStandbys?: boolean;
  /** Whether each process has a network namespace of its own. */
  readonly hasNamespaces?: boolean;
}

/** The faults that a schedule draws. */
export function faultNames({ hasStandbys = false, hasNamespaces = false }: Setting): FaultName[] {
  const others = hasStandbys ? WITHOUT_STANDBYS : WITH_STANDBYS;
  return FAULT_NAMES.filter(
    (name) => !others.includes(name) && (hasNamespaces || kindOf(name).group !== 'wire'),
  );
}

export const kindOf = (name: FaultName): Kind => KINDS[name];

/** Where a fault acts. Two of one group are not at one place: the end of one would end the other. */
export function placesOf(fault: FaultName, target: string): readonly string[] {
  if (fault === 'isolate') return LINKS.filter((link) => link.startsWith(`${target}>`));
  return [target];
}

/** Faults that this program cannot make on any machine yet. A run says so when it starts. */
export const NOT_YET: Readonly<Record<string, string>> = {
  'slow or full disks of RabbitMQ and ZooKeeper': 'they share the disk of the machine',
  'jumps of the clocks of servers': 'they have the clock of the machine',
};
