// @ts-check
/** Every sentence with which the page answers, by what the shop has said. */

/**
 * @typedef {'busy' | 'good' | 'wait' | 'stop'} Tone
 *
 * @typedef {object} Message
 * @property {Tone} tone
 * @property {string} title
 * @property {string} text
 * @property {'later' | 'opening' | 'draw' | 'never' | 'none'} again `later`: after Retry-After or a few
 *   seconds; `opening`: by itself; `draw`: pressing is of no use until the shop lets in more; `never`:
 *   not in this sale; `none`: nothing to do
 */

/**
 * @param {Tone} tone
 * @param {Message['again']} again
 * @param {string} title
 * @param {string} text
 * @returns {Message}
 */
function say(tone, again, title, text) {
  return { tone, again, title, text };
}

/** Refusals of the gate: nothing was ordered, and no unit was taken. */
export const VERDICTS = {
  shed: say(
    'wait',
    'later',
    'Not drawn this time',
    'So many people pressed at this moment that only a share of the requests was let in.',
  ),
  rate_limited: say(
    'wait',
    'later',
    'A little too fast',
    'There were more requests from you or your network than the shop takes at once.',
  ),
  cooldown: say(
    'wait',
    'later',
    'Your last request still counts',
    'The shop takes one request per person every few seconds.',
  ),
  quota_spent: say(
    'wait',
    'later',
    'None free at this counter right now',
    'This is not sold out: more units may be handed to this counter at any moment.',
  ),
  quota_unavailable: say(
    'wait',
    'later',
    'The counter is being set up again',
    'This part of the shop is waiting to be told how many units it may sell.',
  ),
  overloaded: say(
    'wait',
    'later',
    'The shop is very busy',
    'Your request was not taken, so that those already waiting can be served.',
  ),
  status_unavailable: say(
    'wait',
    'later',
    'It cannot be told at this moment',
    'The shop cannot look your request up right now. Whatever became of it stays as it is.',
  ),
  sold_out: say(
    'stop',
    'never',
    'Sold out',
    'Every unit has been sold and paid for, so none can come back.',
  ),
  not_open: say(
    'wait',
    'opening',
    'Not open yet',
    'The button opens by itself at the announced time.',
  ),
  paused: say(
    'wait',
    'later',
    'The sale is paused',
    'The shop has stopped the sale for a moment. Requests that it already took are still decided.',
  ),
  closed: say('stop', 'never', 'The sale has ended', 'No new requests are taken.'),
  ticket_invalid: say(
    'wait',
    'later',
    'Your ticket ran out',
    'A ticket is good for a few seconds only. The next press gets a new one.',
  ),
  blocked: say(
    'stop',
    'never',
    'This account cannot take part',
    'The shop has excluded this account or network from the sale. Its support can tell you why.',
  ),
  units_available: say(
    'wait',
    'none',
    'Not every unit is taken',
    'Try to buy one. The line is for units that come back, and opens when nothing is left.',
  ),
  limit_reached: say(
    'stop',
    'none',
    'You have as many as one person may buy',
    'A place in the line would bring you no more.',
  ),
  line_full: say(
    'wait',
    'later',
    'The line is full',
    'As many people wait as it has places. Some may come free in a while.',
  ),
  bad_request: say(
    'stop',
    'later',
    'The shop did not understand this page',
    'Reload the page; it may be older than the shop.',
  ),
};

/** How a request that was taken stands, or how it ended. */
export const OUTCOMES = {
  queued: say(
    'busy',
    'none',
    'Your request is in the queue',
    'It is safe and counts once. You may stay here or come back later.',
  ),
  ordered: say('good', 'none', 'It is yours', 'Pay in time to keep it.'),
  paid: say('good', 'none', 'Paid', 'Thank you. This order is complete.'),
  free: say('good', 'none', 'It is yours', 'It costs nothing, so there is nothing to pay.'),
  cancelled: say('wait', 'later', 'Order cancelled', 'What it held was given back.'),
  expired: say(
    'wait',
    'later',
    'Order expired',
    'It was not paid in time, so what it held was given back.',
  ),
  refund_due: say(
    'stop',
    'none',
    'Your payment will be returned',
    'It came after the order had ended, and no unit could be sold for it.',
  ),
  refunded: say(
    'stop',
    'none',
    'Your payment was returned',
    'It came after the order had ended, and no unit could be sold for it.',
  ),
  sold_out: say('stop', 'never', 'Sold out', 'The last unit went to a request before yours.'),
  limit_reached: say(
    'stop',
    'none',
    'You have as many as one person may buy',
    'This request was not added to your orders.',
  ),
  closed: say(
    'stop',
    'never',
    'The sale has ended',
    'Your request was decided after the end of the sale, and nothing was ordered.',
  ),
  rejected: say(
    'wait',
    'later',
    'This request could not be taken',
    'Nothing was ordered with it. A new press is a new request.',
  ),
};

/** What only this page can know. */
export const PAGE_MESSAGES = {
  asking: say('busy', 'none', 'Asking for your ticket', 'One moment.'),
  sending: say('busy', 'none', 'Handing in your request', 'One moment.'),
  solving: say(
    'busy',
    'none',
    'A small computation first',
    'Your device solves it by itself within seconds, and then asks for your ticket again.',
  ),
  puzzle_failed: say(
    'stop',
    'later',
    'The computation could not be solved here',
    'No ticket was given. It needs a current browser on a secure (https) connection: reload the page, or use another browser.',
  ),
  reaching: say(
    'busy',
    'none',
    'No connection to the shop',
    'Nothing has been handed in yet. This page keeps trying for you.',
  ),
  unsure: say(
    'busy',
    'none',
    'The connection broke off',
    'The shop may have your request already. This page asks again with the same number, so it counts once.',
  ),
  unanswered: say(
    'wait',
    'later',
    'No answer from the shop',
    'Nothing has been handed in. Check your connection.',
  ),
  line_unsure: say(
    'wait',
    'later',
    'No answer from the shop',
    'You may have a place in the line already. Asking again never makes it two.',
  ),
  not_found_yet: say(
    'wait',
    'later',
    'The shop has no record of your request',
    'It most likely never arrived. Press again: the number stays the same, so it counts once.',
  ),
  following: say(
    'busy',
    'none',
    'Your request is in the queue',
    'The connection broke off, but the shop has your request. This page keeps asking.',
  ),
  unauthenticated: say(
    'stop',
    'none',
    'Please sign in',
    'Sign in at the shop and come back to this page to take part.',
  ),
  not_found: say('stop', 'none', 'Not here', 'The shop has nothing at this address for you.'),
  not_allowed_now: say(
    'stop',
    'none',
    'Too late for that',
    'The order has moved on. What you see now is how it stands.',
  ),
  internal_error: say(
    'wait',
    'later',
    'Something broke at the shop',
    'It is not your doing. What you send again counts once.',
  ),
};

/** Where a refusal or an outcome carries a reason that changes what is true. */
export const BY_REASON = {
  'shed/lottery': say(
    'wait',
    'draw',
    'Your place in the draw is not reached',
    'It stays the same however often you press. The shop may let in more later, and then it can be.',
  ),
  'quota_spent/too_few_now': say(
    'wait',
    'later',
    'Not as many as you ask for right now',
    'Some are there: ask for fewer, or try again for all of them.',
  ),
  'queued/delayed': say(
    'busy',
    'none',
    'Your request takes longer than usual',
    'It is safe and counts once. Somebody at the shop has to look at it; you may come back later.',
  ),
  'sold_out/units_may_return': say(
    'wait',
    'later',
    'All units are taken for now',
    'What is not paid for in time comes back. It goes first to those who wait in the line.',
  ),
  'rejected/refused_by_operator': say(
    'wait',
    'later',
    'The shop could not decide this request',
    'Nothing was ordered with it, and nothing is held for it. A new press is a new request.',
  ),
  'rejected/request_id_taken': say(
    'wait',
    'later',
    'This request could not be taken',
    'Its number belongs to someone else. A new press gets a new number.',
  ),
};

/** Why the shop asks for a computation. */
export const PUZZLE_CAUSES = {
  operator: 'The shop asks everybody at this moment.',
  user_rate: 'The shop asks because you pressed very often.',
  network_rate: 'The shop asks because your network asked very often.',
  network_users: 'The shop asks because very many people come from your network.',
  late_ticket: 'The shop asks because your last ticket was kept for long.',
  missing_headers: 'The shop asks because your browser says less of itself than others do.',
};
