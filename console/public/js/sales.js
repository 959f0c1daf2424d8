// @ts-check
/** The sales of the shop, and what can be done with them: the same as `flashsale sale …`. */

import { call } from './api.js';
import { carryOut } from './changes.js';
import { find, keep, make, setAttribute, setShown, setText } from './dom.js';
import { count, moment, saleState } from './format.js';
import { openPage } from './frame.js';
import { lastQuestion } from './latest.js';
import { text } from './sale/fields.js';

/**
 * @typedef {{ sku: string, units: number | null, free: number | null, isDaily?: boolean, state: string | null }} Sku
 * @typedef {{ sale: string, title: string, isCalledOff: boolean, opensAt: string, closesAt: string,
 *   skus: Sku[] }} Sale
 *
 * @typedef {object} Deed
 * @property {string} path
 * @property {string} label
 * @property {string} what
 * @property {boolean} [isFinal]
 * @property {(sale: Sale, values: Record<string, string>) => HTMLElement[]} [fields]
 */

/** @type {readonly Deed[]} */
const DEEDS = [
  { path: 'open', label: 'Open now', what: 'It opens at once: before its time, or after a pause.' },
  {
    path: 'pause',
    label: 'Pause',
    what: 'Nothing is admitted for now. Admitted requests are still decided.',
  },
  {
    path: 'extend',
    label: 'Close later',
    what: 'It closes later than announced.',
    fields: (_, values) => [
      input(
        values,
        'until',
        'Until',
        '+30m for so much later (s, m, h, d), or a time with its zone',
      ),
    ],
  },
  {
    path: 'restock',
    label: 'Restock',
    what: 'Units are added, and the quota rises by as many.',
    fields: ({ skus }, values) => [
      choose(
        values,
        'sku',
        'Product',
        skus.map(({ sku }) => sku),
      ),
      input(values, 'units', 'How many more', 'Such as 500', 'numeric'),
    ],
  },
  {
    path: 'close',
    label: 'Close for good',
    what: 'It ends now and cannot be opened again. Orders stay valid.',
    isFinal: true,
  },
  {
    path: 'remove',
    label: 'Remove',
    what: 'A sale that nobody bought from goes, with its products.',
    isFinal: true,
  },
  {
    path: 'call-off',
    label: 'Call off',
    what: 'It ends for good: unpaid orders are cancelled, payments go back, shoppers are told.',
    isFinal: true,
  },
];

/**
 * @param {Record<string, string>} values
 * @param {string} name
 * @param {string} label
 * @param {string} hint
 * @param {string} [inputmode]
 */
function input(values, name, label, hint, inputmode = 'text') {
  const set = (/** @type {string} */ value) => {
    values[name] = value;
  };
  const attributes = { required: '', maxlength: '40', inputmode };
  return text({ path: name, label, hint, value: '', set, attributes });
}

/**
 * @param {Record<string, string>} values
 * @param {string} name
 * @param {string} label
 * @param {readonly string[]} choices
 */
function choose(values, name, label, choices) {
  values[name] = choices[0] ?? '';
  const select = make(
    'select',
    { id: `deed-${name}` },
    ...choices.map((one) => make('option', {}, one)),
  );
  select.addEventListener('input', () => {
    if (select instanceof HTMLSelectElement) values[name] = select.value;
  });
  return make('div', { class: 'field' }, make('label', { for: select.id }, label), select);
}

/** The deed that the dialog asks about. @type {{ deed: Deed, sale: Sale, values: Record<string, string> } | null} */
let asked = null;

const dialog = /** @type {HTMLDialogElement} */ (find('#deed'));
const reason = /** @type {HTMLInputElement} */ (find('#deed-reason'));

/** @param {Deed} deed @param {Sale} sale */
function askFor(deed, sale) {
  /** @type {Record<string, string>} */
  const values = {};
  asked = { deed, sale, values };
  setText(find('#deed-question'), `${deed.label}: ${sale.sale}?`);
  setText(find('#deed-text'), deed.what);
  find('#deed-fields').replaceChildren(...(deed.fields?.(sale, values) ?? []));
  reason.value = '';
  setAttribute(find('#deed-yes'), 'class', deed.isFinal ? 'danger' : null);
  dialog.showModal();
}

async function carryOutAsked() {
  if (asked === null || reason.value.trim() === '') return;
  const { deed, sale, values } = asked;
  const { units, ...others } = values;
  const body = {
    ...others,
    ...(units !== undefined && { units: Number(units) }),
    reason: reason.value,
  };
  dialog.close();
  await carryOut(`/api/sales/${encodeURIComponent(sale.sale)}/${deed.path}`, body);
  await load();
}

/** @param {string} at */
const when = (at) => make('time', { datetime: at }, moment(at));

/** The page of a sale, as shoppers see it. @param {string} shop @param {Sale} sale */
function pageLink(shop, { sale }) {
  const href = `${shop}/sales/${encodeURIComponent(sale)}`;
  const link = make('a', { class: 'button quiet', href, target: '_blank' }, 'Page of the shop');
  link.setAttribute('rel', 'noreferrer');
  link.append(make('span', { class: 'spoken' }, ` ${sale}`));
  return link;
}

/** @param {Sale} sale */
function createCard(sale) {
  const edit = make(
    'a',
    { class: 'button', href: `/sale#${encodeURIComponent(sale.sale)}` },
    'Edit',
  );
  edit.append(make('span', { class: 'spoken' }, ` ${sale.sale}`));
  const page = shopUrl === null ? [] : [pageLink(shopUrl, sale)];
  const card = make(
    'li',
    { class: 'card' },
    make('div', { class: 'card-head' }, make('h3', {}, sale.sale), make('span', { class: 'pill' })),
    make('p', { class: 'title' }),
    make('dl', { class: 'facts' }),
    make('div', { class: 'buttons' }, edit, ...page),
  );
  for (const deed of DEEDS) {
    const button = make('button', { type: 'button', class: 'quiet' }, deed.label);
    button.append(make('span', { class: 'spoken' }, ` ${sale.sale}`));
    button.addEventListener('click', () => askFor(deed, shownSales.get(sale.sale) ?? sale));
    find('.buttons', card).append(button);
  }
  return card;
}

/** @type {Map<string, Sale>} */
const shownSales = new Map();
/** Where shoppers find the sales; null if the console does not know it. @type {string | null} */
let shopUrl = null;

/** @param {Sale} sale @param {number} nowMs */
function stateOf(sale, nowMs) {
  if (sale.isCalledOff) return 'called off';
  const isPaused = sale.skus.some(({ state }) => state === 'paused');
  const state = saleState(sale, nowMs);
  return isPaused && state !== 'over' ? `paused, ${state}` : state;
}

/** @param {Sku} sku */
function stockOf({ units, free, isDaily = false }) {
  if (isDaily) return 'one a day for each shopper';
  return units === null ? 'units not known' : `${count(free)} of ${count(units)} units free`;
}

/** @param {HTMLElement} card @param {Sale} sale @param {number} nowMs */
function showCard(card, sale, nowMs) {
  const state = stateOf(sale, nowMs);
  const pill = find('.pill', card);
  setText(pill, state);
  setAttribute(
    pill,
    'data-state',
    state.startsWith('paused') ? 'paused' : state === 'on sale' ? 'open' : null,
  );
  setText(find('.title', card), sale.title);
  /** @type {[string, Node | string][]} */
  const facts = [
    ['Opens', when(sale.opensAt)],
    ['Closes', when(sale.closesAt)],
    ...sale.skus.map(
      (sku) =>
        /** @type {[string, string]} */ ([
          sku.sku,
          `${stockOf(sku)}${sku.state === null || sku.state === 'open' ? '' : `, ${sku.state}`}`,
        ]),
    ),
  ];
  find('.facts', card).replaceChildren(
    ...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))),
  );
}

const asksAgain = lastQuestion();

async function load() {
  const note = find('#note');
  const isLast = asksAgain();
  try {
    const { sales, serverTime, missing, ...shop } = await call('GET', '/api/sales');
    if (!isLast()) return;
    shopUrl = shop.shopUrl;
    const nowMs = Date.parse(serverTime);
    shownSales.clear();
    for (const sale of sales) shownSales.set(sale.sale, sale);
    const list = find('#sales');
    setAttribute(list, 'aria-busy', null);
    const newestFirst = sales.toSorted((/** @type {Sale} */ one, /** @type {Sale} */ other) =>
      one.opensAt < other.opensAt ? 1 : -1,
    );
    keep(
      list,
      newestFirst,
      (/** @type {Sale} */ { sale }) => sale,
      createCard,
      (card, sale) => showCard(card, sale, nowMs),
    );
    const texts = missing.map((/** @type {string} */ one) => `Missing here: ${one}.`);
    setText(note, sales.length === 0 ? 'There are no sales yet.' : texts.join(' '));
  } catch (error) {
    if (isLast()) setText(note, error instanceof Error ? error.message : String(error));
  }
}

const { roles } = await openPage();
const mayEdit = roles.includes('merchant');
setShown(find('#role-note'), !mayEdit);
setShown(find('#content'), mayEdit);
if (mayEdit) {
  find('#deed-no').addEventListener('click', () => dialog.close());
  find('#deed-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void carryOutAsked();
  });
  find('#reload').addEventListener('click', () => void load());
  await load();
}
