import type { Actor } from '../../db/actions.ts';
import { changeSale, checkSaleOver, recordAction, removeSale, restock } from '../../db/calls.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { type Edit, Operator } from '../quota/operator.ts';
import { withSalesLock } from './apply.ts';
import { deleteSkuNodes } from './nodes.ts';
import type { SalePlace } from './place.ts';
import { type PresentSale, readPresent } from './present.ts';

/** The life of a sale: opened, paused, extended, restocked, closed, removed. */

/** A change that cannot be made now. Nothing was changed. The message gives the reason. */
class ChangeRefused extends Error {
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

/** Sets the state of the SKUs of the sale. SKUs that an operator has closed stay closed. */
async function setStates(
  { session, root }: SalePlace,
  { names, switches }: Known,
  { by }: Actor,
  to: 'open' | 'paused',
): Promise<Edit[]> {
  const operator = new Operator(session, pathsBelow(root), by);
  const edits: Edit[] = [];
  for (const sku of names) {
    const state = switches.get(sku)?.state;
    if (state === to || state === 'closed') continue;
    edits.push(await operator.state(sku, to));
  }
  return edits;
}

/** The history in ZooKeeper has each edit; the database has the reason. */
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
    if (known.sale.closesAt <= known.now) throw new ChangeRefused(`${sale} has closed`);
    const edits = await setStates(place, known, actor, 'open');
    const done = saysStates(edits);
    if (known.sale.opensAt > known.now) {
      await changeSale(place.databases, sale, { opensAt: known.now }, actor);
      done.push(`${sale} opens now instead of at ${known.sale.opensAt.toISOString()}`);
    } else await recordStates(place, sale, actor, 'open', edits);
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

/** Ends a sale now. It cannot be opened again. */
export function closeSale(place: SalePlace, sale: string, actor: Actor): Promise<Changed> {
  return withSalesLock(place, async () => {
    const { sale: known, now } = await present(place, sale);
    if (known.closesAt <= now) {
      throw new ChangeRefused(`${sale} has closed at ${known.closesAt.toISOString()}`);
    }
    if (known.opensAt >= now) {
      throw new ChangeRefused(
        `${sale} has not opened: remove it instead, or move its opening time`,
      );
    }
    await changeSale(place.databases, sale, { closesAt: now }, actor);
    return { done: [`${sale} is closed since ${now.toISOString()}`], edits: [] };
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
 * Adds units, then raises the quota by as many, as far as there are units for it.
 *
 * @throws {ChangeRefused} when there is no such SKU
 */
export function restockSku(
  place: SalePlace,
  sku: string,
  units: number,
  actor: Actor,
): Promise<Changed & { readonly sale: string }> {
  return withSalesLock(place, async () => {
    const found = (await readPresent(place, '', [sku])).skus.get(sku);
    if (found === undefined) throw new ChangeRefused(`there is no SKU ${sku}`);
    const { switches } = await readPresent(place, found.sale, [sku]);
    const total = await restock(place.databases, found.schema, sku, units, actor);
    const done = [`${sku} has ${units} units more: ${total} in all`];
    const quota = Number(switches.get(sku)?.quota ?? 0);
    const wanted = Math.max(quota, Math.min(quota + units, total));
    if (wanted === quota) return { sale: found.sale, done, edits: [] };
    const operator = new Operator(place.session, pathsBelow(place.root), actor.by);
    const edit = await operator.quota(sku, String(wanted));
    return { sale: found.sale, done: [...done, ...saysStates([edit])], edits: [edit] };
  });
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
    if (known.sale.hasOpened && known.sale.closesAt > known.now) {
      throw new ChangeRefused(`${sale} has opened, requests may be under way: close it first`);
    }
    if (known.sale.hasOpened) await checkSaleOver(place.databases, sale);
    for (const sku of known.names) await deleteSkuNodes(place, sku);
    await removeSale(place.databases, sale, actor);
    return { done: [`${sale} is removed, with its SKUs ${known.names.join(', ')}`], edits: [] };
  });
}
