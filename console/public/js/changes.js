// @ts-check
/** Follows a change of a sale to its end, also while the network comes and goes. */

import { CallFailed, call } from './api.js';
import { find, keep, make, setAttribute, setShown, setText } from './dom.js';

const LOOK_MS = 300;
const LOOK_AGAIN_MS = 2_000;

/** How a change ended, as the colour of its box. */
const TONES = {
  running: 'busy',
  done: 'done',
  late: 'late',
  refused: 'refused',
  failed: 'refused',
};

/** @typedef {{ state: keyof typeof TONES, lines: string[], sale: string, action: string }} Change */

/**
 * Ids of changes whose answer was lost, by what they are: pressed again, the same change has the same id, and
 * the console does not make it twice.
 * @type {Map<string, string>}
 */
const unanswered = new Map();

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Begins a change, shows how far it is, and returns it when it has ended.
 * @param {string} path
 * @param {Record<string, unknown>} body
 * @returns {Promise<Change | null>} null if it did not begin, or nobody knows how it ended
 */
export async function carryOut(path, body) {
  const what = `${path} ${JSON.stringify(body)}`;
  const id = unanswered.get(what) ?? newId();
  unanswered.set(what, id);
  setShown(find('#change'), true);
  tell('running', 'Writing …');
  try {
    await call('POST', path, { ...body, change: id });
  } catch (error) {
    const isAnswered = error instanceof CallFailed && error.isAnswered;
    if (isAnswered) {
      unanswered.delete(what);
      tell('failed', `Refused: ${error.message}`);
      return null;
    }
  }
  const change = await follow(id);
  if (change === null) {
    tell(
      'failed',
      'It is not known whether this was done. The console has not got it, or has started again since then. Look how the sale is now. Then it can be done again.',
    );
    return null;
  }
  unanswered.delete(what);
  return change;
}

/** @param {keyof typeof TONES} state @param {string} end */
function tell(state, end) {
  show({ state, lines: [], sale: '', action: '' }, end);
}

/**
 * Looks until the change has ended, also if the answer to its beginning was lost.
 * @param {string} id
 * @returns {Promise<Change | null>} null: the console does not know it
 */
async function follow(id) {
  for (;;) {
    try {
      /** @type {Change} */
      const change = await call('GET', `/api/changes/${id}`);
      if (change.state !== 'running') {
        const end = change.lines.at(-1) ?? '';
        show({ ...change, lines: change.lines.slice(0, -1) }, endText(change.state, end));
        return change;
      }
      show(change, 'In progress …');
      await pause(LOOK_MS);
    } catch (error) {
      if (error instanceof CallFailed && error.status === 404) return null;
      const text =
        error instanceof CallFailed && error.status === 401
          ? 'Your session has ended. Sign in again in another tab: this page goes on then.'
          : 'The console does not answer, so it is not known yet whether the change has begun. If it has, it goes on without this page. Looking again …';
      setText(find('#change-end'), text);
      await pause(LOOK_AGAIN_MS);
    }
  }
}

/** @param {string} state @param {string} end */
function endText(state, end) {
  if (state === 'refused') return `Refused: ${end}`;
  return state === 'failed' ? `It broke off: ${end}` : end;
}

/** @param {Change} change @param {string} end */
function show({ state, lines }, end) {
  setAttribute(find('#change'), 'data-tone', TONES[state]);
  keep(
    find('#change-lines'),
    lines.map((line, at) => ({ line, at })),
    ({ line, at }) => `${at} ${line}`,
    ({ line }) => make('li', {}, line),
    () => {},
  );
  setText(find('#change-end'), end);
}
