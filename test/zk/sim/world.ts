import { Keeper } from '../../../zk/keeper.ts';
import { pathsBelow } from '../../../zk/paths.ts';
import { parseUnits } from '../../../zk/values.ts';
import { Clock, SimProcess } from './clock.ts';
import { connectThrough } from './link.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';
import { FAULTS_MS, type Setting, type Step } from './schedule.ts';
import { Shop } from './shop.ts';
import { SESSION_TIMEOUT_MS, WebNode } from './web.ts';
import { type Change, Ensemble, type ZNode } from './zookeeper.ts';

/** One run: the real keeper and the real agents in a simulated world, and what is promised of them. */

const ROOT = '/flashsale';
const TICK_MS = 100;
/** After the faults: sessions and connections are what they were, dead nodes are settled. */
const MENDING_MS = 7_500;
const REREAD_MS = 3_100;
/** What was missed is read again after a new connection. */
const CATCH_UP_MS = 100;
/** An edit is in force on every node, once nothing is broken. */
const EDIT_BOUND_MS = 250;
/** Everything that may be sold is sold, once nothing is broken and someone asks. */
const SELL_BOUND_MS = 6_000;
const ASK_EVERY_MS = 15;
const TRACE_LINES_MAX = 400;

/** Bugs that are planted to see whether they are found. */
export interface Planted {
  readonly settle?: (node: string) => Promise<void>;
  readonly newId?: () => string;
  /** Counts as they were so long ago. */
  readonly oldCounts?: boolean;
}

export interface Violation {
  readonly promise: string;
  readonly atMs: number;
  readonly facts: string;
}

export interface Outcome {
  readonly violation: Violation | undefined;
  readonly events: number;
  readonly virtualMs: number;
  readonly drawn: number;
  readonly sold: number;
  readonly editMs: number | undefined;
  readonly sellMs: number | undefined;
  readonly trace: readonly string[];
}

interface SimKeeper {
  readonly process: SimProcess;
  readonly network: Network;
  readonly keeper: Keeper;
  /** Newest transaction of each quota that it was handed. */
  readonly seen: Map<string, bigint>;
}

interface Written {
  readonly zxid: bigint;
  readonly units: number;
}

export class SimWorld {
  readonly clock = new Clock();
  readonly setting: Setting;
  #random: Random;
  #ensemble: Ensemble;
  #shop: Shop;
  #paths = pathsBelow(ROOT);
  #webs: WebNode[] = [];
  #keepers: SimKeeper[] = [];
  #planted: Planted;
  #nextNode = 0;
  #isFaulty = true;
  #violation: Violation | undefined;
  #trace: string[] | undefined;
  #drawn = 0;
  /** Every value of each quota that a keeper may still act on, oldest first. */
  #quotas = new Map<string, Written[]>();
  /** Every value of each grant that its node may still apply. */
  #grants = new Map<string, Written[]>();
  #outstanding = new Map<string, number>();
  #editMs: number | undefined;
  #sellMs: number | undefined;

  constructor(setting: Setting, planted: Planted, isTraced: boolean) {
    this.setting = setting;
    this.#planted = planted;
    this.#trace = isTraced ? [] : undefined;
    this.#random = new Random(setting.seed ^ 0x5eed);
    this.#ensemble = new Ensemble(this.clock, this.#random.fork(), setting.servers);
    this.#shop = new Shop(this.clock, this.#random.fork());
    this.#ensemble.onChange = (changes, zxid) => this.#record(changes, zxid);
    for (const { sku, total, quota } of setting.skus) {
      this.#shop.stock.set(sku, { total, held: 0 });
      this.#ensemble.type(this.#paths.sku(sku).quota, String(quota));
      this.#ensemble.type(this.#paths.sku(sku).state, 'open');
    }
  }

  #note(text: string): void {
    if (!this.#trace) return;
    this.#trace.push(`${this.clock.now.toFixed(1).padStart(9)} ms  ${text}`);
    if (this.#trace.length > TRACE_LINES_MAX) this.#trace.shift();
  }

  #networkOptions() {
    const { slowShare, slowMs, lostEvents, doubledEvents } = this.setting;
    const random = this.#random.fork();
    const [clock, ensemble] = [this.clock, this.#ensemble];
    return { clock, random, ensemble, slowShare, slowMs, lostEvents, doubledEvents };
  }

  async #startWeb(): Promise<void> {
    const number = this.#nextNode++;
    let ids = 0;
    const web = new WebNode({
      name: `web${number}`,
      clock: this.clock,
      random: this.#random.fork(),
      shop: this.#shop,
      root: ROOT,
      network: this.#networkOptions(),
      newId: this.#planted.newId ?? (() => String(ids++)),
      note: (text) => {
        if (text.includes(' draws ')) this.#drawn++;
        this.#note(text);
      },
    });
    web.isFaulty = this.#isFaulty;
    if (!this.#isFaulty) web.network.heal();
    this.#webs.push(web);
    await web.start();
  }

  async #startKeeper(): Promise<void> {
    const process = new SimProcess(`keeper${this.#keepers.length}`);
    const seen = new Map<string, bigint>();
    const onRead = (path: string, node: ZNode | undefined) => {
      if (node && path.endsWith('/quota')) seen.set(path, node.modified);
    };
    const network = new Network({ ...this.#networkOptions(), process, onRead });
    if (!this.#isFaulty) network.heal();
    await this.clock.as(process, () => {
      const keeper = new Keeper({
        session: {
          servers: this.#ensemble.addresses,
          sessionTimeoutMs: SESSION_TIMEOUT_MS,
          connect: connectThrough(network),
        },
        root: ROOT,
        tickMs: TICK_MS,
        unitCounts: this.#countsFor(process),
        setLines: async () => {},
        settle: this.#planted.settle ?? ((node) => this.#shop.settle(node, process)),
        log: {
          info: (_, message) => this.#note(`${process.name}: ${message}`),
          warn: (_, message) => this.#note(`${process.name}: ${message}`),
          error: (facts, message) => this.#fail('no error', `${message} ${inspect(facts)}`),
        },
      });
      this.#keepers.push({ process, network, keeper, seen });
    });
  }

  #countsFor(process: SimProcess) {
    if (!this.#planted.oldCounts) return () => this.#shop.counts(process);
    let last = this.#shop.counts(process);
    return () => {
      const older = last;
      last = this.#shop.counts(process);
      return older;
    };
  }

  /** Remembers what keepers and nodes may still act on. */
  #record(changes: readonly Change[], zxid: bigint): void {
    this.clock.isChanged = true;
    for (const change of changes) {
      if (change.op === 'delete') continue;
      const [, kind] = /\/(quota|grants)(?:\/|$)/.exec(change.path) ?? [];
      if (kind === undefined) continue;
      const units = parseUnits(change.text);
      if (!units.ok) continue;
      const values = kind === 'quota' ? this.#quotas : this.#grants;
      const known = values.get(change.path) ?? [];
      known.push({ zxid, units: units.value });
      values.set(change.path, known);
      if (kind === 'grants') this.#note(`${change.path.slice(ROOT.length)} := ${change.text}`);
    }
  }

  /** The largest min(quota, units that exist) that a keeper may rightly act on. */
  #target(sku: string): number {
    const known = this.#quotas.get(this.#paths.sku(sku).quota) ?? [];
    const quota = Math.max(0, ...known.map(({ units }) => units));
    return Math.min(quota, this.#shop.stockOf(sku).total);
  }

  /** What the leader sent before it heard of a cut is still the old quota's; then it is over. */
  #forgetQuotas(sku: string): void {
    const path = this.#paths.sku(sku).quota;
    const known = this.#quotas.get(path) ?? [];
    const leader = this.#keepers.find(
      ({ process, keeper }) => process.state !== 'dead' && keeper.leads,
    );
    const seen = leader?.seen.get(path);
    if (seen === undefined || (leader?.network.link?.writesUnderWay ?? 0) > 0) return;
    // Of edits that follow each other at once a keeper may see only the last, which may be garbage.
    const index = known.findIndex(({ zxid }) => zxid === seen);
    if (index > 0) known.splice(0, index);
  }

  /** Units that a node may draw yet, on what it has and on what stands in the tree for it. */
  #spendable(web: WebNode, sku: string): number {
    const { agent, process, network, seen } = web;
    const { node } = agent;
    if (process.state === 'dead' || node === undefined || web.isLeaving) return 0;
    const id = network.link?.sessionId;
    const isAlive = id !== undefined && (this.#ensemble.sessions.get(id)?.isAlive ?? false);
    if (!isAlive && !agent.trusted(node)) return 0;
    const path = this.#paths.sku(sku).grant(node);
    const known = this.#grants.get(path) ?? [];
    const applied = seen.get(path) ?? -1n;
    while (known[1] && known[1].zxid <= applied) known.shift();
    const counters = web.counters(sku);
    const grant = Math.max(counters?.grant ?? 0, ...known.map(({ units }) => units));
    return Math.max(0, grant - (counters?.admitted ?? 0));
  }

  /** Units that are held, under way, or may be drawn yet: as it truly is. */
  #committed(sku: string): number {
    let units = this.#shop.stockOf(sku).held + this.#shop.unitsUnderWay(sku);
    for (const web of this.#webs) units += this.#spendable(web, sku);
    return units;
  }

  #fail(promise: string, facts: string): void {
    this.#violation ??= { promise, atMs: this.clock.now, facts };
  }

  /** Looked at after every event. */
  #check(process?: SimProcess): boolean {
    for (const web of this.#webs) if (web.process === process) web.stir();
    for (const { sku } of this.setting.skus) {
      const before = this.#outstanding.get(sku) ?? 0;
      const now = this.#committed(sku);
      if (now > before && now > this.#target(sku)) {
        const { held, total } = this.#shop.stockOf(sku);
        const nodes = this.#webs.map((web) => {
          const counters = web.counters(sku);
          return `${web.process.name} ${web.process.state} ${web.agent.node}: spendable ${this.#spendable(web, sku)}, grant ${counters?.grant}, admitted ${counters?.admitted}`;
        });
        this.#fail(
          'units admitted and to be admitted never exceed the quota',
          `${sku}: ${before} → ${now} units, target ${this.#target(sku)}; held ${held} of ${total}, under way ${this.#shop.unitsUnderWay(sku)}\n  ${nodes.join('\n  ')}`,
        );
      }
      this.#outstanding.set(sku, now);
      this.#forgetQuotas(sku);
    }
    return this.#violation !== undefined;
  }

  #demand(): void {
    const { demand, skew, skus } = this.setting;
    const random = this.#random.fork();
    const next = () => {
      if (!this.#isFaulty) return;
      this.clock.after((random.between(0.2, 1.8) * 1_000) / demand, next);
      // The skew makes the first nodes the busy ones.
      const at = Math.floor(this.#webs.length * random.next() ** (1 + skew / 4));
      const sku = random.pick(skus).sku;
      this.#webs[at]?.ask(sku, random.integer(1, 3));
      if (random.chance(0.1)) this.#shop.giveBack(sku);
    };
    next();
  }

  #take(step: Step): unknown {
    const { which, forMs, units } = step;
    const webs = this.#webs.filter(({ process }) => process.state !== 'dead');
    const web = webs[which % Math.max(1, webs.length)];
    const keepers = this.#keepers.filter(({ process }) => process.state !== 'dead');
    const keeper = keepers[which % Math.max(1, keepers.length)];
    const sku = this.setting.skus[which % this.setting.skus.length]?.sku ?? '';
    const paths = this.#paths.sku(sku);
    this.#note(`--- ${step.kind} ${which} (${forMs} ms, ${units})`);
    const later = (action: () => void) => void this.clock.after(forMs, action);
    const silence = (network: Network | undefined) => {
      if (network) network.silentUntil = this.clock.now + forMs;
    };
    const replace = () => this.#isFaulty && void this.#startWeb();
    switch (step.kind) {
      case 'crash node':
        web?.kill();
        return later(replace);
      case 'stop node':
        if (web) this.clock.stop(web.process);
        return later(() => web && this.clock.continue(web.process));
      case 'leave node':
        web?.leave();
        return later(() => {
          web?.kill();
          replace();
        });
      case 'cut node':
        return web?.network.link?.closeByServer('disconnected');
      case 'silence node':
        return silence(web?.network);
      case 'evict node':
        return this.#ensemble.type(this.#paths.node(web?.agent.node ?? 'none'), undefined);
      case 'crash keeper':
        if (keeper) this.clock.kill(keeper.process);
        return later(() => this.#isFaulty && void this.#startKeeper());
      case 'stop keeper':
        if (keeper) this.clock.stop(keeper.process);
        return later(() => keeper && this.clock.continue(keeper.process));
      case 'cut keeper':
        return keeper?.network.link?.closeByServer('disconnected');
      case 'silence keeper':
        return silence(keeper?.network);
      case 'server down':
        return this.#ensemble.takeDown(which, forMs);
      case 'quorum lost':
        return this.#ensemble.stopAll(forMs);
      case 'follower alone':
        return this.#ensemble.isolate(which, forMs);
      case 'database down':
        this.#shop.isDatabaseDown = true;
        return later(() => {
          this.#shop.isDatabaseDown = false;
        });
      case 'worker stopped':
        this.#shop.isWorkerStopped = true;
        return later(() => {
          this.#shop.isWorkerStopped = false;
        });
      case 'broker refuses':
        if (web) web.isBrokerRefusing = true;
        return later(() => {
          if (web) web.isBrokerRefusing = false;
        });
      case 'quota':
        return this.#ensemble.type(paths.quota, String(units));
      case 'garbage':
        return this.#ensemble.type(paths.quota, which % 3 === 0 ? undefined : '12,5');
      case 'pin':
        return this.#ensemble.type(paths.pin(web?.agent.node ?? 'nobody'), String(units));
      case 'unpin':
        return this.#unpin();
      case 'restock':
        this.#shop.stockOf(sku).total += units;
        return;
      case 'cancel':
        for (let count = 0; count < units / 4; count++) this.#shop.giveBack(sku);
        return;
      case 'pause sku':
        this.#ensemble.type(paths.state, 'paused');
        return later(() => this.#ensemble.type(paths.state, 'open'));
    }
  }

  #unpin(): void {
    for (const { sku } of this.setting.skus) {
      const { pins } = this.#paths.sku(sku);
      for (const path of this.#ensemble.node(pins)?.children ?? []) {
        this.#ensemble.type(path, undefined);
      }
    }
  }

  async #mend(): Promise<void> {
    this.#note('--- everything is mended');
    this.#isFaulty = false;
    this.#shop.isDatabaseDown = false;
    this.#shop.isWorkerStopped = false;
    for (const web of this.#webs) {
      web.network.heal();
      web.isBrokerRefusing = false;
      web.isFaulty = false;
      this.clock.continue(web.process);
      if (web.isLeaving) web.kill();
    }
    for (const { process, network } of this.#keepers) {
      network.heal();
      this.clock.continue(process);
    }
    if (this.#keepers.every(({ process }) => process.state === 'dead')) await this.#startKeeper();
    while (this.#alive.length < 2) await this.#startWeb();
  }

  /** Someone leads, every node is ready, and no dead one is left. */
  #isMended(): boolean {
    const alive = this.#alive;
    const { reports, nodes, sessions } = this.#paths;
    const isCounted = [reports, nodes, sessions].every(
      (path) => this.#ensemble.node(path)?.children.size === alive.length,
    );
    return (
      this.#ensemble.isWhole &&
      isCounted &&
      [...alive, ...this.#keepers].every(
        ({ process, network }) => process.state === 'dead' || network.link?.isFlowing,
      ) &&
      alive.every(({ agent }) => agent.ready()) &&
      this.#keepers.some(({ process, keeper }) => process.state === 'running' && keeper.leads)
    );
  }

  #stateOfAll(): string {
    const { reports, nodes, sessions } = this.#paths;
    const children = [reports, nodes, sessions].map(
      (path) => `${path}: ${[...(this.#ensemble.node(path)?.children ?? [])].length}`,
    );
    const webs = this.#alive.map(({ agent }) => `${agent.node} ${agent.notReady().join(' ')}`);
    return [...children, ...webs].join('; ');
  }

  get #alive(): WebNode[] {
    return this.#webs.filter(({ process }) => process.state === 'running');
  }

  /** The last edit: lower quota and keep, seen by all within the bound. */
  async #editAll(): Promise<void> {
    this.#unpin();
    const editedAt = this.clock.now;
    const quotas = new Map<string, number>();
    for (const { sku } of this.setting.skus) {
      const paths = this.#paths.sku(sku);
      const quota = this.#random.integer(0, 100);
      quotas.set(sku, quota);
      this.#note(`--- the last edit: ${sku} ${quota}`);
      this.#ensemble.type(paths.quota, String(quota));
      this.#ensemble.type(paths.state, 'open');
      this.#ensemble.type(paths.keep, '0.5');
    }
    const isInForce = () =>
      [...quotas].every(([sku, quota]) => {
        const target = Math.min(quota, this.#shop.stockOf(sku).total);
        const taken = this.#shop.stockOf(sku).held + this.#shop.unitsUnderWay(sku);
        const isCut = this.#committed(sku) <= Math.max(target, taken);
        return (
          isCut &&
          this.#alive.every(({ agent }) => agent.keep(sku) === 0.5 && agent.state(sku) === 'open')
        );
      });
    await this.clock.run(editedAt + EDIT_BOUND_MS, (by) => this.#check(by) || isInForce());
    if (this.#violation) return;
    if (isInForce()) this.#editMs = this.clock.now - editedAt;
    else
      this.#fail('an edit is in force everywhere within its bound', `not in ${EDIT_BOUND_MS} ms`);
  }

  /** Someone asks at every node, for single units, until everything is sold. */
  async #sellOut(): Promise<void> {
    const startedAt = this.clock.now;
    const ask = () => {
      for (const web of this.#alive) for (const { sku } of this.setting.skus) web.ask(sku, 1);
      if (this.#sellMs === undefined) this.clock.after(ASK_EVERY_MS, ask);
    };
    ask();
    const isSold = () =>
      this.setting.skus.every(({ sku }) => {
        const { held, total } = this.#shop.stockOf(sku);
        const quota = this.#quotas.get(this.#paths.sku(sku).quota)?.at(-1)?.units ?? 0;
        return held >= Math.min(total, quota);
      });
    await this.clock.run(startedAt + SELL_BOUND_MS, (by) => this.#check(by) || isSold());
    this.#sellMs = this.clock.now - startedAt;
    if (this.#violation || isSold()) return;
    const facts = this.setting.skus.map(({ sku }) => {
      const { held, total } = this.#shop.stockOf(sku);
      const nodes = this.#alive.map(({ agent }) => {
        const counters = agent.grants().find((grant) => grant.sku === sku);
        return `${agent.node} ${counters?.admitted}/${counters?.grant}`;
      });
      const quota = this.#quotas.get(this.#paths.sku(sku).quota)?.at(-1)?.units;
      const figures = this.#keepers.map(({ process, keeper }) => {
        const { target, dead, underWay } = keeper.figures().get(sku) ?? {};
        return `${process.name} ${process.state} ${keeper.leads ? 'leads' : 'waits'}, target ${target}, dead ${dead}, under way ${underWay}`;
      });
      const facts = [...nodes, ...figures].join(', ');
      return `${sku}: held ${held} of ${total}, quota ${quota}; ${facts}`;
    });
    this.#fail('everything is sold where there is demand', facts.join('; '));
  }

  async run(): Promise<Outcome> {
    const uninstall = this.clock.install(() => this.#random.next());
    try {
      await this.#play();
    } catch (error) {
      this.#fail('no error', inspect(error));
    } finally {
      for (const { process } of [...this.#webs, ...this.#keepers]) this.clock.kill(process);
      uninstall();
    }
    let sold = 0;
    for (const { held } of this.#shop.stock.values()) sold += held;
    return {
      violation: this.#violation,
      events: this.clock.events,
      virtualMs: this.clock.now,
      drawn: this.#drawn,
      sold,
      editMs: this.#editMs,
      sellMs: this.#sellMs,
      trace: this.#trace ?? [],
    };
  }

  async #play(): Promise<void> {
    for (let count = 0; count < this.setting.keepers; count++) await this.#startKeeper();
    for (let count = 0; count < this.setting.nodes; count++) await this.#startWeb();
    for (const step of this.setting.steps) this.clock.after(step.atMs, () => this.#take(step));
    this.#demand();
    await this.clock.run(FAULTS_MS, (by) => this.#check(by));
    if (this.#violation) return;
    await this.#mend();
    // A watch event that was lost on the way is made good by the next reading, every three seconds.
    const restMs = this.setting.lostEvents > 0 ? REREAD_MS : 0;
    await this.clock.run(FAULTS_MS + restMs, (by) => this.#check(by));
    if (this.#violation) return;
    await this.clock.run(FAULTS_MS + MENDING_MS, (by) => this.#check(by) || this.#isMended());
    if (this.#violation) return;
    if (!this.#isMended()) this.#fail('everything is mended in time', this.#stateOfAll());
    if (this.#violation) return;
    await this.clock.run(this.clock.now + CATCH_UP_MS, (by) => this.#check(by));
    if (this.#violation) return;
    await this.#editAll();
    if (!this.#violation) await this.#sellOut();
  }
}

function inspect(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message;
  const error = (value as { err?: unknown } | undefined)?.err;
  return error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(value);
}
