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

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Begins a change, shows how far it is, and returns it when it has ended.
 * @param {string} path
 * @param {Record<string, unknown>} body
 * @returns {Promise<Change | null>} null if it did not begin, or nobody knows how it ended
 */
export async function carryOut(path, body) {
  setShown(find('#change'), true);
  show({ state: 'running', lines: [], sale: '', action: '' }, 'Writing …');
  try {
    const { change } = await call('POST', path, body);
    return await follow(change);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const isRefusal = error instanceof CallFailed && error.isRefusal;
    show(
      { state: 'failed', lines: [], sale: '', action: '' },
      isRefusal ? `Refused: ${text}` : text,
    );
    return null;
  }
}

/**
 * @param {string} id
 * @returns {Promise<Change>}
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
      if (error instanceof CallFailed && error.isRefusal) throw error;
      setText(
        find('#change-end'),
        'The console does not answer. The change goes on without this page.',
      );
      await pause(LOOK_AGAIN_MS);
    }
  }
}

/** @param {string} state @param {string} end */
function endText(state, end) {
  if (state === 'refused') return `Refused, nothing was changed: ${end}`;
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
