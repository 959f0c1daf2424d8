// @ts-check
/** What a tile says about the line for units that come back. Pure. */

import { plural } from './countdown.js';
import { verdictMessage } from './messages.js';

/**
 * @typedef {object} Line
 * @property {'none' | 'asking' | 'waiting' | 'leaving' | 'served' | 'limit_reached' | 'closed'
 *   | 'refused'} step
 * @property {number} ahead who goes before, while waiting
 * @property {string} verdict why it was refused
 * @property {string} until time of day by which the unit that is held must be paid
 *
 * @typedef {object} LineInput
 * @property {Line} line
 * @property {string} availability
 * @property {string} phase of the SKU
 * @property {boolean} room whether the shopper may hold more
 * @property {boolean} unpaid whether an order waits for payment
 *
 * @typedef {{ title: string, text: string, button: string, enabled: boolean }} LineView
 */

/** @returns {Line} */
export function noLine() {
  return { step: 'none', ahead: 0, verdict: '', until: '' };
}

const WAIT = 'Wait for a unit that comes back';
const LEAVE = 'Leave the line';
const LOT =
  'The turn is by lot, not by time: somebody with a better rank who comes later goes before you.';

/**
 * @param {LineInput} input
 * @returns {LineView}
 */
export function lineView({ line, availability, phase, room, unpaid }) {
  // Where every unit is paid for, none can come back.
  const offer = phase === 'open' && availability === 'maybe' && room ? WAIT : '';
  /**
   * @param {string} title
   * @param {string} text
   */
  const say = (title, text, button = offer, enabled = true) => ({ title, text, button, enabled });
  switch (line.step) {
    case 'none':
      return say('', '');
    case 'asking':
      return say('', '', WAIT, false);
    case 'leaving':
      return say('', '', LEAVE, false);
    case 'refused': {
      const { title, text } = verdictMessage(line.verdict);
      return say(title, text);
    }
    case 'served':
      return unpaid
        ? say('A unit is held for you', `Until ${line.until}. Pay now to keep it.`, '')
        : say('', '');
    case 'limit_reached':
      return say('', '');
    case 'closed':
      return say('The sale ended', 'No unit came back for you before its end.', '');
    default: {
      if (phase === 'closed') return say('The sale ended', 'No unit came back for you.', '');
      const place =
        line.ahead === 0 ? 'You are next' : `${plural(line.ahead, 'shopper')} before you`;
      if (phase === 'open' && availability === 'sold_out') {
        return say(place, 'Every unit is paid for, so none can come back as things stand.', LEAVE);
      }
      if (phase === 'open' && availability !== 'maybe') {
        return say(place, 'Not every unit is taken: try to buy one, or stay in the line.', LEAVE);
      }
      return say(place, `A unit that comes back is held for you here. ${LOT}`, LEAVE);
    }
  }
}
