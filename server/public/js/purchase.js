// @ts-check
/**
 * One shopper, one SKU: from the press to the end of the request, as a pure state machine.
 *
 *   ready ─press─▶ asking ─ticket─▶ sending ─accepted─▶ queued ─status─▶ ended
 *                    │ refused        │ refused, or no answer: unsure ─▶ (same number again)
 *                    ▼                ▼
 *                 refused ◀───────────┘         every end lets the shopper press again
 *
 * `unsure` marks a number that the shop may have seen without our hearing of it. It is kept until
 * the shop says what became of it; until then every press uses the same number, so that a press
 * can never buy twice.
 */

/** The button rests this long after each press. */
export const PRESS_REST_MS = 5000;

/**
 * @typedef {'ready' | 'asking' | 'sending' | 'queued' | 'refused' | 'ended'} Phase
 *
 * @typedef {object} Purchase
 * @property {Phase} phase
 * @property {string | null} key the request's number (Idempotency-Key); null when none is alive
 * @property {number} quantity
 * @property {boolean} unsure an earlier send of this number may have been taken
 * @property {boolean} solving the shop asked for a proof of work, which is being done; `reason` is why
 * @property {boolean} offline the last call got no answer; it is being repeated
 * @property {number} restUntil monotonic ms: the button is off until then
 * @property {string | null} verdict why it was refused
 * @property {string | null} status how the request stands, once the shop has taken it
 * @property {string | null} reason
 * @property {string | null} orderNo
 *
 * @typedef {{ type: 'press', now: number, key: string, quantity: number }
 *   | { type: 'restored', key: string, quantity: number, accepted: boolean }
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
 * @returns {Purchase} the same object where the event changes nothing
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
    // The number stands for what was asked for first, so the quantity stays with it.
    quantity: purchase.unsure ? purchase.quantity : event.quantity,
    unsure: purchase.unsure,
    restUntil: event.now + PRESS_REST_MS,
  };
}

/**
 * A refusal ends the press. If the number may have been taken by an earlier send, it stays alive.
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
  // An outcome is final: an answer that was overtaken on the way changes nothing.
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
