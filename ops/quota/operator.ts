import type { Observed, Operation } from '../../zk/client/result.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import { entryOf, type HistoryEntry, readHistory } from '../../zk/tree/history.ts';
import { listEntries, withEntries, withoutEntries } from '../../zk/tree/list-text.ts';
import { type ListName, parserOfList } from '../../zk/tree/lists.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import {
  inForceOf,
  type Parser,
  parseChallenge,
  parseKeep,
  parseShed,
  parseState,
  parseUnits,
  parseWaitlist,
} from '../../zk/tree/values.ts';

/**
 * Edits of the quota tree by an operator. Each is validated by the keeper's own parsers before it is
 * written, and written in one transaction with its entry in the history.
 */

/** An edit was refused and nothing was written. The message gives the reason. */
export class EditRefused extends Error {
  override name = 'EditRefused';
}

export interface Edit {
  readonly path: string;
  /** Value in force before the edit, and the one it asks for. Null: no node. */
  readonly from: string | null;
  readonly to: string | null;
  /** Version of the value that was written; undefined when the node was deleted. */
  readonly version: number | undefined;
}

const WRITE_TRIES = 3;
/** Nodes that may be missing, so undoing their first value deletes them. */
const OPTIONAL =
  /\/(pins\/[^/]+|skus\/[^/]+\/(keep|shed|waitlist)|challenge|auto-keep\/[^/]+|lists\/[^/]+\/[^/]+)$/;

/** The edits of one operator. More than 200 lines: one method for each kind of edit. */
export class Operator {
  readonly session: ZkSession;
  readonly paths: Paths;
  #who: string;
  #why: string | undefined;

  /**
   * @param who name of the operator in the history
   * @param why reason of the edits, for the history
   */
  constructor(session: ZkSession, paths: Paths, who: string, why?: string) {
    this.session = session;
    this.paths = paths;
    this.#who = who;
    this.#why = why;
  }

  quota(sku: string, text: string): Promise<Edit> {
    return this.#editSku(sku, this.paths.sku(sku).quota, text, parseUnits);
  }

  state(sku: string, text: string): Promise<Edit> {
    return this.#editSku(sku, this.paths.sku(sku).state, text, parseState);
  }

  /** Sets the share of one SKU, or of all SKUs without `sku`. Null removes a SKU's own share. */
  keep(sku: string | undefined, text: string | null): Promise<Edit> {
    if (sku !== undefined) {
      return this.#editSku(sku, this.paths.sku(sku).keep, text, parseKeep);
    }
    if (text === null) throw new EditRefused('the share of all SKUs cannot be removed');
    return this.#write(this.paths.keep, checked(text, parseKeep));
  }

  /** Sets the way of shedding of one SKU, or of all SKUs without `sku`. */
  shed(text: string, sku?: string): Promise<Edit> {
    if (sku !== undefined) {
      return this.#editSku(sku, this.paths.sku(sku).shed, text, parseShed);
    }
    return this.#write(this.paths.shed, checked(text, parseShed));
  }

  /** Sets the challenge of one SKU, or of all SKUs without `sku`. Null removes the value. */
  challenge(sku: string | undefined, text: string | null): Promise<Edit> {
    if (sku !== undefined) {
      return this.#editSku(sku, this.paths.sku(sku).challenge, text, parseChallenge);
    }
    const { challenge } = this.paths;
    return this.#write(challenge, text === null ? null : checked(text, parseChallenge));
  }

  /** Turns the waitlist of a SKU on or off. Null removes the value, which turns it on. */
  waitlist(sku: string, text: string | null): Promise<Edit> {
    return this.#editSku(sku, this.paths.sku(sku).waitlist, text, parseWaitlist);
  }

  /** @throws {EditRefused} also when there is no such web node */
  async pin(sku: string, node: string, text: string | null): Promise<Edit> {
    if (text !== null && !(await this.#exists(this.paths.node(node)))) {
      const nodes = await this.#children(this.paths.nodes);
      throw new EditRefused(
        `there is no web node ${node}; there are ${nodes.join(', ') || 'none'}`,
      );
    }
    return this.#editSku(sku, this.paths.sku(sku).pin(node), text, parseUnits);
  }

  /** The text of a list that is in force. `refusal`: why the node's present text is not in force. */
  async list(list: ListName): Promise<{ text: string; refusal: string | undefined }> {
    const path = `${this.paths.root}/lists/${list}`;
    const observed = await this.#read(path);
    const parsed = parserOfList(list)(observed?.text ?? '');
    const text = await this.#inForce(path, observed);
    return { text: text ?? '', refusal: parsed.ok ? undefined : parsed.reason };
  }

  addTo(list: ListName, entries: readonly string[]): Promise<Edit> {
    return this.#editList(list, (text) => {
      const wanted = new Set([...listEntries(text), ...entries]);
      return holding(withEntries(text, entries), wanted);
    });
  }

  /** @throws {EditRefused} also when one of them is not on the list */
  removeFrom(list: ListName, entries: readonly string[]): Promise<Edit> {
    return this.#editList(list, (text) => {
      const known = new Set(listEntries(text));
      const missing = entries.find((entry) => !known.has(entry));
      if (missing !== undefined) {
        throw new EditRefused(`${JSON.stringify(missing)} is not in ${list}`);
      }
      for (const entry of entries) known.delete(entry);
      return holding(withoutEntries(text, new Set(entries)), known);
    });
  }

  #editList(list: ListName, change: (text: string) => string): Promise<Edit> {
    const path = `${this.paths.root}/lists/${list}`;
    return this.#write(path, (from) => checked(change(from ?? ''), parserOfList(list)));
  }

  async #editSku(sku: string, path: string, text: string | null, parser: Parser<unknown>) {
    const skus = await this.#children(this.paths.skus);
    if (!skus.includes(sku)) {
      throw new EditRefused(`there is no SKU ${sku}; there are ${skus.join(', ') || 'none'}`);
    }
    return this.#write(path, text === null ? null : checked(text, parser));
  }

  /** Returns all entries of the history, oldest first. */
  async history(): Promise<HistoryEntry[]> {
    const entries = await readHistory(this.session, this.paths);
    const [missing] = this.session.missingRights;
    if (!entries && missing !== undefined) throw new EditRefused(`there are no ${missing}`);
    if (!entries) throw new Error('ZooKeeper did not answer');
    return entries;
  }

  /** The last edit that has not been undone yet. */
  async lastEdit(): Promise<HistoryEntry | undefined> {
    const entries = await this.history();
    const undone = new Set(entries.map(({ undoes }) => undoes));
    return entries.findLast(({ name, undoes }) => !undoes && !undone.has(name));
  }

  /**
   * Undoes the last edit that has not been undone yet.
   *
   * @param meant the transaction of the edit that somebody wants undone; another last edit is refused
   */
  async undo(meant?: bigint): Promise<Edit & { readonly undoes: HistoryEntry }> {
    const last = await this.lastEdit();
    if (!last) throw new EditRefused('there is no edit to undo');
    if (meant !== undefined && meant !== last.zxid) {
      throw new EditRefused(
        `the last edit is another one by now, of ${last.path} by ${last.who}: look at it first`,
      );
    }
    const isSetting = !OPTIONAL.test(last.path);
    if (last.from === null && isSetting) {
      throw new EditRefused(
        `${last.path} had no value before: write the value that it should have`,
      );
    }
    const edit = await this.#write(last.path, last.from, last);
    return { ...edit, undoes: last };
  }

  /**
   * Writes a value. Tries again if somebody else has written it meanwhile.
   *
   * @param wanted the text, a function that makes it from the text in force, or null for no node
   */
  async #write(
    path: string,
    wanted: string | null | ((from: string | null) => string),
    undoes?: HistoryEntry,
  ): Promise<Edit> {
    for (let tries = 1; ; tries++) {
      const before = await this.#read(path);
      if (before && before.stat.children > 0) {
        throw new EditRefused(`${path} has children; none belong there: delete them first`);
      }
      const from = await this.#inForce(path, before);
      if (undoes && from !== undoes.to) {
        throw new EditRefused(`${path} is ${from} by now, not ${undoes.to}: the history is behind`);
      }
      const to = typeof wanted === 'function' ? wanted(from) : wanted;
      if (before === undefined && to === null) return { path, from, to, version: undefined };
      const entry = entryOf(this.paths, {
        at: new Date().toISOString(),
        who: this.#who,
        path,
        from,
        to,
        ...(this.#why !== undefined && { why: this.#why }),
        ...(undoes && { undoes: undoes.name }),
      });
      const written = await this.#commit([operationOf(path, to, before), entry]);
      if (written === 'done') {
        const version = to === null ? undefined : before ? before.stat.version + 1 : 0;
        return { path, from, to, version };
      }
      if (tries === WRITE_TRIES) throw new Error(`ZooKeeper did not accept ${path}: ${written}`);
    }
  }

  async #commit(operations: readonly Operation[]): Promise<string> {
    for (const path of [this.paths.history, parentOf(operations[0]?.path ?? '')]) {
      await this.session.ensure(path);
    }
    const done = await this.session.multi(operations);
    if (!done.ok && done.error === 'no_auth') {
      throw new EditRefused('these credentials may not write this node (ZK_AUTH)');
    }
    return done.ok ? 'done' : done.error;
  }

  /**
   * The value in force: the node's text or, while the keeper refuses that, the value that the edit
   * error names.
   */
  async #inForce(path: string, observed: Observed | undefined): Promise<string | null> {
    const note = await this.#read(this.paths.error(path));
    const inForce = note && inForceOf(note.text);
    return inForce ?? observed?.text.trim() ?? null;
  }

  async #read(path: string): Promise<Observed | undefined> {
    const read = await this.session.get(path);
    if (read.ok) return read.value;
    if (read.error === 'no_node') return undefined;
    throw new Error(`ZooKeeper did not answer: ${read.error}`);
  }

  async #exists(path: string): Promise<boolean> {
    return (await this.#read(path)) !== undefined;
  }

  async #children(path: string): Promise<string[]> {
    const names = await this.session.children(path);
    if (!names.ok && names.error !== 'no_node') {
      throw new Error(`ZooKeeper did not answer: ${names.error}`);
    }
    return names.ok ? names.value.sort() : [];
  }
}

/** The text of a list, if it names these and nobody else: quotation marks in an entry may part it, or hide another one. */
function holding(text: string, wanted: ReadonlySet<string>): string {
  const [odd] = wanted.symmetricDifference(new Set(listEntries(text)));
  if (odd === undefined) return text;
  throw new EditRefused(`with its quotation marks a list would read it as ${JSON.stringify(odd)}`);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function checked(text: string, parser: Parser<unknown>): string {
  const parsed = parser(text);
  if (!parsed.ok) throw new EditRefused(`${JSON.stringify(text.slice(0, 64))}: ${parsed.reason}`);
  return text.trim();
}

function operationOf(path: string, to: string | null, before: Observed | undefined): Operation {
  if (before === undefined) return { op: 'create', path, text: to ?? '' };
  const { version } = before.stat;
  return to === null ? { op: 'delete', path, version } : { op: 'set', path, text: to, version };
}
