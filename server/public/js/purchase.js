// @ts-check
/**
 * The state of one shopper's purchase of one SKU, from the press to the end of the request. A pure
 * state machine.
 *
 *   ready ─press─▶ asking ─ticket─▶ sending ─accepted─▶ queued ─status─▶ ended
 *                    │ refused        │ refused, or no answer: unsure ─▶ (same key again)
 *                    ▼                ▼
 *                 refused ◀───────────┘         every end lets the shopper press again
 *
 * `unsure` marks a key that the shop may have received although the page got no answer. The key is
 * kept until the shop says what became of it. Until then every press sends the same key, so that a
 * press can never buy twice.
 */

/** The button is off for this time after each press. */
export const PRESS_REST_MS = 5000;

/**
 * @typedef {'ready' | 'asking' | 'sending' | 'queued' | 'refused' | 'ended'} Phase
 *
 * @typedef {object} Purchase
 * @property {Phase} phase
 * @property {string | null} key the idempotency key; null when no request is under way
 * @property {number} quantity
 * @property {readonly import('./api.js').Seat[] | null} seats chosen on a plan; null: the shop chooses
 * @property {boolean} unsure the shop may have taken an earlier send of this key
 * @property {boolean} solving the page computes a proof of work for the shop; `reason` is its cause
 * @property {boolean} offline the last call got no answer and is being repeated
 * @property {number} restUntil monotonic ms: the button is off until then
 * @property {string | null} verdict why the request was refused
 * @property {string | null} status status of the request, once the shop has taken it
 * @property {string | null} reason
 * @property {string | null} orderNo
 *
 * @typedef {{ type: 'press', now: number, key: string, quantity: number,
 *       seats?: readonly import('./api.js').Seat[] | null }
 *   | { type: 'restored', key: string, quantity: number, accepted: boolean,
 *       seats?: readonly import('./api.js').Seat[] | null }
 *   | { type: 'ticket' }
 *   | { type: 'unanswered' }
 *   | { type: 'accepted', reason?: string | null }
 *   | { type: 'puzzle', cause: string | null }
 *   | { type: 'refused', now: number, verdict: string, retryAfterSeconds: number,
 *       reason?: string | null }
 *   | { type: 'gave_up', now: number }
 *   | { type: 'not_known', now: number }
 *   | { type: 'status', status: string, reason?: string | null, orderNo?: string | null }} Event
 */

/** @returns {Purchase} */
export function initialPurchase() {
  return {
    phase: 'ready',
    key: null,
    quantity: 1,
    seats: null,
    unsure: false,
    solving: false,
    offline: false,
    restUntil: 0,
    verdict: null,
    status: null,
    reason: null,
    orderNo: null,
  };
}

/** @param {Purchase} purchase */
export function isBusy({ phase }) {
  return phase === 'asking' || phase === 'sending' || phase === 'queued';
}

/**
 * @param {Purchase} purchase
 * @param {number} now monotonic ms
 */
export function mayPress(purchase, now) {
  return !isBusy(purchase) && now >= purchase.restUntil;
}

/**
 * @param {Purchase} purchase
 * @param {Event} event
 * @returns {Purchase} the same object if the event changes nothing
 */
export function advance(purchase, event) {
  switch (event.type) {
    case 'press':
      return pressed(purchase, event);
    case 'restored':
      if (purchase.phase !== 'ready') return purchase;
      return {
        ...initialPurchase(),
        phase: event.accepted ? 'queued' : 'sending',
        key: event.key,
        quantity: event.quantity,
        seats: event.seats ?? null,
        unsure: !event.accepted,
        offline: !event.accepted,
        status: event.accepted ? 'queued' : null,
      };
    case 'puzzle':
      if (!isBusy(purchase) || purchase.phase === 'queued') return purchase;
      return { ...purchase, phase: 'asking', solving: true, offline: false, reason: event.cause };
    case 'ticket':
      return purchase.phase === 'asking' || purchase.phase === 'sending'
        ? { ...purchase, phase: 'sending', solving: false, offline: false, reason: null }
        : purchase;
    case 'unanswered':
      if (!isBusy(purchase)) return purchase;
      return {
        ...purchase,
        offline: true,
        unsure: purchase.unsure || purchase.phase === 'sending',
      };
    case 'accepted':
      if (!isBusy(purchase)) return purchase;
      return {
        ...purchase,
        phase: 'queued',
        status: 'queued',
        reason: event.reason ?? null,
        unsure: false,
        offline: false,
      };
    case 'refused':
      return refused(purchase, event);
    case 'gave_up':
    case 'not_known':
      return lost(purchase, event);
    case 'status':
      return decided(purchase, event);
  }
}

/**
 * @param {Purchase} purchase
 * @param {Extract<Event, { type: 'press' }>} event
 * @returns {Purchase}
 */
function pressed(purchase, event) {
  if (!mayPress(purchase, event.now)) return purchase;
  return {
    ...initialPurchase(),
    phase: 'asking',
    key: purchase.unsure ? purchase.key : event.key,
    // The key belongs to the first send, so its quantity and its seats are sent again too.
    quantity: purchase.unsure ? purchase.quantity : event.quantity,
    seats: purchase.unsure ? purchase.seats : (event.seats ?? null),
    unsure: purchase.unsure,
    restUntil: event.now + PRESS_REST_MS,
  };
}

/**
 * A refusal ends the press. If the shop may have taken an earlier send of the key, the key is kept.
 * @param {Purchase} purchase
 * @param {Extract<Event, { type: 'refused' }>} event
 * @returns {Purchase}
 */
function refused(purchase, event) {
  if (purchase.phase !== 'asking' && purchase.phase !== 'sending') return purchase;
  return {
    ...purchase,
    phase: 'refused',
    key: purchase.unsure ? purchase.key : null,
    solving: false,
    offline: false,
    verdict: event.verdict,
    reason: event.reason ?? null,
    restUntil: Math.max(purchase.restUntil, event.now + event.retryAfterSeconds * 1000),
  };
}

/**
 * @param {Purchase} purchase
 * @param {Extract<Event, { type: 'gave_up' | 'not_known' }>} event
 * @returns {Purchase}
 */
function lost(purchase, event) {
  if (!isBusy(purchase)) return purchase;
  const unsure = purchase.unsure || event.type === 'not_known';
  return {
    ...purchase,
    phase: 'refused',
    unsure,
    key: unsure ? purchase.key : null,
    solving: false,
    offline: false,
    reason: null,
    status: null,
    verdict: unsure ? 'not_found_yet' : 'unanswered',
    restUntil: Math.max(purchase.restUntil, event.now),
  };
}

/**
 * @param {Purchase} purchase
 * @param {Extract<Event, { type: 'status' }>} event
 * @returns {Purchase}
 */
function decided(purchase, event) {
  if (purchase.phase === 'ready' || purchase.phase === 'refused') return purchase;
  const queued = event.status === 'queued';
  // An outcome is final: a `queued` that arrives after it changes nothing.
  if (queued && purchase.phase === 'ended') return purchase;
  return {
    ...purchase,
    phase: queued ? 'queued' : 'ended',
    key: queued ? purchase.key : null,
    unsure: false,
    offline: false,
    status: event.status,
    reason: event.reason ?? null,
    orderNo: event.orderNo ?? purchase.orderNo,
  };
}
