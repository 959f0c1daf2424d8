import { type Home, schemaOf } from '../../contracts/homes.ts';
import { toNumber } from '../../db/client/homes.ts';
import type { Databases } from '../../db/client/pool.ts';
import { crossedSkus, wrongBuyers } from '../../db/crossed-books.ts';
import { claimReference, promises, type TransferEnd, transferEnds } from '../../db/restore.ts';
import { type Route, routesTo } from '../../db/transfers.ts';
import { withMargin } from './lost.ts';

/**
 * Aligns the homes after one of them was set back (docs/decisions/0068). Each step looks at what the servers
 * have, so the whole may be repeated after it was interrupted anywhere.
 */

/** How the transfers of a SKU were aligned. */
export interface Aligned {
  readonly sku: string;
  readonly from: Home;
  readonly to: Home;
  /**
   * `resent`: carried again, because the receiver lost them; `adopted`: the units left the sender again, because it
   * forgot that it had sent them; `undone`: the receiver gave the units back, because the sender forgot them
   */
  readonly what: 'resent' | 'adopted' | 'undone';
  readonly transfers: number;
}

/** Units that two homes have promised and that are free nowhere. */
export interface Shortage {
  readonly sku: string;
  /** Where they have to be free. */
  readonly home: Home;
  readonly units: number;
}

const NOTHING: Omit<TransferEnd, 'sku'> = {
  ...{ sent: 0, unitsSent: 0, done: 0, applied: 0, unitsApplied: 0, isHere: false },
};

interface Ends {
  readonly sku: string;
  readonly sender: Omit<TransferEnd, 'sku'>;
  readonly receiver: Omit<TransferEnd, 'sku'>;
}

async function endsOf({ source, target, to, hotHome }: Route): Promise<Ends[]> {
  const [sent, applied] = await Promise.all([
    transferEnds(source, to, hotHome),
    transferEnds(target, to, hotHome),
  ]);
  return [...new Set([...sent.keys(), ...applied.keys()])].sort().map((sku) => ({
    ...{ sku, sender: sent.get(sku) ?? NOTHING, receiver: applied.get(sku) ?? NOTHING },
  }));
}

async function alignSku(
  { from, to, hotHome, source, target }: Route,
  { sku, sender, receiver }: Ends,
): Promise<Aligned | Shortage | undefined> {
  const schema = schemaOf(to);
  const call = async (server: typeof source, text: string, values: readonly unknown[]) => {
    const [row] = await server.query<{ n: string }>({ text, values: [hotHome, sku, ...values] });
    return toNumber(row?.n ?? '0');
  };
  if (receiver.applied < sender.done) {
    const text = `SELECT ${schema}.resend_transfers($1, $2, $3) AS n`;
    const transfers = await call(source, text, [receiver.applied]);
    return { sku, from, to, what: 'resent', transfers };
  }
  if (receiver.applied <= sender.sent) return undefined;
  const transfers = receiver.applied - sender.sent;
  const forget = (sent: number, units: number) =>
    call(target, `SELECT ${schema}.forget_transfers($1, $2, $3, $4) AS n`, [sent, units]);
  if (!sender.isHere) {
    const units = await forget(sender.sent, sender.unitsSent);
    return units > 0 ? { sku, home: to, units } : { sku, from, to, what: 'undone', transfers };
  }
  const adopt = (applied: number, units: number) => {
    const text = `SELECT ${schema}.adopt_transfers($1, $2, $3, $4, $5) AS n`;
    return call(source, text, [applied, units, receiver.isHere]);
  };
  const { applied, unitsApplied } = receiver;
  let missing = await adopt(applied, unitsApplied);
  // Orders of the sender are back and hold units that were sent. Some may still be free where they went.
  for (let back = missing; back > 0; ) {
    const sold = await forget(applied, unitsApplied - back);
    if (sold > 0) back -= sold;
    else {
      missing = await adopt(applied, unitsApplied - back);
      break;
    }
  }
  if (missing > 0) return { sku, home: from, units: missing };
  return { sku, from, to, what: 'adopted', transfers };
}

/** Aligns the transfers of all SKUs. @throws {DatabaseError} FS004 if transfers are gone for good */
export async function alignTransfers(databases: Databases) {
  const aligned: Aligned[] = [];
  const missing: Shortage[] = [];
  for (const way of databases.homes.flatMap((home) => routesTo(databases, home))) {
    if (way.source === way.target) continue;
    for (const ends of await endsOf(way)) {
      const done = await alignSku(way, ends);
      if (done === undefined) continue;
      if ('what' in done) aligned.push(done);
      else missing.push(done);
    }
  }
  return { aligned, missing };
}

/** The transaction ids of a restored server do not tell what was copied from it any more. */
export async function forgetCopies(databases: Databases, setBack: readonly Home[]): Promise<void> {
  for (const way of databases.homes.flatMap((home) => routesTo(databases, home))) {
    if (way.source === way.target || !setBack.some((home) => [way.from, way.to].includes(home))) {
      continue;
    }
    const text = `SELECT ${schemaOf(way.to)}.forget_copies($1)`;
    await way.target.query({ text, values: [way.hotHome] });
  }
}

/** Sets the units by which user limits are judged to what the orders of all homes say. @returns the users */
export async function alignBuyers(databases: Databases): Promise<number> {
  if (!databases.areApart) return 0;
  let count = 0;
  for (const sku of await crossedSkus(databases)) {
    const { home, users } = await wrongBuyers(databases, sku);
    if (home === undefined || users.length === 0) continue;
    await databases.home(home).query({
      text: `SELECT ${schemaOf(home)}.set_buyers($1, $2, $3)`,
      values: [sku, users.map(({ userId }) => userId), users.map(({ wanted }) => wanted)],
    });
    count += users.length;
  }
  return count;
}

/**
 * Binds the payments of other homes again that were booked since the last beat of `regular`.
 *
 * @returns orders whose payment pays another order of `regular`
 */
export async function alignReferences(databases: Databases, since: Date): Promise<string[]> {
  const doubtful: string[] = [];
  for (const home of databases.homes) {
    if (databases.home(home) === databases.regular) continue;
    for (const order of await promises(databases.home(home), home, { since: withMargin(since) })) {
      if (order.paymentRef === undefined) continue;
      if (!(await claimReference(databases, order))) doubtful.push(order.orderNo);
    }
  }
  return doubtful;
}
