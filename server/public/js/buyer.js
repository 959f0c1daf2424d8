// @ts-check
/**
 * Carries one press to its end: ticket, purchase, then the wait for the outcome. All that it learns
 * goes to the state machine as events; all that must survive a reload goes to the record.
 */

import { buy, getTicket, readRequest } from './api.js';
import { leaveGuest } from './identity.js';
import { backoffMs, pause } from './pace.js';
import { dropRecord, loadRecord, saveRecord } from './record.js';

/** A press without any answer is given up after this long. */
const PRESS_GIVE_UP_MS = 60_000;
/** A number that the shop may have seen is looked for this long before we say "no record". */
const LOOK_FOR_MS = 15_000;
/** The shortest time between two looks, should the server answer `queued` at once. */
const LOOK_AGAIN_MS = 500;
/** Tickets live for seconds: one that ran out on the way is replaced this often. */
const NEW_TICKETS_MAX = 2;
/** A press at the very moment of the opening may be ahead of a web node by a blink: it asks again by
 *  itself, this often and only if the shop says that it is a matter of so many seconds. */
const EARLY_TICKETS_MAX = 3;
const EARLY_SECONDS_MAX = 2;
/** Computations that one press solves: one, unless it came too late or its answer got lost. */
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
 * @property {AbortSignal} signal aborted when another person takes over this page
 */

/**
 * @param {Buyer} buyer
 * @param {{ key: string, quantity: number, unsure: boolean }} press
 */
export async function handIn(buyer, { key, quantity, unsure }) {
  const { sale, sku, tell, signal } = buyer;
  const startedAt = performance.now();
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
        const record = { key, user: identity.user, quantity };
        saveRecord(sale, sku, { ...record, statusUrl, accepted: false });
        const { token } = identity;
        const answer = await buy(ticket.body.purchaseUrl, { key, quantity, token, unsure });
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
    if (performance.now() - startedAt > PRESS_GIVE_UP_MS) {
      return unsure
        ? follow(buyer, { key, statusUrl, accepted: false })
        : tell({ type: 'gave_up', now: performance.now() });
    }
    failures += 1;
    await pause(backoffMs(failures, Math.random()), signal);
  }

  /**
   * A refusal is the last word only if no earlier send of the same number may have been taken.
   * @param {string} verdict
   * @param {number} retryAfterSeconds
   * @param {string | null} [reason]
   */
  function refuse(verdict, retryAfterSeconds, reason = null) {
    if (unsure) return follow(buyer, { key, statusUrl, accepted: false });
    dropRecord(sale, sku);
    tell({ type: 'refused', now: performance.now(), verdict, retryAfterSeconds, reason });
  }
}

/**
 * Whether a ticket that was refused is worth asking for again within the same press; resolves when
 * it is time to.
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
  // The shop forgot this guest (a new demo, a new secret): one more as a new guest.
  return verdict === 'unauthenticated' && tries.newGuests++ === 0 && leaveGuest();
}

/**
 * Goes on with a request that an earlier visit to the page left under way.
 * @param {Buyer} buyer
 * @param {string} user
 */
export function resume(buyer, user) {
  const record = loadRecord(buyer.sale, buyer.sku, user);
  if (record === null) return;
  const { key, quantity, accepted, statusUrl } = record;
  buyer.tell({ type: 'restored', key, quantity, accepted });
  return follow(buyer, { key, statusUrl, accepted });
}

/**
 * Looks until the request has ended. Only a request that the shop never confirmed can be unknown
 * to it; a confirmed one is followed for as long as it takes.
 * @param {Buyer} buyer
 * @param {{ key: string, statusUrl: string | null, accepted: boolean }} taken
 */
async function follow(buyer, { key, statusUrl, accepted }) {
  const { sale, sku, tell, signal } = buyer;
  const url = statusUrl ?? `/api/v1/requests/${key}`;
  const lookUntil = performance.now() + LOOK_FOR_MS;
  for (let failures = 0; !signal.aborted; ) {
    const who = await buyer.who();
    const token = who.kind === 'known' ? who.identity.token : null;
    const answer = await readRequest(url, { token, signal });
    if (signal.aborted) return;
    if (answer.kind === 'ok') {
      failures = 0;
      const { status, reason, order } = answer.body;
      if (status !== 'queued') {
        dropRecord(sale, sku);
        tell({ type: 'status', status, reason, orderNo: order?.orderNo });
        return buyer.onOrder(order ?? null);
      }
      tell({ type: 'accepted', reason });
      await pause(LOOK_AGAIN_MS, signal);
      continue;
    }
    const missing = answer.kind === 'refused' && answer.status === 404;
    if (missing && !accepted && performance.now() > lookUntil) {
      return tell({ type: 'not_known', now: performance.now() });
    }
    if (answer.kind === 'unanswered') tell({ type: 'unanswered' });
    failures += 1;
    const asked = answer.kind === 'refused' ? answer.retryAfterSeconds * 1000 : 0;
    await pause(Math.max(asked, backoffMs(failures, Math.random())), signal);
  }
}
