import { parseUnits } from '../../../zk/tree/values.ts';
import { type Cast, ROOT } from './cast.ts';
import type { SimProcess } from './clock.ts';
import type { WebNode } from './web.ts';
import type { Change } from './zookeeper.ts';

/**
 * The units that may truly still be admitted, independent of what any process knows. Checked after
 * every event.
 */

interface Written {
  readonly zxid: bigint;
  readonly units: number;
}

export class Truth {
  #cast: Cast;
  /** Every value of each quota that a keeper may still act on, oldest first. */
  #quotas = new Map<string, Written[]>();
  /** Every value of each grant that its node may still apply. */
  #grants = new Map<string, Written[]>();
  #outstanding = new Map<string, number>();

  constructor(cast: Cast) {
    this.#cast = cast;
    cast.ensemble.onChange = (changes, zxid) => this.#record(changes, zxid);
  }

  /**
   * Checks the promises.
   *
   * @param process the process whose event it was
   * @returns true when a promise is broken
   */
  check(process?: SimProcess): boolean {
    for (const web of this.#cast.webs) if (web.process === process) web.stir();
    for (const { sku } of this.#cast.setting.skus) {
      const before = this.#outstanding.get(sku) ?? 0;
      const now = this.committed(sku);
      if (now > before && now > this.#target(sku)) {
        const { held, total } = this.#cast.shop.stockOf(sku);
        const nodes = this.#cast.webs.map((web) => {
          const counters = web.counters(sku);
          return `${web.process.name} ${web.process.state} ${web.agent.node}: spendable ${this.#spendable(web, sku)}, grant ${counters?.grant}, admitted ${counters?.admitted}`;
        });
        this.#cast.fail(
          'units admitted and to be admitted never exceed the quota',
          `${sku}: ${before} → ${now} units, target ${this.#target(sku)}; held ${held} of ${total}, under way ${this.#cast.shop.unitsUnderWay(sku)}\n  ${nodes.join('\n  ')}`,
        );
      }
      this.#outstanding.set(sku, now);
      this.#forgetQuotas(sku);
    }
    return this.#cast.violation !== undefined;
  }

  /** The quota that was written last. */
  quota(sku: string): number | undefined {
    return this.#quotas.get(this.#cast.paths.sku(sku).quota)?.at(-1)?.units;
  }

  /** Units that are truly held, under way or still drawable. */
  committed(sku: string): number {
    let units = this.#cast.shop.stockOf(sku).held + this.#cast.shop.unitsUnderWay(sku);
    for (const web of this.#cast.webs) units += this.#spendable(web, sku);
    return units;
  }

  /** Records what keepers and nodes may still act on. */
  #record(changes: readonly Change[], zxid: bigint): void {
    this.#cast.clock.isChanged = true;
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
      if (kind === 'grants') this.#cast.note(`${change.path.slice(ROOT.length)} := ${change.text}`);
    }
  }

  /** The largest min(quota, units that exist) that a keeper may rightly act on. */
  #target(sku: string): number {
    const known = this.#quotas.get(this.#cast.paths.sku(sku).quota) ?? [];
    const quota = Math.max(0, ...known.map(({ units }) => units));
    return Math.min(quota, this.#cast.shop.stockOf(sku).total);
  }

  /** Writes that the leader sent before it heard of a lower quota still follow the old one. */
  #forgetQuotas(sku: string): void {
    const path = this.#cast.paths.sku(sku).quota;
    const known = this.#quotas.get(path) ?? [];
    const leader = this.#cast.keepers.find(
      ({ process, keeper }) => process.state !== 'dead' && keeper.hasTerm,
    );
    const seen = leader?.seen.get(path);
    if (seen === undefined || (leader?.network.link?.writesUnderWay ?? 0) > 0) return;
    // Of edits in quick succession a keeper may see only the last, which may be invalid.
    const index = known.findIndex(({ zxid }) => zxid === seen);
    if (index > 0) known.splice(0, index);
  }

  /** Units that a node may still draw, from its own grant and from the grants in the tree. */
  #spendable(web: WebNode, sku: string): number {
    const { agent, process, network, seen } = web;
    const { node } = agent;
    if (process.state === 'dead' || node === undefined || web.isLeaving) return 0;
    const id = network.link?.sessionId;
    const isAlive = id !== undefined && (this.#cast.ensemble.sessions.get(id)?.isAlive ?? false);
    if (!isAlive && !agent.trusted(node)) return 0;
    const path = this.#cast.paths.sku(sku).grant(node);
    const known = this.#grants.get(path) ?? [];
    const applied = seen.get(path) ?? -1n;
    while (known[1] && known[1].zxid <= applied) known.shift();
    const counters = web.counters(sku);
    const grant = Math.max(counters?.grant ?? 0, ...known.map(({ units }) => units));
    return Math.max(0, grant - (counters?.admitted ?? 0));
  }
}
