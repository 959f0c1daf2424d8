// @ts-check
/**
 * The message for every answer of the shop, and when it makes sense to try again. No message says
 * "failed" while the result is not known, and only `sold_out` says sold out.
 */

import { isFree, moment, money } from './format.js';
import { BY_REASON, OUTCOMES, PAGE_MESSAGES, PUZZLE_CAUSES, VERDICTS } from './sentences.js';

/** @typedef {import('./sentences.js').Message} Message */

/** @type {Record<string, string>} */
const puzzleCauses = PUZZLE_CAUSES;
/** @type {Record<string, Message>} */
const byReason = BY_REASON;
/** @type {Record<string, Message>} */
const verdicts = VERDICTS;
/** @type {Record<string, Message>} */
const outcomes = OUTCOMES;
/** @type {Record<string, Message>} */
const ofPage = PAGE_MESSAGES;

/**
 * @param {string} verdict
 * @param {string | null} [reason]
 * @returns {Message}
 */
export function verdictMessage(verdict, reason) {
  return (
    byReason[`${verdict}/${reason}`] ?? verdicts[verdict] ?? ofPage[verdict] ?? VERDICTS.overloaded
  );
}

/**
 * An outcome that this page does not know is shown as a request that the shop still has.
 * @param {string} status
 * @param {string} [reason]
 * @returns {Message}
 */
export function outcomeMessage(status, reason) {
  return byReason[`${status}/${reason}`] ?? outcomes[status] ?? OUTCOMES.queued;
}

/**
 * The state of an order, and of a payment that the order cannot use.
 * @param {import('./orders.js').Order} order
 * @returns {Message}
 */
export function orderMessage(order) {
  const { status, amount, reason, refund } = order;
  const ended = status === 'expired' || status === 'cancelled';
  let message = outcomeMessage(status, reason);
  if (ended && refund && !reason)
    message = refund.status === 'done' ? OUTCOMES.refunded : OUTCOMES.refund_due;
  else if (status === 'paid' && isFree(amount)) message = OUTCOMES.free;
  return refund ? { ...message, text: `${message.text} ${refundText(order)}`.trim() } : message;
}

/**
 * How much money is returned, and whether it was returned already. Empty if there is no refund.
 * @param {import('./orders.js').Order} order
 */
export function refundText({ currency, reason, refund }) {
  if (!refund) return '';
  const sum = money(refund.amount, refund.currency ?? currency);
  const when = refund.at ? `, ${moment(refund.at)}` : '';
  if (reason) {
    return refund.status === 'done'
      ? `Your payment was returned to you: ${sum}${when}.`
      : `Your payment will be returned to you: ${sum}.`;
  }
  return refund.status === 'done'
    ? `A payment that this order could not use was returned to you: ${sum}${when}.`
    : `A payment that this order cannot use will be returned to you: ${sum}.`;
}

/**
 * @param {string | null} cause
 * @returns {Message}
 */
export function puzzleMessage(cause) {
  const { solving } = PAGE_MESSAGES;
  const why = puzzleCauses[cause ?? ''];
  return why === undefined ? solving : { ...solving, text: `${solving.text} ${why}` };
}

/**
 * When to try again, in words. Empty if the message says everything.
 * @param {Message} message
 * @param {number} seconds until the button is enabled again
 */
export function againText(message, seconds) {
  if (message.again === 'later') {
    return seconds > 0 ? `Try again in ${seconds} s.` : 'You can try again now.';
  }
  if (message.again === 'lottery') {
    return seconds > 0
      ? `Check again in ${seconds} s.`
      : 'You can check now whether it is reached.';
  }
  return '';
}
