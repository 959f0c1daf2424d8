import type { LoadReport } from '../load/report/report.ts';
import type { DesiredSale } from '../sale/desired.ts';
import type { Records } from './records.ts';
import { unitsFor } from './shadow.ts';

/** Says whether a rehearsal went well. Pure. */

/** What a finding is about if the shadow could not be removed. */
export const REMOVAL = 'removal';

export interface Bounds {
  /** 99 of 100 presses are answered within this time, and decided within that one. */
  readonly answeredWithinMs: number;
  readonly decidedWithinMs: number;
}

export interface Finding {
  readonly about: string;
  readonly isWell: boolean;
  readonly text: string;
}

export interface SkuResult {
  /** Its name in the sale. */
  readonly sku: string;
  /** Null for daily goods: there is one for everybody. */
  readonly units: number | null;
  /** Shoppers who wanted one and stayed. */
  readonly wanted: number;
  readonly sold: number;
  /** With orders that were cancelled or ran out. */
  readonly bought: number;
}

export interface Rehearsed {
  readonly desired: DesiredSale;
  /** By the name in the shadow. */
  readonly demand: ReadonlyMap<string, number>;
  /** The name of each SKU in the sale, by its name in the shadow. */
  readonly original: ReadonlyMap<string, string>;
  readonly report: LoadReport;
  readonly records: Records;
  /** Nobody has sent the crowd home. */
  readonly isComplete: boolean;
  /** Every press is kept, so that nobody is shed for good. */
  readonly keepsAll: boolean;
}

export function resultsOf({ desired, demand, original, records }: Rehearsed): SkuResult[] {
  const sold = new Map(records.sold.map((one) => [one.sku, one]));
  return desired.skus.map((sku) => ({
    sku: original.get(sku.sku) ?? sku.sku,
    units: unitsFor(sku) ?? null,
    wanted: demand.get(sku.sku) ?? 0,
    sold: sold.get(sku.sku)?.units ?? 0,
    bought: sold.get(sku.sku)?.bought ?? 0,
  }));
}

export function judge(rehearsed: Rehearsed, bounds: Bounds): Finding[] {
  const { report, records } = rehearsed;
  const { outcomes } = report.requests;
  const open = ['lost', 'queued', 'unknown'].flatMap((name) =>
    outcomes[name] ? [`${outcomes[name]} ${name}`] : [],
  );
  const double = records.repeatedRequests + records.doublePayments;
  return [
    crowdOf(rehearsed),
    unitsOf(rehearsed),
    finding(
      'orders',
      records.orders === report.orders.made && records.paid >= report.orders.paid && double === 0,
      `${records.orders} in the databases, ${records.paid} of them paid; ${report.orders.made} told to the crowd, ${report.orders.paid} paid; ${records.repeatedRequests} requests with two orders, ${records.doublePayments} orders with two payments`,
    ),
    finding(
      'outcomes',
      open.length === 0,
      open.length === 0 ? 'each purchase that was taken has one' : open.join(', '),
    ),
    finding(
      'audit',
      records.audit.length === 0,
      records.audit.length === 0 ? 'the books balance' : records.audit.join('; '),
    ),
    answered(report, bounds.answeredWithinMs),
    within('decided', report.outcomeTimes, bounds.decidedWithinMs),
  ];
}

const finding = (about: string, isWell: boolean, text: string): Finding => ({
  about,
  isWell,
  text,
});

/** A crowd that did not come proves nothing. */
function crowdOf({ report, isComplete }: Rehearsed): Finding {
  const { due, played, ends } = report.shoppers;
  const strangers = ends['no identity'] ?? 0;
  const text = [
    `${played} of ${due} shoppers came`,
    ...(strangers > 0
      ? [`${strangers} had no identity: --key signs tokens where no guests are`]
      : []),
  ].join('; ');
  return finding('crowd', isComplete && played === due && strangers === 0, text);
}

/** Nothing is sold that does not exist. Everybody gets what they want, until nothing is left. */
function unitsOf(rehearsed: Rehearsed): Finding {
  const results = resultsOf(rehearsed);
  const { isComplete, keepsAll } = rehearsed;
  const wrong = results.flatMap(({ sku, units, wanted, sold, bought }) => {
    if (units !== null && sold > units) return [`${sku} was oversold: ${sold} of ${units}`];
    if (!isComplete || !keepsAll) return [];
    if (units === null || wanted < units) {
      // Units of orders that ran out unpaid are free again, and nobody is there who wants them.
      return bought < wanted ? [`${sku}: ${wanted} wanted one, and ${bought} were bought`] : [];
    }
    return sold < units
      ? [`${sku} was not sold out: ${sold} of ${units}, and ${wanted} wanted one`]
      : [];
  });
  const sold = results.reduce((all, one) => all + one.sold, 0);
  const text = keepsAll
    ? `${sold} units sold`
    : `${sold} units sold; presses are shed, so it is not known who had to get one`;
  return finding('units', wrong.length === 0, wrong.join('; ') || text);
}

/** What the network has done to a press, and not the crowd itself. */
const UNANSWERED = ['timeout', 'no connection', 'connection lost', 'certificate not trusted'];

/** A press without an answer has no time. */
function answered(report: LoadReport, boundMs: number): Finding {
  const { sent = 0, verdicts = {}, times } = report.calls['buy'] ?? {};
  const without = UNANSWERED.reduce((all, why) => all + (verdicts[why] ?? 0), 0);
  return without > sent / 100
    ? finding('answered', false, `${without} of ${sent} presses got no answer`)
    : within('answered', times, boundMs);
}

function within(
  about: string,
  times: LoadReport['outcomeTimes'] | undefined,
  boundMs: number,
): Finding {
  if (times === undefined || times.count === 0) return finding(about, false, 'no press was timed');
  const { p50, p99 } = times.ms;
  const text = `50 of 100 presses within ${p50.toFixed(0)} ms, 99 within ${p99.toFixed(0)} ms; at most ${boundMs} ms`;
  return finding(about, p99 <= boundMs, text);
}
