import type { Behaviour } from '../plan/schema.ts';

/** What the behaviours of a plan mean. */

export interface Traits {
  /** Presses at the same moment, as in so many tabs. */
  readonly presses: 0 | 1 | 2;
  /** What becomes of an order. */
  readonly withOrder: 'pay' | 'cancel' | 'keep';
  /** After the press: stays, leaves for good, or comes back after a while. */
  readonly afterPress: 'stay' | 'leave' | 'come back';
  readonly reloads: boolean;
  /** The connection breaks while the purchase is sent. */
  readonly losesPurchase: boolean;
  /** Joins the waitlist when all units are taken, instead of pressing again. */
  readonly joinsWaitlist: boolean;
  /** Wants to be told of orders by e-mail. */
  readonly asksForNotices: boolean;
  /** A program: it opens no page, never rests, and does not look at Retry-After. */
  readonly isBot: boolean;
}

const USUAL: Traits = {
  presses: 1,
  withOrder: 'pay',
  afterPress: 'stay',
  reloads: false,
  losesPurchase: false,
  joinsWaitlist: false,
  asksForNotices: false,
  isBot: false,
};

export const TRAITS: Readonly<Record<Behaviour, Traits>> = {
  buys: USUAL,
  cancels: { ...USUAL, withOrder: 'cancel' },
  keeps: { ...USUAL, withOrder: 'keep' },
  looks: { ...USUAL, presses: 0 },
  leaves: { ...USUAL, afterPress: 'leave' },
  'comes-back': { ...USUAL, afterPress: 'come back' },
  'presses-twice': { ...USUAL, presses: 2 },
  reloads: { ...USUAL, reloads: true },
  'loses-connection': { ...USUAL, losesPurchase: true },
  'joins-waitlist': { ...USUAL, joinsWaitlist: true },
  'asks-for-notices': { ...USUAL, asksForNotices: true },
  bot: { ...USUAL, isBot: true },
};
