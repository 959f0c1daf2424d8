import type { SaleFigures } from '../db/sale-figures.ts';
import type { Metrics } from '../process/metrics.ts';
import type { Books } from './books.ts';

/** Metrics of the business by SKU, and of what waits in the database. */

/** SKUs with a label of their own: those with the most units sold. The others are one. */
const SKUS_MAX = 200;
const OTHERS = '(others)';

/** Figures with the label that each has in the metrics. */
export function labelled(figures: readonly SaleFigures[], skusMax = SKUS_MAX): SaleFigures[] {
  const sold = new Map<string, number>();
  for (const { sku, units } of figures) sold.set(sku, (sold.get(sku) ?? 0) + units.sold);
  const first = [...sold].sort((one, other) => other[1] - one[1]).slice(0, skusMax);
  const shown = new Set(first.map(([sku]) => sku));
  return figures.map((each) => (shown.has(each.sku) ? each : { ...each, sku: OTHERS }));
}

type PerState = (figures: SaleFigures) => Readonly<Record<string, number>>;

export function showBooks(metrics: Metrics, books: () => Books): void {
  const bySku = (name: string, help: string, label: string, values: PerState) =>
    metrics.gauge(name, `${help}, by SKU`, ['sku', label], (gauge) => {
      gauge.reset();
      for (const each of labelled(books().figures)) {
        for (const [value, count] of Object.entries(values(each))) {
          gauge.inc({ sku: each.sku, [label]: value }, count);
        }
      }
    });
  bySku(
    'flashsale_sale_orders',
    'Orders: sold (ordered or paid), paid, cancelled, expired',
    'state',
    (each) => {
      return each.orders;
    },
  );
  bySku('flashsale_sale_units', 'Units: sold (ordered or paid), paid', 'state', (each) => {
    return each.units;
  });
  bySku('flashsale_sale_unpaid_units', 'Unpaid units by age in minutes', 'minutes', (each) => {
    return each.unpaid;
  });
  bySku('flashsale_sale_refunds', 'Payments that go back: due, done', 'state', (each) => {
    return each.refunds;
  });
  bySku('flashsale_sale_revenue', 'Amounts of paid orders', 'currency', (each) => {
    return { [each.currency]: each.revenue };
  });
  bySku('flashsale_sale_refunded', 'Amounts that went back', 'currency', (each) => {
    return { [each.currency]: each.refundAmount.done };
  });
  bySku('flashsale_sale_refund_due', 'Amounts that have to go back', 'currency', (each) => {
    return { [each.currency]: each.refundAmount.due };
  });
  showFailures(metrics, books);
  const count = 'What waits in the database, as the view backlog says';
  metrics.gauge('flashsale_backlog', count, ['schema', 'waiting'], (gauge) => {
    gauge.reset();
    for (const each of books().backlogs) {
      gauge.set({ schema: each.schema, waiting: each.waiting }, each.count);
    }
  });
  const age = 'How long the oldest of them has waited; 0: nothing waits';
  metrics.gauge('flashsale_backlog_seconds', age, ['schema', 'waiting'], (gauge) => {
    gauge.reset();
    for (const each of books().backlogs) {
      gauge.set({ schema: each.schema, waiting: each.waiting }, each.ageSeconds);
    }
  });
}

/** Only SKUs with a failure have a row, and a home tells of at most `FAILURES_MAX`. */
function showFailures(metrics: Metrics, books: () => Books): void {
  const bySku = (name: string, help: string, failed: 'refunds' | 'sessions') =>
    metrics.gauge(name, help, ['schema', 'sku'], (gauge) => {
      gauge.reset();
      for (const each of books().failures) {
        gauge.set({ schema: each.schema, sku: each.sku }, each[failed]);
      }
    });
  const refunds = 'Payments that have to go back and were tried, or came back';
  const sessions =
    'Payment sessions of ended orders that the provider did not end when it was asked';
  bySku('flashsale_refunds_failing', refunds, 'refunds');
  bySku('flashsale_sessions_failing', sessions, 'sessions');
}
