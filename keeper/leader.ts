import type { Operation } from '../zk/client/result.ts';
import type { ZkSession } from '../zk/client/session.ts';
import { basisOf } from '../zk/tree/basis.ts';
import { History } from '../zk/tree/history.ts';
import type { Paths } from '../zk/tree/paths.ts';
import type { Report } from '../zk/tree/report.ts';
import { AutoKeep, type AutoKeepFigures } from './auto-keep/auto-keep.ts';
import { type SettledHome, Settlements } from './dead-nodes.ts';
import { Notes } from './edits/errors.ts';
import { Guard } from './edits/protect.ts';
import { Edits } from './edits/settings.ts';
import type { KeeperLog, SkuFigures, UnitCount, UnitCounts } from './figures.ts';
import { factsOf, figuresOf, hasNothingOpen, type View } from './grants/facts.ts';
import { isInForce, planGrants } from './grants/plan.ts';
import { Shelf } from './grants/store.ts';
import { Fleet } from './nodes.ts';
import { isLineOpen, Lines, type SetLines } from './waitlists.ts';

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

export interface ReignOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** Version of the epoch node that each write has to find. */
  readonly epoch: number;
  readonly tickMs: number;
  /** Units of the SKUs of the catalogue. Rejects when no home answers. */
  readonly unitCounts: () => Promise<UnitCounts>;
  readonly homes: readonly SettledHome[];
  readonly settle: (node: string, home: SettledHome) => Promise<void>;
  readonly setLines: SetLines;
  readonly log: KeeperLog;
  /** The epoch has changed: another keeper leads. */
  readonly onFenced: () => void;
}

/** More than 200 lines: one term of leadership with all that ends with it. */
export class Reign {
  #options: ReignOptions;
  #epoch: Operation;
  #edits: Edits;
  #fleet: Fleet;
  #notes: Notes;
  #history: History;
  #guard: Guard;
  #settlements: Settlements;
  #shelf: Shelf;
  #autoKeep: AutoKeep;
  #lines: Lines;
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
  #isNoting = false;
  /** Ends a wait for the database: an edit is there that must not wait for it. */
  #interrupt: () => void = () => {};

  constructor(options: ReignOptions) {
    const { session, paths } = options;
    this.#options = options;
    this.#epoch = { op: 'check', path: paths.epoch, version: options.epoch };
    this.#shelf = new Shelf(session, paths, this.#epoch);
    this.#notes = new Notes(session, paths, this.#epoch);
    this.#history = new History(session, paths, this.#epoch);
    this.#guard = new Guard(session);
    this.#lines = new Lines(options.setLines, options.log, () => this.#checkEpoch());
    this.#edits = new Edits(session, paths, () => {
      this.#isEdited = true;
      this.#interrupt();
      this.look();
    });
    this.#fleet = new Fleet(session, paths, () => this.look());
    this.#autoKeep = new AutoKeep({
      session,
      paths,
      epoch: this.#epoch,
      edits: this.#edits,
      reports: () => this.#fleet.reports(),
      units: () => this.#figures,
      log: options.log,
    });
    this.#settlements = new Settlements({
      homes: options.homes,
      settle: options.settle,
      isAlive: (node) => this.#fleet.isAlive(node),
      forget: (node) => this.#shelf.forget(node),
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
    return this.#fleet.alive.size;
  }

  async #begin(): Promise<void> {
    await this.#edits.known;
    await this.#fleet.known;
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
      alive: this.#fleet.alive,
      reports: this.#fleet.reports(),
      settled: this.#settlements.settled,
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
      this.#writeNotes(this.#counts);
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
    const lines = new Map<string, boolean>();
    for (const sku of this.#edits.skus.keys()) {
      if (this.#ended) return;
      let book = await this.#shelf.bookOf(sku);
      const edits = this.#edits.skus.get(sku);
      if (!book || !edits?.quota.isKnown) continue;
      // Perhaps in the home that is away: nothing is known of it, so nothing is taken from it either.
      if (!this.#isComplete && !view.counts.has(sku)) continue;
      let facts = factsOf(this.#options.paths, sku, edits, book, view);
      if (book.isBehind) {
        // Somebody wrote or deleted a grant by hand: it is read, and the plan puts it right.
        this.#options.log.warn({ sku }, 'a grant is not as the keeper wrote it');
        this.#shelf.discard(sku);
        this.#covered.delete(sku);
        book = await this.#shelf.bookOf(sku);
        if (!book) continue;
        facts = factsOf(this.#options.paths, sku, edits, book, view);
      }
      if (view.fresh.has(sku) && view.counts.has(sku)) lines.set(sku, isLineOpen(edits, facts));
      const plan = planGrants(facts);
      this.#figures.set(sku, figuresOf(facts));
      const basis = isInForce(facts, this.#covered.get(sku)) ? basisOf(edits) : undefined;
      const written = await this.#shelf.write(sku, book, plan.writes, basis);
      if (written === 'done') this.#covered.set(sku, plan.covered);
      if (written === 'fenced?') await this.#checkEpoch();
    }
    if (view.fresh.size > 0 && !this.#ended) void this.#lines.tell(lines);
    for (const sku of this.#figures.keys()) {
      if (!this.#edits.skus.has(sku)) this.#figures.delete(sku);
    }
  }

  /** Whether this keeper leads for certain; where another one does, it ends. */
  async #checkEpoch(): Promise<boolean> {
    const checked = await this.#options.session.multi([this.#epoch]);
    if (!checked.ok && checked.error === 'bad_version') this.#options.onFenced();
    return checked.ok;
  }

  /** Beside the looks: what people read must not delay what nodes wait for. */
  #writeNotes(counts: ReadonlyMap<string, UnitCount>): void {
    if (!this.#edits.isKnown || this.#isNoting) return;
    this.#isNoting = true;
    this.#noteAll(counts)
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'notes failed'))
      .then(() => {
        this.#isNoting = false;
      });
  }

  async #noteAll(counts: ReadonlyMap<string, UnitCount>): Promise<void> {
    await this.#history.record(this.#edits.values);
    const alive = this.#fleet.alive;
    const problems = this.#edits.problems(
      (sku) => counts.get(sku)?.unitsTotal,
      (node) => alive.has(node),
    );
    await this.#notes.write(problems);
    const { protection } = this.#options.session;
    if (protection) await this.#guard.protect(protection, this.#edits.nodes);
  }

  #settleDead(alive: ReadonlySet<string>, reports: ReadonlyMap<string, Report | undefined>): void {
    const known = new Set(reports.keys());
    for (const node of this.#shelf.nodes) known.add(node);
    for (const node of known) {
      if (alive.has(node)) continue;
      this.#settlements.begin(node, hasNothingOpen(reports.get(node)));
    }
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#autoKeep.close();
    this.#edits.close();
    this.#fleet.close();
    this.#settlements.end();
  }
}
