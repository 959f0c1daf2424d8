import { isRehearsal } from '../../contracts/rehearsal.ts';
import type { Operation } from '../client/result.ts';
import type { ZkSession } from '../client/session.ts';
import type { Paths } from './paths.ts';
import type { Setting } from './setting.ts';

/**
 * The history of operators' edits: time, path, old and new value, and author. The CLI writes its
 * entry in one transaction with the value, so both have the same transaction id. For edits by hand,
 * the leading keeper writes the entry when it sees the edit.
 */

/** Entries beyond this number are deleted, oldest first, except the last entry of each path. */
export const HISTORY_ENTRIES_MAX = 200;
/**
 * The same limit in characters of old and new values: each edit of a list stores the whole list
 * twice.
 */
const HISTORY_LENGTH_MAX = 2_000_000;
const BY_HAND = 'by hand';

export interface HistoryEntry {
  /** Name of the entry's node. Names sort in the order of the edits. */
  readonly name: string;
  /** ISO 8601. For an edit by hand, the time when the keeper saw it. */
  readonly at: string;
  readonly who: string;
  readonly path: string;
  /** Old and new text; null when the node did not exist. */
  readonly from: string | null;
  readonly to: string | null;
  /** The reason that the author gave, if any. */
  readonly why?: string;
  /** Name of the entry that this one undoes. */
  readonly undoes?: string;
  /** Transaction that wrote the entry. */
  readonly zxid: bigint;
}

type Facts = Omit<HistoryEntry, 'name' | 'zxid'>;

/** Returns the operation that writes an entry, for use in one transaction with the edit. */
export function entryOf(paths: Paths, facts: Facts): Operation {
  const text = JSON.stringify(facts);
  return { op: 'create', path: `${paths.history}/e-`, text, sequential: true };
}

function decode(name: string, text: string, zxid: bigint): HistoryEntry | undefined {
  try {
    const facts = JSON.parse(text) as Facts;
    return typeof facts.path === 'string' ? { ...facts, name, zxid } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads the entries that are not in `known`, oldest first; undefined when ZooKeeper did not answer, or if there is no
 * right to read any entry. Without the right to read some of them, these are left out.
 */
export async function readHistory(
  session: ZkSession,
  paths: Paths,
  known: ReadonlySet<string> = new Set(),
): Promise<HistoryEntry[] | undefined> {
  const names = await session.children(paths.history);
  if (!names.ok) return names.error === 'no_node' ? [] : undefined;
  const fresh = names.value.filter((one) => !known.has(one)).sort();
  // All at once: a new leader may wait for them.
  const nodes = await Promise.all(fresh.map((name) => session.get(`${paths.history}/${name}`)));
  const refused = nodes.filter((read) => !read.ok && read.error === 'no_auth').length;
  if (refused > 0 && refused === names.value.length) return undefined;
  const entries: HistoryEntry[] = [];
  for (const [at, name] of fresh.entries()) {
    const read = nodes[at];
    if (read && !read.ok && !['no_node', 'no_auth'].includes(read.error)) return undefined;
    const entry = read?.ok ? decode(name, read.value.text, read.value.stat.created) : undefined;
    if (entry) entries.push(entry);
  }
  return entries;
}

/** The SKU of a rehearsal that the path belongs to. */
function rehearsedSku(path: string): string | undefined {
  return path.split('/').find(isRehearsal);
}

/** Records the edits that the leading keeper sees. */
export class History {
  #session: ZkSession;
  #paths: Paths;
  #epoch: Operation;
  #entries: HistoryEntry[] | undefined;
  /** Transaction that created the folder of `#entries`. */
  #folder: bigint | undefined;
  /** SKUs of rehearsals at the last look; undefined before the first one. */
  #rehearsed: ReadonlySet<string> | undefined;
  /** Text in force by path, according to the entries. */
  #last = new Map<string, string | null>();

  constructor(session: ZkSession, paths: Paths, epoch: Operation) {
    this.#session = session;
    this.#paths = paths;
    this.#epoch = epoch;
  }

  /**
   * Adds entries for changes since the last entries, but for settings that are not known. A failure is tried again at the
   * next look.
   */
  async record(settings: readonly Setting<unknown>[]): Promise<void> {
    if (!(await this.#forgetRehearsals(settings))) return this.#fail();
    const kept = settings.filter(({ path }) => rehearsedSku(path) === undefined);
    // As they are now: an edit that is made while the entries are read has its entry after them. The next look sees both.
    const values = new Map(kept.map((setting) => [setting.path, asItIs(setting)]));
    const isChanged = (path: string) =>
      values.get(path)?.isKnown !== false &&
      (values.get(path)?.text ?? null) !== (this.#last.get(path) ?? null);
    const paths = new Set([...values.keys(), ...this.#last.keys()]);
    if (this.#entries && ![...paths].some(isChanged)) return;
    if (!(await this.#catchUp())) return;
    for (const path of new Set([...paths, ...this.#last.keys()])) {
      if (!isChanged(path)) continue;
      const to = values.get(path)?.text ?? null;
      const modified = values.get(path)?.modified;
      if (kept.some((setting) => setting.path === path && asItIs(setting).modified !== modified)) {
        continue;
      }
      if (this.#entries?.some((entry) => entry.path === path && entry.zxid === modified)) continue;
      const facts = { at: new Date().toISOString(), who: BY_HAND, path, to };
      const entry = entryOf(this.#paths, { ...facts, from: this.#last.get(path) ?? null });
      if (!(await this.#session.multi([this.#epoch, entry])).ok) return this.#fail();
    }
    if (await this.#catchUp()) await this.#prune();
  }

  /**
   * The history of a rehearsal goes with its SKUs, and nothing is recorded here of them.
   *
   * @returns false when it must be tried again
   */
  async #forgetRehearsals(settings: readonly Setting<unknown>[]): Promise<boolean> {
    const there = new Set(settings.flatMap(({ path }) => rehearsedSku(path) ?? []));
    const before = this.#rehearsed;
    const isAllThere = before !== undefined && [...before].every((sku) => there.has(sku));
    const entries = isAllThere ? [] : await readHistory(this.#session, this.#paths);
    for (const { name, path: edited } of entries ?? []) {
      const sku = rehearsedSku(edited);
      if (sku === undefined || there.has(sku)) continue;
      const path = `${this.#paths.history}/${name}`;
      const done = await this.#session.multi([this.#epoch, { op: 'delete', path, version: -1 }]);
      if (!done.ok && done.error !== 'no_node') return false;
    }
    if (entries !== undefined) this.#rehearsed = there;
    return entries !== undefined;
  }

  #fail(): void {
    this.#entries = undefined;
    this.#last.clear();
  }

  async #catchUp(): Promise<boolean> {
    const folder = await this.#session.exists(this.#paths.history);
    if (!folder.ok) return false;
    // In a folder that was deleted and made anew, the names of the entries begin again.
    if (folder.value?.created !== this.#folder) this.#fail();
    this.#folder = folder.value?.created;
    const known = this.#entries ?? [];
    const fresh = await readHistory(
      this.#session,
      this.#paths,
      new Set(known.map(({ name }) => name)),
    );
    if (!fresh) return false;
    const kept = fresh.filter(({ path }) => rehearsedSku(path) === undefined);
    this.#entries = [...known, ...kept];
    for (const { path, to } of kept) this.#last.set(path, to);
    return true;
  }

  async #prune(): Promise<void> {
    const entries = this.#entries ?? [];
    const newest = new Map(entries.map((entry) => [entry.path, entry.name]));
    let excess = entries.length - HISTORY_ENTRIES_MAX;
    let excessLength = sum(entries.map(lengthOf)) - HISTORY_LENGTH_MAX;
    for (const entry of entries) {
      if (excess <= 0 && excessLength <= 0) return;
      const { name } = entry;
      if (newest.get(entry.path) === name) continue;
      excess -= 1;
      excessLength -= lengthOf(entry);
      const path = `${this.#paths.history}/${name}`;
      const done = await this.#session.multi([this.#epoch, { op: 'delete', path, version: -1 }]);
      if (!done.ok && done.error !== 'no_node') return;
      this.#entries = this.#entries?.filter((entry) => entry.name !== name);
    }
  }
}

function asItIs({ isKnown, text, observed }: Setting<unknown>) {
  return { isKnown, text, modified: observed?.stat.modified };
}

function lengthOf({ from, to }: HistoryEntry): number {
  return (from?.length ?? 0) + (to?.length ?? 0);
}

function sum(lengths: readonly number[]): number {
  return lengths.reduce((all, length) => all + length, 0);
}
