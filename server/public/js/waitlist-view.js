// @ts-check
/** What a tile says about the waitlist. Pure. */

import { plural } from './countdown.js';
import { verdictMessage } from './messages.js';

/**
 * @typedef {object} Place
 * @property {'none' | 'asking' | 'waiting' | 'leaving' | 'served' | 'limit_reached' | 'closed'
 *   | 'refused'} step
 * @property {number} ahead shoppers who are served before this one; only while waiting
 * @property {string} verdict why the place was refused
 * @property {string} until time of day by which the held unit must be paid for
 *
 * @typedef {object} WaitlistInput
 * @property {Place} place
 * @property {string} availability
 * @property {string} phase of the SKU
 * @property {boolean} room whether the shopper may hold more units
 * @property {boolean} unpaid whether an order waits for payment
 *
 * @typedef {{ title: string, text: string, button: string, enabled: boolean }} WaitlistView
 */

/** @returns {Place} */
export function noPlace() {
  return { step: 'none', ahead: 0, verdict: '', until: '' };
}

const WAIT = 'Join the waitlist';
const LEAVE = 'Leave the waitlist';
const LOT =
  'The waitlist goes by lottery rank, not by time: a shopper with a better rank who joins later goes before you.';

/**
 * @param {WaitlistInput} input
 * @returns {WaitlistView}
 */
export function waitlistView({ place, availability, phase, room, unpaid }) {
  // Once every unit is paid for, none can come back.
  const offer = phase === 'open' && availability === 'maybe' && room ? WAIT : '';
  /**
   * @param {string} title
   * @param {string} text
   */
  const say = (title, text, button = offer, enabled = true) => ({ title, text, button, enabled });
  switch (place.step) {
    case 'none':
      return say('', '');
    case 'asking':
      return say('', '', WAIT, false);
    case 'leaving':
      return say('', '', LEAVE, false);
    case 'refused': {
      const { title, text } = verdictMessage(place.verdict);
      return say(title, text);
    }
    case 'served':
      return unpaid
        ? say('A unit is held for you', `Until ${place.until}. Pay now to keep it.`, '')
        : say('', '');
    case 'limit_reached':
      return say('', '');
    case 'closed':
      return say('The sale has ended', 'No unit came back for you before it ended.', '');
    default: {
      if (phase === 'closed') return say('The sale has ended', 'No unit came back for you.', '');
      const title =
        place.ahead === 0 ? 'You are next' : `${plural(place.ahead, 'shopper')} before you`;
      if (phase === 'open' && availability === 'sold_out') {
        return say(title, 'Every unit is paid for, so none can come back at present.', LEAVE);
      }
      if (phase === 'open' && availability !== 'maybe') {
        return say(
          title,
          'Not every unit is taken: try to buy one, or stay in the waitlist.',
          LEAVE,
        );
      }
      return say(title, `A unit that comes back is held for you here. ${LOT}`, LEAVE);
    }
  }
}
