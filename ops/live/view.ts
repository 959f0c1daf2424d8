import type { QueueFigures } from '../../broker/queues.ts';
import type { Stranded } from '../../db/stranded.ts';

/** A running sale at one moment, as the console and `flashsale top` show it. */

/** A share of the requests was answered within this many milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface LiveSale {
  readonly sale: string;
  readonly title: string;
  /** ISO 8601, like all times here. */
  readonly opensAt: string;
  readonly closesAt: string;
}

export interface LiveSku {
  readonly sku: string;
  /** Undefined: in ZooKeeper, but in no catalogue that answers. */
  readonly sale?: string;
  readonly title?: string;
  /** Units that exist, and those in slots. Null while the database does not tell, and for daily goods. */
  readonly total: number | null;
  readonly free: number | null;
  /** Units of unpaid orders, counted now and then. */
  readonly held: number | null;
  /** Units of paid orders: what is neither free nor held. */
  readonly sold: number | null;
  /** Shoppers in the waitlist. */
  readonly waitlisted: number | null;
  /** Orders that were made for shoppers who waited, and those of them that are unpaid. */
  readonly waitlistServed: number | null;
  readonly waitlistHeld: number | null;
  /** How long a shopper who waited has to pay. */
  readonly claimSeconds: number | null;
  readonly ordersPerSecond: number | null;
  /** The operators' values in force. */
  readonly quota: string | null;
  readonly state: string | null;
  readonly keep: string | null;
  readonly shed: string | null;
  readonly challenge: string | null;
  readonly waitlist: string | null;
  /** Share of purchase requests that is kept, and whether the keeper chooses it. */
  readonly share: number;
  readonly isAutomatic: boolean;
  /** Units that live web nodes may admit, cumulative, and have admitted. */
  readonly granted: number;
  readonly admitted: number;
  /** Null while ZooKeeper does not answer. */
  readonly pressesPerSecond: number | null;
  readonly keptPerSecond: number | null;
  readonly pins: Readonly<Record<string, string>>;
}

export interface LiveNode {
  readonly node: string;
  /** False: its session has ended, and what it admitted is being settled. */
  readonly isAlive: boolean;
  readonly skus: Readonly<Record<string, { readonly grant: number; readonly admitted: number }>>;
  /** Paths of operators' values that it has not applied for at least one look. */
  readonly late: readonly string[];
}

/** Figures that only the monitor ports of web nodes have. */
export interface LiveAnswers {
  readonly monitors: number;
  readonly monitorsAnswering: number;
  /** Answers to presses by verdict, per second; `queued` was taken. */
  readonly perSecond: Readonly<Record<string, number>>;
  /** From the draw to the `202`, and to the known outcome. Null: nothing was answered lately. */
  readonly taken: Percentiles | null;
  readonly decided: Percentiles | null;
}

export interface LiveView {
  readonly at: string;
  readonly sales: readonly LiveSale[];
  readonly skus: readonly LiveSku[];
  readonly nodes: readonly LiveNode[];
  /** For all SKUs. */
  readonly keep: string | null;
  readonly shed: string | null;
  readonly challenge: string | null;
  /** Null: WEB_MONITORS is not set. */
  readonly answers: LiveAnswers | null;
  readonly queues: readonly QueueFigures[];
  readonly stranded: readonly Stranded[];
  /** Edits that have no effect, with the reason. */
  readonly errors: readonly { readonly path: string; readonly reason: string }[];
  /** Which source did not answer, and why. Its figures are missing. */
  readonly missing: readonly string[];
}

/** The figures of one moment that charts show. Null: unknown. */
export interface LivePoint {
  /** Seconds since 1970. */
  readonly at: number;
  readonly presses: number | null;
  readonly kept: number | null;
  readonly orders: number | null;
  readonly queued: number | null;
  readonly taken99: number | null;
  readonly decided50: number | null;
  readonly decided99: number | null;
}

/** A sum of some parts would look like a sale that has slowed down. */
const sumOf = (parts: readonly (number | null)[]) =>
  parts.reduce((sum, part) => (sum === null || part === null ? null : sum + part), 0);

export function pointOf(view: LiveView): LivePoint {
  // No home has a SKU that only ZooKeeper knows.
  const sold = view.skus.filter(({ sale }) => sale !== undefined);
  const { taken = null, decided = null } = view.answers ?? {};
  return {
    at: Date.parse(view.at) / 1_000,
    presses: sumOf(view.skus.map(({ pressesPerSecond }) => pressesPerSecond)),
    kept: sumOf(view.skus.map(({ keptPerSecond }) => keptPerSecond)),
    orders: sold.length === 0 ? null : sumOf(sold.map(({ ordersPerSecond }) => ordersPerSecond)),
    queued:
      view.queues.length === 0
        ? null
        : view.queues.reduce((all, { messages }) => all + messages, 0),
    taken99: taken?.p99 ?? null,
    decided50: decided?.p50 ?? null,
    decided99: decided?.p99 ?? null,
  };
}
