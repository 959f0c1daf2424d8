// @ts-check
/**
 * The identity of the shopper. A shop stores its own JWT under `flashsale.token` before it sends
 * shoppers here. Without a JWT, and if the demo is on, the page asks for a guest identity and keeps it.
 */

import { becomeGuest } from './api.js';
import { isPreview } from './root.js';
import { forget, recall, remember } from './store.js';

const TOKEN = 'flashsale.token';
/** Set while the token is a guest's. Only guest tokens are replaced by this page. */
const GUEST = 'flashsale.guest';

/**
 * @typedef {{ token: string, user: string, guest: boolean }} Identity
 * @typedef {{ kind: 'known', identity: Identity } | { kind: 'sign_in' }
 *   | import('./api.js').Refused | { kind: 'unanswered' }} Who
 */

/** What a press in the preview of the console answers. @type {import('./api.js').Refused} */
const PREVIEW = {
  kind: 'refused',
  status: 403,
  verdict: 'preview',
  retryAfterSeconds: 0,
  statusUrl: null,
  reason: null,
  challenge: null,
};

/**
 * The shopper of this browser as the shop knows it now. Another tab may have changed it.
 * @returns {Identity | null}
 */
export function currentIdentity() {
  const token = recall(TOKEN);
  if (token === null) return null;
  const guest = recall(GUEST);
  return { token, user: guest ?? subjectOf(token), guest: guest !== null };
}

/** @returns {Promise<Who>} */
export async function identify() {
  if (isPreview()) return PREVIEW;
  const known = currentIdentity();
  if (known !== null) return { kind: 'known', identity: known };
  const answer = await becomeGuest();
  if (answer.kind === 'refused' && answer.status === 404) return { kind: 'sign_in' };
  if (answer.kind === 'refused') return answer;
  if (answer.kind !== 'ok') return { kind: 'unanswered' };
  const { user, token } = answer.body;
  // Another tab hears of one after the other: it knows a guest's token for one.
  remember(GUEST, user);
  remember(TOKEN, token);
  return { kind: 'known', identity: { token, user, guest: true } };
}

/** Forgets the guest, so that the next `identify` gets a new one. Keeps the shop's own tokens. */
export function leaveGuest() {
  if (recall(GUEST) === null) return false;
  forget(TOKEN);
  forget(GUEST);
  return true;
}

/**
 * Returns the user in a JWT, unverified: it only labels what this browser stores.
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
