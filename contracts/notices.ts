import type { EventKind, OrderEvent, OrderFacts } from './events.ts';
import { LANGUAGES } from './presentation.ts';

/**
 * Notices to shoppers off the page, by e-mail and Web Push. Web nodes take addresses, workers send.
 * Everything here is pure.
 */

export const NOTICE_CHANNELS = ['email', 'push'] as const;
export type NoticeChannel = (typeof NOTICE_CHANNELS)[number];

/** `confirm` asks the owner of an e-mail address; the others tell of an order. */
export const NOTICE_KINDS = [
  'confirm',
  'ordered',
  'claimed',
  'expiring',
  'refund_due',
  'refunded',
  'called_off',
  'cancelled',
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** Languages of the texts. The first one is used for an unknown language. */
export const NOTICE_LANGUAGES = LANGUAGES;
export type NoticeLanguage = (typeof NOTICE_LANGUAGES)[number];

/** The facts of an order that the texts use. None is personal data. */
export interface NoticeFacts {
  readonly sku: string;
  readonly units: number;
  /** Decimal string. */
  readonly amount: string;
  readonly currency: string;
  /** ISO 8601. */
  readonly payBefore: string;
  readonly refund?: { readonly amount: string; readonly currency: string };
}

/** A notice for the contacts of a user, as the database takes it. */
export interface PlannedNotice {
  readonly sale: string;
  readonly user: string;
  /** Digits. */
  readonly order: string;
  readonly kind: NoticeKind;
  /** Digits: the number of the event, for kinds that an order may have several times; otherwise 0. */
  readonly event: string;
  readonly happened: string;
  /** When it is to be sent. */
  readonly next: string;
  /** Later than this it is not worth sending. */
  readonly until: string;
  readonly facts: NoticeFacts;
}

/** An order event with what the log knows beside it. */
export interface NoticeEvent extends OrderEvent {
  /** The unit came from the waitlist. */
  readonly waited: boolean;
  /** Why the shop cancelled the order; null if it did not. */
  readonly reason: 'by_shop' | 'called_off' | null;
}

const DAY_MS = 86_400_000;
/** How long news of an order, and of its end and of money, is worth sending. */
const NEWS_MS = DAY_MS;
const MONEY_NEWS_MS = 7 * DAY_MS;
/** A reminder comes when a third of the time to pay is left, and at most this long before the end. */
const REMINDER_LEAD_MAX_MS = 3_600_000;
/** A shopper with less time than this to pay is not reminded: the first notice has only just arrived. */
const REMINDED_WINDOW_MIN_MS = 60_000;

/** The kind of notice that most events are told as. Events that the shopper caused are not told. */
const KIND_OF: Readonly<Record<EventKind, NoticeKind | undefined>> = {
  placed: 'ordered',
  paid: undefined,
  cancelled: undefined,
  expired: undefined,
  refund_due: 'refund_due',
  refunded: 'refunded',
};

/** The kind of notice about an order that the shop has ended, by the reason. */
const ENDED = { by_shop: 'cancelled', called_off: 'called_off' } as const;

function kindOf({ kind, waited, reason }: NoticeEvent): NoticeKind | undefined {
  if (kind === 'placed' && waited) return 'claimed';
  // The notice that the sale was called off tells of the money as well.
  if (kind === 'refund_due' && reason === 'called_off') return undefined;
  if (kind === 'cancelled' && reason !== null) return ENDED[reason];
  return KIND_OF[kind];
}

/** The notices that an event means. */
export function noticesOf(event: NoticeEvent): PlannedNotice[] {
  const kind = kindOf(event);
  if (kind === undefined) return [];
  const isMoney = event.refund !== undefined;
  const happenedMs = event.happenedAt.getTime();
  const told = plan(event, kind, {
    event: isMoney ? event.eventNo : '0',
    happenedMs,
    nextMs: happenedMs,
    untilMs: happenedMs + (isMoney || event.kind === 'cancelled' ? MONEY_NEWS_MS : NEWS_MS),
    ...(event.refund && { refund: event.refund }),
  });
  return event.kind === 'placed' ? [told, ...reminderOf(event)] : [told];
}

/** The reminder before an unpaid order expires. None for a free order, or when there is little time. */
export function reminderOf(order: OrderFacts): PlannedNotice[] {
  const [fromMs, untilMs] = [order.createdAt.getTime(), order.payBefore.getTime()];
  const windowMs = untilMs - fromMs;
  if (!/[1-9]/.test(order.amount) || windowMs < REMINDED_WINDOW_MIN_MS) return [];
  const nextMs = untilMs - Math.min(windowMs / 3, REMINDER_LEAD_MAX_MS);
  return [plan(order, 'expiring', { event: '0', happenedMs: fromMs, nextMs, untilMs })];
}

function plan(
  order: OrderFacts,
  kind: NoticeKind,
  at: {
    readonly event: string;
    readonly happenedMs: number;
    readonly nextMs: number;
    readonly untilMs: number;
    readonly refund?: { readonly amount: string; readonly currency: string };
  },
): PlannedNotice {
  const { refund } = at;
  return {
    sale: order.sale,
    user: order.userId,
    order: order.orderNo,
    kind,
    event: at.event,
    happened: new Date(at.happenedMs).toISOString(),
    next: new Date(at.nextMs).toISOString(),
    until: new Date(at.untilMs).toISOString(),
    facts: {
      sku: order.sku,
      units: order.units,
      amount: order.amount,
      currency: order.currency,
      payBefore: order.payBefore.toISOString(),
      ...(refund && { refund: { amount: refund.amount, currency: refund.currency } }),
    },
  };
}
