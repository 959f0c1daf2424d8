// @ts-check
/** Customer service: find what a shopper asks about, tell its story, and do what is needed. */

import { CallFailed, call } from './api.js';
import { confirmed } from './controls.js';
import { find, make, setAttribute, setShown, setText } from './dom.js';
import { openPage } from './frame.js';
import { lastQuestion } from './latest.js';

/** @typedef {{ text?: string, time?: string }[]} Parts */

/** The path of the story that is shown; empty for none. */
let shownPath = '';
/** A search and the opening of a story replace what an earlier one shows. */
const asked = lastQuestion();
/** A second press while a change is under way must not do it twice. */
let isBusy = false;

/** @param {string} time */
function exactTime(time) {
  const text = new Date(time).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'long' });
  return make('time', { datetime: time }, text);
}

/** @param {Parts} parts */
function sentence(parts) {
  return parts.map(({ text = '', time }) => (time === undefined ? text : exactTime(time)));
}

/** @param {string} selector */
function field(selector) {
  const element = find(selector);
  if (!(element instanceof HTMLInputElement)) throw new Error(`${selector} is no field`);
  return element;
}

/** @param {unknown} error */
function failureText(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {'done' | 'refused'} tone @param {string} text */
function tell(tone, text) {
  const result = find('#result');
  setAttribute(result, 'data-tone', tone);
  setText(result, text);
}

/** @typedef {{ path: string, body?: object, text: string, name?: string, ask?: [string, string] }} Change */

/** The changes that are possible now. @param {any} story @returns {Change[]} */
function changesOf({ order, userId, notices, isBlocked }) {
  const of = `/api/orders/${order?.orderNo}`;
  return [
    ...(order?.status === 'ordered'
      ? [
          {
            path: `${of}/cancel`,
            text: 'Cancel the order',
            name: 'danger',
            ask: /** @type {[string, string]} */ ([
              `Cancel order ${order.orderNo}?`,
              'Its units go to others at once. This cannot be undone.',
            ]),
          },
        ]
      : []),
    ...(order?.status === 'paid'
      ? [
          {
            path: `${of}/refund`,
            text: 'Refund it',
            name: 'danger',
            ask: /** @type {[string, string]} */ ([
              `Refund order ${order.orderNo}?`,
              `${order.amount} ${order.currency} go back, and its units go to others at once. This cannot be undone.`,
            ]),
          },
        ]
      : []),
    ...(order === null ? [] : [{ path: `${of}/note`, text: 'Write the remark', name: '' }]),
    ...notices.flatMap((/** @type {any} */ { noticeNo, send }) =>
      send === null ? [] : [{ path: `/api/notices/${noticeNo}/resend`, text: send }],
    ),
    ...(userId === null || isBlocked === null
      ? []
      : isBlocked
        ? [{ path: '/api/customers/unblock', body: { userId }, text: 'Lift the block' }]
        : [
            {
              path: '/api/customers/block',
              body: { userId },
              text: 'Block the shopper',
              ask: /** @type {[string, string]} */ ([
                `Block ${userId}?`,
                'Web nodes refuse every purchase of this user. Orders stay as they are.',
              ]),
            },
          ]),
  ];
}

/** @param {boolean} busy */
function setBusy(busy) {
  isBusy = busy;
  setAttribute(find('#act'), 'aria-busy', busy ? 'true' : null);
}

/** @param {Change} change */
async function carryOut({ path, body, ask }) {
  const reason = field('#reason');
  const of = shownPath;
  if (isBusy || !reason.reportValidity()) return;
  if (reason.value.trim() === '') {
    tell('refused', 'Write the reason first.');
    reason.focus();
    return;
  }
  setBusy(true);
  try {
    if (ask !== undefined && !(await confirmed(...ask))) return;
    tell('done', 'Writing …');
    const { says } = await call('POST', path, { ...body, reason: reason.value.trim() });
    tell('done', says);
    if (shownPath !== of) return;
    reason.value = '';
    // The pressed button may be gone from the story.
    await openStory(of);
  } catch (error) {
    const isRefusal = error instanceof CallFailed && error.isRefusal;
    tell('refused', `${isRefusal ? 'Refused: ' : ''}${failureText(error)}`);
  } finally {
    setBusy(false);
  }
}

/** @param {any} story @param {string} path */
function showStory(story, path) {
  // A reason that was typed for another shopper is none for this one.
  if (path !== shownPath) field('#reason').value = '';
  shownPath = path;
  const { order, requestId, userId, now, moments } = story;
  setText(
    find('#story-heading'),
    order === null
      ? `Request ${requestId}`
      : `Order ${order.orderNo}: ${order.units} × ${order.sku}, ${order.amount} ${order.currency}`,
  );
  const facts = [
    userId === null ? 'The shopper is not known' : `User ${userId}`,
    ...(order === null ? [] : [`request ${requestId}`, `sale ${order.sale}`]),
  ];
  setText(find('#story-facts'), `${facts.join(', ')}.`);
  find('#now').replaceChildren(
    ...now.map((/** @type {Parts} */ parts) => make('li', {}, ...sentence(parts))),
  );
  find('#moments').replaceChildren(
    ...moments.map((/** @type {{ at: string | null, says: Parts }} */ { at, says }) =>
      make(
        'li',
        {},
        make('span', { class: 'when' }, at === null ? 'time not recorded' : exactTime(at)),
        make('span', {}, ...sentence(says)),
      ),
    ),
  );
  const changes = changesOf(story);
  find('#actions').replaceChildren(
    ...changes.map((change) => {
      const button = make('button', { type: 'button', class: change.name ?? 'quiet' }, change.text);
      button.addEventListener('click', () => void carryOut(change));
      return button;
    }),
  );
  setShown(find('#act'), changes.length > 0);
  setShown(find('#story'), true);
}

/**
 * Opens a story and moves the keyboard to it.
 * @param {string} path
 * @returns whether it is shown: it could be read, and nothing else was asked for meanwhile
 */
async function openStory(path) {
  const isLast = asked();
  try {
    const story = await call('GET', path);
    if (!isLast()) return false;
    showStory(story, path);
    find('#story').focus();
    return true;
  } catch (error) {
    if (isLast()) setText(find('#note'), failureText(error));
    return false;
  }
}

/** @param {string} title @param {(Node | string)[]} facts @param {string} path @param {string} name */
function card(title, facts, path, name) {
  const button = make('button', { type: 'button', class: 'quiet' }, `Story of ${name}`);
  button.addEventListener('click', () => {
    setText(find('#result'), '');
    void openStory(path);
  });
  return make('li', { class: 'card' }, make('h3', {}, title), make('p', {}, ...facts), button);
}

/** @param {any} order */
function orderCard({ orderNo, sku, units, amount, currency, status, userId, createdAt }) {
  const facts = [`${userId}, `, exactTime(createdAt)];
  const state = status === 'ordered' ? 'unpaid' : status;
  const title = `${units} × ${sku}, ${amount} ${currency}: ${state}`;
  return card(title, facts, `/api/orders/${orderNo}`, `order ${orderNo}`);
}

/** @param {any} found */
function notesOf({ orders, hasMore, refused, hint, undecided, receipt, places, missing }) {
  const count = orders.length + refused.length;
  const nothing = undecided === null && places.length === 0 && missing.length === 0;
  return [
    ...(count === 0 && nothing ? [`Nothing was found. Is each character right? ${hint}`] : []),
    ...(count > 1 ? [`${count} found.`] : []),
    ...(hasMore ? ['The user has more orders: these are the newest.'] : []),
    ...(undecided !== null && receipt !== null ? [receipt] : []),
    ...places.map(
      (/** @type {any} */ { userId, sku, state }) =>
        `Waitlist of ${sku}: ${userId} ${state === 'waiting' ? 'waits' : `waited (${state.replaceAll('_', ' ')})`}.`,
    ),
    ...missing.map(
      (/** @type {string} */ home) => `Incomplete: the database of ${home} does not answer.`,
    ),
  ];
}

async function search() {
  const isLast = asked();
  shownPath = '';
  setText(find('#note'), 'Looking …');
  setText(find('#result'), '');
  setShown(find('#story'), false);
  find('#found').replaceChildren();
  try {
    const found = await call('POST', '/api/customers/find', { text: field('#text').value });
    if (!isLast()) return;
    const { orders, refused, undecided } = found;
    const requestPath = (/** @type {string} */ id) => `/api/requests/${id}`;
    const cards = [
      ...orders.map(orderCard),
      ...refused.map((/** @type {any} */ { requestId, userId, sku, at, says }) =>
        card(sku, [`${says} ${userId}, `, exactTime(at)], requestPath(requestId), 'this request'),
      ),
    ];
    const paths = [
      ...orders.map((/** @type {any} */ order) => `/api/orders/${order.orderNo}`),
      ...refused.map((/** @type {any} */ { requestId }) => requestPath(requestId)),
      ...(undecided === null ? [] : [requestPath(undecided)]),
    ];
    // One hit needs no choice. Its story is looked for now.
    const isOne = paths.length === 1;
    if (!isOne) find('#found').replaceChildren(...cards);
    if (isOne && !(await openStory(paths[0]))) return;
    setText(find('#note'), notesOf(found).join(' '));
  } catch (error) {
    if (isLast()) setText(find('#note'), failureText(error));
  }
}

find('#find').addEventListener('submit', (event) => {
  event.preventDefault();
  void search();
});
find('#act').addEventListener('submit', (event) => event.preventDefault());
const { roles } = await openPage();
setShown(find('#role-note'), !roles.some((role) => role === 'support' || role === 'merchant'));
