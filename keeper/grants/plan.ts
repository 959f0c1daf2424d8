/**
 * Who may admit how much: the arithmetic of one SKU, pure, from facts to the grants to write now.
 *
 * Promise kept at every instant: units that live nodes may still bring to the database, units that
 * dead nodes may still bring, and units held there never exceed the target, whatever nodes do
 * between two looks. So a grant only grows within the budget, and units move from A to B in two
 * steps: lower A's grant, wait until A has applied it, then raise B's.
 *
 * A unit that was just decided may be counted twice (as the node's right and as held) until the
 * node's report says so: the safe side. It must not be taken for an over-commitment, or every burst
 * of orders would lower grants: `covered` tells the two apart.
 */

export interface NodeFacts {
  readonly node: string;
  /** The grant that stands in ZooKeeper; undefined for a node that has none yet. */
  readonly grant: number | undefined;
  /** The largest grant that the node may act on now; Infinity when that is not known. */
  readonly actingMax: number;
  /** The node has said that it acts on the grant that stands in ZooKeeper. */
  readonly isApplied: boolean;
  readonly admitted: number;
  readonly decided: number;
  /** Units of the smallest request refused under the current grant; 0: none. */
  readonly need: number;
  /** The operators' fixed grant for this node. */
  readonly pin?: number;
}

export interface SkuFacts {
  /** min(quota, units that exist). */
  readonly target: number;
  /** Units sold or reserved in the database, read after the reports. */
  readonly held: number;
  /** Units that dead nodes may still bring. */
  readonly deadRights: number;
  readonly nodes: readonly NodeFacts[];
  /** Counts are fresh enough to give something away; lowering needs no counts. */
  readonly mayGrow: boolean;
  /** A bound that everything committed is known to keep; Infinity when nothing is known. */
  readonly covered: number;
}

export interface GrantWrite {
  readonly node: string;
  readonly grant: number;
}

export interface Plan {
  readonly writes: readonly GrantWrite[];
  /** To be passed as `covered` the next time. */
  readonly covered: number;
}

interface Share {
  readonly facts: NodeFacts;
  /** The planned grant. */
  grant: number;
}

function spareOf(share: Share): number {
  return Math.max(0, share.grant - share.facts.admitted);
}

/** Units of the smallest refused request that this node could not serve even now. */
function missingOf(share: Share): number {
  const { facts } = share;
  return facts.isApplied && facts.pin === undefined ? Math.max(0, facts.need - spareOf(share)) : 0;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Raises the lowest spares to a common level; the remainder goes one unit each, by name. */
function pour(shares: readonly Share[], units: number): void {
  const byName = shares.toSorted((a, b) => (a.facts.node < b.facts.node ? -1 : 1));
  let left = units;
  while (left > 0 && byName.length > 0) {
    const low = Math.min(...byName.map(spareOf));
    const lowest = byName.filter((share) => spareOf(share) === low);
    const next = Math.min(...byName.map(spareOf).filter((spare) => spare > low));
    const step = Math.min(next - low, Math.floor(left / lowest.length));
    for (const share of step > 0 ? lowest : lowest.slice(0, left)) {
      // A grant that was lowered below what was admitted has nothing spare: it begins there.
      share.grant = share.facts.admitted + low + Math.max(step, 1);
      left -= Math.max(step, 1);
    }
  }
}

/** Lowers the highest spares to a common level; returns what could not be taken. */
function drain(shares: readonly Share[], units: number): number {
  const byName = shares.toSorted((a, b) => (a.facts.node < b.facts.node ? -1 : 1));
  let left = units;
  while (left > 0) {
    const high = Math.max(0, ...byName.map(spareOf));
    if (high === 0) return left;
    const highest = byName.filter((share) => spareOf(share) === high);
    const next = Math.max(0, ...byName.map(spareOf).filter((spare) => spare < high));
    const step = Math.min(high - next, Math.floor(left / highest.length));
    for (const share of step > 0 ? highest : highest.slice(0, left)) {
      share.grant -= Math.max(step, 1);
      left -= Math.max(step, 1);
    }
  }
  return 0;
}

/** Rights that remain when every grant as planned is applied. */
function rightsOf(share: Share): number {
  return Math.max(share.grant, share.facts.admitted) - share.facts.decided;
}

/** Rights that the node may have now. */
function rightsNow(facts: NodeFacts): number {
  return Math.max(facts.actingMax, facts.grant ?? 0, facts.admitted) - facts.decided;
}

/** Lowers pinned grants to their pins and makes room for pins that are not reached yet. */
function planPins(pinned: readonly Share[], others: readonly Share[], room: () => number): number {
  let missing = 0;
  for (const share of pinned) {
    const pin = Math.max(share.facts.pin ?? 0, share.facts.admitted);
    if (share.grant > pin) share.grant = pin;
    else missing += pin - share.grant;
  }
  const lacking = missing - Math.max(0, room());
  if (lacking > 0) drain(others, lacking);
  return missing;
}

/** Makes the spare of all equal when a node has joined; it is raised once others have applied it. */
function planJoin(shares: readonly Share[], room: number): void {
  if (!shares.some(({ facts }) => facts.grant === undefined)) return;
  const pool = sum(shares.map(spareOf)) + Math.max(0, room);
  const level = Math.ceil(pool / shares.length);
  for (const share of shares) {
    if (spareOf(share) > level) share.grant = share.facts.admitted + level;
  }
}

/** Takes half of what idle nodes have left, or all if that is too little, for those run dry. */
function planHungry(shares: readonly Share[], room: number): void {
  const hungry = shares.filter((share) => missingOf(share) > 0).sort(byMissing);
  const [first] = hungry;
  if (!first || missingOf(first) <= room) return;
  const idle = shares.filter((share) => missingOf(share) === 0);
  const half = sum(idle.map((share) => Math.ceil(spareOf(share) / 2)));
  const all = sum(idle.map(spareOf));
  const missing = missingOf(first) - room;
  if (half >= missing) {
    for (const share of idle) share.grant -= Math.ceil(spareOf(share) / 2);
  } else if (all >= missing) {
    drain(idle, missing);
  } else {
    gather(hungry, idle, room);
  }
}

/** No node can serve its request with what idle ones have: what all have may still serve one. */
function gather(hungry: readonly Share[], idle: readonly Share[], room: number): void {
  const all = sum(idle.map(spareOf));
  for (const served of hungry) {
    const missing = missingOf(served) - room;
    const others = hungry.filter((share) => share !== served);
    if (all + sum(others.map(spareOf)) < missing) continue;
    drain(others, missing - all);
    drain(idle, all);
    return;
  }
}

function byMissing(a: Share, b: Share): number {
  return missingOf(a) - missingOf(b) || (a.facts.node < b.facts.node ? -1 : 1);
}

/** Gives the budget away: pins first, then the hungry, then everyone. */
function planGrowth(pinned: readonly Share[], others: readonly Share[], budget: number): void {
  let left = budget;
  for (const share of pinned) {
    const pin = Math.max(share.facts.pin ?? 0, share.facts.admitted);
    const units = Math.min(left, pin - share.grant);
    if (units <= 0) continue;
    share.grant += units;
    left -= units;
  }
  const hungry = others.filter((share) => missingOf(share) > 0).sort(byMissing);
  const favoured = new Set(hungry);
  for (const share of hungry) {
    const units = Math.min(left, missingOf(share));
    if (units === 0) continue;
    share.grant = Math.max(share.grant, share.facts.admitted) + units;
    left -= units;
  }
  // A node that never had anything may have demand that nobody saw yet.
  for (const share of others) {
    if (share.grant === 0 && share.facts.admitted === 0) favoured.add(share);
  }
  pour(hungry.length > 0 ? [...favoured] : others, left);
}

/** The grants to write now; none when nothing is to be changed. */
export function planGrants(facts: SkuFacts): Plan {
  const shares = facts.nodes.map((node) => ({ facts: node, grant: node.grant ?? 0 }));
  const pinned = shares.filter(({ facts: node }) => node.pin !== undefined);
  const others = shares.filter(({ facts: node }) => node.pin === undefined);
  const free = facts.target - facts.held - facts.deadRights;
  const budget = free - sum(facts.nodes.map(rightsNow));
  const room = () => free - sum(shares.map(rightsOf));

  if (facts.target < facts.covered && room() < 0) {
    // The target was lowered: take back what is not drawn yet, from pinned nodes last.
    const left = drain(others, -room());
    if (left > 0) drain(pinned, left);
  }
  const missingPins = planPins(pinned, others, room);
  const roomLeft = () => room() - missingPins;
  planJoin(others, roomLeft());
  planHungry(others, roomLeft());
  if (facts.mayGrow && budget > 0) planGrowth(pinned, others, Math.min(budget, room()));

  const writes = shares
    .filter(({ facts: node, grant }) => grant !== node.grant)
    .map(({ facts: node, grant }) => ({ node: node.node, grant }));
  const isCovered = facts.mayGrow && budget >= 0;
  return { writes, covered: isCovered ? facts.target : facts.covered };
}

/** Whether the grants follow from the edits: a plan takes everything away that an edit takes; what it gives needs fresh counts. */
export function isInForce(facts: SkuFacts, coveredBefore: number | undefined): boolean {
  return facts.mayGrow || facts.target < (coveredBefore ?? Number.NEGATIVE_INFINITY);
}
