import { type NodeFacts, planGrants, type SkuFacts } from '../../keeper/grants/plan.ts';
import { Ledger } from '../../server/quota/ledger.ts';

/**
 * A small world of one SKU for the property tests of the plan: nodes with their true counters, the
 * reports that the keeper last heard, grants that are applied late, and a database that decides
 * late.
 */

interface WorldNode {
  readonly ledger: Ledger;
  /** Grant values by version; the last one is in ZooKeeper. */
  readonly written: number[];
  applied: number;
  /** What the keeper knows. */
  heard: { applied: number; grant: number; admitted: number; decided: number; need: number };
  /** Units in the queue, and decided units of which the node does not know yet. */
  queued: number;
  untold: number;
  pin: number | undefined;
  alive: boolean;
}

const SKU = 'TV';

export class World {
  quota: number;
  total: number;
  held = 0;
  covered = Number.POSITIVE_INFINITY;
  nodes = new Map<string, WorldNode>();
  /** The largest target since the committed units last kept the target. */
  bound: number;
  writes = 0;
  #next = 0;

  constructor(quota: number, total: number) {
    this.quota = quota;
    this.total = total;
    this.bound = this.target;
  }

  get target(): number {
    return Math.min(this.quota, this.total);
  }

  join(pin?: number): string {
    const name = `n${String(this.#next++).padStart(3, '0')}`;
    this.nodes.set(name, {
      ledger: new Ledger(),
      written: [],
      applied: -1,
      heard: { applied: -1, grant: 0, admitted: 0, decided: 0, need: 0 },
      queued: 0,
      untold: 0,
      pin,
      alive: true,
    });
    return name;
  }

  node(name: string): WorldNode {
    const node = this.nodes.get(name);
    if (!node) throw new Error(`no node ${name}`);
    return node;
  }

  counters(name: string) {
    return this.node(name).ledger.report()[SKU] ?? { grant: 0, admitted: 0, decided: 0, need: 0 };
  }

  draw(name: string, units: number, least = units): boolean {
    const node = this.node(name);
    const drawn = node.alive ? node.ledger.draw(SKU, units, least) : 0;
    node.queued += drawn;
    return drawn > 0;
  }

  refund(name: string, units: number): void {
    const node = this.node(name);
    const some = Math.min(units, node.queued);
    if (some === 0 || !node.alive) return;
    node.queued -= some;
    node.ledger.refund(SKU, some);
  }

  /** The database decides a part of the queue: what fits becomes held, the rest is refused. */
  commit(name: string, units: number, refused: boolean): void {
    const node = this.node(name);
    const some = Math.min(units, node.queued);
    node.queued -= some;
    node.untold += some;
    if (!refused) this.held += some;
  }

  tell(name: string): void {
    const node = this.node(name);
    if (node.untold > 0 && node.alive) node.ledger.decide(SKU, node.untold);
    node.untold = 0;
  }

  /** Units return from cancelled orders. */
  giveBack(units: number): void {
    this.held -= Math.min(units, this.held);
  }

  apply(name: string): void {
    const node = this.node(name);
    const grant = node.written.at(-1);
    if (grant === undefined || !node.alive) return;
    node.applied = node.written.length - 1;
    node.ledger.setGrant(SKU, grant);
  }

  hear(name: string): void {
    const node = this.node(name);
    const { grant, admitted, decided, need } = this.counters(name);
    if (node.alive) node.heard = { applied: node.applied, grant, admitted, decided, need };
  }

  kill(name: string): void {
    this.node(name).alive = false;
  }

  settle(name: string): void {
    const node = this.node(name);
    if (node.alive) return;
    this.held += node.queued;
    this.nodes.delete(name);
  }

  #factsOf(name: string, node: WorldNode): NodeFacts {
    const { heard, written } = node;
    return {
      node: name,
      grant: written.at(-1),
      actingMax: Math.max(heard.grant, ...written.slice(Math.max(0, heard.applied))),
      isApplied: heard.applied === written.length - 1,
      admitted: heard.admitted,
      decided: heard.decided,
      need: heard.need,
      ...(node.pin !== undefined && { pin: node.pin }),
    };
  }

  facts(): SkuFacts {
    const all = [...this.nodes].map(([name, node]) => ({
      alive: node.alive,
      facts: this.#factsOf(name, node),
    }));
    const rights = ({ actingMax, admitted, decided }: NodeFacts) =>
      Math.max(actingMax, admitted) - decided;
    return {
      target: this.target,
      held: this.held,
      deadRights: all
        .filter(({ alive }) => !alive)
        .reduce((total, { facts }) => total + rights(facts), 0),
      nodes: all.filter(({ alive }) => alive).map(({ facts }) => facts),
      mayGrow: true,
      covered: this.covered,
    };
  }

  /** One look of the keeper. */
  keep(): number {
    const plan = planGrants(this.facts());
    this.covered = plan.covered;
    for (const { node, grant } of plan.writes) this.node(node).written.push(grant);
    this.writes += plan.writes.length;
    return plan.writes.length;
  }

  /** Delivers and applies everything until the keeper has nothing left to write. */
  settleDown(): number {
    for (let looks = 1; looks <= 100; looks++) {
      for (const [name, node] of this.nodes) {
        if (node.alive) this.commit(name, node.queued, false);
        this.tell(name);
        this.apply(name);
        this.hear(name);
      }
      if (this.keep() === 0) return looks;
    }
    throw new Error('the keeper never stopped writing');
  }

  /** The units that were or may still be brought to the database, by the true counters. */
  committed(): number {
    let units = this.held;
    for (const [name, node] of this.nodes) {
      const { grant, admitted } = this.counters(name);
      units += node.queued + (node.alive ? Math.max(0, grant - admitted) : 0);
      // A written grant may be applied at any moment.
      const pending = Math.max(0, ...node.written.slice(Math.max(0, node.applied)));
      if (node.alive) units += Math.max(0, pending - Math.max(grant, admitted));
    }
    return units;
  }

  grants(): number[] {
    return [...this.nodes.values()].map(({ written }) => written.at(-1) ?? 0);
  }
}
