import type { Operation } from '../zk/client/result.ts';
import type { ZkSession } from '../zk/client/session.ts';
import { basisOf } from '../zk/tree/basis.ts';
import { History } from '../zk/tree/history.ts';
import type { Paths } from '../zk/tree/paths.ts';
import type { Report } from '../zk/tree/report.ts';
import { AutoKeep, type AutoKeepFigures } from './auto-keep/auto-keep.ts';
import { DeadNodes, type SettledHome } from './dead-nodes.ts';
import { EditErrors } from './edits/errors.ts';
import { Guard } from './edits/protect.ts';
import { Edits } from './edits/settings.ts';
import type { KeeperLog, SkuFigures, UnitCount, UnitCounts } from './figures.ts';
import { factsOf, figuresOf, hasNothingOpen, type View } from './grants/facts.ts';
import { isInForce, planGrants } from './grants/plan.ts';
import { GrantStore } from './grants/store.ts';
import { WebNodes } from './nodes.ts';
import { isWaitlistOpen, type SetWaitlists, Waitlists } from './waitlists.ts';

/**
 * The work of a keeper while it leads, from its election to its end. It remembers nothing that
 * ZooKeeper and the database do not know: the next leader begins from there.
 *
 * One look at a time: reports as they were heard, then the units of the database, then the plan of
 * each SKU, then its writes. The order matters: a unit that a report calls decided is then counted
 * as held; the other way round it could be counted nowhere.
 */

/** One home that is silent is given up by half of it, so that the units of the other one are in time. */
const COUNT_TIMEOUT_MS = 1_000;
export const HOME_COUNT_TIMEOUT_MS = COUNT_TIMEOUT_MS / 2;

export interface LeaderTermOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** Version of the epoch node that each write has to find. */
  readonly epoch: number;
  readonly tickMs: number;
  /** Units of the SKUs of the catalogue. Rejects when no home answers. */
  readonly unitCounts: () => Promise<UnitCounts>;
  readonly homes: readonly SettledHome[];
  readonly settle: (node: string, home: SettledHome) => Promise<void>;
  readonly setWaitlists: SetWaitlists;
  readonly log: KeeperLog;
  /** The epoch has changed: another keeper leads. */
  readonly onFenced: () => void;
}

export class LeaderTerm {
  #options: LeaderTermOptions;
  #epoch: Operation;
  #edits: Edits;
  #webNodes: WebNodes;
  #editErrors: EditErrors;
  #history: History;
  #guard: Guard;
  #deadNodes: DeadNodes;
  #store: GrantStore;
  #autoKeep: AutoKeep;
  #waitlists: Waitlists;
  #covered = new Map<string, number>();
  #figures = new Map<string, SkuFigures>();
  #counts: ReadonlyMap<string, UnitCount> | undefined;
  /** The last counts were all that there are: what is not among them is not in the catalogue. */
  #isComplete = true;
  #timer: NodeJS.Timeout | undefined;
  #isKnown = false;
  #ended = false;
  #looking = false;
  #again = false;
  #isEdited = false;
  /** What tells no unit counts now. */
  #silent: string | undefined;
  #isWritingErrors = false;
  /** Ends a wait for the database: an edit is there that must not wait for it. */
  #interrupt: () => void = () => {};

  constructor(options: LeaderTermOptions) {
    const { session, paths } = options;
    this.#options = options;
    this.#epoch = { op: 'check', path: paths.epoch, version: options.epoch };
    this.#store = new GrantStore(session, paths, this.#epoch);
    this.#editErrors = new EditErrors(session, paths, this.#epoch);
    this.#history = new History(session, paths, this.#epoch);
    this.#guard = new Guard(session);
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

  /** Asks for a look; several askers while one is under way share the next one. */
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
    const view = {
      alive: this.#webNodes.alive,
      reports: this.#webNodes.reports(),
      settled: this.#deadNodes.settled,
      covered: this.#covered,
    };
    const isEdited = this.#isEdited;
    this.#isEdited = false;
    // What an edit takes away does not wait for the database, which may be slow or down.
    if (isEdited && this.#counts) {
      await this.#plan({ ...view, counts: this.#counts, fresh: new Set() });
    }
    const fresh = await this.#count();
    if (this.#ended) return;
    if (this.#counts) {
      await this.#plan({ ...view, counts: this.#counts, fresh });
      this.#writeEditErrors(this.#counts);
    }
    this.#settleDead(view.alive, view.reports);
  }

  /** SKUs whose units were told: what is known of others is too old to give anything away. */
  async #count(): Promise<ReadonlySet<string>> {
    const { promise: interrupted, resolve } = Promise.withResolvers<undefined>();
    this.#interrupt = () => resolve(undefined);
    const timer = setTimeout(() => {
      this.#noteBlindness('the database');
      this.#interrupt();
    }, COUNT_TIMEOUT_MS);
    try {
      const asked = this.#options.unitCounts();
      asked.catch(() => {}); // It may fail after nobody waits for it any more.
      const told = await Promise.race([asked, interrupted]);
      if (!told) return new Set();
      const counts = told.counts.map((count) => [count.sku, count] as const);
      this.#counts = new Map([...(told.isComplete ? [] : (this.#counts ?? [])), ...counts]);
      this.#isComplete = told.isComplete;
      this.#noteBlindness(told.isComplete ? undefined : 'a home');
      // What complete counts do not name has no units: that is known of this moment too.
      const named = counts.map(([sku]) => sku);
      return new Set(told.isComplete ? [...named, ...this.#edits.skus.keys()] : named);
    } catch (error) {
      this.#noteBlindness('the database', error);
      return new Set();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Said once, not at each tick. */
  #noteBlindness(silent: string | undefined, error?: unknown): void {
    const { log } = this.#options;
    if (silent !== this.#silent && silent !== undefined) {
      const message = `no unit counts from ${silent}: no grant of its SKUs is raised`;
      log.warn({ err: error }, message);
    } else if (silent !== this.#silent) {
      log.info({}, 'the database tells the unit counts again');
    }
    this.#silent = silent;
  }

  async #plan(view: View): Promise<void> {
    const waitlists = new Map<string, boolean>();
    for (const sku of this.#edits.skus.keys()) {
      if (this.#ended) return;
      let versions = await this.#store.versionsOf(sku);
      const edits = this.#edits.skus.get(sku);
      if (!versions || !edits?.quota.isKnown) continue;
      // Perhaps in the home that is away: nothing is known of it, so nothing is taken from it either.
      if (!this.#isComplete && !view.counts.has(sku)) continue;
      let facts = factsOf(this.#options.paths, sku, edits, versions, view);
      if (versions.isBehind) {
        // Somebody wrote or deleted a grant by hand: it is read, and the plan puts it right.
        this.#options.log.warn({ sku }, 'a grant is not as the keeper wrote it');
        this.#store.discard(sku);
        this.#covered.delete(sku);
        versions = await this.#store.versionsOf(sku);
        if (!versions) continue;
        facts = factsOf(this.#options.paths, sku, edits, versions, view);
      }
      if (view.fresh.has(sku) && view.counts.has(sku))
        waitlists.set(sku, isWaitlistOpen(edits, facts));
      const plan = planGrants(facts);
      this.#figures.set(sku, figuresOf(facts));
      const basis = isInForce(facts, this.#covered.get(sku)) ? basisOf(edits) : undefined;
      const written = await this.#store.write(sku, versions, plan.writes, basis);
      if (written === 'done') this.#covered.set(sku, plan.covered);
      if (written === 'fenced?') await this.#checkEpoch();
    }
    if (view.fresh.size > 0 && !this.#ended) void this.#waitlists.apply(waitlists);
    for (const sku of this.#figures.keys()) {
      if (this.#edits.skus.has(sku)) continue;
      this.#figures.delete(sku);
      this.#covered.delete(sku);
    }
  }

  /** Whether this keeper leads for certain; where another one does, it ends. */
  async #checkEpoch(): Promise<boolean> {
    const checked = await this.#options.session.multi([this.#epoch]);
    if (!checked.ok && checked.error === 'bad_version') this.#options.onFenced();
    return checked.ok;
  }

  /** Beside the looks: what people read must not delay what nodes wait for. */
  #writeEditErrors(counts: ReadonlyMap<string, UnitCount>): void {
    if (!this.#edits.isKnown || this.#isWritingErrors) return;
    this.#isWritingErrors = true;
    this.#writeAllErrors(counts)
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'notes failed'))
      .then(() => {
        this.#isWritingErrors = false;
      });
  }

  async #writeAllErrors(counts: ReadonlyMap<string, UnitCount>): Promise<void> {
    await this.#history.record(this.#edits.values);
    const alive = this.#webNodes.alive;
    const problems = this.#edits.problems(
      (sku) => counts.get(sku)?.unitsTotal,
      (node) => alive.has(node),
    );
    await this.#editErrors.write(problems);
    const { protection } = this.#options.session;
    if (protection) await this.#guard.protect(protection, this.#edits.nodes);
  }

  #settleDead(alive: ReadonlySet<string>, reports: ReadonlyMap<string, Report | undefined>): void {
    const known = new Set([...reports.keys(), ...this.#store.nodes]);
    const dead = [...known].filter((node) => !alive.has(node));
    this.#deadNodes.follow(new Map(dead.map((node) => [node, hasNothingOpen(reports.get(node))])));
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
