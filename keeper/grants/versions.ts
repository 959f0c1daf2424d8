import { type Report, VERSION_DELETED } from '../../zk/tree/report.ts';
import type { NodeFacts } from './plan.ts';

/**
 * The versions of the grants in ZooKeeper, and so the grants that a node may be acting on: all
 * since the version that its report says it applied. Pure.
 */

interface Entry {
  /** Undefined when the text of the node is not a number. */
  grant: number | undefined;
  version: number;
  /** Values by version, back to the oldest that a node may still act on. */
  readonly values: Map<number, number>;
  /** The newest version that the node has reported. */
  applied: number;
}

export class GrantVersions {
  #entries = new Map<string, Entry>();
  #isBehind = false;

  /**
   * A node acts on a version that this keeper did not write, reports its grant as deleted, or goes back to an older
   * version, because somebody deleted the grant and created it again: the grants must be read again.
   */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Records a grant that was read or certainly written. */
  note(node: string, grant: number | undefined, version: number): void {
    const entry = this.#entries.get(node);
    if (!entry || version < entry.version) {
      const values = new Map([[version, grant ?? 0]]);
      this.#entries.set(node, { grant, version, values, applied: VERSION_DELETED });
      return;
    }
    entry.grant = grant;
    entry.version = version;
    entry.values.set(version, grant ?? 0);
  }

  forget(node: string): void {
    this.#entries.delete(node);
  }

  get nodes(): string[] {
    return [...this.#entries.keys()];
  }

  entry(
    node: string,
  ): { readonly grant: number | undefined; readonly version: number } | undefined {
    return this.#entries.get(node);
  }

  /**
   * The largest grant that the node may act on. Infinity when this keeper does not know all
   * versions, for example because it took over recently. Other nodes then get nothing until this
   * node has applied its current grant.
   */
  #actingMax(entry: Entry, applied: number | undefined, reported: number): number {
    const { grant = reported } = entry;
    if (applied === entry.version && grant === reported) return grant;
    // The node applied a newer version, or the grant was deleted and created again by hand.
    if (applied !== undefined && applied >= entry.version) {
      this.#isBehind = true;
      return Number.POSITIVE_INFINITY;
    }
    let max = reported;
    for (let version = (applied ?? -1) + 1; version <= entry.version; version++) {
      max = Math.max(max, entry.values.get(version) ?? Number.POSITIVE_INFINITY);
    }
    return max;
  }

  /**
   * Returns the facts of a node from its last report.
   *
   * @param path the path of the node's grant
   */
  facts(node: string, sku: string, path: string, report: Report | undefined): NodeFacts {
    const entry = this.#entries.get(node);
    const counters = report?.skus[sku];
    const applied = report?.applied[path];
    if (entry && applied === VERSION_DELETED) this.#isBehind = true;
    if (entry && applied !== undefined) {
      if (applied < entry.applied) this.#isBehind = true;
      entry.applied = applied;
      for (const version of entry.values.keys()) {
        if (version < applied) entry.values.delete(version);
      }
    }
    const reported = counters?.grant ?? 0;
    return {
      node,
      grant: entry?.grant,
      actingMax: entry ? this.#actingMax(entry, applied, reported) : reported,
      isApplied: entry !== undefined && applied === entry.version,
      admitted: counters?.admitted ?? 0,
      decided: counters?.decided ?? 0,
      need: counters?.need ?? 0,
    };
  }
}

/** Units that a dead node may still bring to the database. */
export function deadRights(facts: NodeFacts, isFinal: boolean): number {
  const drawn = isFinal
    ? facts.admitted
    : Math.max(facts.actingMax, facts.grant ?? 0, facts.admitted);
  return drawn - facts.decided;
}
