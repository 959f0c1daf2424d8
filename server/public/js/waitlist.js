// @ts-check
/**
 * Joins, follows and leaves the waitlist of one SKU for one shopper. The browser remembers the place
 * over a reload. The page asks the shop about a place only if the browser remembers one.
 */

import { joinWaitlist, leaveWaitlist, readWaitlist, STATUS_WAIT_SECONDS } from './api.js';
import { backoffMs, growingDelayMs, pause, pauseOffline } from './pace.js';
import { steadyNow } from './steady.js';
import { forget, recall, remember } from './store.js';
import { noPlace } from './waitlist-view.js';

/** The shortest and the longest pause between two status calls. A claim lasts for minutes. */
const LOOK_AGAIN_MS = { first: 1000, longest: 15_000 };

/**
 * @typedef {import('./waitlist-view.js').Place} Place
 * @typedef {object} WaitingShopper
 * @property {string} sale
 * @property {string} sku
 * @property {() => Promise<import('./identity.js').Who>} who
 * @property {(change: Partial<Place>) => void} show
 * @property {() => Place} place
 * @property {(order: import('./orders.js').Order | null) => void} onOrder
 * @property {AbortSignal} signal aborted when another shopper uses this page
 */

/** The running `follow` of each place. A new one aborts the one before it. */
/** @type {Map<string, AbortController>} */
const looking = new Map();

/** @param {WaitingShopper} shopper */
// The prefix is stored in browsers: it stays as it was released.
const nameOf = ({ sale, sku }) => `flashsale.line.${sale}.${sku}`;

/** @param {WaitingShopper} shopper */
async function tokenOf(shopper) {
  const who = await shopper.who();
  return who.kind === 'known' ? who.identity.token : null;
}

/**
 * The verdict to show when there is no identity.
 * @param {Exclude<import('./identity.js').Who, { kind: 'known' }>} who
 */
function verdictOf(who) {
  if (who.kind === 'refused') return who.verdict;
  return who.kind === 'sign_in' ? 'unauthenticated' : 'unanswered';
}

/**
 * @param {WaitingShopper} shopper
 * @param {number} quantity
 */
export async function join(shopper, quantity) {
  const { sale, sku, show, signal } = shopper;
  looking.get(nameOf(shopper))?.abort();
  show({ step: 'asking' });
  const who = await shopper.who();
  if (signal.aborted) return;
  if (who.kind !== 'known') return show({ step: 'refused', verdict: verdictOf(who) });
  const { user, token } = who.identity;
  const answer = await joinWaitlist(sale, sku, { quantity, token });
  if (signal.aborted) return;
  if (answer.kind !== 'ok') {
    const verdict = answer.kind === 'refused' ? answer.verdict : 'waitlist_unsure';
    show({ step: 'refused', verdict });
    if (answer.kind === 'refused' && answer.status < 500) return;
    // The shop, or its database, may have given a place, and a unit may be held for it in a moment.
    remember(nameOf(shopper), user);
    return follow(shopper);
  }
  remember(nameOf(shopper), user);
  if (take(shopper, answer.body)) await follow(shopper);
}

/**
 * Follows the place again after a reload.
 * @param {WaitingShopper} shopper
 * @param {string} user
 */
export async function resumeWaitlist(shopper, user) {
  if (recall(nameOf(shopper)) === user) await follow(shopper);
}

/** @param {WaitingShopper} shopper */
export async function leave(shopper) {
  const { sale, sku, show, signal } = shopper;
  looking.get(nameOf(shopper))?.abort();
  show({ step: 'leaving' });
  const answer = await leaveWaitlist(sale, sku, await tokenOf(shopper));
  if (signal.aborted) return;
  // A unit may have been assigned at this moment: the next status call tells.
  show(answer.kind === 'ok' ? noPlace() : { step: 'waiting' });
  await follow(shopper);
}

/**
 * Asks for the status of the place until the wait is over.
 * @param {WaitingShopper} shopper
 */
async function follow(shopper) {
  const { sale, sku, show } = shopper;
  const mine = new AbortController();
  looking.get(nameOf(shopper))?.abort();
  looking.set(nameOf(shopper), mine);
  const signal = AbortSignal.any([shopper.signal, mine.signal]);
  const startedAt = steadyNow();
  for (let failures = 0; !signal.aborted; ) {
    const token = await tokenOf(shopper);
    // The first call after a reload is answered at once.
    const wait = shopper.place().step === 'waiting' ? STATUS_WAIT_SECONDS : 0;
    const answer = await readWaitlist(sale, sku, { token, signal, wait });
    if (signal.aborted) return;
    if (answer.kind === 'ok') {
      failures = 0;
      if (!take(shopper, answer.body)) return;
      const { first, longest } = LOOK_AGAIN_MS;
      const waitedMs = steadyNow() - startedAt;
      await pause(growingDelayMs(waitedMs, first, longest, Math.random()), signal);
      continue;
    }
    if (answer.kind === 'refused' && answer.status === 404) {
      forget(nameOf(shopper));
      // That there was no answer stays on the page: the call may still be on its way.
      return shopper.place().step === 'refused' ? undefined : show(noPlace());
    }
    failures += 1;
    await pauseOffline(backoffMs(answer, failures, Math.random()), signal);
  }
}

/**
 * @param {WaitingShopper} shopper
 * @param {any} entry
 * @returns {boolean} whether the wait goes on
 */
function take(shopper, { status, ahead, order }) {
  shopper.show({ step: status, ahead: ahead ?? 0, payBefore: order?.payBefore ?? null });
  if (status === 'waiting') return true;
  forget(nameOf(shopper));
  if (order) shopper.onOrder(order);
  return false;
}
