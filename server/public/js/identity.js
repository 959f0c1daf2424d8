// @ts-check
/**
 * Who is shopping. A shop puts its own JWT under `flashsale.token` before it sends people here;
 * where there is none and the demo is on, the page asks for a guest identity and keeps it.
 */

import { becomeGuest } from './api.js';
import { forget, recall, remember } from './store.js';

const TOKEN = 'flashsale.token';
/** Set while the token is a guest's: only those are thrown away and asked for again. */
const GUEST = 'flashsale.guest';

/**
 * @typedef {{ token: string, user: string, guest: boolean }} Identity
 * @typedef {{ kind: 'known', identity: Identity } | { kind: 'sign_in' }
 *   | import('./api.js').Refused | { kind: 'unanswered' }} Who
 */

/** @returns {Identity | null} */
function currentIdentity() {
  const token = recall(TOKEN);
  if (token === null) return null;
  const guest = recall(GUEST);
  return { token, user: guest ?? subjectOf(token), guest: guest !== null };
}

/** @returns {Promise<Who>} */
export async function identify() {
  const known = currentIdentity();
  if (known !== null) return { kind: 'known', identity: known };
  const answer = await becomeGuest();
  if (answer.kind === 'refused' && answer.status === 404) return { kind: 'sign_in' };
  if (answer.kind === 'refused') return answer;
  if (answer.kind !== 'ok') return { kind: 'unanswered' };
  const { user, token } = answer.body;
  remember(TOKEN, token);
  remember(GUEST, user);
  return { kind: 'known', identity: { token, user, guest: true } };
}

/** The next `identify` gets a fresh guest. A shop's own token is the shop's to replace. */
export function leaveGuest() {
  if (recall(GUEST) === null) return false;
  forget(TOKEN);
  forget(GUEST);
  return true;
}

/**
 * The user in a JWT, unverified: it only labels what this browser keeps.
 * @param {string} token
 */
function subjectOf(token) {
  try {
    const payload = token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? '';
    const { sub } = JSON.parse(atob(payload));
    return typeof sub === 'string' ? sub : 'you';
  } catch {
    return 'you';
  }
}
