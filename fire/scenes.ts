import type { FaultName } from './kinds.ts';
import type { Random } from './random.ts';

/**
 * Faults that are worse together, or at a certain length: what is known to have broken other systems. A
 * schedule draws them beside single faults. A scene has a victim, whose name is put in place of `*`.
 */

type Range = readonly [least: number, most: number];

interface Part {
  readonly fault: FaultName;
  /** One of these. */
  readonly targets: readonly string[];
  readonly afterMs?: Range;
  readonly lastsMs: Range;
}

type Scene = readonly Part[];

/** Longer than the session of a node, and than a publisher waits for a confirm. */
const LONG: Range = [5_500, 9_000];
const SHORT: Range = [1_000, 3_000];

const OF_WEB: readonly Scene[] = [
  // It has lost its session when it comes back, and does not know what became of its requests.
  [{ fault: 'isolate', targets: ['*'], lastsMs: [6_500, 9_500] }],
  [{ fault: 'cut', targets: ['*>zookeeper'], lastsMs: LONG }],
  [{ fault: 'cut-from-server', targets: ['*>zookeeper'], lastsMs: LONG }],
  [{ fault: 'cut-to-server', targets: ['*>rabbitmq'], lastsMs: LONG }],
  [{ fault: 'lose-messages', targets: ['*>rabbitmq'], lastsMs: SHORT }],
  [{ fault: 'cut-from-server', targets: ['*>rabbitmq'], lastsMs: [2_000, 5_000] }],
  // The last words of a dead node arrive after others have got its units.
  [
    { fault: 'late-to-server', targets: ['*>rabbitmq'], lastsMs: [7_000, 8_500] },
    { fault: 'kill', targets: ['*'], afterMs: [300, 1_500], lastsMs: SHORT },
  ],
  [
    { fault: 'kill', targets: ['*'], lastsMs: SHORT },
    { fault: 'isolate', targets: ['keeper-1', 'keeper-2'], lastsMs: [2_000, 6_000] },
  ],
];

const OF_WORKER: readonly Scene[] = [
  [
    { fault: 'kill-at-work', targets: ['*'], lastsMs: [200, 1_000] },
    { fault: 'kill-at-work', targets: ['*'], afterMs: [3_000, 5_000], lastsMs: [200, 1_000] },
  ],
  // A call that waits goes on in the database after its caller has lost it and calls again.
  [
    { fault: 'row-lock', targets: ['plenty', 'counted'], lastsMs: [2_000, 4_000] },
    { fault: 'hang-up', targets: ['*>postgres'], afterMs: [100, 500], lastsMs: SHORT },
  ],
  [{ fault: 'row-lock', targets: ['plenty', 'seats'], lastsMs: SHORT }],
  [
    { fault: 'slow-disk', targets: ['postgres'], lastsMs: [3_000, 5_000] },
    { fault: 'hang-up', targets: ['*>postgres'], afterMs: [100, 500], lastsMs: SHORT },
    { fault: 'reset', targets: ['*>rabbitmq'], afterMs: [100, 500], lastsMs: SHORT },
  ],
  [
    { fault: 'lose-answers', targets: ['*>postgres'], lastsMs: SHORT },
    { fault: 'kill', targets: ['*'], afterMs: [1_000, 3_000], lastsMs: [200, 1_000] },
  ],
  [
    { fault: 'move-sku', targets: ['counted'], lastsMs: [1_000, 4_000] },
    { fault: 'lose-answers', targets: ['*>postgres'], lastsMs: SHORT },
  ],
];

/** With namespaces. Nobody hears that the connections of a silent process have ended. */
const OF_SILENT_WEB: readonly Scene[] = [
  [{ fault: 'silence', targets: ['*'], lastsMs: [6_500, 9_500] }],
  // TCP sends the last words of a dead process again, until they arrive.
  [
    { fault: 'silence-out', targets: ['*'], lastsMs: [7_000, 9_500] },
    { fault: 'kill', targets: ['*'], afterMs: [300, 1_500], lastsMs: SHORT },
  ],
  [
    { fault: 'silence-in', targets: ['*'], lastsMs: LONG },
    { fault: 'silence', targets: ['keeper-1', 'keeper-2'], lastsMs: [5_000, 9_000] },
  ],
];

const OF_SILENT_WORKER: readonly Scene[] = [
  [{ fault: 'silence-in', targets: ['*'], lastsMs: [3_000, 9_000] }],
  // Its calls go on in the database, or wait for a lock there.
  [
    { fault: 'row-lock', targets: ['plenty', 'counted'], lastsMs: [2_000, 4_000] },
    { fault: 'silence', targets: ['*'], afterMs: [100, 500], lastsMs: [4_000, 9_000] },
  ],
  [
    { fault: 'slow-disk', targets: ['postgres'], lastsMs: [3_000, 5_000] },
    { fault: 'lost-packets', targets: ['*'], lastsMs: [4_000, 8_000] },
    { fault: 'kill', targets: ['*'], afterMs: [1_000, 3_000], lastsMs: [200, 1_000] },
  ],
];

/** Those that carry orders have more to lose. */
const VICTIMS = [
  ...['web-1', 'web-2', 'web-1', 'web-2', 'web-1', 'web-2'],
  ...['worker-hot', 'worker-hot', 'worker-regular'],
];

export interface SceneFault {
  readonly afterMs: number;
  readonly fault: FaultName;
  readonly target: string;
  readonly lastsMs: number;
}

function scenesOf(victim: string, hasNamespaces: boolean): readonly Scene[] {
  const [scenes, silent] = victim.startsWith('web-')
    ? [OF_WEB, OF_SILENT_WEB]
    : [OF_WORKER, OF_SILENT_WORKER];
  return hasNamespaces ? [...scenes, ...silent] : scenes;
}

/** @param hasNamespaces whether wires can be broken */
export function drawScene(random: Random, hasNamespaces: boolean): readonly SceneFault[] {
  const victim = random.one(VICTIMS);
  const scene = random.one(scenesOf(victim, hasNamespaces));
  return scene.map(({ fault, targets, afterMs = [0, 0], lastsMs }) => ({
    fault,
    target: random.one(targets).replace('*', victim),
    afterMs: random.between(...afterMs),
    lastsMs: random.between(...lastsMs),
  }));
}
