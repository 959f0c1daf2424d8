// @ts-check
/** All messages of the page, by what the shop has answered. */

/**
 * @typedef {'busy' | 'good' | 'wait' | 'stop'} Tone
 *
 * @typedef {object} Message
 * @property {Tone} tone
 * @property {string} title
 * @property {string} text
 * @property {'later' | 'opening' | 'lottery' | 'never' | 'none'} again `later`: after Retry-After or a few
 *   seconds; `opening`: by itself; `lottery`: pressing does not help until the shop lets in more;
 *   `never`: not in this sale; `none`: nothing to do
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

/** Refusals: nothing was ordered, and no unit was taken. */
export const VERDICTS = {
  shed: say(
    'wait',
    'later',
    'Not let in this time',
    'So many people pressed at the same moment that only a share of the requests was let in.',
  ),
  rate_limited: say(
    'wait',
    'later',
    'A little too fast',
    'You or your network sent more requests than the shop takes at once.',
  ),
  cooldown: say(
    'wait',
    'later',
    'Please wait before your next request',
    'The shop took a request from you a moment ago. It takes one per person every few seconds.',
  ),
  quota_spent: say(
    'wait',
    'later',
    'None available here right now',
    'This is not sold out: more units may become available here at any moment.',
  ),
  quota_unavailable: say(
    'wait',
    'later',
    'This part of the shop cannot sell right now',
    'It is waiting to hear how many units it may sell.',
  ),
  overloaded: say(
    'wait',
    'later',
    'The shop is very busy',
    'Your request was not taken, so that the people who are already waiting can be served.',
  ),
  status_unavailable: say(
    'wait',
    'later',
    'The status is not available right now',
    'The shop cannot look up your request at the moment. This does not change its result.',
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
    'The button turns on by itself at the announced time.',
  ),
  paused: say(
    'wait',
    'later',
    'The sale is paused',
    'The shop has stopped the sale for now. Requests that it already took are still decided.',
  ),
  closed: say('stop', 'never', 'The sale has ended', 'No new requests are taken.'),
  ticket_invalid: say(
    'wait',
    'later',
    'Your ticket has expired',
    'A ticket is valid for a few seconds only. Press again to get a new one.',
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
    'Try to buy one. The waitlist is for units that come back. It opens when none is left.',
  ),
  limit_reached: say(
    'stop',
    'none',
    'You have as many as one person may buy',
    'A place in the waitlist would not get you more.',
  ),
  line_full: say(
    'wait',
    'later',
    'The waitlist is full',
    'Every place in it is taken. Some may become free in a while.',
  ),
  bad_request: say(
    'stop',
    'later',
    'The shop did not understand this page',
    'Reload the page: it may be out of date.',
  ),
};

/** The status or the outcome of a request that was taken. */
export const OUTCOMES = {
  queued: say(
    'busy',
    'none',
    'Your request is in the queue',
    'It is safe and counts once. You can stay here or come back later.',
  ),
  ordered: say('good', 'none', 'It is yours', 'Pay in time to keep it.'),
  paid: say('good', 'none', 'Paid', 'Thank you. This order is complete.'),
  free: say('good', 'none', 'It is yours', 'It costs nothing, so there is nothing to pay.'),
  cancelled: say('wait', 'later', 'Order cancelled', 'Its units were given back.'),
  expired: say(
    'wait',
    'later',
    'Order expired',
    'It was not paid in time, so its units were given back.',
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
    'Nothing was ordered with it. If you press again, you send a new request.',
  ),
};

/** Messages about what only this page knows. */
export const PAGE_MESSAGES = {
  asking: say('busy', 'none', 'Getting your ticket', 'One moment.'),
  sending: say('busy', 'none', 'Sending your request', 'One moment.'),
  solving: say(
    'busy',
    'none',
    'A small computation first',
    'Your device solves it by itself within seconds and then asks for your ticket again.',
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
    'Your request has not been sent yet. This page keeps trying for you.',
  ),
  unsure: say(
    'busy',
    'none',
    'The connection was interrupted',
    'The shop may already have your request. This page asks again with the same number, so it counts once.',
  ),
  unanswered: say(
    'wait',
    'later',
    'No answer from the shop',
    'Your request has not been sent. Check your connection.',
  ),
  waitlist_unsure: say(
    'wait',
    'later',
    'No answer from the shop',
    'You may already have a place in the waitlist. Asking again never gives you a second one.',
  ),
  not_found_yet: say(
    'wait',
    'later',
    'The shop has no record of your request',
    'It has most likely never arrived. Press again: it keeps its number, so it counts once.',
  ),
  following: say(
    'busy',
    'none',
    'Your request is in the queue',
    'The connection was interrupted, but the shop has your request. This page keeps asking for the result.',
  ),
  unauthenticated: say(
    'stop',
    'none',
    'Please sign in',
    'Sign in at the shop, then come back to this page to take part.',
  ),
  not_found: say('stop', 'none', 'Not found', 'The shop has nothing at this address for you.'),
  not_allowed_now: say(
    'stop',
    'none',
    'Too late for that',
    'The order has changed. You now see its current state.',
  ),
  internal_error: say(
    'wait',
    'later',
    'Something went wrong at the shop',
    'You did nothing wrong. What you send again counts once.',
  ),
};

/** Messages for a verdict or outcome with a reason that changes what is true. */
export const BY_REASON = {
  'closed/called_off': say(
    'stop',
    'never',
    'The shop has called this sale off',
    'Orders of this sale are cancelled, and whoever has paid gets the money back.',
  ),
  'cancelled/by_shop': say('stop', 'none', 'The shop cancelled this order', ''),
  'cancelled/called_off': say(
    'stop',
    'none',
    'Order cancelled',
    'The shop has called this sale off.',
  ),
  'shed/lottery': say(
    'wait',
    'lottery',
    'Your place in the lottery is not reached',
    'It stays the same however often you press. The shop may let in more people later, and then your place may be reached.',
  ),
  'quota_spent/too_few_now': say(
    'wait',
    'later',
    'Not as many available right now',
    'Some of the units that you ask for are available: ask for fewer, or try again for all of them.',
  ),
  'queued/delayed': say(
    'busy',
    'none',
    'Your request takes longer than usual',
    'It is safe and counts once. Somebody at the shop has to look at it. You can come back later.',
  ),
  'sold_out/units_may_return': say(
    'wait',
    'later',
    'All units are taken for now',
    'Units that are not paid for in time come back. They go first to the shoppers in the waitlist.',
  ),
  'rejected/refused_by_operator': say(
    'wait',
    'later',
    'The shop could not decide this request',
    'Nothing was ordered with it, and nothing is held for it. If you press again, you send a new request.',
  ),
  'rejected/request_id_taken': say(
    'wait',
    'later',
    'This request could not be taken',
    'Its number belongs to someone else. If you press again, you get a new number.',
  ),
};

/** Why the shop requires a computation. */
export const PUZZLE_CAUSES = {
  operator: 'The shop asks everybody for one at the moment.',
  user_rate: 'The shop asks because you pressed very often.',
  network_rate: 'The shop asks because your network sent very many requests.',
  network_users: 'The shop asks because very many people come from your network.',
  late_ticket: 'The shop asks because your last ticket was used late.',
  missing_headers:
    'The shop asks because your browser tells less about itself than other browsers do.',
};
