// @ts-check
/** What a tile says about the waitlist. Pure. */

import { dayAndTime, plural } from './format.js';
import { fill, texts } from './language.js';
import { verdictMessage } from './messages.js';

/**
 * @typedef {object} Place
 * @property {'none' | 'asking' | 'waiting' | 'leaving' | 'served' | 'limit_reached' | 'closed'
 *   | 'refused'} step
 * @property {number} ahead shoppers who are served before this one; only while waiting
 * @property {string} verdict why the place was refused
 * @property {string | null} payBefore until when the held unit must be paid for
 *
 * @typedef {object} WaitlistInput
 * @property {Place} place
 * @property {string} availability
 * @property {string} phase of the SKU
 * @property {boolean} isOffered whether shoppers may ask for a place
 * @property {boolean} room whether the shopper may hold more units
 * @property {boolean} unpaid whether an order waits for payment
 * @property {number} now the shop's time
 *
 * @typedef {{ title: string, text: string, button: string, enabled: boolean }} WaitlistView
 */

/** @returns {Place} */
export function noPlace() {
  return { step: 'none', ahead: 0, verdict: '', payBefore: null };
}

/**
 * @param {WaitlistInput} input
 * @returns {WaitlistView}
 */
export function waitlistView({ place, availability, phase, isOffered, room, unpaid, now }) {
  const { waitlist } = texts;
  // Once every unit is paid for, none can come back.
  const isUseful = phase === 'open' && availability === 'maybe' && room;
  const offer = isOffered && isUseful ? waitlist.join : '';
  /**
   * @param {string} title
   * @param {string} text
   */
  const say = (title, text, button = offer, enabled = true) => ({ title, text, button, enabled });
  switch (place.step) {
    case 'none':
      return say('', '');
    case 'asking':
      return say('', '', waitlist.join, false);
    case 'leaving':
      return say('', '', waitlist.leave, false);
    case 'refused': {
      const { title, text } = verdictMessage(place.verdict);
      return say(title, text);
    }
    case 'served':
      return unpaid
        ? say(waitlist.served, fill(waitlist.servedText, { time: timeOf(place, now) }), '')
        : say('', '');
    case 'limit_reached':
      return say('', '');
    case 'closed':
      return say(waitlist.ended, waitlist.endedText, '');
    default: {
      if (phase === 'closed') return say(waitlist.ended, waitlist.endedWaiting, '');
      const { ahead } = place;
      const title = ahead === 0 ? waitlist.next : plural(waitlist.ahead, ahead);
      if (phase === 'open' && availability === 'sold_out') {
        return say(title, waitlist.allPaid, waitlist.leave);
      }
      if (phase === 'open' && availability !== 'maybe') {
        return say(title, waitlist.tryToBuy, waitlist.leave);
      }
      return say(title, waitlist.held, waitlist.leave);
    }
  }
}

/**
 * @param {Place} place
 * @param {number} now
 */
function timeOf({ payBefore }, now) {
  return payBefore === null ? '' : dayAndTime(payBefore, now);
}
