// @ts-check
/** The history: actions of people, by hand, by commands and here. */

import { call } from './api.js';
import { find, keep, make, setText } from './dom.js';
import { moment } from './format.js';
import { openPage } from './frame.js';

async function load() {
  const note = find('#note');
  try {
    const { entries, missing } = await call('GET', '/api/history');
    const texts = missing.map((/** @type {string} */ text) => `Missing here: ${text}.`);
    if (entries.length === 0) texts.push('Nobody has done anything yet.');
    setText(note, texts.join(' ') || `${entries.length} entries, the newest first.`);
    let number = entries.length;
    keep(
      find('#entries tbody'),
      entries,
      (/** @type {any} */ entry) => `${number--} ${entry.at} ${entry.target}`,
      (/** @type {any} */ { at, who, action, target, from, to, why }) =>
        make(
          'tr',
          {},
          make('td', {}, make('time', { datetime: at }, moment(at))),
          ...[who, action.replaceAll('_', ' '), target, from, to, why].map((text) =>
            make('td', {}, text ?? '–'),
          ),
        ),
      () => {},
    );
  } catch (error) {
    setText(note, error instanceof Error ? error.message : String(error));
  }
}

await openPage();
find('#reload').addEventListener('click', load);
await load();
