// @ts-check
/** The lottery of a sale: its hash, its secret once that is public, and the rank of any user. */

import { readSale } from './api.js';
import { showBrand } from './brand.js';
import { find, setShown, setText } from './dom.js';
import { decimal, percent } from './format.js';
import { fill, texts, titleIn } from './language.js';
import { backoffMs, createNaps, growingDelayMs, heldMs, missingDelayMs } from './pace.js';
import { isPromised, rankOf } from './rank.js';
import { onReturn, steadyNow } from './steady.js';
import { onLanguage } from './translate.js';

/** The shortest and the longest pause between two looks. */
const REFRESH_MS = { first: 15_000, longest: 300_000 };
const naps = createNaps();
const sale = decodeURIComponent(location.pathname.split('/')[2] ?? '');

/**
 * @typedef {{ title: string, shed: string, keep: number, lottery?: Lottery,
 *   presentation?: import('./language.js').Presentation & import('./brand.js').Brand }} Sale
 * @typedef {{ secretSha256: string, secret?: string }} Lottery
 */

/** @type {Sale | null} */
let shown = null;
/** @type {'missing' | 'offline' | null} */
let trouble = null;
/** @type {boolean | null} whether the secret has the promised hash; null while it is not known */
let isKept = null;
/** @type {number | null} the rank that was computed last */
let rank = null;

/** Shows everything, in the language of the page. */
function look() {
  setText(find('#network'), trouble === null ? '' : texts.lottery[trouble]);
  if (shown === null) return;
  showBrand(shown.presentation);
  const { text } = titleIn(shown, shown.presentation?.languages?.[0]);
  setText(find('#title'), fill(texts.lottery.headingOf, { title: text }));
  setText(find('#mode'), modeText(shown));
  setText(find('#hash'), shown.lottery?.secretSha256 ?? '…');
  const secret = shown.lottery?.secret;
  setShown(find('#rank-form'), secret !== undefined && canCompute());
  setText(find('#secret'), secret ?? '');
  setText(find('#promise'), promiseText(secret));
  setText(find('#rank'), rank === null ? '' : rankText(rank));
}

/** Browsers offer `crypto.subtle` only on https and localhost. */
function canCompute() {
  return crypto.subtle !== undefined;
}

/** @param {string | undefined} secret */
function promiseText(secret) {
  const { lottery } = texts;
  if (secret === undefined) return lottery.secretLater;
  if (!canCompute()) {
    const command = `npx flashsale lottery verify ${sale} <user>`;
    return fill(lottery.uncheckable, { command });
  }
  if (isKept === null) return '';
  return isKept ? lottery.kept : lottery.broken;
}

/**
 * Operators turn the lottery on and off. While it is off, ranks only order the waitlist.
 * @param {{ shed: string, keep: number }} sale
 */
function modeText({ shed, keep }) {
  const { lottery } = texts;
  if (shed !== 'lottery') return lottery.atRandom;
  return keep < 1 ? fill(lottery.below, { share: decimal(keep) }) : lottery.everyRank;
}

/** @param {number} rank */
function rankText(rank) {
  return fill(texts.lottery.result, { rank: decimal(rank, 12), share: percent(rank, 4) });
}

/** Reads the sale until its secret is public. */
async function watch() {
  const startedAt = steadyNow();
  for (let failures = 0; shown?.lottery?.secret === undefined; ) {
    const answer = await readSale(sale, null);
    trouble = answer.kind === 'ok' ? null : 'offline';
    if (answer.kind === 'ok') {
      shown = answer.body;
      await check(answer.body.lottery);
    } else if (answer.kind === 'refused' && answer.status === 404) trouble = 'missing';
    failures = trouble === 'offline' ? failures + 1 : 0;
    look();
    const { first, longest } = REFRESH_MS;
    const quietMs = steadyNow() - startedAt;
    const random = Math.random();
    const later =
      trouble === 'missing'
        ? missingDelayMs({ quietMs, hidden: document.hidden, random })
        : growingDelayMs(quietMs, first, longest, random);
    const backoff = failures > 0 ? backoffMs(answer, failures, random) : 0;
    await naps.take(Math.max(backoff, later), heldMs(answer, backoff));
  }
}

/** @param {Lottery | undefined} lottery */
async function check(lottery) {
  if (lottery?.secret === undefined || !canCompute()) return;
  isKept = await isPromised(lottery.secret, lottery.secretSha256);
}

find('#rank-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const input = find('#user');
  if (!(input instanceof HTMLInputElement)) return;
  rank = await rankOf(shown?.lottery?.secret ?? '', input.value.trim());
  look();
});

find('#back').setAttribute('href', `/sales/${encodeURIComponent(sale)}`);
onLanguage(look);
onReturn(naps.end);
void watch();
