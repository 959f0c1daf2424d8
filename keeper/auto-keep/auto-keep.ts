import type { Observation } from '../../zk/client/observe.ts';
import type { Operation } from '../../zk/client/result.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import type { Report, SkuCounters } from '../../zk/tree/report.ts';
import { parseShare } from '../../zk/tree/values.ts';
import type { Edits } from '../edits/settings.ts';
import type { KeeperLog, SkuFigures } from '../figures.ts';
import { DemandMeter } from './demand.ts';
import { type KeepLimits, nextShare, waitSeconds } from './kept-share.ts';

/**
 * Computes the kept share of each SKU with `keep = auto` and writes it for the web nodes. It stores
 * no other state: the share in force is the one in ZooKeeper, whoever wrote it, and it stays in
 * force while no keeper runs.
 */

const STEP_MS = 250;
/** Values in force when an operator has set none. */
const AUTO_KEEP_DEFAULTS = { factor: 2, waitMs: 2_000, start: 0.1 } as const;

export interface AutoKeepFigures {
  readonly share: number;
  readonly askedPerSecond: number;
  /** Seconds from the draw to the outcome at the current length of the queue. */
  readonly waitSeconds: number;
}

export interface AutoKeepOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** The check that every write contains. */
  readonly epoch: Operation;
  readonly edits: Edits;
  readonly reports: () => ReadonlyMap<string, Report | undefined>;
  readonly units: () => ReadonlyMap<string, SkuFigures>;
  readonly log: KeeperLog;
}

interface Followed {
  readonly observation: Observation;
  readonly meter: DemandMeter;
  /**
   * The share in ZooKeeper. `none`: the node does not exist or holds no share. Undefined: not read
   * yet.
   */
  share: number | 'none' | undefined;
  isWriting: boolean;
}

export class AutoKeep {
  #options: AutoKeepOptions;
  #followed = new Map<string, Followed>();
  #figures = new Map<string, AutoKeepFigures>();
  #timer: NodeJS.Timeout;

  constructor(options: AutoKeepOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#step(), STEP_MS);
  }

  get figures(): ReadonlyMap<string, AutoKeepFigures> {
    return this.#figures;
  }

  #step(): void {
    for (const sku of this.#followed.keys()) {
      if (!this.#isAuto(sku)) this.#unfollow(sku);
    }
    const automatic = [...this.#options.edits.skus.keys()].filter((sku) => this.#isAuto(sku));
    if (automatic.length === 0) return;
    const reports = this.#options.reports();
    for (const sku of automatic) this.#steer(sku, this.#follow(sku), reports);
  }

  #isAuto(sku: string): boolean {
    const own = this.#options.edits.skus.get(sku);
    return own !== undefined && (own.keep.value ?? this.#options.edits.keep.value) === 'auto';
  }

  #follow(sku: string): Followed {
    const known = this.#followed.get(sku);
    if (known) return known;
    const { session, paths } = this.#options;
    const observation = session.watch(paths.sku(sku).autoKeep, (observed) => {
      const parsed = parseShare(observed?.text ?? '');
      followed.share = parsed.ok && parsed.value > 0 ? parsed.value : 'none';
    });
    const meter = new DemandMeter();
    const followed: Followed = { observation, meter, share: undefined, isWriting: false };
    this.#followed.set(sku, followed);
    return followed;
  }

  #steer(sku: string, followed: Followed, reports: ReadonlyMap<string, Report | undefined>): void {
    const { edits, units } = this.#options;
    const { meter, share } = followed;
    const own = edits.skus.get(sku);
    if (share === undefined || followed.isWriting || !own) return;
    if (share === 'none') {
      const start = edits.autoKeep.start.value ?? AUTO_KEEP_DEFAULTS.start;
      void this.#write(sku, followed, start);
      return;
    }
    if (own.state.value !== 'open') {
      meter.forget();
      return;
    }
    meter.add(performance.now(), countersOf(sku, reports));
    const [demand, figures] = [meter.demand, units().get(sku)];
    if (!demand || !figures) return;
    const { target, held, dead, underWay } = figures;
    const left = Math.max(0, target - held - dead - underWay);
    const shed = own.shed.value ?? edits.shed.value ?? 'random';
    const next = nextShare({ share, shed, left, underWay, demand }, this.#limits());
    const { askedPerSecond } = demand;
    const wait = waitSeconds({ underWay, demand });
    this.#figures.set(sku, { share, askedPerSecond, waitSeconds: wait });
    if (next !== share) void this.#write(sku, followed, next);
  }

  #limits(): KeepLimits {
    const { factor, waitMs } = this.#options.edits.autoKeep;
    return {
      factor: factor.value ?? AUTO_KEEP_DEFAULTS.factor,
      waitMs: waitMs.value ?? AUTO_KEEP_DEFAULTS.waitMs,
    };
  }

  /** A failed write is tried again at the next step, from the share in ZooKeeper at that time. */
  async #write(sku: string, followed: Followed, share: number): Promise<void> {
    const { session, paths, epoch, log } = this.#options;
    const path = paths.sku(sku).autoKeep;
    followed.isWriting = true;
    const text = String(share);
    let done = await session.multi([epoch, { op: 'set', path, text, version: -1 }]);
    if (!done.ok && done.error === 'no_node') {
      done = await session.multi([epoch, { op: 'create', path, text }]);
    }
    if (done.ok) followed.share = share;
    else log.warn({ sku, error: done.error }, 'the kept share was not written');
    followed.isWriting = false;
  }

  #unfollow(sku: string): void {
    this.#followed.get(sku)?.observation.close();
    this.#followed.delete(sku);
    this.#figures.delete(sku);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const sku of [...this.#followed.keys()]) this.#unfollow(sku);
  }
}

function countersOf(
  sku: string,
  reports: ReadonlyMap<string, Report | undefined>,
): Map<string, SkuCounters> {
  const counters = new Map<string, SkuCounters>();
  for (const [node, report] of reports) {
    const own = report?.skus[sku];
    if (own) counters.set(node, own);
  }
  return counters;
}
