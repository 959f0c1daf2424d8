import { isRehearsal } from '../../contracts/rehearsal.ts';
import { RELEASE } from '../../contracts/release.ts';
import { saleBoard } from '../../db/catalog.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import type { HomeSessions } from '../../db/export.ts';
import { claimSecondsOf, removeRehearsal, slotsOf } from '../../db/rehearsals.ts';
import { setClaimWindow } from '../../db/waitlist.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import type { Costs } from '../capacity/costs.ts';
import { type Plan, readPlan } from '../load/plan/read.ts';
import { playInProcesses } from '../load/processes.ts';
import type { LoadReport } from '../load/report/report.ts';
import { Operator } from '../quota/operator.ts';
import { Reader } from '../quota/overview.ts';
import { acknowledged } from '../sale/acknowledged.ts';
import { applySale } from '../sale/apply.ts';
import type { SalePlace } from '../sale/place.ts';
import { readPresent } from '../sale/present.ts';
import { disturbed, lastsMs } from './beside.ts';
import { type Comparison, compare, type ShopSize } from './compare.ts';
import { demandOf } from './crowd.ts';
import {
  type Bounds,
  type Finding,
  judge,
  REMOVAL,
  type Rehearsed,
  resultsOf,
  type SkuResult,
} from './judge.ts';
import { countOf, cpuSeconds, othersThan, spent } from './processes.ts';
import { recordsOf } from './records.ts';
import { removeShadow, shadowsOf } from './remove.ts';
import { type Known, type Shadow, shadowOf } from './shadow.ts';

/**
 * A rehearsal: puts the shadow of a sale on, lets a crowd come, looks at what the databases have, and removes the
 * shadow, whatever happened before.
 */

/** Advisory lock on the server of `regular`: two rehearsals at a time would measure each other. */
const REHEARSAL_LOCK = 7_300_144;
/** Longer than any plan. The shadow is removed long before. */
const OPEN_MS = 5 * 3_600_000;
const KNOWN_MS_MAX = 30_000;
/** For a crowd in other processes, whose CPU is not measured: docs/load.md says what a call costs. */
const SECONDS_A_CALL = 0.000_75;
const WHY = 'a rehearsal';

export interface Order {
  readonly place: SalePlace;
  readonly sale: string;
  readonly who: string;
  readonly shop: string;
  readonly opensInMs: number;
  /** Also while a sale is open or opens, whose shoppers feel the crowd. */
  readonly besideOpenSales: boolean;
  /** The plan of the crowd. */
  readonly planFor: (shadow: Shadow) => string;
  /** Its name, for messages; paths in the plan are relative to it. */
  readonly planFile: string;
  readonly processes: number;
  readonly monitors: readonly string[];
  readonly cores: number | undefined;
  readonly bounds: Bounds;
  readonly costs: Costs;
  readonly withSessions: <T>(work: (sessions: HomeSessions) => Promise<T>) => Promise<T>;
  readonly stopping: AbortSignal;
  /** One line for each step, and one a second while the crowd plays. */
  readonly say: (text: string) => void;
  readonly show: (text: string) => void;
}

export interface Rehearsal {
  readonly sale: string;
  readonly isWell: boolean;
  readonly findings: readonly Finding[];
  readonly skus: readonly SkuResult[];
  readonly comparison: Comparison;
  readonly report: LoadReport;
}

/** @throws {Error} there is nothing to rehearse, or something of it failed; the message says if anything is left */
export function rehearse(order: Order): Promise<Rehearsal> {
  const { place, sale, say } = order;
  return alone(place, async () => {
    await removeLeft(order);
    const known = await knownSale(order);
    const others = await othersThan(RELEASE, order.monitors);
    if (others.length > 0) {
      throw new Error(
        `this command has release ${RELEASE}, and ${others.join(', ')}: an older worker would tell merchants of a rehearsal`,
      );
    }
    const shadow = shadowOf(sale, known, await slotsOf(place.databases, sale), {
      opensInMs: order.opensInMs,
      closesInMs: order.opensInMs + OPEN_MS,
    });
    const planText = order.planFor(shadow);
    const plan = readPlan(planText, order.planFile);
    await checkBeside(order, plan);
    await checkRemovable(order, shadow);
    const [sold] = await Promise.allSettled([sell(order, known, { shadow, plan, planText })]);
    say('removing the shadow');
    const left = await removeShadow(place, shadow.desired.sale).then(
      () => undefined,
      (error: Error) =>
        `the shadow is not removed: ${error.message}; flashsale rehearse ${sale} --remove removes it`,
    );
    if (sold.status === 'rejected') {
      throw left === undefined
        ? sold.reason
        : new Error(`${(sold.reason as Error).message}\n${left}`);
    }
    return left === undefined ? sold.value : withLeft(sold.value, left);
  });
}

/** What the crowd has found out is told all the same. */
function withLeft(found: Rehearsal, text: string): Rehearsal {
  const removal: Finding = { about: REMOVAL, isWell: false, text };
  return { ...found, isWell: false, findings: [...found.findings, removal] };
}

/** Removes what rehearsals that were killed have left. @returns how many there were */
export function removeRehearsals(order: Pick<Order, 'place' | 'sale' | 'say'>): Promise<number> {
  return alone(order.place, () => removeLeft(order));
}

async function removeLeft({ place, sale, say }: Pick<Order, 'place' | 'sale' | 'say'>) {
  const left = await shadowsOf(place, sale);
  for (const shadow of left) {
    say(`removing ${shadow}, which a rehearsal has left`);
    await removeShadow(place, shadow);
  }
  return left.length;
}

async function alone<T>({ databases }: SalePlace, work: () => Promise<T>): Promise<T> {
  const locked = databases.regular.locked(REHEARSAL_LOCK, () => Promise.allSettled([work()]));
  const [outcome] = await locked.catch((error) => {
    const isHeld = error instanceof DatabaseError && error.sqlstate === '55P03';
    throw isHeld ? new Error('another rehearsal is under way') : error;
  });
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** @throws {Error} there is no such sale, or nothing in it */
async function knownSale({ place, sale }: Order): Promise<Known> {
  const found = await readPresent(place, sale, []);
  if (found.sale === undefined || isRehearsal(sale)) {
    throw new Error(`there is no sale ${sale}: flashsale sale list; flashsale sale apply FILE`);
  }
  if (![...found.skus.values()].some((one) => one.sale === sale)) {
    throw new Error(`${sale} has no SKUs, so there is nothing to rehearse`);
  }
  return { ...found, sale: found.sale };
}

/** @throws {Error} a sale is open, or opens meanwhile, whose shoppers would feel the crowd */
async function checkBeside(order: Order, plan: Plan): Promise<void> {
  if (order.besideOpenSales) return;
  const { sales, serverTime } = await saleBoard(order.place.databases);
  const found = disturbed(sales, serverTime, lastsMs(plan, order.opensInMs));
  if (found !== undefined) {
    throw new Error(`${found}; --beside-open-sales rehearses all the same`);
  }
}

/** @throws {Error} a server could not remove the shadow again: its routines are older, or rights are missing */
async function checkRemovable({ place }: Order, { desired }: Shadow): Promise<void> {
  await removeRehearsal(place.databases, desired.sale).catch((error: Error) => {
    throw new Error(`a shadow could not be removed, so none is put on: ${error.message}`);
  });
}

interface Played {
  readonly shadow: Shadow;
  readonly plan: Plan;
  readonly planText: string;
}

async function sell(order: Order, known: Known, played: Played): Promise<Rehearsal> {
  const { place, monitors, stopping, bounds, costs, say, planFile } = order;
  const { shadow, plan, planText } = played;
  const { desired, names } = shadow;
  say(`putting ${desired.sale} on; it opens in ${order.opensInMs / 1_000} s`);
  await putOn(order, known, shadow);
  const reader = new Reader(place.session, pathsBelow(place.root));
  const nodes = await reader.names(pathsBelow(place.root).nodes);
  const before = await cpuSeconds(monitors);
  const ownBefore = process.cpuUsage();
  const startedMs = performance.now();
  stopping.throwIfAborted();
  say(`letting ${plan.shoppers} shoppers come to ${order.shop}`);
  const report = await playInProcesses(
    {
      ...{ plan, planFile, target: order.shop, stopping },
      ...{ part: 1, of: 1, startAt: undefined, wanted: { planFile, planText, speed: 1 } },
    },
    order.processes,
    order.show,
  );
  const seconds = (performance.now() - startedMs) / 1_000;
  const after = await cpuSeconds(monitors);
  const own = process.cpuUsage(ownBefore);
  say('looking at the books');
  const records = await order.withSessions((sessions) =>
    recordsOf(place.databases, sessions, desired.sale),
  );
  const rehearsed: Rehearsed = {
    ...{ desired, report, records },
    demand: demandOf(plan, shadow),
    original: new Map([...names].map(([sku, name]) => [name, sku])),
    isComplete: !stopping.aborted,
    keepsAll: await keepsAll(reader, desired.sale),
  };
  const findings = judge(rehearsed, bounds);
  const calls = Object.values(report.calls).reduce((all, { sent }) => all + sent, 0);
  const workers = countOf(after, 'worker');
  const shop: ShopSize = {
    ...{ webNodes: nodes.length, cores: order.cores },
    workers: workers > 0 ? workers : nodes.length,
  };
  const comparison = compare(
    report,
    { all: records.orders, perSecond: records.ordersPerSecond },
    shop,
    {
      webSeconds: spent(before, after, 'web'),
      workerSeconds: spent(before, after, 'worker'),
      generatorSeconds:
        order.processes === 1 ? (own.user + own.system) / 1e6 : calls * SECONDS_A_CALL,
      seconds,
    },
    costs.costs,
  );
  return {
    sale: order.sale,
    isWell: findings.every(({ isWell }) => isWell),
    ...{ findings, skus: resultsOf(rehearsed), comparison, report },
  };
}

/** The shadow with all that operators have set for the sale, known to every web node before it opens. */
async function putOn(
  { place, who, sale }: Order,
  { switches }: Known,
  shadow: Shadow,
): Promise<void> {
  const { session, root } = place;
  const paths = pathsBelow(root);
  const { desired, names } = shadow;
  const actor = { by: who, reason: WHY };
  const { edits } = await applySale(place, desired, { actor });
  const claimSeconds = await claimSecondsOf(place.databases, sale);
  // Without a time of its own, a sale has the usual one, as its shadow.
  if (claimSeconds !== (await claimSecondsOf(place.databases, desired.sale))) {
    await setClaimWindow(place.databases, desired.sale, claimSeconds, actor);
  }
  const reader = new Reader(session, paths);
  const operator = new Operator(session, paths, who, WHY);
  const all = [...edits];
  for (const [sku, name] of names) {
    const { challenge, waitlist } = paths.sku(sku);
    const set = switches.get(sku);
    const [ofChallenge, ofWaitlist] = [
      await reader.inForce(challenge),
      await reader.inForce(waitlist),
    ];
    if (set?.keep) all.push(await operator.keep(name, set.keep));
    if (set?.shed) all.push(await operator.shed(set.shed, name));
    if (ofChallenge !== null) all.push(await operator.challenge(name, ofChallenge));
    if (ofWaitlist !== null) all.push(await operator.waitlist(name, ofWaitlist));
  }
  const { late, nodes } = await acknowledged(place, desired.sale, all, KNOWN_MS_MAX);
  if (nodes === 0) throw new Error('no web node runs');
  if (late.length > 0) {
    throw new Error(
      `${late.join(', ')} do not know the shadow, or would show it: have they the same release as this command?`,
    );
  }
}

async function keepsAll(reader: Reader, shadow: string): Promise<boolean> {
  const { skus } = await reader.overview();
  return skus
    .filter(({ sku }) => sku.startsWith(`${shadow}-`))
    .every(({ share, isAutomatic }) => share === 1 && !isAutomatic);
}
