// @ts-check
/**
 * Handles one press of the buy button to its end: ticket, purchase, then the wait for the outcome.
 * Results go to the state machine as events. Facts that must survive a reload go to the record.
 */

import { buy, getTicket, readRequest } from './api.js';
import { leaveGuest } from './identity.js';
import { backoffMs, pause, pauseOffline } from './pace.js';
import { dropRecord, loadRecords, saveRecord } from './record.js';
import { steadyNow } from './steady.js';

/** A press that gets no answer is given up after this time. */
const PRESS_GIVE_UP_MS = 60_000;
/** The longest pause before it is sent again. */
const PRESS_PAUSE_MAX_MS = 15_000;
/** How long the page asks for a request that the shop may have, before it says "no record". */
const LOOK_FOR_MS = 15_000;
/**
 * How long the shop may say that there is no such request after it has confirmed it. It never says so, unless the sale was removed and
 * put on again, or a web node has just started.
 */
const GONE_MS = 120_000;
/** The shortest time between two status calls, in case the server answers `queued` at once. */
const LOOK_AGAIN_MS = 500;
/** Tickets are valid for seconds. One that has expired on the way is replaced this many times. */
const NEW_TICKETS_MAX = 2;
/**
 * A press at the moment of the opening may reach a web node slightly too early. It is then repeated
 * by itself, at most `EARLY_TICKETS_MAX` times and only if `Retry-After` is at most
 * `EARLY_SECONDS_MAX`.
 */
const EARLY_TICKETS_MAX = 3;
const EARLY_SECONDS_MAX = 2;
/** Challenges that one press solves. More than one if a solution was too late or an answer was lost. */
const PUZZLES_MAX = 3;

/**
 * @typedef {import('./purchase.js').Event} Event
 * @typedef {import('./orders.js').Order} Order
 * @typedef {import('./identity.js').Identity} Identity
 *
 * @typedef {object} Buyer
 * @property {string} sale
 * @property {string} sku
 * @property {() => Promise<import('./identity.js').Who>} who
 * @property {(challenge: unknown) => Promise<string | null>} solve null when this browser cannot
 * @property {(event: Event) => void} tell
 * @property {(order: Order | null) => void} onOrder
 * @property {AbortSignal} signal aborted when another shopper uses this page
 */

/**
 * @param {Buyer} buyer
 * @param {{ key: string, quantity: number, seats: readonly import('./api.js').Seat[] | null, unsure: boolean }} press
 */
export async function handIn(buyer, { key, quantity, seats, unsure }) {
  const { sale, sku, tell, signal } = buyer;
  const startedAt = steadyNow();
  /** @type {string | null} */
  let statusUrl = null;
  /** @type {string | null} */
  let solution = null;
  const tries = { newTickets: 0, early: 0, newGuests: 0, puzzles: 0 };
  for (let failures = 0; !signal.aborted; ) {
    const who = await buyer.who();
    if (signal.aborted) return;
    if (who.kind === 'sign_in') return refuse('unauthenticated', 0);
    if (who.kind === 'refused') return refuse(who.verdict, who.retryAfterSeconds);
    if (who.kind === 'known') {
      const { identity } = who;
      const ticket = await getTicket(sale, sku, identity.token, solution);
      if (signal.aborted) return;
      if (ticket.kind === 'refused' && ticket.challenge !== null) {
        if (tries.puzzles++ >= PUZZLES_MAX) return refuse('puzzle_failed', 0);
        tell({ type: 'puzzle', cause: ticket.reason });
        solution = await buyer.solve(ticket.challenge);
        if (signal.aborted) return;
        if (solution === null) return refuse('puzzle_failed', 0);
        continue;
      }
      if (ticket.kind === 'refused') {
        if (!(await mayAskAgain(ticket, tries, signal))) {
          return refuse(ticket.verdict, ticket.retryAfterSeconds);
        }
        continue;
      }
      if (ticket.kind === 'ok') {
        solution = null;
        tell({ type: 'ticket' });
        const record = { key, user: identity.user, quantity, ...(seats !== null && { seats }) };
        saveRecord(sale, sku, { ...record, statusUrl, accepted: false });
        const { token } = identity;
        const answer = await buy(ticket.body.purchaseUrl, { key, quantity, seats, token, unsure });
        if (signal.aborted) return;
        if (answer.kind === 'ok') {
          statusUrl = String(answer.body.statusUrl);
          saveRecord(sale, sku, { ...record, statusUrl, accepted: true });
          tell({ type: 'accepted' });
          return follow(buyer, { key, statusUrl, accepted: true });
        }
        if (answer.kind === 'refused' && answer.statusUrl === null) {
          const ranOut = answer.verdict === 'ticket_invalid';
          if (ranOut && tries.newTickets++ < NEW_TICKETS_MAX) continue;
          return refuse(answer.verdict, answer.retryAfterSeconds, answer.reason);
        }
        unsure = true;
        if (answer.kind === 'refused') statusUrl = answer.statusUrl;
        saveRecord(sale, sku, { ...record, statusUrl, accepted: false });
      }
    }
    tell({ type: 'unanswered' });
    if (steadyNow() - startedAt > PRESS_GIVE_UP_MS) {
      return unsure
        ? follow(buyer, { key, statusUrl, accepted: false })
        : tell({ type: 'gave_up', now: steadyNow() });
    }
    failures += 1;
    const wait = backoffMs({ kind: 'unanswered' }, failures, Math.random(), PRESS_PAUSE_MAX_MS);
    await pauseOffline(wait, signal);
  }

  /**
   * A refusal is final only if the shop cannot have taken an earlier send of the same key.
   * @param {string} verdict
   * @param {number} retryAfterSeconds
   * @param {string | null} [reason]
   */
  function refuse(verdict, retryAfterSeconds, reason = null) {
    if (unsure) return follow(buyer, { key, statusUrl, accepted: false });
    dropRecord(sale, sku, key);
    tell({ type: 'refused', now: steadyNow(), verdict, retryAfterSeconds, reason });
  }
}

/**
 * Whether the same press should ask for a ticket again after a refusal. Resolves when the time to do
 * so has come.
 * @param {import('./api.js').Refused} refused
 * @param {{ early: number, newGuests: number }} tries
 * @param {AbortSignal} signal
 */
async function mayAskAgain({ verdict, retryAfterSeconds }, tries, signal) {
  const blink = retryAfterSeconds > 0 && retryAfterSeconds <= EARLY_SECONDS_MAX;
  if (blink && (verdict === 'not_open' || verdict === 'overloaded')) {
    if (tries.early++ >= EARLY_TICKETS_MAX) return false;
    await pause(retryAfterSeconds * 1000 + 300 * Math.random(), signal);
    return true;
  }
  // The shop does not know this guest any more (a new demo, a new secret): try once as a new guest.
  return verdict === 'unauthenticated' && tries.newGuests++ === 0 && leaveGuest();
}

/**
 * Follows the requests that an earlier visit to the page, or other tabs, have left undecided. The tile tells of the newest one. Of the
 * others only their orders are shown.
 * @param {Buyer} buyer
 * @param {string} user
 */
export function resume(buyer, user) {
  const { sale, sku } = buyer;
  const [newest, ...earlier] = loadRecords(sale, sku, user);
  if (newest === undefined) return;
  const { key, quantity, seats = null, accepted, statusUrl } = newest;
  buyer.tell({ type: 'restored', key, quantity, seats, accepted });
  for (const other of earlier) {
    const silent = { ...buyer, tell: () => {} };
    void follow(silent, other).then(() => {
      // It has ended, or the shop does not have it: nobody presses with its key again.
      if (!buyer.signal.aborted) dropRecord(sale, sku, other.key);
    });
  }
  return follow(buyer, { key, statusUrl, accepted });
}

/**
 * Asks for the status until the request has ended. The shop can only answer "unknown" about a request
 * that it never confirmed. A confirmed request is followed without a time limit, as long as its sale is there.
 * @param {Buyer} buyer
 * @param {{ key: string, statusUrl: string | null, accepted: boolean }} taken
 */
async function follow(buyer, { key, statusUrl, accepted }) {
  const { sale, sku, tell, signal } = buyer;
  const url = statusUrl ?? `/api/v1/requests/${key}`;
  const lookUntil = steadyNow() + LOOK_FOR_MS;
  /** @type {number | null} */
  let missingSince = null;
  for (let failures = 0; !signal.aborted; ) {
    const who = await buyer.who();
    const token = who.kind === 'known' ? who.identity.token : null;
    const answer = await readRequest(url, { token, signal });
    if (signal.aborted) return;
    if (answer.kind === 'ok') {
      failures = 0;
      const { status, reason, order } = answer.body;
      if (status !== 'queued') {
        dropRecord(sale, sku, key);
        tell({ type: 'status', status, reason, orderNo: order?.orderNo });
        return buyer.onOrder(order ?? null);
      }
      tell({ type: 'accepted', reason });
      await pause(LOOK_AGAIN_MS, signal);
      continue;
    }
    const missing = answer.kind === 'refused' && answer.status === 404;
    missingSince = missing ? (missingSince ?? steadyNow()) : null;
    if (missing && !accepted && steadyNow() > lookUntil) {
      return tell({ type: 'not_known', now: steadyNow() });
    }
    if (missingSince !== null && accepted && steadyNow() - missingSince > GONE_MS) {
      dropRecord(sale, sku, key);
      return tell({ type: 'not_known', now: steadyNow() });
    }
    if (answer.kind === 'unanswered') tell({ type: 'unanswered' });
    failures += 1;
    await pauseOffline(backoffMs(answer, failures, Math.random()), signal);
  }
}
