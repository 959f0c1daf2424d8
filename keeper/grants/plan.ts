/**
 * Plans the grants of one SKU: a pure function from facts to the grants to write now.
 *
 * The invariant at every instant, whatever nodes do between two looks: units that live nodes may
 * still bring to the database, plus units that dead nodes may still bring, plus units held there,
 * never exceed the target. Grants therefore grow only within the budget, and units move from A to B
 * in two steps: A's grant is lowered, and B's grant is raised once A has applied its own.
 *
 * A unit that was just decided may count twice, as the node's right and as held, until the node's
 * report says so. This errs on the safe side. It must not look like an over-commitment, or every
 * burst of orders would lower grants. `covered` tells the two apart.
 */

export interface NodeFacts {
  readonly node: string;
  /** The grant in ZooKeeper; undefined when the node has none yet. */
  readonly grant: number | undefined;
  /** The largest grant that the node may act on now; Infinity when unknown. */
  readonly actingMax: number;
  /** The node has reported that it acts on the grant in ZooKeeper. */
  readonly isApplied: boolean;
  readonly admitted: number;
  readonly decided: number;
  /** Units of the smallest request refused under the current grant; 0 when none was refused. */
  readonly need: number;
  /** The grant that operators fixed for this node. */
  readonly pin?: number;
}

export interface SkuFacts {
  /** min(quota, units that exist). */
  readonly target: number;
  /** Units sold or reserved in the database, read after the reports. */
  readonly held: number;
  /** Units that dead nodes may still bring to the database. */
  readonly deadRights: number;
  readonly nodes: readonly NodeFacts[];
  /** The counts are fresh, so grants may be raised. Lowering needs no fresh counts. */
  readonly mayGrow: boolean;
  /** A bound that all committed units are known to keep; Infinity when none is known. */
  readonly covered: number;
}

export interface GrantWrite {
  readonly node: string;
  readonly grant: number;
}

export interface Plan {
  readonly writes: readonly GrantWrite[];
  /** The value of `covered` for the next plan. */
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

/** Units that the node lacks for the smallest request that it refused. */
function missingOf(share: Share): number {
  const { facts } = share;
  return facts.isApplied && facts.pin === undefined ? Math.max(0, facts.need - spareOf(share)) : 0;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * Raises the lowest spares to a common level. The remainder is given one unit each, in the order of
 * names.
 */
function raiseLowest(shares: readonly Share[], units: number): void {
  const byName = shares.toSorted((a, b) => (a.facts.node < b.facts.node ? -1 : 1));
  let left = units;
  while (left > 0 && byName.length > 0) {
    const low = Math.min(...byName.map(spareOf));
    const lowest = byName.filter((share) => spareOf(share) === low);
    const next = Math.min(...byName.map(spareOf).filter((spare) => spare > low));
    const step = Math.min(next - low, Math.floor(left / lowest.length));
    for (const share of step > 0 ? lowest : lowest.slice(0, left)) {
      // A grant below the admitted units has no spare, so it is raised from the admitted units.
      share.grant = share.facts.admitted + low + Math.max(step, 1);
      left -= Math.max(step, 1);
    }
  }
}

/**
 * Lowers the highest spares to a common level.
 *
 * @returns units that could not be taken
 */
function lowerHighest(shares: readonly Share[], units: number): number {
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

/** The node's rights once it has applied its planned grant. */
function rightsOf(share: Share): number {
  return Math.max(share.grant, share.facts.admitted) - share.facts.decided;
}

/** The most rights that the node may have now. */
function rightsNow(facts: NodeFacts): number {
  return Math.max(facts.actingMax, facts.grant ?? 0, facts.admitted) - facts.decided;
}

/**
 * Lowers pinned grants to their pins, and lowers other grants to make room for pins not reached
 * yet.
 *
 * @returns units missing to the pins
 */
function planPins(pinned: readonly Share[], others: readonly Share[], room: () => number): number {
  let missing = 0;
  for (const share of pinned) {
    const pin = Math.max(share.facts.pin ?? 0, share.facts.admitted);
    if (share.grant > pin) share.grant = pin;
    else missing += pin - share.grant;
  }
  const lacking = missing - Math.max(0, room());
  if (lacking > 0) lowerHighest(others, lacking);
  return missing;
}

/**
 * When a node has joined, lowers the spares of the others to the common level. The new grant is
 * raised once the others have applied theirs.
 */
function planJoin(shares: readonly Share[], room: number): void {
  if (!shares.some(({ facts }) => facts.grant === undefined)) return;
  const pool = sum(shares.map(spareOf)) + Math.max(0, room);
  const level = Math.ceil(pool / shares.length);
  for (const share of shares) {
    if (spareOf(share) > level) share.grant = share.facts.admitted + level;
  }
}

/**
 * Lowers the grants of idle nodes for nodes that refused a request: by half of their spares, or by
 * more when half is too little.
 */
function planRefused(shares: readonly Share[], room: number): void {
  const refusing = shares.filter((share) => missingOf(share) > 0).sort(byMissing);
  const [first] = refusing;
  if (!first || missingOf(first) <= room) return;
  const idle = shares.filter((share) => missingOf(share) === 0);
  const half = sum(idle.map((share) => Math.ceil(spareOf(share) / 2)));
  const all = sum(idle.map(spareOf));
  const missing = missingOf(first) - room;
  if (half >= missing) {
    for (const share of idle) share.grant -= Math.ceil(spareOf(share) / 2);
  } else if (all >= missing) {
    lowerHighest(idle, missing);
  } else {
    gather(refusing, idle, room);
  }
}

/**
 * The spares of idle nodes serve no request. Serves one request with the spares of all nodes if
 * that is enough.
 */
function gather(refusing: readonly Share[], idle: readonly Share[], room: number): void {
  const all = sum(idle.map(spareOf));
  for (const served of refusing) {
    const missing = missingOf(served) - room;
    const others = refusing.filter((share) => share !== served);
    if (all + sum(others.map(spareOf)) < missing) continue;
    lowerHighest(others, missing - all);
    lowerHighest(idle, all);
    return;
  }
}

function byMissing(a: Share, b: Share): number {
  return missingOf(a) - missingOf(b) || (a.facts.node < b.facts.node ? -1 : 1);
}

/**
 * Distributes the budget: first to pins, then to nodes that refused a request, then to everyone.
 */
function planGrowth(pinned: readonly Share[], others: readonly Share[], budget: number): void {
  let left = budget;
  for (const share of pinned) {
    const pin = Math.max(share.facts.pin ?? 0, share.facts.admitted);
    const units = Math.min(left, pin - share.grant);
    if (units <= 0) continue;
    share.grant += units;
    left -= units;
  }
  const refusing = others.filter((share) => missingOf(share) > 0).sort(byMissing);
  const favoured = new Set(refusing);
  for (const share of refusing) {
    const units = Math.min(left, missingOf(share));
    if (units === 0) continue;
    share.grant = Math.max(share.grant, share.facts.admitted) + units;
    left -= units;
  }
  // A node that never had a grant may have demand that it could not show yet.
  for (const share of others) {
    if (share.grant === 0 && share.facts.admitted === 0) favoured.add(share);
  }
  raiseLowest(refusing.length > 0 ? [...favoured] : others, left);
}

/** Returns the grants to write now; no writes when nothing changes. */
export function planGrants(facts: SkuFacts): Plan {
  const shares = facts.nodes.map((node) => ({ facts: node, grant: node.grant ?? 0 }));
  const pinned = shares.filter(({ facts: node }) => node.pin !== undefined);
  const others = shares.filter(({ facts: node }) => node.pin === undefined);
  const free = facts.target - facts.held - facts.deadRights;
  const budget = free - sum(facts.nodes.map(rightsNow));
  const room = () => free - sum(shares.map(rightsOf));

  if (facts.target < facts.covered && room() < 0) {
    // The target was lowered: take back units that are not drawn yet, from pinned nodes last.
    const left = lowerHighest(others, -room());
    if (left > 0) lowerHighest(pinned, left);
  }
  const missingPins = planPins(pinned, others, room);
  const roomLeft = () => room() - missingPins;
  planJoin(others, roomLeft());
  planRefused(others, roomLeft());
  if (facts.mayGrow && budget > 0) planGrowth(pinned, others, Math.min(budget, room()));

  const writes = shares
    .filter(({ facts: node, grant }) => grant !== node.grant)
    .map(({ facts: node, grant }) => ({ node: node.node, grant }));
  const isCovered = facts.mayGrow && budget >= 0;
  return { writes, covered: isCovered ? facts.target : facts.covered };
}

/**
 * Whether the plan puts the edits in force. A plan always carries out the reductions of an edit;
 * increases need fresh counts.
 */
export function isInForce(facts: SkuFacts, coveredBefore: number | undefined): boolean {
  return facts.mayGrow || facts.target < (coveredBefore ?? Number.NEGATIVE_INFINITY);
}
