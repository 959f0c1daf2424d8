// @ts-check
/**
 * The message for every answer of the shop, and when it makes sense to try again. The words are in
 * `languages/`. No message says "failed" while the result is not known, and only `sold_out` says sold
 * out. What the API says in English (`detail`) is never shown.
 */

import { fromNow, isFree, moment, money } from './format.js';
import { fill, texts } from './language.js';

/**
 * @typedef {import('./language.js').Texts} Texts
 * @typedef {'busy' | 'good' | 'wait' | 'stop'} Tone
 * @typedef {'later' | 'opening' | 'lottery' | 'never' | 'none'} Again `later`: after Retry-After or a
 *   few seconds; `opening`: by itself; `lottery`: pressing does not help until the shop lets in more;
 *   `never`: not in this sale; `none`: nothing to do
 * @typedef {{ tone: Tone, again: Again, title: string, text: string }} Message
 * @typedef {{ readonly title: string, readonly text: string }} Words
 */
/**
 * @template {keyof Texts} Group
 * @typedef {Record<keyof Texts[Group], readonly [Tone, Again]>} Meanings of the messages of one group
 */

/** @type {Meanings<'verdicts'>} */
const VERDICTS = {
  shed: ['wait', 'later'],
  rate_limited: ['wait', 'later'],
  cooldown: ['wait', 'later'],
  quota_spent: ['wait', 'later'],
  quota_unavailable: ['wait', 'later'],
  overloaded: ['wait', 'later'],
  status_unavailable: ['wait', 'later'],
  sold_out: ['stop', 'never'],
  not_open: ['wait', 'opening'],
  paused: ['wait', 'later'],
  closed: ['stop', 'never'],
  ticket_invalid: ['wait', 'later'],
  blocked: ['stop', 'never'],
  units_available: ['wait', 'none'],
  limit_reached: ['stop', 'none'],
  line_full: ['wait', 'later'],
  no_waitlist: ['wait', 'none'],
  bad_request: ['stop', 'later'],
};

/** @type {Meanings<'outcomes'>} */
const OUTCOMES = {
  queued: ['busy', 'none'],
  ordered: ['good', 'none'],
  paid: ['good', 'none'],
  free: ['good', 'none'],
  cancelled: ['wait', 'later'],
  expired: ['wait', 'later'],
  refund_due: ['stop', 'none'],
  refunded: ['stop', 'none'],
  sold_out: ['stop', 'never'],
  limit_reached: ['stop', 'none'],
  closed: ['stop', 'never'],
  rejected: ['wait', 'later'],
};

/** @type {Meanings<'page'>} */
const PAGE = {
  asking: ['busy', 'none'],
  sending: ['busy', 'none'],
  solving: ['busy', 'none'],
  puzzle_failed: ['stop', 'later'],
  reaching: ['busy', 'none'],
  unsure: ['busy', 'none'],
  unanswered: ['wait', 'later'],
  waitlist_unsure: ['wait', 'later'],
  not_found_yet: ['wait', 'later'],
  following: ['busy', 'none'],
  unauthenticated: ['stop', 'none'],
  not_found: ['stop', 'none'],
  not_allowed_now: ['stop', 'none'],
  internal_error: ['wait', 'later'],
  preview: ['stop', 'none'],
};

/** @type {Meanings<'reasons'>} */
const REASONS = {
  'closed/called_off': ['stop', 'never'],
  'cancelled/by_shop': ['stop', 'none'],
  'cancelled/called_off': ['stop', 'none'],
  'shed/lottery': ['wait', 'lottery'],
  'quota_spent/too_few_now': ['wait', 'later'],
  'queued/delayed': ['busy', 'none'],
  'sold_out/units_may_return': ['wait', 'later'],
  'sold_out/all_drawn': ['stop', 'never'],
  'rejected/refused_by_operator': ['wait', 'later'],
  'rejected/request_id_taken': ['wait', 'later'],
  'rejected/seats_taken': ['wait', 'later'],
  'rejected/leaves_single': ['wait', 'later'],
};

/**
 * @param {Readonly<Record<string, readonly [Tone, Again]>>} meanings
 * @param {Readonly<Record<string, Words>>} words
 * @param {string} name
 * @returns {Message | undefined}
 */
function find(meanings, words, name) {
  const [meaning, said] = [meanings[name], words[name]];
  return meaning && said && { tone: meaning[0], again: meaning[1], ...said };
}

/** @param {keyof Texts['page']} name */
export function pageMessage(name) {
  const [tone, again] = PAGE[name];
  return { tone, again, ...texts.page[name] };
}

/**
 * @param {string} verdict
 * @param {string | null} [reason]
 * @returns {Message}
 */
export function verdictMessage(verdict, reason) {
  return (
    find(REASONS, texts.reasons, `${verdict}/${reason}`) ??
    find(VERDICTS, texts.verdicts, verdict) ??
    find(PAGE, texts.page, verdict) ??
    verdictMessage('overloaded')
  );
}

/**
 * An outcome that this page does not know is shown as a request that the shop still has.
 * @param {string} status
 * @param {string} [reason]
 * @returns {Message}
 */
export function outcomeMessage(status, reason) {
  return (
    find(REASONS, texts.reasons, `${status}/${reason}`) ??
    find(OUTCOMES, texts.outcomes, status) ??
    outcomeMessage('queued')
  );
}

/**
 * @param {string} first
 * @param {string} second
 */
function sentences(first, second) {
  return fill(texts.sentences, { first, second });
}

/** @param {Words} message */
export function inOneText({ title, text }) {
  return fill(texts.titled, { title, text });
}

/**
 * What the shopper has drawn from a pot of money.
 * @param {NonNullable<import('./orders.js').Order['packet']>} packet
 * @returns {Message}
 */
export function packetMessage({ amount, currency }) {
  const { got, paidOut } = texts.packets;
  return {
    ...outcomeMessage('free'),
    title: fill(got, { sum: money(amount, currency) }),
    text: paidOut,
  };
}

/**
 * The seats or serial numbers of an order; empty if its units have none.
 * @param {import('./orders.js').Order} order
 */
export function unitsText({ units = [], status }) {
  if (status === 'cancelled' || status === 'expired') return '';
  return units.map(unitText).join('; ');
}

/** @param {{ row?: string, seat: string }} unit */
export function unitText({ row, seat }) {
  return row === undefined ? seat : fill(texts.orders.seat, { row, seat });
}

/**
 * The state of an order, and of a payment that the order cannot use.
 * @param {import('./orders.js').Order} order
 * @returns {Message}
 */
export function orderMessage(order) {
  const { status, amount, reason, refund, packet } = order;
  if (status === 'paid' && packet) return packetMessage(packet);
  const ended = status === 'expired' || status === 'cancelled';
  let name = status;
  if (ended && refund && !reason) name = refund.status === 'done' ? 'refunded' : 'refund_due';
  else if (status === 'paid' && isFree(amount)) name = 'free';
  const message = outcomeMessage(name, reason);
  return refund ? { ...message, text: sentences(message.text, refundText(order)) } : message;
}

/**
 * How much money is returned, and whether it was returned already. Empty if there is no refund.
 * @param {import('./orders.js').Order} order
 */
export function refundText({ currency, reason, refund }) {
  if (!refund) return '';
  const sum = money(refund.amount, refund.currency ?? currency);
  const { orders } = texts;
  const [due, done, doneAt] = reason
    ? [orders.shopRefundDue, orders.shopRefundDone, orders.shopRefundDoneAt]
    : [orders.refundDue, orders.refundDone, orders.refundDoneAt];
  if (refund.status !== 'done') return fill(due, { sum });
  return refund.at ? fill(doneAt, { sum, time: moment(refund.at) }) : fill(done, { sum });
}

/**
 * @param {string | null} cause
 * @returns {Message}
 */
export function puzzleMessage(cause) {
  /** @type {Readonly<Record<string, string>>} */
  const causes = texts.puzzleCauses;
  const solving = pageMessage('solving');
  const why = causes[cause ?? ''];
  return why === undefined ? solving : { ...solving, text: sentences(solving.text, why) };
}

/**
 * When to try again, in words. Empty if the message says everything.
 * @param {Message} message
 * @param {number} seconds until the button is enabled again
 */
export function againText(message, seconds) {
  const { again } = texts;
  const when = fromNow(seconds, 'second');
  if (message.again === 'later') return seconds > 0 ? fill(again.tryIn, { when }) : again.tryNow;
  if (message.again === 'lottery') {
    return seconds > 0 ? fill(again.checkIn, { when }) : again.checkNow;
  }
  return '';
}

/**
 * The same for screen readers, without the seconds.
 * @param {Message} message
 */
export function againSpoken(message) {
  return message.again === 'lottery' ? texts.again.checkSpoken : texts.again.trySpoken;
}
