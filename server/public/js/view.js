// @ts-check
/** What a product's tile shows, derived from the state. Pure; the tile only copies it. */

import { shortTime } from './countdown.js';
import { duration, isFree, moment, money, plural } from './format.js';
import { fill, texts } from './language.js';
import {
  againSpoken,
  againText,
  outcomeMessage,
  packetMessage,
  pageMessage,
  puzzleMessage,
  verdictMessage,
} from './messages.js';
import { isBusy, mayPress } from './purchase.js';

/**
 * @typedef {object} Sku
 * @property {string} sku
 * @property {string} title
 * @property {string} price
 * @property {string} currency
 * @property {number} limit
 * @property {'plenty' | 'few' | 'maybe' | 'sold_out'} availability
 * @property {string} [state]
 * @property {'daily' | 'amounts' | 'numbered'} [goods] one unit for each day, packets of a pot, or seats; without it, units of a stock
 * @property {string} [zone] whose calendar tells the day
 * @property {{ amount: string, packets: number, sha256?: string }} [pot] of amounts
 * @property {'off'} [waitlist] nobody can ask for a place
 * @property {import('./language.js').Presentation} [presentation]
 *
 * @typedef {object} TileInput
 * @property {Sku} sku
 * @property {import('./countdown.js').SalePhase} phase of this SKU
 * @property {boolean} [calledOff] whether the shop has called the sale off
 * @property {number} opensInMs
 * @property {import('./purchase.js').Purchase} purchase
 * @property {number} held units that this shopper holds or owns
 * @property {boolean} unpaid whether one of these units is still unpaid
 * @property {import('./orders.js').Order['packet']} [packet] what this shopper has drawn from a pot
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
 * @property {string} plan the button that opens the plan of numbered goods; empty when there is none
 * @property {string} toOrders the link to the order; empty when there is none
 */

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
    againSpoken: message === null || again === '' ? '' : againSpoken(message),
    quantity: sku.limit > 1 && room && !isBusy(purchase) && (mayTry || phase === 'scheduled'),
    plan: sku.goods === 'numbered' && room && !isBusy(purchase) && mayTry ? texts.plan.open : '',
    toOrders: held === 0 || isBusy(purchase) ? '' : linkToOrders(input.unpaid),
  };
}

/** @param {boolean} unpaid */
function linkToOrders(unpaid) {
  return unpaid ? texts.tile.payOrCancel : texts.tile.seeOrder;
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

const AVAILABILITIES = ['plenty', 'few', 'maybe', 'sold_out'];

/** @param {TileInput} input */
function badgeOf({ sku, phase }) {
  const { badges } = texts;
  if (phase !== 'open') return { kind: phase, text: badges[phase] };
  if (sku.goods === 'daily' && sku.availability === 'plenty') {
    return { kind: 'plenty', text: badges.daily };
  }
  const kind = AVAILABILITIES.includes(sku.availability) ? sku.availability : 'maybe';
  return { kind, text: badges[kind] };
}

/**
 * Packets of an empty pot were not paid for, and none comes back.
 * @param {Sku} sku
 * @param {string} status
 * @param {string | null} [reason]
 */
function reasonOf({ goods }, status, reason) {
  return goods === 'amounts' && status === 'sold_out' ? 'all_drawn' : reason;
}

/**
 * @param {TileInput} input
 * @returns {import('./messages.js').Message | null}
 */
function messageOf({ sku, phase, calledOff, purchase, held, unpaid, packet, now }) {
  const { phase: step, offline, unsure } = purchase;
  if (isBusy(purchase)) {
    if (offline && step === 'queued') return pageMessage('following');
    if (purchase.solving && !offline) return puzzleMessage(purchase.reason);
    if (unsure) return pageMessage('unsure');
    if (offline) return pageMessage('reaching');
    if (step === 'queued') return outcomeMessage('queued', purchase.reason ?? '');
    return pageMessage(step === 'asking' ? 'asking' : 'sending');
  }
  if (calledOff) return verdictMessage('closed', 'called_off');
  // The message of the press may be out of date: units came back, or the pause is over.
  if (now >= purchase.restUntil && isOvertaken(purchase, phase, sku)) return null;
  const paid = packet ? packetMessage(packet) : outcomeMessage(isFree(sku.price) ? 'free' : 'paid');
  if (step === 'ended') {
    const status = purchase.status ?? 'queued';
    return status === 'paid'
      ? paid
      : outcomeMessage(status, reasonOf(sku, status, purchase.reason) ?? '');
  }
  const gone = phase === 'open' && sku.availability === 'sold_out';
  // The shopper may have got a unit in another way: from the waitlist, or on another page.
  const isServed = held >= sku.limit && !unsure;
  if (step === 'refused' && !isServed && !(gone && held === 0 && !unsure)) {
    const verdict = purchase.verdict ?? '';
    return verdictMessage(verdict, reasonOf(sku, verdict, purchase.reason));
  }
  if (held > 0) return unpaid ? outcomeMessage('ordered') : paid;
  if (phase === 'paused') return verdictMessage('paused');
  if (phase !== 'open') return null;
  if (gone) return verdictMessage('sold_out', reasonOf(sku, 'sold_out'));
  return sku.availability === 'maybe' ? outcomeMessage('sold_out', 'units_may_return') : null;
}

/**
 * @param {TileInput} input
 * @param {number} restSeconds
 * @param {import('./messages.js').Message | null} message
 * @returns {TileView['button']}
 */
function buttonOf({ sku, phase, opensInMs, purchase, held, unpaid, now }, restSeconds, message) {
  const { button } = texts;
  const off = (label = '', tick = '') => ({ label, tick, enabled: false, busy: false });
  if (purchase.phase === 'queued') return { ...off(button.inQueue), busy: true };
  if (isBusy(purchase)) return { ...off(button.busy), busy: true };
  if (phase === 'closed') return off(button.closed);
  if (held >= sku.limit) return off(unpaid ? button.reserved : button.yours);
  if (phase === 'scheduled') return off(button.opensIn, shortTime(opensInMs));
  if (phase === 'paused') return off(button.paused);
  if (sku.availability === 'sold_out') return off(button.soldOut);
  if (!mayPress(purchase, now)) {
    if (message?.again === 'never') return off(button.impossible);
    return off(button.againIn, duration(restSeconds, 'second', 'short'));
  }
  const get = {
    daily: button.today,
    amounts: button.draw,
    numbered: button.buy,
    counted: button.buy,
  }[sku.goods ?? 'counted'];
  const label = sku.availability === 'maybe' ? button.try : get;
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

/**
 * @param {{ opensAt: string, closesAt: string }} sale
 * @param {HeroPhase} phase
 * @param {number} serverNowMs
 */
export function whenText({ opensAt, closesAt }, phase, serverNowMs) {
  const { when } = texts;
  if (phase === 'scheduled' && serverNowMs >= Date.parse(opensAt)) return when.noProducts;
  if (phase === 'scheduled') return fill(when.opens, { time: moment(opensAt) });
  if (phase !== 'closed') return fill(when.until, { time: moment(closesAt) });
  const isEarly = serverNowMs < Date.parse(closesAt);
  return isEarly ? when.endedEarly : fill(when.closed, { time: moment(closesAt) });
}

/**
 * @param {Sku} sku
 * @param {number} streak days in a row of daily goods
 */
export function limitText({ goods, limit, pot, currency }, streak) {
  if (pot) return plural(texts.packets.pot, pot.packets, { sum: money(pot.amount, currency) });
  if (goods !== 'daily') return plural(texts.tile.limit, limit);
  return streak === 0 ? texts.tile.daily : plural(texts.tile.streak, streak);
}

/** @param {number} remainingMs */
export function payText(remainingMs) {
  const { orders } = texts;
  if (!Number.isFinite(remainingMs)) return orders.awaiting;
  return remainingMs > 0
    ? fill(orders.payWithin, { time: shortTime(remainingMs) })
    : orders.payOver;
}
