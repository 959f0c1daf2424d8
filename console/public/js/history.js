// @ts-check
/** The history: actions of people, by hand, by commands and here. */

import { call } from './api.js';
import { find, keep, make, setText } from './dom.js';
import { moment } from './format.js';
import { openPage } from './frame.js';
import { lastQuestion } from './latest.js';

const asked = lastQuestion();

async function load() {
  const note = find('#note');
  const isLast = asked();
  try {
    const { entries, missing } = await call('GET', '/api/history');
    if (!isLast()) return;
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
    if (isLast()) setText(note, error instanceof Error ? error.message : String(error));
  }
}

await openPage();
find('#reload').addEventListener('click', load);
await load();
