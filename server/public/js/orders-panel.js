// @ts-check
/** The shopper's orders: status, time left to pay, and the buttons to pay and to cancel. */

import { cancelOrder, listOrders, payOrder, readCodes, readOrder } from './api.js';
import {
  announce,
  find,
  fromTemplate,
  imageUrl,
  isEnabled,
  setAttribute,
  setEnabled,
  setShown,
  setText,
} from './dom.js';
import { createDoorTickets } from './door-tickets.js';
import { dayAndTime, money, pictureOf, several } from './format.js';
import { fill, texts } from './language.js';
import { inOneText, orderMessage, refundText, unitsText, verdictMessage } from './messages.js';
import { awaitsPayment, awaitsRefund, mergeOrders, payLeftMs } from './orders.js';
import { backoffMs, refundLookDelayMs } from './pace.js';
import { steadyNow } from './steady.js';
import { payText } from './view.js';

/** How often an unpaid order is read again: it may be paid or cancelled in another tab. */
const REFRESH_MS = 5000;
const LOOK_AGAIN_MS = 1500;
/** A shopper who comes back to the page sees the orders as they are, read at most once in this time. */
const FRESH_MS = 60_000;

/**
 * @typedef {import('./orders.js').Order} Order
 *
 * @typedef {object} PanelOptions
 * @property {() => string | null} token
 * @property {(sku: string) => string} titleOf
 * @property {(sale: string) => string} saleTitleOf
 * @property {(orders: readonly Order[]) => void} onChange
 */

/** @param {PanelOptions} options */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a module of short functions over what the panel shows
export function createOrdersPanel({ token, titleOf, saleTitleOf, onChange }) {
  /** @type {Order[]} */
  let orders = [];
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();
  /** @type {Map<string, ReturnType<typeof createDoorTickets>>} */
  const tickets = new Map();
  /**
   * The last message of an action, by order number, in the language of the moment. It explains more
   * than the status does.
   * @type {Map<string, () => string>}
   */
  const notes = new Map();
  /** @type {Set<string>} */
  const acting = new Set();
  let lookedAt = 0;
  /** Looks for refunds so far, and the time of the next one. */
  let refundLooks = 0;
  let refundLookAt = Number.POSITIVE_INFINITY;
  /** The address of older orders than those that are shown, if there are any, and whether some were asked for. */
  /** @type {string | null} */
  let older = null;
  let hasAskedOlder = false;
  /** Why older orders have not come, in the language of the moment. */
  let olderNote = () => '';
  /** A database of the shop does not answer, so its orders are missing from the list. */
  let isIncomplete = false;
  /** Failures in a row to read the list, and the timer of the next look after a failure or a press. */
  let failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let nextLook;
  /** Ends with the shopper: what comes later is not for the next one. */
  let visit = new AbortController();

  /** @param {readonly Order[]} fresh */
  function take(fresh) {
    const before = new Map(orders.map((order) => [order.orderNo, order.status]));
    orders = mergeOrders(orders, fresh);
    // The answer that an action did not get has come.
    for (const { orderNo, status } of orders) {
      if (before.get(orderNo) !== status) notes.delete(orderNo);
    }
    const list = find('#order-list');
    orders.forEach((order, index) => {
      const row = rows.get(order.orderNo) ?? createRow(order);
      rows.set(order.orderNo, row);
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    setShown(find('#orders'), orders.length > 0 || isIncomplete);
    onChange(orders);
  }

  async function load(isAgain = false) {
    const { signal } = visit;
    lookedAt = steadyNow();
    clearTimeout(nextLook);
    const answer = await listOrders(token());
    if (signal.aborted) return answer;
    clearTimeout(nextLook);
    const mayAnswer = answer.kind === 'unanswered' || isRefusedForNow(answer);
    failures = mayAnswer ? failures + 1 : 0;
    if (answer.kind === 'ok') {
      isIncomplete = answer.body.incomplete !== undefined;
      setShown(find('#orders-incomplete'), isIncomplete);
      if (!hasAskedOlder) older = answer.next;
      take(answer.body.orders);
    }
    // An order that has to be paid may be there. Or the shop has answered from a cache that is up to a second old.
    const again = mayAnswer ? backoffMs(answer, failures, Math.random()) : LOOK_AGAIN_MS;
    if (mayAnswer || !isAgain) nextLook = setTimeout(() => void load(true), again);
    return answer;
  }

  /** Tickets of an order that was placed long ago are needed on the evening of the show. */
  async function loadOlder() {
    const button = find('#orders-older button');
    if (older === null || !isEnabled(button)) return;
    const { signal } = visit;
    setEnabled(button, false);
    hasAskedOlder = true;
    olderNote = () => texts.oneMoment;
    const answer = await listOrders(token(), older);
    setEnabled(button, true);
    if (signal.aborted) return;
    const isWhole = answer.kind === 'ok' && answer.body.incomplete === undefined;
    olderNote = () => (isWhole ? '' : olderFailure(answer));
    if (answer.kind !== 'ok') return;
    // Orders of a database that did not answer would be passed over for good.
    if (isWhole) older = answer.next;
    /** @type {readonly Order[]} */
    const fresh = answer.body.orders;
    const first = fresh.find(({ orderNo }) => !rows.has(orderNo));
    take(fresh);
    // The button may have gone, and the older orders are below.
    if (first !== undefined) rows.get(first.orderNo)?.focus();
  }

  /** @param {string} orderNo */
  async function refresh(orderNo) {
    const { signal } = visit;
    const answer = await readOrder(orderNo, token());
    if (answer.kind === 'ok' && !signal.aborted) take([answer.body]);
  }

  /** @param {Order} order */
  function createRow(order) {
    const row = fromTemplate('order');
    const { orderNo } = order;
    row.id = `order-${orderNo}`;
    row.dataset['orderNo'] = orderNo;
    tickets.set(
      orderNo,
      createDoorTickets(row, async () => {
        const answer = await readCodes(orderNo, token());
        // The shop may have ended the order since it was read.
        if (answer.kind === 'refused') await refresh(orderNo);
        return answer;
      }),
    );
    find('.pay', row).addEventListener('click', () => act(orderNo, payOrder, '.pay'));
    find('.cancel', row).addEventListener('click', async () => {
      if (isEnabled(find('.cancel', row)) && (await confirmCancel(titleOf(order.sku)))) {
        await act(orderNo, cancelOrder, '.cancel');
      }
    });
    return row;
  }

  /**
   * @param {string} orderNo
   * @param {typeof payOrder} action
   * @param {string} selector of the button
   */
  async function act(orderNo, action, selector) {
    const row = rows.get(orderNo);
    if (row === undefined || acting.has(orderNo) || !isEnabled(find(selector, row))) return;
    acting.add(orderNo);
    notes.set(orderNo, () => texts.oneMoment);
    const { signal } = visit;
    const answer = await action(orderNo, token());
    acting.delete(orderNo);
    if (signal.aborted) return;
    if (answer.kind === 'ok') {
      notes.delete(orderNo);
      const known = orders.find((order) => order.orderNo === orderNo);
      const status = answer.body?.status;
      if (known && typeof status === 'string') take([{ ...known, status }]);
    } else {
      notes.set(orderNo, () => actionNote(action === payOrder, answer));
    }
    await refresh(orderNo);
    const order = orders.find((each) => each.orderNo === orderNo);
    // The buttons are hidden when the order has ended, so the focus moves to the row.
    if (order && !awaitsPayment(order)) {
      notes.delete(orderNo);
      const said = { title: titleOf(order.sku), state: orderMessage(order).title };
      announce(fill(texts.orders.announcement, said));
      row.focus();
    }
  }

  /** @param {string | null} calledOff the sale of the page, if it was called off */
  function lookForRefunds(calledOff) {
    const now = steadyNow();
    if (!orders.some((order) => awaitsRefund(order, calledOff))) {
      refundLooks = 0;
      refundLookAt = Number.POSITIVE_INFINITY;
    } else if (refundLookAt === Number.POSITIVE_INFINITY) {
      refundLookAt = now + refundLookDelayMs(refundLooks, Math.random());
    } else if (now >= refundLookAt) {
      refundLooks += 1;
      refundLookAt = now + refundLookDelayMs(refundLooks, Math.random());
      void load(true);
    }
  }

  /** The network is back, and the list has not come. */
  function tryAgain() {
    if (failures > 0) void load(true);
  }

  /** Nothing tells the page of a single refund, so it looks when the shopper comes back to it. */
  function comeBack() {
    const isOld = steadyNow() - lookedAt > FRESH_MS;
    if (isOld && orders.length > 0) void load(true);
  }

  /**
   * @param {number} serverNowMs
   * @param {string | null} calledOff the sale of the page, if it was called off
   */
  function show(serverNowMs, calledOff) {
    lookForRefunds(calledOff);
    setShown(find('#orders-older'), older !== null);
    setText(find('#orders-older [role="status"]'), olderNote());
    let due = false;
    for (const order of orders) {
      const row = rows.get(order.orderNo);
      if (row !== undefined) showRow(row, order, serverNowMs);
      due ||= awaitsPayment(order);
    }
    if (!due && !isIncomplete) return;
    if (steadyNow() - lookedAt > REFRESH_MS) {
      if (isIncomplete) return void load(true);
      lookedAt = steadyNow();
      for (const order of orders) if (awaitsPayment(order)) void refresh(order.orderNo);
    }
  }

  /**
   * @param {HTMLElement} row
   * @param {Order} order
   * @param {number} serverNowMs
   */
  function showRow(row, order, serverNowMs) {
    const unpaid = awaitsPayment(order);
    const left = payLeftMs(order, serverNowMs);
    const title = titleOf(order.sku);
    const message = orderMessage(order);
    const words = texts.orders;
    setAttribute(find('img', row), 'src', imageUrl(pictureOf(order.sku, title)));
    setAttribute(row, 'data-tone', unpaid ? 'wait' : message.tone);
    setText(find('.order-title', row), several(order.quantity, title));
    setText(find('.order-amount', row), money(order.amount, order.currency));
    const placed = { number: order.orderNo, time: dayAndTime(order.createdAt, serverNowMs) };
    const names = [fill(words.number, placed), unitsText(order)];
    setText(find('.order-no', row), names.filter((name) => name !== '').join(' · '));
    setText(find('.order-state', row), unpaid ? payText(left) : message.title);
    const note = notes.get(order.orderNo);
    setText(find('.order-note', row), note?.() ?? (unpaid ? refundText(order) : message.text));
    setText(
      find('.order-deadline', row),
      unpaid && order.payBefore
        ? fill(words.payUntil, { time: dayAndTime(order.payBefore, serverNowMs) })
        : '',
    );
    setShown(find('.order-actions', row), unpaid);
    const free = !acting.has(order.orderNo);
    setEnabled(find('.pay', row), free && left > 0);
    setEnabled(find('.cancel', row), free);
    setAttribute(find('.pay', row), 'aria-label', fill(words.payTitle, { title }));
    setAttribute(find('.cancel', row), 'aria-label', fill(words.cancelTitle, { title }));
    tickets.get(order.orderNo)?.show(order, { sale: saleTitleOf(order.sale), sku: title });
  }

  function clear() {
    visit.abort();
    visit = new AbortController();
    // The question whether to cancel an order of the shopper before.
    const dialog = document.getElementById('cancel-dialog');
    if (dialog instanceof HTMLDialogElement && dialog.open) dialog.close();
    clearTimeout(nextLook);
    failures = 0;
    isIncomplete = false;
    setShown(find('#orders-incomplete'), false);
    for (const row of rows.values()) row.remove();
    rows.clear();
    tickets.clear();
    notes.clear();
    older = null;
    hasAskedOlder = false;
    olderNote = () => '';
    orders = [];
    setShown(find('#orders'), false);
    onChange(orders);
  }

  find('#orders-older button').addEventListener('click', () => void loadOlder());

  return { take, load, show, comeBack, tryAgain, clear };
}

/** @param {import('./api.js').Answer} answer */
function olderFailure(answer) {
  return answer.kind === 'refused'
    ? inOneText(verdictMessage(answer.verdict))
    : texts.orders.olderUnanswered;
}

/**
 * Whether the shop may answer later.
 * @param {import('./api.js').Answer} answer
 */
function isRefusedForNow(answer) {
  return answer.kind === 'refused' && (answer.status === 429 || answer.status >= 500);
}

/**
 * @param {boolean} paying
 * @param {import('./api.js').Answer} answer
 */
function actionNote(paying, answer) {
  if (answer.kind !== 'refused') {
    return paying ? texts.orders.payUnsure : texts.orders.cancelUnsure;
  }
  if (answer.verdict === 'not_found' && paying) {
    return texts.orders.ownCheckout;
  }
  return inOneText(verdictMessage(answer.verdict));
}

/**
 * @param {string} title
 * @returns {Promise<boolean>}
 */
function confirmCancel(title) {
  const dialog = document.getElementById('cancel-dialog');
  if (!(dialog instanceof HTMLDialogElement)) return Promise.resolve(false);
  setText(find('#cancel-question'), fill(texts.cancelDialog.question, { title }));
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'cancel-order'), {
      once: true,
    });
  });
}
