// @ts-check
/** The tickets of a paid order: a QR code for each of its units, which the door checks. */

import { find, fromTemplate, setAttribute, setShown, setText } from './dom.js';
import { fill, texts } from './language.js';
import { inOneText, unitText, verdictMessage } from './messages.js';

/**
 * @typedef {import('./orders.js').Order} Order
 * @typedef {{ row?: string, seat: string, code: string, svg: string }} DoorTicket
 */

/**
 * @param {HTMLElement} row of the order
 * @param {() => Promise<import('./api.js').Answer>} load
 */
export function createDoorTickets(row, load) {
  /** @type {readonly DoorTicket[]} */
  let tickets = [];
  /** @type {'hidden' | 'loading' | 'shown'} */
  let state = 'hidden';
  /** Why there are none, in the language of the moment. */
  let note = () => '';
  const list = find('.door-tickets', row);
  find('.show-tickets', row).addEventListener('click', () => void toggle());
  find('.print-tickets', row).addEventListener('click', () => print());

  async function toggle() {
    if (state === 'loading') return;
    note = () => '';
    if (state === 'shown') {
      state = 'hidden';
      return;
    }
    state = 'loading';
    note = () => texts.oneMoment;
    const answer = await load();
    state = answer.kind === 'ok' ? 'shown' : 'hidden';
    note = () => (answer.kind === 'ok' ? texts.doorTickets.use : failure(answer));
    if (answer.kind !== 'ok') return;
    tickets = answer.body.codes;
    list.replaceChildren(...tickets.map(drawTicket));
  }

  /**
   * @param {Order} order
   * @param {{ sale: string, sku: string }} titles
   */
  function show(order, titles) {
    const { status, units = [], orderNo } = order;
    const isOffered = status === 'paid' && units.length > 0;
    // An order that the shop has ended has no tickets any more, also if they are on the screen.
    if (!isOffered) state = 'hidden';
    const isShown = state === 'shown';
    setShown(find('.order-tickets', row), isOffered);
    setShown(list, isShown);
    setShown(find('.print-tickets', row), isShown);
    const button = find('.show-tickets', row);
    const { doorTickets } = texts;
    setText(button, isShown ? doorTickets.hide : doorTickets.show);
    setAttribute(button, 'aria-expanded', String(isShown));
    setText(find('.tickets-note', row), note());
    if (!isShown) return;
    for (const [at, ticket] of tickets.entries()) {
      const element = list.children[at];
      if (!(element instanceof HTMLElement)) continue;
      const unit = unitText(ticket);
      setText(find('.ticket-sale', element), titles.sale);
      setText(find('.ticket-sku', element), titles.sku);
      setText(find('.ticket-unit', element), unit);
      setText(find('.ticket-order', element), fill(doorTickets.order, { number: orderNo }));
      const code = element.querySelector('svg');
      if (code) setAttribute(code, 'aria-label', fill(doorTickets.alt, { unit }));
    }
  }

  return { show };
}

/** @param {DoorTicket} ticket */
function drawTicket({ svg }) {
  const element = fromTemplate('door-ticket');
  const code = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  setAttribute(code, 'role', 'img');
  find('.qr', element).append(code);
  return element;
}

/** @param {import('./api.js').Answer} answer */
function failure(answer) {
  return answer.kind === 'refused'
    ? inOneText(verdictMessage(answer.verdict))
    : texts.doorTickets.unanswered;
}
