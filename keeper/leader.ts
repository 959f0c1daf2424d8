import type { Operation } from '../zk/client/result.ts';
import type { ZkSession } from '../zk/client/session.ts';
import { basisOf } from '../zk/tree/basis.ts';
import type { Paths } from '../zk/tree/paths.ts';
import type { Report } from '../zk/tree/report.ts';
import { AutoKeep, type AutoKeepFigures } from './auto-keep/auto-keep.ts';
import { DeadNodes, type SettledHome } from './dead-nodes.ts';
import { FollowUp } from './edits/follow-up.ts';
import { Edits } from './edits/settings.ts';
import type { KeeperLog, SkuFigures, UnitCount, UnitCounts } from './figures.ts';
import { PlansDue } from './grants/due.ts';
import { factsOf, figuresOf, hasNothingOpen, type View } from './grants/facts.ts';
import { isInForce, planGrants } from './grants/plan.ts';
import { GrantStore } from './grants/store.ts';
import { WebNodes } from './nodes.ts';
import { isWaitlistOpen, type SetWaitlists, Waitlists } from './waitlists.ts';

/**
 * One leader term: the work of a keeper from its election to its end. A term stores nothing that
 * ZooKeeper and the database do not know, so the next leader can start from there.
 *
 * There is one look at a time. It takes the reports as they were heard and then reads the unit
 * counts from the database. In this order a unit that a report calls decided is also counted as
 * held. In the other order a unit could be counted nowhere.
 */

/** A silent home is abandoned after half of this, so that the other home is in time. */
const COUNT_TIMEOUT_MS = 1_000;
export const HOME_COUNT_TIMEOUT_MS = COUNT_TIMEOUT_MS / 2;

export interface LeaderTermOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** Version of the epoch node that every write checks. */
  readonly epoch: number;
  readonly tickMs: number;
  /** Reads the unit counts of the catalogue's SKUs; rejects when no home answers. */
  readonly unitCounts: () => Promise<UnitCounts>;
  readonly homes: readonly SettledHome[];
  readonly settle: (node: string, home: SettledHome) => Promise<void>;
  readonly setWaitlists: SetWaitlists;
  readonly log: KeeperLog;
  /** Called when the epoch is another one, because another keeper leads or somebody has changed it by hand. */
  readonly onFenced: () => void;
}

/** More than 200 lines: it is one leader term, and everything in it ends with the term. */
export class LeaderTerm {
  #options: LeaderTermOptions;
  #epoch: Operation;
  #edits: Edits;
  #webNodes: WebNodes;
  #followUp: FollowUp;
  #deadNodes: DeadNodes;
  #store: GrantStore;
  #autoKeep: AutoKeep;
  #waitlists: Waitlists;
  #due = new PlansDue();
  /** By SKU with fresh counts, whether its waitlist is open. */
  #openWaitlists = new Map<string, boolean>();
  #covered = new Map<string, number>();
  #figures = new Map<string, SkuFigures>();
  #counts: ReadonlyMap<string, UnitCount> | undefined;
  /** The last counts were complete: a SKU without one is not in the catalogue. */
  #isComplete = false;
  #timer: NodeJS.Timeout | undefined;
  #isKnown = false;
  #ended = false;
  #looking = false;
  #again = false;
  #isEdited = false;
  /** What currently gives no unit counts: the database or one home. */
  #missingFrom: string | undefined;
  /** Ends a wait for the database, because an edit must not wait for it. */
  #interrupt: () => void = () => {};

  constructor(options: LeaderTermOptions) {
    const { session, paths } = options;
    this.#options = options;
    this.#epoch = { op: 'check', path: paths.epoch, version: options.epoch };
    this.#store = new GrantStore(session, paths, this.#epoch);
    this.#waitlists = new Waitlists(options.setWaitlists, options.log, () => this.#checkEpoch());
    this.#edits = new Edits(session, paths, () => {
      this.#isEdited = true;
      this.#interrupt();
      this.look();
    });
    this.#webNodes = new WebNodes(session, paths, () => this.look());
    this.#autoKeep = new AutoKeep({
      session,
      paths,
      epoch: this.#epoch,
      edits: this.#edits,
      reports: () => this.#webNodes.reports(),
      units: () => this.#figures,
      log: options.log,
    });
    this.#followUp = new FollowUp({
      session,
      paths,
      epoch: this.#epoch,
      edits: this.#edits,
      alive: () => this.#webNodes.alive,
      log: options.log,
    });
    this.#deadNodes = new DeadNodes({
      homes: options.homes,
      settle: options.settle,
      isAlive: (node) => this.#webNodes.isAlive(node),
      forget: (node) => this.#store.forget(node),
      onChange: () => this.look(),
      log: options.log,
    });
    this.#begin();
  }

  get figures(): ReadonlyMap<string, SkuFigures> {
    return this.#figures;
  }

  get autoKeep(): ReadonlyMap<string, AutoKeepFigures> {
    return this.#autoKeep.figures;
  }

  get nodes(): number {
    return this.#webNodes.alive.size;
  }

  async #begin(): Promise<void> {
    await this.#edits.known;
    await this.#webNodes.known;
    if (this.#ended) return;
    this.#isKnown = true;
    this.look();
  }

  /** Requests a look. Requests during a look share the next one. */
  look(): void {
    if (!this.#isKnown || this.#ended) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    this.#again = false;
    clearTimeout(this.#timer);
    this.#lookOnce()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'a look failed'))
      .then(() => {
        this.#looking = false;
        if (this.#ended) return;
        if (this.#again) this.look();
        else this.#timer = setTimeout(() => this.look(), this.#options.tickMs);
      });
  }

  async #lookOnce(): Promise<void> {
    const news = this.#webNodes.takeNews();
    if (news === 'all') this.#due.addAll();
    else this.#due.add(news);
    const view = {
      alive: this.#webNodes.alive,
      reports: this.#webNodes.reports(),
      settled: this.#deadNodes.settled,
      covered: this.#covered,
    };
    // To settle takes seconds and needs no plan, so it does not wait for those of all SKUs.
    this.#settleDead(view.alive, view.reports);
    const isEdited = this.#isEdited;
    this.#isEdited = false;
    if (isEdited) {
      this.#due.addAll();
      this.#followUp.hurry();
    }
    // Units that an edit takes away must not wait for the database, which may be slow or down.
    if (isEdited && this.#counts) {
      await this.#plan({ ...view, counts: this.#counts, fresh: new Set() });
    }
    const fresh = await this.#count();
    if (this.#ended) return;
    if (this.#counts) {
      await this.#plan({ ...view, counts: this.#counts, fresh });
    }
    this.#followUp.run(this.#counts ?? new Map(), this.#isComplete);
  }

  /**
   * Reads the unit counts and returns the SKUs with a fresh count. An older count must not raise a
   * grant.
   */
  async #count(): Promise<ReadonlySet<string>> {
    const { promise: interrupted, resolve } = Promise.withResolvers<undefined>();
    this.#interrupt = () => resolve(undefined);
    const timer = setTimeout(() => {
      this.#logMissingCounts('the database');
      this.#interrupt();
    }, COUNT_TIMEOUT_MS);
    try {
      const asked = this.#options.unitCounts();
      asked.catch(() => {}); // It may reject after the wait has ended.
      const told = await Promise.race([asked, interrupted]);
      if (!told) return new Set();
      const counts = told.counts.map((count) => [count.sku, count] as const);
      this.#counts = new Map([...(told.isComplete ? [] : (this.#counts ?? [])), ...counts]);
      this.#isComplete = told.isComplete;
      this.#logMissingCounts(told.isComplete ? undefined : 'a home');
      // Complete counts without a SKU say that it has no units: fresh knowledge as well.
      const named = counts.map(([sku]) => sku);
      return new Set(told.isComplete ? [...named, ...this.#edits.skus.keys()] : named);
    } catch (error) {
      this.#logMissingCounts('the database', error);
      return new Set();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Logs only changes, not every tick. */
  #logMissingCounts(from: string | undefined, error?: unknown): void {
    const { log } = this.#options;
    if (from !== this.#missingFrom && from !== undefined) {
      const message = `no unit counts from ${from}: no grant of its SKUs is raised`;
      log.warn({ err: error }, message);
    } else if (from !== this.#missingFrom) {
      log.info({}, 'unit counts are available again');
    }
    this.#missingFrom = from;
  }

  async #plan(view: View): Promise<void> {
    for (const sku of this.#due.of(this.#edits.skus, view, performance.now())) {
      if (this.#ended) return;
      if (!view.fresh.has(sku)) this.#openWaitlists.delete(sku);
      let versions = await this.#store.versionsOf(sku);
      const edits = this.#edits.skus.get(sku);
      if (!versions || !edits?.quota.isKnown) continue;
      // The SKU may be in the home that did not answer, so its grants are left unchanged.
      if (!this.#isComplete && !view.counts.has(sku)) continue;
      let facts = factsOf(this.#options.paths, sku, edits, versions, view);
      if (versions.isBehind) {
        // A grant was written or deleted by hand. It is read again, and the plan corrects it.
        this.#options.log.warn({ sku }, 'a grant is not as the keeper wrote it');
        this.#store.discard(sku);
        this.#covered.delete(sku);
        versions = await this.#store.versionsOf(sku);
        if (!versions) continue;
        facts = factsOf(this.#options.paths, sku, edits, versions, view);
      }
      if (view.fresh.has(sku) && view.counts.has(sku))
        this.#openWaitlists.set(sku, isWaitlistOpen(edits, facts));
      const plan = planGrants(facts);
      this.#figures.set(sku, figuresOf(facts));
      const basis = isInForce(facts, this.#covered.get(sku)) ? basisOf(edits) : undefined;
      const written = await this.#store.write(sku, versions, plan.writes, basis);
      if (written === 'done') {
        this.#covered.set(sku, plan.covered);
        if (facts.mayGrow) this.#due.done(sku);
      }
      if (written === 'fenced?') await this.#checkEpoch();
    }
    if (view.fresh.size > 0 && !this.#ended) void this.#waitlists.apply(this.#openWaitlists);
    for (const sku of this.#figures.keys()) {
      if (this.#edits.skus.has(sku)) continue;
      this.#figures.delete(sku);
      this.#openWaitlists.delete(sku);
      this.#covered.delete(sku);
    }
  }

  /** Asks ZooKeeper whether this keeper leads, and ends the term if another one does. */
  async #checkEpoch(): Promise<boolean> {
    const checked = await this.#options.session.multi([this.#epoch]);
    if (!checked.ok && ['bad_version', 'no_node'].includes(checked.error)) this.#options.onFenced();
    return checked.ok;
  }

  #settleDead(alive: ReadonlySet<string>, reports: ReadonlyMap<string, Report | undefined>): void {
    const known = new Set([...reports.keys(), ...this.#store.nodes]);
    const dead = [...known].filter((node) => !alive.has(node));
    this.#deadNodes.follow(new Map(dead.map((node) => [node, hasNothingOpen(reports.get(node))])));
  }

  /** Makes folders anew that somebody has deleted by hand. */
  mend(): void {
    this.#edits.makePins();
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#autoKeep.close();
    this.#edits.close();
    this.#webNodes.close();
    this.#deadNodes.end();
  }
}
