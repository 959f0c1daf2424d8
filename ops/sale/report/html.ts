import { columnChart, escaped, shareBar } from '../../html/charts.ts';
import { type Cell, pageOf, rows, section } from '../../html/page.ts';
import type { Money, SaleReport } from './facts.ts';
import type { SkuFacts } from './skus.ts';

/** The report as one HTML file that loads nothing. */

function pairs(facts: Readonly<Record<string, number>>): Cell[][] {
  return Object.entries(facts).map(([name, count]) => [name, count]);
}

/** A promise with the number that shows whether it was kept. */
function promise(text: string, broken: number): string {
  const kept = broken === 0;
  return `<tr><td>${escaped(text)}</td><td class="n ${kept ? 'good' : 'bad'}">${broken}${kept ? ' ✓' : ' ✗'}</td></tr>`;
}

function skuSection(sku: SkuFacts): string {
  const { unsold, isDaily } = sku;
  const parts = [
    { name: 'sold', units: sku.sold, color: 'a' },
    { name: 'in unpaid orders', units: sku.held, color: 'b' },
    ...(sku.kept > 0 ? [{ name: 'kept by cancelled orders', units: sku.kept, color: 'b' }] : []),
    ...(isDaily ? [] : [{ name: 'unsold', units: unsold.units, color: 'c' }]),
  ];
  const shown = isDaily ? sku.sold + sku.held : sku.units;
  const causes: Cell[][] = [
    ['never in an order, at least', unsold.neverOrdered],
    ...Object.entries(unsold.cameBack).map(([cause, units]): Cell[] => [
      `given up by orders, and perhaps sold again: ${cause}`,
      units,
    ]),
    ...(unsold.beyondQuota === undefined
      ? []
      : [['more than the quota in force now', unsold.beyondQuota] as Cell[]]),
  ];
  return [
    `<h3>${escaped(sku.title)} (${escaped(sku.sku)}), ${escaped(sku.price)} ${escaped(sku.currency)}</h3>`,
    shareBar(parts, `${shown} units of ${sku.sku}`),
    ...(isDaily
      ? []
      : [rows(['Unsold units', 'Units'], [['in stock at the end', unsold.units], ...causes])]),
    rows(['Requests became', 'Requests'], pairs(sku.outcomes)),
    rows(['Orders are now', 'Orders'], pairs(sku.orders)),
    ...(Object.keys(sku.waitlist).length > 0
      ? [rows(['Places in the waitlist', 'Places'], pairs(sku.waitlist))]
      : []),
  ].join('\n');
}

function money(name: string, sums: readonly Money[]): Cell[][] {
  return sums.map(({ currency, count, amount }) => [name, count, `${amount} ${currency}`]);
}

function promises({ skus, requests, undecided, payments, lottery, audit }: SaleReport): string {
  const off = (sku: SkuFacts) =>
    Math.abs(sku.units - sku.sold - sku.held - sku.kept - sku.unsold.units);
  const lines = [
    promise(
      'Units: those that exist − sold − in unpaid orders − kept by cancelled orders − unsold',
      skus.reduce((all, sku) => all + off(sku), 0),
    ),
    promise('Requests with more than one order', requests.duplicates),
    promise('Orders with more than one payment that was kept', payments.double),
    promise('Paid orders without a payment', payments.missing),
    promise('Waitlist places whose rank is not that of the lottery', lottery.wrongRanks),
    promise('Broken promises that the audit found', audit.length),
  ];
  if (undecided !== undefined) {
    const { admitted, decided, messages, deadLetters } = undecided;
    lines.push(
      promise('Units admitted − decided, of the web nodes that report now', admitted - decided),
      promise('Requests in the queues, of all sales', messages),
      promise('Dead letters, of all sales', deadLetters),
    );
  }
  return `<table><tbody>\n${lines.join('\n')}\n</tbody></table>`;
}

function latencies({ latency: { pay, call } }: SaleReport): string {
  const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
  const lines: Cell[][] = [];
  if (pay) {
    const text = `p50 ${ms(pay.p50)}, p95 ${ms(pay.p95)}`;
    lines.push(['from the order to its payment', pay.count, text]);
  }
  if (call) {
    const text = `p50 ${ms(call.p50)}, p99 ${ms(call.p99)}`;
    lines.push([`calls of place_orders since ${call.since}`, call.count, text]);
  }
  return rows(['Time', 'Count', 'Percentiles'], lines);
}

export function reportHtml(report: SaleReport): string {
  const { sale, histogram, payments, lottery, edits, actions, audit, exports } = report;
  const state = sale.isCalledOff ? ' · called off' : '';
  const chart =
    histogram === undefined
      ? '<p>No orders.</p>'
      : columnChart(histogram.counts, 'Orders over time', [histogram.from, histogram.until]);
  const body = `<h1>${escaped(sale.title)}</h1>
<p>Sale ${escaped(sale.sale)} · ${sale.opensAt.toISOString()} to ${sale.closesAt.toISOString()}${state}<br>
Report made at ${report.madeAt.toISOString()} from the records of the shop. What no record proves is not in it.</p>
${section('Promises', '<p>Each number is 0 when the promise was kept.</p>', promises(report))}
${section('Orders over time', chart)}
${section('Products', ...report.skus.map(skuSection))}
${section(
  'Money',
  rows(
    ['Payments', 'Count', 'Amount'],
    [
      ...money('kept', payments.kept),
      ...money('given back', payments.refunded),
      ...money('still to be given back', payments.refundsDue),
    ],
  ),
)}
${section('Times', latencies(report))}
${section(
  'Lottery',
  `<p>SHA-256 of the secret: <code>${lottery.secretSha256}</code>. Compare it with the one that the shop showed before the sale.</p>`,
  lottery.secret === undefined
    ? '<p>The secret is shown when the sale has closed.</p>'
    : `<p>The secret: <code>${lottery.secret}</code>. <code>flashsale lottery verify</code> recomputes ranks with it.</p>`,
  `<p>Ranks of ${lottery.places} places in waitlists were recomputed; ${lottery.wrongRanks} differ.</p>`,
)}
${section(
  'Actions of people',
  rows(
    ['When', 'Who', 'What', 'Why'],
    actions.map(({ at, by, action, target, reason }) => [
      at.toISOString(),
      by,
      `${action} ${target}`,
      reason ?? '',
    ]),
  ),
  '<h3>Edits of quotas, states and shares</h3>',
  report.editsAreComplete ? '' : '<p>The history is full: older edits may be missing.</p>',
  rows(
    ['When', 'Who', 'Where', 'From', 'To'],
    edits.map(({ at, who, path, from, to }) => [at, who, path, from ?? '', to ?? '']),
  ),
)}
${section(
  'Audit',
  audit.length === 0 ? '<p>The books balance.</p>' : '',
  audit.length === 0
    ? ''
    : rows(
        ['Promise', 'SKU', 'What was compared', 'Expected', 'Found'],
        audit.map((row) => [row.promise, row.sku ?? '', row.detail, row.expected, row.actual]),
      ),
)}
${section(
  'Exported orders',
  '<p>An export of the same books has these hashes (<code>flashsale sale export</code>).</p>',
  rows(
    ['Format', 'Rows', 'Bytes', 'SHA-256'],
    Object.values(exports).map(({ format, rows, bytes, sha256 }) => [format, rows, bytes, sha256]),
  ),
)}`;
  return pageOf(`${sale.title}: report`, body);
}
