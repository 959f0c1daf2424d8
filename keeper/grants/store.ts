import type { Operation } from '../../zk/client/result.ts';
import type { ZkSession } from '../../zk/client/session.ts';
import type { Paths } from '../../zk/tree/paths.ts';
import { parseUnits } from '../../zk/tree/values.ts';
import type { GrantWrite } from './plan.ts';
import { GrantVersions } from './versions.ts';

/**
 * The grants in ZooKeeper as the leading keeper knows them, and the only code that writes them.
 * After a write with an unknown result, the grants are read again.
 */
export class GrantStore {
  #session: ZkSession;
  #paths: Paths;
  #epoch: Operation;
  #versions = new Map<string, GrantVersions>();
  /** Text of each SKU's `grants` node (`basis.ts`). */
  #bases = new Map<string, string>();

  /** @param epoch the check that every write contains */
  constructor(session: ZkSession, paths: Paths, epoch: Operation) {
    this.#session = session;
    this.#paths = paths;
    this.#epoch = epoch;
  }

  /** Every node that has a grant for at least one SKU. */
  get nodes(): Set<string> {
    return new Set([...this.#versions.values()].flatMap((versions) => versions.nodes));
  }

  /**
   * Returns the grants of a SKU, reading them if necessary; undefined when ZooKeeper did not
   * answer.
   */
  async versionsOf(sku: string): Promise<GrantVersions | undefined> {
    const known = this.#versions.get(sku);
    if (known) return known;
    const paths = this.#paths.sku(sku);
    // Creates `pins` too, so that an operator can write a pin with one command.
    if (!(await this.#make(paths.grants)) || !(await this.#make(paths.pins))) return undefined;
    const basis = await this.#session.get(paths.grants);
    const nodes = await this.#session.children(paths.grants);
    if (!basis.ok || !nodes.ok) return undefined;
    const versions = new GrantVersions();
    for (const node of nodes.value) {
      const grant = await this.#session.get(paths.grant(node));
      if (!grant.ok) return undefined;
      const units = parseUnits(grant.value.text);
      // A text that is not a number was written by hand; the grant is written again.
      versions.note(node, units.ok ? units.value : undefined, grant.value.stat.version);
    }
    this.#versions.set(sku, versions);
    this.#bases.set(sku, basis.value.text);
    return versions;
  }

  /** Does not create the parent: a SKU that operators have just deleted must not reappear. */
  async #make(path: string): Promise<boolean> {
    const found = await this.#session.exists(path);
    if (!found.ok || found.value) return found.ok;
    const made = await this.#session.create(path, '');
    return made.ok || made.error === 'node_exists';
  }

  /** Forgets the known grants of a SKU, so that the next caller reads them again. */
  discard(sku: string): void {
    this.#versions.delete(sku);
  }

  /**
   * Writes grants in one transaction.
   *
   * @returns `done`; `unknown` when the result is unknown; `fenced?` when a version was not the one
   *   this keeper wrote, perhaps because another keeper leads
   */
  async write(
    sku: string,
    versions: GrantVersions,
    writes: readonly GrantWrite[],
    basis: string | undefined,
  ): Promise<'done' | 'unknown' | 'fenced?'> {
    const paths = this.#paths.sku(sku);
    const operations = writes.map(({ node, grant }): Operation => {
      const path = paths.grant(node);
      const text = String(grant);
      const entry = versions.entry(node);
      return entry
        ? { op: 'set', path, text, version: entry.version }
        : { op: 'create', path, text };
    });
    if (basis !== undefined && basis !== this.#bases.get(sku)) {
      operations.push({ op: 'set', path: paths.grants, text: basis, version: -1 });
    }
    if (operations.length === 0) return 'done';
    const written = await this.#session.multi([this.#epoch, ...operations]);
    if (!written.ok) {
      this.#versions.delete(sku);
      return written.error === 'bad_version' ? 'fenced?' : 'unknown';
    }
    if (basis !== undefined) this.#bases.set(sku, basis);
    for (const { node, grant } of writes) {
      const entry = versions.entry(node);
      versions.note(node, grant, entry ? entry.version + 1 : 0);
    }
    return 'done';
  }

  /**
   * Deletes everything of a settled node.
   *
   * @returns false when it must be tried again
   */
  async forget(node: string): Promise<boolean> {
    const operations: Operation[] = [];
    // When a node's registration was deleted by hand, its session node may still exist.
    for (const path of [this.#paths.report(node), this.#paths.session(node)]) {
      const found = await this.#session.exists(path);
      if (!found.ok) return false;
      if (found.value) operations.push({ op: 'delete', path, version: -1 });
    }
    for (const [sku, versions] of this.#versions) {
      const entry = versions.entry(node);
      const grant = this.#paths.sku(sku).grant(node);
      if (entry) operations.push({ op: 'delete', path: grant, version: entry.version });
    }
    const deleted = await this.#session.multi([this.#epoch, ...operations]);
    if (!deleted.ok) {
      this.#versions.clear();
      return false;
    }
    for (const versions of this.#versions.values()) versions.forget(node);
    return true;
  }
}
