// @ts-check
/** The top of the sale page: title, state and countdown. */

import { showBrand } from './brand.js';
import { milestone, partsOf, spokenTime, untilMilestone } from './countdown.js';
import { announce, find, setAttribute, setShown, setText, setWords } from './dom.js';
import { twoDigits } from './format.js';
import { fill, textIn, texts, titleIn } from './language.js';
import { atRoot } from './root.js';
import { whenText } from './view.js';

/**
 * @typedef {import('./countdown.js').SalePhase | 'sold_out'} HeroPhase
 * @typedef {{ sale: string, title: string, opensAt: string, closesAt: string,
 *   presentation?: import('./language.js').Presentation & import('./brand.js').Brand }} SaleFacts
 */

/** @returns {(sale: SaleFacts, phase: HeroPhase, serverNowMs: number) => void} */
export function createHero() {
  const hero = find('#hero');
  /** @type {HeroPhase | null} */
  let shownPhase = null;
  let leftBefore = 0;
  return (sale, phase, serverNowMs) => {
    const end = phase === 'scheduled' ? sale.opensAt : sale.closesAt;
    const left = Date.parse(end) - serverNowMs;
    const { presentation } = sale;
    const first = presentation?.languages?.[0];
    const title = titleIn(sale, first);
    showBrand(presentation);
    setWords(find('#title'), title);
    setWords(find('#about'), textIn(presentation?.description, first, ''));
    setAttribute(
      find('#lottery'),
      'href',
      atRoot(`/sales/${encodeURIComponent(sale.sale)}/lottery`),
    );
    setAttribute(hero, 'data-phase', phase);
    setText(find('#pill'), texts.phases[phase]);
    // A sale past its opening that has no products yet has no moment to count down to.
    const counts = phase !== 'closed' && (phase !== 'scheduled' || left > 0);
    setText(find('#countdown-label'), counts || phase === 'closed' ? texts.countdown[phase] : '');
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
      if (shownPhase !== null && phase !== 'scheduled') announce(texts.announcements[phase]);
      shownPhase = phase;
    } else if (phase === 'scheduled') {
      const seconds = milestone(leftBefore, left);
      if (seconds !== null) {
        announce(fill(texts.announcements.opensSoon, { when: untilMilestone(seconds) }));
      }
    }
    leftBefore = left;
    setText(
      find('title'),
      fill(texts.sale.pageTitle, { phase: texts.phases[phase], title: title.text }),
    );
  };
}

/** Shows that there is no such sale. */
export function showMissing() {
  const { missing } = texts;
  setWords(find('#title'), { text: missing.title, language: undefined });
  setText(find('#pill'), missing.pill);
  setText(find('#when'), missing.text);
  find('#hero').dataset['phase'] = 'closed';
  setShown(find('#countdown'), false);
  setText(find('#countdown-label'), '');
  setAttribute(find('#products'), 'aria-busy', 'false');
  setText(find('title'), missing.pageTitle);
}

/**
 * Shows at the top of the page who is shopping.
 * @param {import('./identity.js').Who | null} who null while it is not known
 */
export function showWho(who) {
  const guest = who?.kind === 'known' && who.identity.guest ? who.identity.user : null;
  setText(find('#who'), nameOf(who, guest));
  setShown(find('#switch-guest'), guest !== null);
}

/**
 * @param {import('./identity.js').Who | null} who
 * @param {string | null} guest
 */
function nameOf(who, guest) {
  if (guest !== null) return fill(texts.sale.guest, { name: guest.slice(-6) });
  if (who?.kind === 'known') return texts.sale.signedIn;
  return who?.kind === 'sign_in' ? texts.sale.signIn : '';
}
