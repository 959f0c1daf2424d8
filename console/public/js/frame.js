// @ts-check
/** The frame of all pages: the name of the signed-in person, and the way to sign out. */

import { call, currentSession } from './api.js';
import { find, setShown, setText } from './dom.js';

/** @returns {Promise<import('./api.js').Session>} */
export async function openPage() {
  // The keyboard scrolls what is wider than the screen.
  for (const wide of document.querySelectorAll('.scroll')) wide.setAttribute('tabindex', '0');
  const session = await currentSession();
  setText(find('#who'), `${session.login} · ${session.roles.join(', ')}`);
  const out = find('#sign-out');
  setShown(out, true);
  out.addEventListener('click', async () => {
    await call('DELETE', '/api/session').catch(() => {});
    location.assign('/login');
  });
  return session;
}

/** @param {string} text empty: nothing to tell */
export function tellNetwork(text) {
  const notice = find('#network');
  setText(notice, text);
  setShown(notice, text !== '');
}
