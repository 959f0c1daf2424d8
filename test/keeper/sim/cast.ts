import { Keeper } from '../../../keeper/keeper.ts';
import { pathsBelow } from '../../../zk/tree/paths.ts';
import { Clock, SimProcess } from './clock.ts';
import { connectThrough } from './link.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';
import type { Setting } from './schedule.ts';
import { Shop } from './shop.ts';
import { SESSION_TIMEOUT_MS, WebNode } from './web.ts';
import { Ensemble, type ZNode } from './zookeeper.ts';

/** The participants of a run: the servers, the shop, the keepers and the web nodes. */

export const ROOT = '/flashsale';
const TICK_MS = 100;
const TRACE_LINES_MAX = 400;

/** Bugs that are planted to test whether they are found. */
export interface Planted {
  readonly settle?: (node: string) => Promise<void>;
  readonly newId?: () => string;
  /** Age of the unit counts. */
  readonly oldCounts?: boolean;
}

export interface Violation {
  readonly promise: string;
  readonly atMs: number;
  readonly facts: string;
}

export interface SimKeeper {
  readonly process: SimProcess;
  readonly network: Network;
  readonly keeper: Keeper;
  /** Newest transaction of each quota that the keeper received. */
  readonly seen: Map<string, bigint>;
}

export class Cast {
  readonly clock = new Clock();
  readonly setting: Setting;
  readonly random: Random;
  readonly ensemble: Ensemble;
  readonly shop: Shop;
  readonly paths = pathsBelow(ROOT);
  readonly webs: WebNode[] = [];
  readonly keepers: SimKeeper[] = [];
  /** Draws so far. */
  drawn = 0;
  isFaulty = true;
  #planted: Planted;
  #nextNode = 0;
  #violation: Violation | undefined;
  #trace: string[] | undefined;

  constructor(setting: Setting, planted: Planted, isTraced: boolean) {
    this.setting = setting;
    this.#planted = planted;
    this.#trace = isTraced ? [] : undefined;
    this.random = new Random(setting.seed ^ 0x5eed);
    this.ensemble = new Ensemble(this.clock, this.random.fork(), setting.servers);
    this.shop = new Shop(this.clock, this.random.fork());
  }

  note(text: string): void {
    if (!this.#trace) return;
    this.#trace.push(`${this.clock.now.toFixed(1).padStart(9)} ms  ${text}`);
    if (this.#trace.length > TRACE_LINES_MAX) this.#trace.shift();
  }

  get trace(): readonly string[] {
    return this.#trace ?? [];
  }

  /** Only the first one counts. */
  fail(promise: string, facts: string): void {
    this.#violation ??= { promise, atMs: this.clock.now, facts };
  }

  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** Running web nodes. */
  get alive(): WebNode[] {
    return this.webs.filter(({ process }) => process.state === 'running');
  }

  async startWeb(): Promise<void> {
    const number = this.#nextNode++;
    let ids = 0;
    const web = new WebNode({
      name: `web${number}`,
      clock: this.clock,
      random: this.random.fork(),
      shop: this.shop,
      root: ROOT,
      network: this.#networkOptions(),
      newId: this.#planted.newId ?? (() => String(ids++)),
      note: (text) => {
        if (text.includes(' draws ')) this.drawn++;
        this.note(text);
      },
    });
    web.isFaulty = this.isFaulty;
    if (!this.isFaulty) web.network.heal();
    this.webs.push(web);
    await web.start();
  }

  async startKeeper(): Promise<void> {
    const process = new SimProcess(`keeper${this.keepers.length}`);
    const seen = new Map<string, bigint>();
    const onRead = (path: string, node: ZNode | undefined) => {
      if (node && path.endsWith('/quota')) seen.set(path, node.modified);
    };
    const network = new Network({ ...this.#networkOptions(), process, onRead });
    if (!this.isFaulty) network.heal();
    await this.clock.as(process, () => {
      const keeper = new Keeper({
        session: {
          servers: this.ensemble.addresses,
          sessionTimeoutMs: SESSION_TIMEOUT_MS,
          rereadsMax: Number.POSITIVE_INFINITY,
          connect: connectThrough(network),
          now: () => performance.now(),
        },
        root: ROOT,
        tickMs: TICK_MS,
        unitCounts: this.#countsFor(process),
        homes: ['both'],
        beats: new Map(),
        setWaitlists: async () => {},
        settle: this.#planted.settle ?? ((node) => this.shop.settle(node, process)),
        log: {
          info: (_, message) => this.note(`${process.name}: ${message}`),
          warn: (_, message) => this.note(`${process.name}: ${message}`),
          error: (facts, message) => this.fail('no error', `${message} ${inspect(facts)}`),
        },
      });
      this.keepers.push({ process, network, keeper, seen });
    });
  }

  #networkOptions() {
    const { slowShare, slowMs, lostEvents, doubledEvents } = this.setting;
    const random = this.random.fork();
    const { clock, ensemble } = this;
    return { clock, random, ensemble, slowShare, slowMs, lostEvents, doubledEvents };
  }

  #countsFor(process: SimProcess) {
    if (!this.#planted.oldCounts) return () => this.shop.counts(process);
    let last = this.shop.counts(process);
    return () => {
      const older = last;
      last = this.shop.counts(process);
      return older;
    };
  }
}

export function inspect(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message;
  const error = (value as { err?: unknown } | undefined)?.err;
  return error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(value);
}
