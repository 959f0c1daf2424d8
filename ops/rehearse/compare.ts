import { type CostValues, type Limit, limitsOf, needsOf } from '../capacity/model.ts';
import type { LoadReport } from '../load/report/report.ts';

/** Compares what a crowd has reached with what the capacity model says of the shop. Pure. */

/** Calls that the model knows by name; those of the page come on top in a rehearsal. */
const PRICED = { press: 'buy', ticket: 'ticket' } as const;
/** The ways in which a shopper waits for an outcome. */
const WAITS = ['long-poll', 'stream', 'status'] as const;
const MINUTE_MS = 60_000;

export interface ShopSize {
  readonly webNodes: number;
  readonly workers: number;
  /** Cores that all parts of the shop and the crowd share; undefined if they are on several machines. */
  readonly cores: number | undefined;
}

export interface Measured {
  /** CPU seconds while the crowd played; undefined if it is not known. */
  readonly webSeconds: number | undefined;
  readonly workerSeconds: number | undefined;
  readonly generatorSeconds: number;
  /** Seconds between the two looks at the CPU. */
  readonly seconds: number;
}

export interface Rates {
  readonly presses: number;
  readonly tickets: number;
  readonly orders: number;
}

export interface CpuRow {
  readonly part: string;
  readonly predictedSeconds: number;
  readonly measuredSeconds: number | undefined;
}

export interface Comparison {
  /** Of the second with the most presses. */
  readonly busiest: Rates;
  /** Where this mix of tickets and presses meets a limit of this shop, the lowest first. */
  readonly limits: readonly Limit[];
  /** The share of the first limit that the busiest second has used. */
  readonly usedShare: number | undefined;
  readonly needs: { readonly webNodes: number; readonly workers: number };
  readonly shop: ShopSize;
  readonly cpu: readonly CpuRow[];
}

export function compare(
  report: LoadReport,
  orders: { readonly all: number; readonly perSecond: number },
  shop: ShopSize,
  measured: Measured,
  costs: CostValues,
): Comparison {
  const busiest = busiestOf(report, orders.perSecond);
  const sent = (call: string) => report.calls[call]?.times.count ?? 0;
  const [presses, tickets] = [sent(PRICED.press), sent(PRICED.ticket)];
  const shed = Math.max(0, presses - orders.all);
  const waits = WAITS.reduce((sum, call) => sum + sent(call), 0);
  const requests = presses + tickets;
  const limits =
    requests === 0
      ? []
      : limitsOf(
          {
            ...{ webNodes: shop.webNodes, workers: shop.workers, cores: shop.cores ?? Infinity },
            generatorUs:
              shop.cores === undefined ? 0 : (measured.generatorSeconds * 1e6) / requests,
          },
          {
            ...{ shed: shed / requests, ticket: tickets / requests },
            ...{ order: orders.all / requests, wait: waits / requests },
          },
          costs,
        ).filter(({ perSecond }) => Number.isFinite(perSecond));
  const [first] = limits;
  return {
    ...{ busiest, limits, shop },
    usedShare: first && (busiest.presses + busiest.tickets) / first.perSecond,
    needs: needsFor(report, orders.all, busiest, costs),
    cpu: [
      {
        part: 'web nodes',
        predictedSeconds:
          (shed * costs.web_us_a_shed_press +
            tickets * costs.web_us_a_ticket +
            orders.all * costs.web_us_an_order +
            waits * costs.web_us_a_wait) /
            1e6 +
          shop.webNodes * costs.web_idle_cores * measured.seconds,
        measuredSeconds: measured.webSeconds,
      },
      {
        part: 'workers',
        predictedSeconds:
          (orders.all * costs.worker_us_an_order) / 1e6 +
          shop.workers * costs.worker_idle_cores * measured.seconds,
        measuredSeconds: measured.workerSeconds,
      },
    ],
  };
}

function busiestOf({ bySecond }: LoadReport, orders: number): Rates {
  const rates = bySecond.map(({ calls }) => ({
    presses: calls[PRICED.press]?.count ?? 0,
    tickets: calls[PRICED.ticket]?.count ?? 0,
    orders,
  }));
  const none = { presses: 0, tickets: 0, orders };
  return rates.reduce((most, one) => (one.presses > most.presses ? one : most), none);
}

/** What the model wants for a launch in which every second is as the busiest one. */
function needsFor(
  { shoppers }: LoadReport,
  orders: number,
  busiest: Rates,
  costs: CostValues,
): Comparison['needs'] {
  const atLeast = (value: number) => Math.max(value, Number.EPSILON);
  const visitors = atLeast(shoppers.played);
  const needs = needsOf(
    {
      visitors,
      withinSeconds: visitors / atLeast(busiest.tickets),
      pressesEach: atLeast(busiest.presses) / atLeast(busiest.tickets),
      units: atLeast(orders),
      waiting: atLeast(orders),
      decidedWithinSeconds: atLeast(orders) / atLeast(busiest.orders),
      openedWithinSeconds: MINUTE_MS / 1_000,
    },
    costs,
  );
  const processes = (part: string) =>
    needs.find((one) => one.part === part && one.need === 'processes')?.amount ?? 0;
  return { webNodes: processes('web nodes'), workers: processes('workers') };
}
