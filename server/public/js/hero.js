// @ts-check
/** The top of the sale page: title, state and countdown. */

import { milestone, partsOf, spokenTime, twoDigits } from './countdown.js';
import { announce, find, setAttribute, setShown, setText } from './dom.js';
import { phasePill, phaseText, whenText } from './view.js';

/**
 * @typedef {import('./countdown.js').SalePhase | 'sold_out'} HeroPhase
 * @typedef {{ sale: string, title: string, opensAt: string, closesAt: string }} SaleFacts
 */

const ANNOUNCEMENTS = {
  scheduled: '',
  open: 'The sale is open.',
  paused: 'The sale is paused.',
  sold_out: 'Everything is sold out.',
  closed: 'The sale has ended.',
};

/** @returns {(sale: SaleFacts, phase: HeroPhase, serverNowMs: number) => void} */
export function createHero() {
  const hero = find('#hero');
  /** @type {HeroPhase | null} */
  let shownPhase = null;
  let leftBefore = 0;
  return (sale, phase, serverNowMs) => {
    const end = phase === 'scheduled' ? sale.opensAt : sale.closesAt;
    const left = Date.parse(end) - serverNowMs;
    setText(find('#title'), sale.title);
    setAttribute(find('#lottery'), 'href', `/sales/${encodeURIComponent(sale.sale)}/lottery`);
    setAttribute(hero, 'data-phase', phase);
    setText(find('#pill'), phasePill(phase));
    // A sale past its opening that has no products yet has no moment to count down to.
    const counts = phase !== 'closed' && (phase !== 'scheduled' || left > 0);
    setText(find('#countdown-label'), counts || phase === 'closed' ? phaseText(phase) : '');
    setText(find('#when'), whenText(sale, phase, serverNowMs));
    setShown(find('#countdown'), counts);
    setText(find('#countdown-spoken'), spokenTime(left));
    const parts = partsOf(left);
    for (const unit of /** @type {const} */ (['days', 'hours', 'minutes', 'seconds'])) {
      setText(find(`[data-unit="${unit}"]`), twoDigits(parts[unit]));
    }
    setShown(find('#days'), parts.days > 0);
    // Hours are hidden in the last hour, so that the other digits can be larger.
    setShown(find('#hours'), parts.days > 0 || parts.hours > 0);

    if (phase !== shownPhase) {
      if (shownPhase !== null) announce(ANNOUNCEMENTS[phase]);
      document.title = `${phasePill(phase)}: ${sale.title}`;
      shownPhase = phase;
    } else if (phase === 'scheduled') {
      const seconds = milestone(leftBefore, left);
      if (seconds !== null) announce(`The sale opens in ${spokenTime(seconds * 1000)}.`);
    }
    leftBefore = left;
  };
}

/** Shows that there is no such sale. */
export function showMissing() {
  setText(find('#title'), 'There is no such sale');
  setText(find('#pill'), 'Not found');
  setText(find('#when'), 'It may have been removed. The list of sales shows what is on.');
  find('#hero').dataset['phase'] = 'closed';
  setShown(find('#countdown'), false);
  setText(find('#countdown-label'), '');
  setAttribute(find('#products'), 'aria-busy', 'false');
  document.title = 'No such sale';
}

/**
 * Shows at the top of the page who is shopping.
 * @param {import('./identity.js').Who} who
 */
export function showWho(who) {
  const guest = who.kind === 'known' && who.identity.guest;
  const name = guest ? `Guest ${who.identity.user.slice(-6)}` : 'Signed in';
  const others = who.kind === 'sign_in' ? 'Sign in at the shop to take part' : '';
  setText(find('#who'), who.kind === 'known' ? name : others);
  setShown(find('#switch-guest'), guest);
}
