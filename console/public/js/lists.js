// @ts-check
/** The lists of blocked and allowed shoppers. */

import { call } from './api.js';
import { control, setNow, textField } from './controls.js';
import { find, keep, make, setText } from './dom.js';
import { count } from './format.js';
import { lastQuestion } from './latest.js';

const asked = lastQuestion();

/** Longer lists are edited with the command. */
const SHOWN_MAX = 100;

/** @type {Record<string, string>} */
const NAMES = {
  'block/users': 'Blocked users',
  'block/ips': 'Blocked addresses',
  'block/agents': 'Blocked programs (User-Agent)',
  'allow/users': 'Allowed users',
  'allow/ips': 'Allowed addresses',
  'allow/agents': 'Allowed programs (User-Agent)',
};

/**
 * @param {HTMLElement} place
 * @param {(kind: string, values: Record<string, unknown>) => Promise<boolean>} edit
 */
export async function showLists(place, edit) {
  const isLast = asked();
  const { lists } = await call('GET', '/api/lists');
  if (!isLast()) return;
  const again = async (
    /** @type {string} */ kind,
    /** @type {string} */ list,
    /** @type {string} */ entry,
  ) => {
    const isMade = await edit(kind, { list, entries: [entry] });
    if (isMade) await showLists(place, edit);
    return isMade;
  };
  keep(
    place,
    lists,
    (/** @type {any} */ { list }) => list,
    (/** @type {any} */ { list }) => {
      const field = textField({ maxlength: '128' });
      const form = control('Entries', field, [
        {
          text: 'Add',
          press: async () => {
            // A refused entry stays, so that it can be corrected.
            if (await again('list-add', list, field.value.trim())) field.value = '';
          },
        },
      ]);
      const heading = make('h3', {}, NAMES[list] ?? list);
      const notes = make('p', { class: 'note' });
      return make(
        'div',
        { class: 'card' },
        heading,
        form,
        notes,
        make('div', { class: 'entries' }),
      );
    },
    (card, /** @type {any} */ { list, entries, refused }) => {
      setNow(find('form', card), count(entries.length));
      const notes = [
        ...(refused === undefined ? [] : [`The text in ZooKeeper is refused: ${refused}`]),
        ...(entries.length > SHOWN_MAX
          ? [`The first ${SHOWN_MAX} are shown; flashsale lists show has all.`]
          : []),
      ];
      setText(find('.note', card), notes.join(' '));
      keep(
        find('.entries', card),
        entries.slice(0, SHOWN_MAX),
        (/** @type {string} */ entry) => entry,
        (entry) => {
          const button = make('button', { type: 'button', class: 'quiet' }, `Remove ${entry}`);
          button.addEventListener('click', () => void again('list-remove', list, entry));
          return button;
        },
        () => {},
      );
    },
  );
}
