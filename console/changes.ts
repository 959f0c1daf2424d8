import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { DatabaseError, isOutage } from '../db/client/errors.ts';
import { type Edit, EditRefused } from '../ops/quota/operator.ts';
import { acknowledged } from '../ops/sale/acknowledged.ts';
import { PlanChanged, SaleRefused } from '../ops/sale/apply.ts';
import { ChangeRefused } from '../ops/sale/life.ts';
import type { SalePlace } from '../ops/sale/place.ts';
import type { Log } from '../process/log.ts';
import { Problem } from './http/problems.ts';

/**
 * Changes of sales that people have begun. A change goes on when the page is left or the network is
 * lost, and a page can ask how far it is. It ends with the process.
 */

/** Each change may hold a connection of the database. */
const RUNNING_MAX = 2;
const KEPT_MAX = 50;
const ID_BYTES = 16;
const LINES_MAX = 500;
/** A change that some web nodes do not know after this time is `late`. */
const ACKNOWLEDGE_TIMEOUT_MS = 10_000;

/** `late`: done, but perhaps not known to all web nodes yet. `refused`: not allowed, before any step was told. */
type ChangeState = 'running' | 'done' | 'late' | 'refused' | 'failed';

export interface Change {
  readonly id: string;
  /** The person who began it. */
  readonly login: string;
  readonly sale: string;
  readonly action: string;
  readonly state: ChangeState;
  /** The steps so far. The last line says how it ended. */
  readonly lines: readonly string[];
}

/** The result of a change. */
export interface Worked {
  /** Sentences. */
  readonly done?: readonly string[];
  /** Edits of ZooKeeper, to wait for. */
  readonly edits?: readonly Edit[];
}

type Ended = Pick<Change, 'state'> & { readonly text: string };
type Tell = (line: string) => void;

export class Changes {
  readonly #place: SalePlace;
  readonly #log: Log;
  readonly #changes = new LRUCache<string, Change>({ max: KEPT_MAX });
  #running = 0;

  constructor(place: SalePlace, log: Log) {
    this.#place = place;
    this.#log = log;
  }

  /**
   * Begins a change. One that was begun with the same id is returned as it is: its page has lost the answer.
   *
   * @param given `id` is made here if the page has chosen none
   * @throws {Problem} `busy`; or `refused`, if the id is that of another change
   */
  begin(
    given: Pick<Change, 'login' | 'sale' | 'action'> & { readonly id: string | undefined },
    reason: string,
    work: (tell: Tell) => Promise<Worked>,
  ): Change {
    const { id = randomBytes(ID_BYTES).toString('hex'), ...facts } = given;
    const known = this.#changes.get(id);
    if (known !== undefined) {
      const { login, sale, action } = known;
      const isSame = login === facts.login && sale === facts.sale && action === facts.action;
      if (!isSame) throw new Problem('refused', 'Another change has this id.');
      return known;
    }
    if (this.#running >= RUNNING_MAX) throw new Problem('busy');
    let change: Change = { id, ...facts, state: 'running', lines: [] };
    const show = (state: ChangeState, line: string) => {
      change = { ...change, state, lines: [...change.lines, line].slice(-LINES_MAX) };
      this.#changes.set(id, change);
    };
    this.#changes.set(id, change);
    this.#running += 1;
    this.#log.info({ ...facts, reason }, 'a change of a sale begins');
    void this.#carryOut(facts.sale, work, (line) => show('running', line)).then((ended) => {
      this.#running -= 1;
      this.#log.info({ ...facts, ...ended }, 'a change of a sale has ended');
      show(ended.state, ended.text);
    });
    return change;
  }

  find(id: string): Change | undefined {
    return this.#changes.get(id);
  }

  /** Never rejects: how a change ended is a value. */
  async #carryOut(sale: string, work: (tell: Tell) => Promise<Worked>, tell: Tell): Promise<Ended> {
    let steps = 0;
    try {
      const { done = [], edits = [] } = await work((line) => {
        steps += 1;
        tell(line);
      });
      for (const line of done) tell(line);
      return await this.#whoKnows(sale, edits);
    } catch (error) {
      if (isRefusal(error) && steps === 0) return { state: 'refused', text: error.message };
      this.#log.error({ err: error, sale }, 'a change of a sale broke off');
      // A restock that is done again adds its units again.
      const text = `${messageOf(error)}. A part of it may be done: look at the sale before you do it again.`;
      return { state: 'failed', text };
    }
  }

  /** Whatever goes wrong here, the change is done. Never rejects. */
  async #whoKnows(sale: string, edits: readonly Edit[]): Promise<Ended> {
    try {
      const { nodes, late, ms } = await acknowledged(
        this.#place,
        sale,
        edits,
        ACKNOWLEDGE_TIMEOUT_MS,
      );
      if (late.length > 0) {
        return { state: 'late', text: `Done, but after ${ms} ms not known to ${late.join(', ')}.` };
      }
      if (nodes === 0) return { state: 'done', text: 'Done. No web node runs.' };
      return { state: 'done', text: `Known to every web node (${nodes}) after ${ms} ms.` };
    } catch (error) {
      this.#log.warn({ err: error, sale }, 'it is not known which web nodes know a change');
      const text = `Done, but it cannot be seen which web nodes know it: ${messageOf(error)}.`;
      return { state: 'late', text };
    }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function isRefusal(error: unknown): error is Error {
  if (error instanceof DatabaseError) return error.kind === 'refused' && !isOutage(error);
  return [SaleRefused, PlanChanged, ChangeRefused, EditRefused].some(
    (kind) => error instanceof kind,
  );
}
