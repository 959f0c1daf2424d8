// @ts-check
/** Signing in. */

import { call } from './api.js';
import { find, setShown, setText } from './dom.js';

/** @type {Record<string, string>} */
const REFUSED = {
  role: 'You are known there, but you have no role here. Ask whoever runs the console.',
  failed: 'The sign-in at your organization did not work. Try again.',
};

/** @param {string} text */
function tell(text) {
  const problem = find('#problem');
  setText(problem, text);
  setShown(problem, text !== '');
}

/** The page to go back to: only a path of this console, with the name of a sale. */
function destination() {
  const to = new URLSearchParams(location.search).get('to') ?? '/';
  return /^\/[a-z]*(#[\w-]*)?$/.test(to) ? to : '/';
}

const refused = new URLSearchParams(location.search).get('refused');
if (refused !== null) tell(REFUSED[refused] ?? REFUSED['failed'] ?? '');

find('#token-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  tell('');
  const input = find('#token');
  const token = input instanceof HTMLInputElement ? input.value.trim() : '';
  try {
    await call('POST', '/api/session', { token });
    location.assign(destination());
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    input.focus();
  }
});

try {
  const { ways } = await call('GET', '/api/sign-in');
  setShown(find('#token-form'), ways.includes('token'));
  setShown(find('#oidc'), ways.includes('oidc'));
  if (ways.includes('token')) find('#token').focus();
} catch (error) {
  tell(error instanceof Error ? error.message : String(error));
}
