// @ts-check
/**
 * The line for units that come back: joins, follows and leaves it for one shopper and SKU. That the
 * shopper waits survives a reload; a place is asked for only by who has one.
 */

import { joinLine, leaveLine, readLine, STATUS_WAIT_SECONDS } from './api.js';
import { timeOfDay } from './format.js';
import { noLine } from './line-view.js';
import { backoffMs, pause } from './pace.js';
import { forget, recall, remember } from './store.js';

/** The shortest time between two looks, should the server answer at once. */
const LOOK_AGAIN_MS = 1000;

/**
 * @typedef {import('./line-view.js').Line} Line
 * @typedef {object} Waiter
 * @property {string} sale
 * @property {string} sku
 * @property {() => Promise<import('./identity.js').Who>} who
 * @property {(change: Partial<Line>) => void} show
 * @property {() => Line} line
 * @property {(order: import('./orders.js').Order | null) => void} onOrder
 * @property {AbortSignal} signal aborted when another person takes over this page
 */

/** What looks at a line now: of several that would look at the same, only the last goes on. */
/** @type {Map<string, AbortController>} */
const looking = new Map();

/** @param {Waiter} waiter */
const nameOf = ({ sale, sku }) => `flashsale.line.${sale}.${sku}`;

/** @param {Waiter} waiter */
async function tokenOf(waiter) {
  const who = await waiter.who();
  return who.kind === 'known' ? who.identity.token : null;
}

/**
 * Why nobody can be said to wait.
 * @param {Exclude<import('./identity.js').Who, { kind: 'known' }>} who
 */
function verdictOf(who) {
  if (who.kind === 'refused') return who.verdict;
  return who.kind === 'sign_in' ? 'unauthenticated' : 'unanswered';
}

/**
 * @param {Waiter} waiter
 * @param {number} quantity
 */
export async function join(waiter, quantity) {
  const { sale, sku, show, signal } = waiter;
  looking.get(nameOf(waiter))?.abort();
  show({ step: 'asking' });
  const who = await waiter.who();
  if (signal.aborted) return;
  if (who.kind !== 'known') return show({ step: 'refused', verdict: verdictOf(who) });
  const { user, token } = who.identity;
  const answer = await joinLine(sale, sku, { quantity, token });
  if (signal.aborted) return;
  if (answer.kind !== 'ok') {
    const verdict = answer.kind === 'refused' ? answer.verdict : 'line_unsure';
    return show({ step: 'refused', verdict });
  }
  remember(nameOf(waiter), user);
  if (take(waiter, answer.body)) await follow(waiter);
}

/**
 * Goes on waiting after a reload.
 * @param {Waiter} waiter
 * @param {string} user
 */
export async function resumeLine(waiter, user) {
  if (recall(nameOf(waiter)) === user) await follow(waiter);
}

/** @param {Waiter} waiter */
export async function leave(waiter) {
  const { sale, sku, show, signal } = waiter;
  looking.get(nameOf(waiter))?.abort();
  show({ step: 'leaving' });
  const answer = await leaveLine(sale, sku, await tokenOf(waiter));
  if (signal.aborted) return;
  // A unit may have come at this very moment: the look that follows tells.
  show(answer.kind === 'ok' ? noLine() : { step: 'waiting' });
  await follow(waiter);
}

/**
 * Looks until the wait is over.
 * @param {Waiter} waiter
 */
async function follow(waiter) {
  const { sale, sku, show } = waiter;
  const mine = new AbortController();
  looking.get(nameOf(waiter))?.abort();
  looking.set(nameOf(waiter), mine);
  const signal = AbortSignal.any([waiter.signal, mine.signal]);
  for (let failures = 0; !signal.aborted; ) {
    const token = await tokenOf(waiter);
    // The first look after a reload is answered at once.
    const wait = waiter.line().step === 'waiting' ? STATUS_WAIT_SECONDS : 0;
    const answer = await readLine(sale, sku, { token, signal, wait });
    if (signal.aborted) return;
    if (answer.kind === 'ok') {
      failures = 0;
      if (!take(waiter, answer.body)) return;
      await pause(LOOK_AGAIN_MS, signal);
      continue;
    }
    if (answer.kind === 'refused' && answer.status === 404) {
      forget(nameOf(waiter));
      return show(noLine());
    }
    failures += 1;
    const asked = answer.kind === 'refused' ? answer.retryAfterSeconds * 1000 : 0;
    await pause(Math.max(asked, backoffMs(failures, Math.random())), signal);
  }
}

/**
 * @param {Waiter} waiter
 * @param {any} entry
 * @returns {boolean} whether the wait goes on
 */
function take(waiter, { status, ahead, order }) {
  const until = order?.payBefore ? timeOfDay(order.payBefore) : '';
  waiter.show({ step: status, ahead: ahead ?? 0, until });
  if (status === 'waiting') return true;
  forget(nameOf(waiter));
  if (order) waiter.onOrder(order);
  return false;
}
