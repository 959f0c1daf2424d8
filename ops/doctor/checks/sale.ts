import type { BoardSale, BoardSku } from '../../../db/catalog.ts';
import { type Check, count, type Finding, few, no, notKnown, ok, unless } from '../check.ts';
import { NO_SALE, type Sources } from '../sources/sources.ts';

/** The sale itself: quotas against stock, and when it opens. */

const SHOW = (sku: string) => `flashsale quota show ${sku}`;

/** Units that web nodes may admit now. */
async function granted(sources: Sources, sku: string): Promise<number> {
  const { reader, paths } = await sources.tree();
  const nodes = await reader.names(paths.nodes);
  const grants = await Promise.all(nodes.map((node) => reader.text(paths.sku(sku).grant(node))));
  return grants.reduce((sum, grant) => sum + Number(grant?.text ?? 0), 0);
}

async function ofSku(sources: Sources, { sku, unitsTotal, free, zone, state }: BoardSku) {
  const { reader, paths } = await sources.tree();
  const of = paths.sku(sku);
  const [written, quota, inTree, own, common] = await Promise.all([
    reader.text(of.quota),
    reader.inForce(of.quota),
    reader.inForce(of.state),
    reader.inForce(of.keep),
    reader.inForce(paths.keep),
  ]);
  const keep = own ?? common;
  const problems: Finding[] = [];
  const now = state === 'open' ? (inTree ?? 'open') : state;
  if (now !== 'open') problems.push(no(`${sku} is ${now}`, `flashsale quota resume ${sku}`));
  if (keep !== null && Number(keep) === 0) {
    problems.push(
      no(
        `${sku} keeps no purchase (keep is 0)`,
        `flashsale quota keep 1${own === null ? '' : ` ${sku}`}`,
      ),
    );
  }
  // The stock of daily goods does not end.
  if (zone !== null) return problems;
  const set = `flashsale quota set ${sku} ${unitsTotal}`;
  const units = Number(quota ?? Number.NaN);
  if (written === undefined) {
    problems.push(no(`${sku} has no quota in ZooKeeper; in force is ${quota ?? 'none'}`, set));
  }
  if (units > unitsTotal) {
    problems.push(no(`the quota of ${sku} is ${units}, and only ${unitsTotal} units exist`, set));
  } else if (units === 0) problems.push(no(`the quota of ${sku} is 0: it sells nothing`, set));
  else if (free > 0 && (await granted(sources, sku)) === 0) {
    problems.push(no(`${sku} has ${free} free units, and no web node has a grant`, SHOW(sku)));
  }
  return problems;
}

export const quota: Check = {
  name: 'quota',
  about: 'quota, state and kept share of each SKU against the units that exist',
  async look(sources) {
    const skus = (await sources.someSales()).flatMap((sale) => sale.skus);
    const { reader, paths } = await sources.tree();
    const problems = (await Promise.all(skus.map((sku) => ofSku(sources, sku)))).flat();
    const shares = skus.map(async ({ sku, unitsTotal, zone }) => {
      const units = await reader.inForce(paths.sku(sku).quota);
      return zone === null ? `${sku} ${units} of ${unitsTotal}` : `${sku} each day`;
    });
    const well = `units for sale: ${few(await Promise.all(shares))}`;
    return unless(problems, ok(well, 'flashsale quota show'));
  },
};

/** A sale that opens later is not today's. */
const OPENS_WITHIN_MS = 24 * 3_600_000;

function spoken(ms: number): string {
  const minutes = Math.round(Math.abs(ms) / 60_000);
  return minutes < 120
    ? count(minutes, 'minute')
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `Sunday, 29 November 2026 at 12:00:00 GMT+1` */
function localTime(at: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone,
    dateStyle: 'full',
    timeStyle: 'long',
  }).format(at);
}

/** `2026-11-29T12:00` */
function localMinute(at: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'short',
  });
  return parts.format(at).replace(' ', 'T');
}

function ofSale(sale: BoardSale, now: Date, options: Sources['options']): Finding {
  const show = `flashsale sale show ${sale.sale}`;
  const { opensAt, closesAt, isCalledOff } = sale;
  if (isCalledOff) return no(`${sale.sale} is called off`, show);
  if (closesAt <= now) return no(`${sale.sale} has closed at ${closesAt.toISOString()}`, show);
  if (sale.skus.length === 0) return no(`${sale.sale} has no SKU`, show);
  const untilMs = opensAt.getTime() - now.getTime();
  const when = untilMs > 0 ? `opens in ${spoken(untilMs)}` : `has been open for ${spoken(untilMs)}`;
  const { zone, opensAtLocal } = options;
  if (zone === undefined) {
    const reason = `${sale.sale} ${when}, at ${opensAt.toISOString()}; the merchant's time zone is not set`;
    return notKnown(reason, `flashsale doctor ${sale.sale} --zone Europe/Berlin`);
  }
  const reason = `${sale.sale} ${when}: ${localTime(opensAt, zone)} in ${zone}`;
  const local = localMinute(opensAt, zone);
  if (opensAtLocal !== undefined && opensAtLocal !== local) {
    return no(`${reason}; announced was ${opensAtLocal}`, show);
  }
  return untilMs > OPENS_WITHIN_MS ? no(`${reason}: not within a day`, show) : ok(reason, show);
}

export const opening: Check = {
  name: 'opening',
  about: "when the sale opens, in the merchant's time zone (--zone, --opens)",
  async look(sources) {
    const [sales, { serverTime }] = await Promise.all([sources.sales(), sources.board()]);
    const { sale } = sources.options;
    if (sales.length === 0) {
      const reason = sale === undefined ? NO_SALE : `there is no sale ${sale}`;
      return [no(reason, 'flashsale sale list')];
    }
    const found = sales.map((one) => ofSale(one, serverTime, sources.options));
    const problems = found.filter(({ outcome }) => outcome !== 'ok');
    const [first] = found;
    return unless(problems, ok(few(found.map(({ reason }) => reason)), first?.command ?? ''));
  },
};
