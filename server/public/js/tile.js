// @ts-check
/** One product's tile on the sale page. */

import {
  find,
  fromTemplate,
  imageUrl,
  isEnabled,
  setAttribute,
  setEnabled,
  setShown,
  setText,
  setWords,
} from './dom.js';
import { count, money, pictureOf } from './format.js';
import { fill, language, textIn, texts, titleIn } from './language.js';
import { showPicture } from './picture.js';
import { solvePuzzle } from './puzzle.js';
import { limitText } from './view.js';

/**
 * @typedef {import('./waitlist-view.js').WaitlistView} WaitlistView
 *
 * @typedef {object} Tile
 * @property {HTMLElement} element
 * @property {(sku: import('./view.js').Sku, streak: number, first?: string) => void} describe `streak`: days in
 *   a row of daily goods; `first`: the first language of the sale
 * @property {(view: import('./view.js').TileView, waitlist: WaitlistView) => void} show
 * @property {(challenge: unknown, signal: AbortSignal) => Promise<string | null>} solve shows that the
 *   computation runs; null when this browser cannot solve the challenge
 */

/**
 * @param {import('./view.js').Sku} sku
 * @param {(quantity: number) => void} onPress
 * @param {(quantity: number) => void} onWait joins the waitlist or leaves it
 * @param {() => void} [onPlan] opens the plan of numbered goods
 * @returns {Tile}
 */
export function createTile(sku, onPress, onWait, onPlan = () => {}) {
  const element = fromTemplate('tile');
  const button = find('.buy', element);
  const status = find('.status', element);
  const select = element.querySelector('select');
  if (select === null) throw new Error('the tile has no quantity');
  const id = `sku-${sku.sku}`;
  element.dataset['sku'] = sku.sku;
  find('article', element).setAttribute('aria-labelledby', id);
  find('.name', element).id = id;
  status.id = `${id}-status`;
  button.setAttribute('aria-describedby', status.id);

  button.addEventListener('click', () => {
    if (isEnabled(button)) onPress(Number(select.value) || 1);
  });

  const toOrders = find('.to-orders', element);
  const wait = find('.wait', element);
  wait.addEventListener('click', () => {
    if (isEnabled(wait)) onWait(Number(select.value) || 1);
  });

  const plan = find('.plan-open', element);
  plan.addEventListener('click', () => onPlan());

  /** @type {{ sku?: import('./view.js').Sku, language?: string, streak?: number }} */
  let described = {};

  return {
    element,
    solve: (challenge, signal) => solvePuzzle(find('.puzzle', element), challenge, signal),
    describe(sku, streak, first) {
      // Drawn ten times a second; the terms change with an answer of the shop or with the language.
      const isSame = described.sku === sku && described.streak === streak;
      if (isSame && described.language === language) return;
      described = { sku, language, streak };
      const { price, currency, limit, presentation } = sku;
      showPictureOf(find('.picture', element), sku, first);
      const words = titleIn(sku, first);
      setWords(find('.description', element), textIn(presentation?.description, first, ''));
      setWords(find('.name bdi', element), words);
      setText(find('.of', button), fill(texts.button.of, { title: words.text }));
      setAttribute(select, 'aria-label', fill(texts.tile.quantityOf, { title: words.text }));
      setText(find('.price', element), money(price, currency));
      setText(find('.limit', element), limitText(sku, streak));
      showPot(find('.pot', element), sku);
      if (select.options.length !== limit) {
        select.replaceChildren(
          ...Array.from({ length: limit }, (_, i) => new Option('', String(i + 1))),
        );
      }
      for (const option of select.options) setText(option, count(Number(option.value)));
    },
    show(view, waitlist) {
      const isAtWait = document.activeElement === wait;
      const badge = find('.badge', element);
      setText(badge, view.badge.text);
      setAttribute(badge, 'data-kind', view.badge.kind);
      setText(find('.label', button), view.button.label);
      setText(find('.tick', button), view.button.tick);
      setAttribute(button, 'aria-busy', view.button.busy ? 'true' : null);
      setEnabled(button, view.button.enabled);
      setAttribute(element, 'data-tone', view.status?.tone ?? null);
      setText(find('.status-title', element), view.status?.title ?? '');
      setText(find('.status-text', element), view.status?.text ?? '');
      setText(find('.again', element), view.again);
      setText(find('.again-spoken', element), view.againSpoken);
      setShown(find('.quantity', element), view.quantity);
      showWord(plan, view.plan);
      showWord(toOrders, view.toOrders);
      showWaitlist(element, waitlist);
      // The focused button has gone: the focus moves to the order, or to the buy button.
      if (isAtWait && waitlist.button === '') (view.toOrders ? toOrders : button).focus();
    },
  };
}

/**
 * @param {HTMLElement} element is gone without a word
 * @param {string} word
 */
function showWord(element, word) {
  setText(element, word);
  setShown(element, word !== '');
}

/**
 * @param {HTMLElement} element
 * @param {WaitlistView} waitlist
 */
function showWaitlist(element, waitlist) {
  const wait = find('.wait', element);
  setText(find('.waitlist-title', element), waitlist.title);
  setText(find('.waitlist-text', element), waitlist.text);
  showWord(wait, waitlist.button);
  setEnabled(wait, waitlist.enabled);
}

/**
 * What a pot of money was committed to before the sale opened.
 * @param {HTMLElement} place
 * @param {import('./view.js').Sku} sku
 */
function showPot(place, { pot }) {
  const hash = pot?.sha256 ?? '';
  setText(find('.pot-says', place), texts.packets.divided);
  setText(find('.pot-hash', place), hash);
  setShown(place, hash !== '');
}

/**
 * @param {HTMLElement} place
 * @param {import('./view.js').Sku} sku
 * @param {string | undefined} first
 */
function showPictureOf(place, { sku, title, presentation }, first) {
  const illustration = pictureOf(sku, title);
  setAttribute(place, 'data-picture', illustration);
  showPicture(find('img', place), presentation?.picture, first, imageUrl(illustration));
}
