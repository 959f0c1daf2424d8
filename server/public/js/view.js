// @ts-check
/** What a product's tile shows, derived from the state. Pure; the tile only copies it. */

import { plural, shortTime } from './countdown.js';
import { isFree, moment } from './format.js';
import { againText, outcomeMessage, puzzleMessage, verdictMessage } from './messages.js';
import { isBusy, mayPress } from './purchase.js';
import { PAGE_MESSAGES } from './sentences.js';

/**
 * @typedef {object} Sku
 * @property {string} sku
 * @property {string} title
 * @property {string} price
 * @property {string} currency
 * @property {number} limit
 * @property {'plenty' | 'few' | 'maybe' | 'sold_out'} availability
 * @property {string} [state]
 *
 * @typedef {object} TileInput
 * @property {Sku} sku
 * @property {import('./countdown.js').SalePhase} phase of this SKU
 * @property {boolean} [calledOff] whether the shop has called the sale off
 * @property {number} opensInMs
 * @property {import('./purchase.js').Purchase} purchase
 * @property {number} held units that this shopper holds or owns
 * @property {boolean} unpaid whether one of these units is still unpaid
 * @property {number} now monotonic ms
 *
 * @typedef {object} TileView
 * @property {{ kind: string, text: string }} badge
 * @property {{ label: string, tick: string, enabled: boolean, busy: boolean }} button `tick` is the
 *   part that changes each second: it is shown but not read out
 * @property {{ tone: string, title: string, text: string } | null} status
 * @property {string} again when to try again; not read out, because it changes each second
 * @property {string} againSpoken the same for screen readers, without the seconds
 * @property {boolean} quantity whether a quantity can be chosen
 * @property {string} toOrders the link to the order; empty when there is none
 */

const BADGES = {
  plenty: 'In stock',
  few: 'Few left',
  maybe: 'Maybe: units may come back',
  sold_out: 'Sold out',
};

/**
 * @param {TileInput} input
 * @returns {TileView}
 */
export function tileView(input) {
  const message = messageOf(input);
  const seconds = Math.max(0, Math.ceil((input.purchase.restUntil - input.now) / 1000));
  const { sku, phase, held, purchase } = input;
  const gone = sku.availability === 'sold_out';
  const room = held < sku.limit;
  const mayTry = phase === 'open' && room && !gone;
  const again = message !== null && mayTry ? againText(message, seconds) : '';
  return {
    badge: badgeOf(input),
    button: buttonOf(input, seconds, message),
    status: message,
    again,
    againSpoken: again === '' ? '' : againSpoken(message),
    quantity: sku.limit > 1 && room && !isBusy(purchase) && (mayTry || phase === 'scheduled'),
    toOrders:
      held === 0 || isBusy(purchase) ? '' : input.unpaid ? 'Pay or cancel' : 'See your order',
  };
}

/** @param {import('./messages.js').Message | null} message */
function againSpoken(message) {
  const what = message?.again === 'lottery' ? 'check' : 'try';
  return `The button says when you can ${what} again.`;
}

/**
 * @param {import('./purchase.js').Purchase} purchase
 * @param {import('./countdown.js').SalePhase} phase
 * @param {Sku} sku
 */
function isOvertaken({ verdict, status }, phase, sku) {
  if (phase !== 'open') return false;
  if (verdict === 'not_open' || verdict === 'paused') return true;
  const goneThen = verdict === 'sold_out' || status === 'sold_out';
  return goneThen && (sku.availability === 'plenty' || sku.availability === 'few');
}

/** @param {TileInput} input */
function badgeOf({ sku, phase }) {
  if (phase === 'closed') return { kind: 'closed', text: 'Sale ended' };
  if (phase === 'paused') return { kind: 'paused', text: 'Paused' };
  if (phase === 'scheduled') return { kind: 'soon', text: 'Coming up' };
  const kind = sku.availability in BADGES ? sku.availability : 'maybe';
  return { kind, text: BADGES[kind] };
}

/**
 * @param {TileInput} input
 * @returns {import('./messages.js').Message | null}
 */
function messageOf({ sku, phase, calledOff, purchase, held, unpaid, now }) {
  const { phase: step, offline, unsure } = purchase;
  if (isBusy(purchase)) {
    if (offline && step === 'queued') return PAGE_MESSAGES.following;
    if (purchase.solving && !offline) return puzzleMessage(purchase.reason);
    if (unsure) return PAGE_MESSAGES.unsure;
    if (offline) return PAGE_MESSAGES.reaching;
    if (step === 'queued') return outcomeMessage('queued', purchase.reason ?? '');
    return step === 'asking' ? PAGE_MESSAGES.asking : PAGE_MESSAGES.sending;
  }
  if (calledOff) return verdictMessage('closed', 'called_off');
  // The message of the press may be out of date: units came back, or the pause is over.
  if (now >= purchase.restUntil && isOvertaken(purchase, phase, sku)) return null;
  const paid = isFree(sku.price) ? 'free' : 'paid';
  if (step === 'ended') {
    const status = purchase.status ?? 'queued';
    return outcomeMessage(status === 'paid' ? paid : status, purchase.reason ?? '');
  }
  const gone = phase === 'open' && sku.availability === 'sold_out';
  // The shopper may have got a unit in another way: from the waitlist, or on another page.
  const isServed = held >= sku.limit && !unsure;
  if (step === 'refused' && !isServed && !(gone && held === 0 && !unsure)) {
    return verdictMessage(purchase.verdict ?? '', purchase.reason);
  }
  if (held > 0) return outcomeMessage(unpaid ? 'ordered' : paid);
  if (phase === 'paused') return verdictMessage('paused');
  if (phase !== 'open') return null;
  if (gone) return verdictMessage('sold_out');
  return sku.availability === 'maybe' ? outcomeMessage('sold_out', 'units_may_return') : null;
}

/**
 * @param {TileInput} input
 * @param {number} restSeconds
 * @param {import('./messages.js').Message | null} message
 * @returns {TileView['button']}
 */
function buttonOf({ sku, phase, opensInMs, purchase, held, unpaid, now }, restSeconds, message) {
  const off = (label = '', tick = '') => ({ label, tick, enabled: false, busy: false });
  if (purchase.phase === 'queued') return { ...off('In the queue'), busy: true };
  if (isBusy(purchase)) return { ...off('One moment'), busy: true };
  if (phase === 'closed') return off('Sale ended');
  if (held >= sku.limit) return off(unpaid ? 'Reserved for you' : 'It is yours');
  if (phase === 'scheduled') return off('Opens in', shortTime(opensInMs));
  if (phase === 'paused') return off('Paused');
  if (sku.availability === 'sold_out') return off('Sold out');
  if (!mayPress(purchase, now)) {
    return message?.again === 'never' ? off('Not possible') : off('Again in', `${restSeconds} s`);
  }
  const label = sku.availability === 'maybe' ? 'Try for one' : 'Buy now';
  return { label, tick: '', enabled: true, busy: false };
}

/** @typedef {import('./countdown.js').SalePhase | 'sold_out'} HeroPhase */

/**
 * The phase at the top of the page. An open sale without products counts as scheduled, and one whose
 * products are all sold out as sold out.
 * @param {import('./countdown.js').SalePhase} phase
 * @param {readonly Sku[]} skus
 * @returns {HeroPhase}
 */
export function heroPhase(phase, skus) {
  if (phase === 'open' && skus.length === 0) return 'scheduled';
  const gone = skus.every((sku) => sku.availability === 'sold_out');
  return phase === 'open' && gone ? 'sold_out' : phase;
}

const PILLS = {
  scheduled: 'Coming up',
  open: 'On sale now',
  paused: 'Paused',
  sold_out: 'Sold out',
  closed: 'Ended',
};

const COUNTDOWN_LABELS = {
  scheduled: 'Opens in',
  open: 'Closes in',
  paused: 'Paused for now. Closes in',
  sold_out: 'Every unit is sold. Closes in',
  closed: 'This sale has ended',
};

/** @param {HeroPhase} phase */
export function phaseText(phase) {
  return COUNTDOWN_LABELS[phase];
}

/** @param {HeroPhase} phase */
export function phasePill(phase) {
  return PILLS[phase];
}

/**
 * @param {{ opensAt: string, closesAt: string }} sale
 * @param {HeroPhase} phase
 * @param {number} serverNowMs
 */
export function whenText({ opensAt, closesAt }, phase, serverNowMs) {
  if (phase === 'scheduled' && serverNowMs >= Date.parse(opensAt)) {
    return 'The products are not here yet';
  }
  if (phase === 'scheduled') return `Opens ${moment(opensAt)}, your time`;
  if (phase !== 'closed') return `Until ${moment(closesAt)}, your time`;
  return serverNowMs < Date.parse(closesAt)
    ? 'Ended early by the shop'
    : `Closed ${moment(closesAt)}, your time`;
}

/** @param {number} limit */
export function limitText(limit) {
  return limit === 1 ? 'One per person' : `Up to ${plural(limit, 'unit')} per person`;
}

/** @param {number} remainingMs */
export function payText(remainingMs) {
  if (!Number.isFinite(remainingMs)) return 'Waiting for your payment';
  return remainingMs > 0
    ? `Pay within ${shortTime(remainingMs)}`
    : 'The time to pay is over. The shop takes the units back.';
}
