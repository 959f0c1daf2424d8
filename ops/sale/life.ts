import type { Actor } from '../../db/actions.ts';
import {
  changeSale,
  checkSaleOver,
  dropSale,
  recordAction,
  removeSale,
  restock,
} from '../../db/calls.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { type Edit, Operator } from '../quota/operator.ts';
import { withSalesLock } from './apply.ts';
import { deleteSkuNodes } from './nodes.ts';
import type { SalePlace } from './place.ts';
import { type PresentSale, type PresentSku, readPresent, STAYS_CLOSED } from './present.ts';

/** The life of a sale: opened, paused, extended, restocked, closed, removed. */

/**
 * A sale that opens sooner than this is not removed any more. Its nodes in ZooKeeper go before its rows, and
 * a sale that opens in between would be open without a quota.
 */
const REMOVE_BEFORE_OPENING_MS = 60_000;

/** A change that cannot be made now. Nothing was changed. The message gives the reason. */
export class ChangeRefused extends Error {
  override name = 'ChangeRefused';
}

export interface Changed {
  /** One sentence for each thing that was done. */
  readonly done: readonly string[];
  readonly edits: readonly Edit[];
}

interface Known extends PresentSale {
  readonly sale: NonNullable<PresentSale['sale']>;
  /** The SKUs of the sale. */
  readonly names: readonly string[];
}

/** @throws {ChangeRefused} when there is no such sale */
async function present(place: SalePlace, sale: string): Promise<Known> {
  const found = await readPresent(place, sale, []);
  if (found.sale === undefined) throw new ChangeRefused(`there is no sale ${sale}`);
  return { ...found, sale: found.sale, names: [...found.skus.keys()] };
}

/** @throws {ChangeRefused} when the sale was called off: it stays closed */
function checkNotCalledOff(sale: string, facts: PresentSale['sale']): void {
  if (facts?.isCalledOff) throw new ChangeRefused(`${sale} was called off: ${STAYS_CLOSED}`);
}

/** Sets the state of the SKUs of the sale. SKUs that an operator has closed stay closed. */
async function setStates(
  { session, root }: SalePlace,
  { names, switches }: Known,
  { by, reason }: Actor,
  to: 'open' | 'paused',
): Promise<Edit[]> {
  const operator = new Operator(session, pathsBelow(root), by, reason);
  const edits: Edit[] = [];
  for (const sku of names) {
    const state = switches.get(sku)?.state;
    if (state === to || state === 'closed') continue;
    edits.push(await operator.state(sku, to));
  }
  return edits;
}

/** The history in ZooKeeper has each edit. The database has them together, and keeps them. */
async function recordStates(
  { databases }: SalePlace,
  sale: string,
  actor: Actor,
  action: 'open' | 'pause',
  edits: readonly Edit[],
): Promise<void> {
  if (edits.length === 0) return;
  const states = Object.fromEntries(edits.map(({ path, from, to }) => [path, { from, to }]));
  await recordAction(databases, actor, action, sale, states);
}

function saysStates(edits: readonly Edit[]): string[] {
  return edits.map(({ path, from, to }) => `${path}: ${from ?? 'nothing'} → ${to ?? 'nothing'}`);
}

/** Opens a sale now: before its time, or after a pause. */
export function openSale(place: SalePlace, sale: string, actor: Actor): Promise<Changed> {
  return withSalesLock(place, async () => {
    const known = await present(place, sale);
    checkNotCalledOff(sale, known.sale);
    if (known.sale.closesAt <= known.now) throw new ChangeRefused(`${sale} has closed`);
    const edits = await setStates(place, known, actor, 'open');
    const done = saysStates(edits);
    if (known.sale.opensAt > known.now) {
      await changeSale(place.databases, sale, { opensAt: known.now }, actor);
      const [now, planned] = [known.now, known.sale.opensAt].map((at) => at.toISOString());
      done.push(`${sale} opens now instead of at ${planned}: write ${now} into its file`);
    }
    await recordStates(place, sale, actor, 'open', edits);
    return { done, edits };
  });
}

/** Admits nothing for now. Requests that were admitted before are still decided. */
export function pauseSale(place: SalePlace, sale: string, actor: Actor): Promise<Changed> {
  return withSalesLock(place, async () => {
    const edits = await setStates(place, await present(place, sale), actor, 'paused');
    await recordStates(place, sale, actor, 'pause', edits);
    return { done: saysStates(edits), edits };
  });
}

/**
 * Ends a sale now. It cannot be opened again. If an earlier call stopped when only some servers had closed it,
 * the other one gets the same time.
 */
export function closeSale(place: SalePlace, sale: string, actor: Actor): Promise<Changed> {
  return withSalesLock(place, async () => {
    const { sale: known, now } = await present(place, sale);
    if (known.isOver) {
      throw new ChangeRefused(`${sale} has closed at ${known.closesAt.toISOString()}`);
    }
    if (known.opensAt >= now) {
      throw new ChangeRefused(
        `${sale} has not opened: remove it instead, or move its opening time`,
      );
    }
    const closesAt = known.closesAt <= now ? known.closesAt : now;
    await changeSale(place.databases, sale, { closesAt }, actor);
    return { done: [`${sale} is closed since ${closesAt.toISOString()}`], edits: [] };
  });
}

/** Moves the closing time of a sale that has not closed. */
export function extendSale(
  place: SalePlace,
  sale: string,
  closesAt: (present: Date) => Date,
  actor: Actor,
): Promise<Changed> {
  return withSalesLock(place, async () => {
    const { sale: known } = await present(place, sale);
    checkNotCalledOff(sale, known);
    const until = closesAt(known.closesAt);
    if (until <= known.closesAt) {
      const now = known.closesAt.toISOString();
      throw new ChangeRefused(`${sale} closes at ${now}: extend takes a later time`);
    }
    await changeSale(place.databases, sale, { closesAt: until }, actor);
    return { done: [`${sale} closes at ${until.toISOString()}`], edits: [] };
  });
}

/**
 * Raises the quota, as far as there are units for it, and then adds the units. The keeper grants no more units
 * than exist, so a call that stops in between has sold nothing that is not there, and a repeat does not raise
 * the quota beyond the units. Then it writes the quota again, because the keeper has counted the units before.
 *
 * @param ofSale the sale that the SKU must belong to; without it, any
 * @throws {ChangeRefused} when there is no such SKU, or its sale was called off
 * @throws {DatabaseError} its message says if the quota was raised
 */
export function restockSku(
  place: SalePlace,
  sku: string,
  units: number,
  actor: Actor,
  ofSale?: string,
): Promise<Changed & { readonly sale: string }> {
  return withSalesLock(place, async () => {
    const found = (await readPresent(place, '', [sku])).skus.get(sku);
    if (found === undefined) throw new ChangeRefused(`there is no SKU ${sku}`);
    const { sale } = found;
    if (ofSale !== undefined && sale !== ofSale) {
      throw new ChangeRefused(`${sku} belongs to the sale ${sale}, not to ${ofSale}`);
    }
    const { switches, sale: facts } = await readPresent(place, sale, [sku]);
    checkNotCalledOff(sale, facts);
    // The database refuses it too, but only after the quota was raised.
    const why = noMoreUnits(found);
    if (why !== undefined) throw new ChangeRefused(`${sku} ${why}`);
    const quota = Number(switches.get(sku)?.quota ?? 0);
    const wanted = Math.max(quota, Math.min(quota + units, found.unitsTotal + units));
    const operator = new Operator(place.session, pathsBelow(place.root), actor.by, actor.reason);
    const raise = async () => (wanted === quota ? [] : [await operator.quota(sku, String(wanted))]);
    const raised = await raise();
    const isRaised = raised.length > 0;
    const total = await restock(place.databases, found.schema, sku, units, actor).catch((error) => {
      throw isRaised && error instanceof DatabaseError
        ? afterRaise(error, sku, quota, wanted)
        : error;
    });
    const edits = await raise();
    const quotas = raised.map(() => `its quota rises from ${quota} to ${wanted}`);
    const done = [`${sku} has ${units} units more: ${total} in all`, ...quotas];
    return { sale, done, edits };
  });
}

/** Why nothing can be added to goods of this kind; undefined if it can. */
function noMoreUnits({ zone, pot, section }: PresentSku): string | undefined {
  if (zone !== null) return 'is daily: it has a unit for everybody each day';
  if (pot !== null) return 'is a pot of money: it was divided once, and gets no more packets';
  if (section !== null) return 'is numbered: it has the units that it was made with';
  return undefined;
}

/** The error of a restock whose quota stands already. An answer that was lost may have been a success. */
function afterRaise(error: DatabaseError, sku: string, from: number, to: number): DatabaseError {
  const units =
    error.kind === 'retry'
      ? 'flashsale sale show says whether the units were added: look before you call again'
      : 'no units were added';
  const message = `${error.message}. The quota of ${sku} was raised from ${from} to ${to}; ${units}`;
  return new DatabaseError(error.kind, message, error.sqlstate, error);
}

/**
 * Removes a sale that nobody bought from. Its SKUs leave ZooKeeper first: without a quota nothing of
 * them is sold, and when the database has forgotten the sale, nobody knows which SKUs it had.
 *
 * @throws {ChangeRefused} with the reason
 */
export function removeSaleAtOnce(place: SalePlace, sale: string, actor: Actor): Promise<Changed> {
  return withSalesLock(place, async () => {
    const known = await present(place, sale);
    const bought = known.names.filter((sku) => known.skus.get(sku)?.hasOrders);
    if (bought.length > 0) {
      throw new ChangeRefused(
        `${sale} has orders of ${bought.join(', ')}; flashsale db drop-sale removes an old sale`,
      );
    }
    const { hasOpened, opensAt, closesAt } = known.sale;
    const opensInMs = opensAt.getTime() - known.now.getTime();
    if (closesAt > known.now && (hasOpened || opensInMs <= 0)) {
      throw new ChangeRefused(`${sale} has opened, requests may be under way: close it first`);
    }
    if (closesAt > known.now && opensInMs < REMOVE_BEFORE_OPENING_MS) {
      throw new ChangeRefused(
        `${sale} opens in less than a minute: move its opening time, or close it when it has opened`,
      );
    }
    if (hasOpened) await checkSaleOver(place.databases, sale);
    for (const sku of known.names) await deleteSkuNodes(place, sku);
    await removeSale(place.databases, sale, actor).catch((error) => {
      if (!(error instanceof DatabaseError)) throw error;
      const message = `${error.message}. The SKUs of ${sale} have left ZooKeeper, so nothing of them is sold: remove the sale again, or flashsale sale apply restores them`;
      throw new DatabaseError(error.kind, message, error.sqlstate, error);
    });
    return { done: [`${sale} is removed, with its SKUs ${known.names.join(', ')}`], edits: [] };
  });
}

/**
 * Removes an old sale with its orders. As in `removeSaleAtOnce`, its SKUs leave ZooKeeper first.
 *
 * @throws {DatabaseError} as `dropSale`
 */
export function dropOldSale(place: SalePlace, sale: string): Promise<void> {
  return withSalesLock(place, async () => {
    await checkSaleOver(place.databases, sale);
    const { skus } = await readPresent(place, sale, []);
    for (const sku of skus.keys()) await deleteSkuNodes(place, sku);
    await dropSale(place.databases, sale);
  });
}
