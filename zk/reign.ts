import { GrantBook } from './book.ts';
import { Edits } from './edits.ts';
import { Fleet } from './fleet.ts';
import { type GrantWrite, planGrants } from './grants.ts';
import type { KeeperLog, SkuFigures, UnitCount } from './keeper.ts';
import { Notes } from './notes.ts';
import type { Paths } from './paths.ts';
import type { Report } from './report.ts';
import type { Operation } from './result.ts';
import type { ZkSession } from './session.ts';
import { Settlements } from './settlements.ts';
import { parseUnits } from './values.ts';
import { factsOf, figuresOf, hasNothingOpen, type View } from './view.ts';

/**
 * The work of a keeper while it leads, from its election to its end. It remembers nothing that
 * ZooKeeper and the database do not know: the next leader begins from there.
 *
 * One look at a time: reports as they were heard, then the units of the database, then the plan of
 * each SKU, then its writes. The order matters: a unit that a report calls decided is then counted
 * as held; the other way round it could be counted nowhere.
 */

const COUNT_TIMEOUT_MS = 1_000;

export interface ReignOptions {
  readonly session: ZkSession;
  readonly paths: Paths;
  /** Version of the epoch node that each write has to find. */
  readonly epoch: number;
  readonly tickMs: number;
  /** Units of each SKU of the catalogue. Rejects when the database does not answer. */
  readonly unitCounts: () => Promise<readonly UnitCount[]>;
  readonly settle: (node: string) => Promise<void>;
  readonly log: KeeperLog;
  /** The epoch has changed: another keeper leads. */
  readonly onFenced: () => void;
}

export class Reign {
  #options: ReignOptions;
  #epoch: Operation;
  #edits: Edits;
  #fleet: Fleet;
  #notes: Notes;
  #settlements: Settlements;
  #books = new Map<string, GrantBook>();
  #covered = new Map<string, number>();
  #figures = new Map<string, SkuFigures>();
  #counts: ReadonlyMap<string, UnitCount> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isKnown = false;
  #ended = false;
  #looking = false;
  #again = false;
  #isEdited = false;
  #isBlind = false;
  /** Ends a wait for the database: an edit is there that must not wait for it. */
  #interrupt: () => void = () => {};

  constructor(options: ReignOptions) {
    const { session, paths } = options;
    this.#options = options;
    this.#epoch = { op: 'check', path: paths.epoch, version: options.epoch };
    this.#notes = new Notes(session, paths, this.#epoch);
    this.#edits = new Edits(session, paths, () => {
      this.#isEdited = true;
      this.#interrupt();
      this.look();
    });
    this.#fleet = new Fleet(session, paths, () => this.look());
    this.#settlements = new Settlements({
      settle: options.settle,
      isAlive: (node) => this.#fleet.isAlive(node),
      forget: (node) => this.#forget(node),
      onChange: () => this.look(),
      log: options.log,
    });
    this.#begin();
  }

  get figures(): ReadonlyMap<string, SkuFigures> {
    return this.#figures;
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
      await this.#plan({ ...view, counts: this.#counts, mayGrow: false });
    }
    const counts = await this.#count();
    if (this.#ended) return;
    if (this.#counts) {
      await this.#plan({ ...view, counts: this.#counts, mayGrow: counts });
      await this.#writeNotes(this.#counts);
    }
    this.#settleDead(view.alive, view.reports);
  }

  /** False when there was no answer: what is known is too old to give anything away. */
  async #count(): Promise<boolean> {
    const { promise: interrupted, resolve } = Promise.withResolvers<undefined>();
    this.#interrupt = () => resolve(undefined);
    const timer = setTimeout(this.#interrupt, COUNT_TIMEOUT_MS);
    try {
      const asked = this.#options.unitCounts();
      asked.catch(() => {}); // It may fail after nobody waits for it any more.
      const counts = await Promise.race([asked, interrupted]);
      if (!counts) return false;
      this.#counts = new Map(counts.map((count) => [count.sku, count]));
      if (this.#isBlind) this.#options.log.info({}, 'the database tells the unit counts again');
      this.#isBlind = false;
      return true;
    } catch (error) {
      // Said once, not at each tick.
      if (!this.#isBlind) {
        this.#options.log.warn(
          { err: error },
          'no unit counts from the database: no grant is raised',
        );
      }
      this.#isBlind = true;
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  async #plan(view: View): Promise<void> {
    for (const sku of this.#edits.skus.keys()) {
      if (this.#ended) return;
      let book = await this.#bookOf(sku);
      const edits = this.#edits.skus.get(sku);
      if (!book || !edits?.quota.isKnown) continue;
      let facts = factsOf(this.#options.paths, sku, edits, book, view);
      if (book.isBehind) {
        // Somebody wrote a grant by hand: it is read, and the plan puts it right.
        this.#options.log.warn({ sku }, 'a grant was not written by the keeper');
        this.#books.delete(sku);
        this.#covered.delete(sku);
        book = await this.#bookOf(sku);
        if (!book) continue;
        facts = factsOf(this.#options.paths, sku, edits, book, view);
      }
      const plan = planGrants(facts);
      this.#figures.set(sku, figuresOf(facts));
      const isWritten = await this.#writeGrants(sku, book, plan.writes);
      if (isWritten) this.#covered.set(sku, plan.covered);
    }
    for (const sku of this.#figures.keys()) {
      if (!this.#edits.skus.has(sku)) this.#figures.delete(sku);
    }
  }

  /** The grants that stand in ZooKeeper; read when this keeper does not know them (any more). */
  async #bookOf(sku: string): Promise<GrantBook | undefined> {
    const known = this.#books.get(sku);
    if (known) return known;
    const { session } = this.#options;
    const paths = this.#options.paths.sku(sku);
    if (!(await session.ensure(paths.grants)).ok) return undefined;
    // So that an operator can write a pin below it in one line.
    if (!(await session.ensure(paths.pins)).ok) return undefined;
    const nodes = await session.children(paths.grants);
    if (!nodes.ok) return undefined;
    const book = new GrantBook();
    for (const node of nodes.value) {
      const grant = await session.get(paths.grant(node));
      if (!grant.ok) return undefined;
      const units = parseUnits(grant.value.text);
      // What someone wrote over it by hand and is no number is written again.
      book.note(node, units.ok ? units.value : undefined, grant.value.stat.version);
    }
    this.#books.set(sku, book);
    return book;
  }

  async #writeGrants(
    sku: string,
    book: GrantBook,
    writes: readonly GrantWrite[],
  ): Promise<boolean> {
    if (writes.length === 0) return true;
    const paths = this.#options.paths.sku(sku);
    const operations = writes.map(({ node, grant }): Operation => {
      const path = paths.grant(node);
      const text = String(grant);
      const entry = book.entry(node);
      return entry
        ? { op: 'set', path, text, version: entry.version }
        : { op: 'create', path, text };
    });
    const written = await this.#options.session.multi([this.#epoch, ...operations]);
    if (!written.ok) {
      // Unknown, or someone else wrote: what stands there is read before the next plan.
      this.#books.delete(sku);
      if (written.error === 'bad_version') await this.#checkEpoch();
      return false;
    }
    for (const { node, grant } of writes) {
      const entry = book.entry(node);
      book.note(node, grant, entry ? entry.version + 1 : 0);
    }
    return true;
  }

  async #checkEpoch(): Promise<void> {
    const checked = await this.#options.session.multi([this.#epoch]);
    if (!checked.ok && checked.error === 'bad_version') this.#options.onFenced();
  }

  async #writeNotes(counts: ReadonlyMap<string, UnitCount>): Promise<void> {
    if (!this.#edits.isKnown) return;
    const alive = this.#fleet.alive;
    const problems = this.#edits.problems(
      (sku) => counts.has(sku),
      (node) => alive.has(node),
    );
    await this.#notes.write(problems);
  }

  #settleDead(alive: ReadonlySet<string>, reports: ReadonlyMap<string, Report | undefined>): void {
    const known = new Set(reports.keys());
    for (const book of this.#books.values()) for (const node of book.nodes) known.add(node);
    for (const node of known) {
      if (alive.has(node)) continue;
      this.#settlements.begin(node, hasNothingOpen(reports.get(node)));
    }
  }

  /** Deletes what stands there of a settled node. */
  async #forget(node: string): Promise<boolean> {
    const { session, paths } = this.#options;
    const path = paths.report(node);
    const report = await session.exists(path);
    if (!report.ok) return false;
    const operations: Operation[] = report.value ? [{ op: 'delete', path, version: -1 }] : [];
    for (const [sku, book] of this.#books) {
      const entry = book.entry(node);
      const grant = paths.sku(sku).grant(node);
      if (entry) operations.push({ op: 'delete', path: grant, version: entry.version });
    }
    const deleted = await session.multi([this.#epoch, ...operations]);
    if (!deleted.ok) {
      this.#books.clear();
      return false;
    }
    for (const book of this.#books.values()) book.forget(node);
    return true;
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#edits.close();
    this.#fleet.close();
    this.#settlements.end();
  }
}
