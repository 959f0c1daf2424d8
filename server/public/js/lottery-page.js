// @ts-check
/** The lottery of a sale: its hash, its secret once that is public, and the rank of any user. */

import { readSale } from './api.js';
import { find, setShown, setText } from './dom.js';
import { isPromised, rankOf } from './rank.js';

const REFRESH_MS = 15_000;
const sale = decodeURIComponent(location.pathname.split('/')[2] ?? '');

/** @param {{ secretSha256: string, secret?: string } | undefined} lottery */
async function showLottery(lottery) {
  if (lottery === undefined) return;
  const { secretSha256, secret } = lottery;
  setText(find('#hash'), secretSha256);
  // Browsers offer `crypto.subtle` only on https and localhost.
  const mayCompute = crypto.subtle !== undefined;
  setShown(find('#rank-form'), secret !== undefined && mayCompute);
  if (secret === undefined) return;
  setText(find('#secret'), secret);
  if (!mayCompute) {
    const how = `npx flashsale lottery verify ${sale} <user>`;
    setText(
      find('#promise'),
      `Your browser cannot check the secret without https. Anyone can check it with: ${how}`,
    );
    return;
  }
  const kept = await isPromised(secret, secretSha256);
  const verdict = kept
    ? 'This is the secret whose hash was shown before the sale: your browser has just checked it.'
    : 'This is not the secret whose hash is shown. The shop has not kept its word.';
  setText(find('#promise'), verdict);
}

/**
 * Operators turn the lottery on and off. While it is off, ranks only order the waitlist.
 * @param {{ shed: string, keep: number }} sale
 */
function modeText({ shed, keep }) {
  if (shed !== 'lottery') {
    return 'Right now, requests are let in at random, and each press has a new chance. Ranks only decide who in the waitlist is served first.';
  }
  return keep < 1
    ? `Right now, ranks below ${keep} are let in.`
    : 'Right now, every rank is let in.';
}

async function refresh() {
  const answer = await readSale(sale, null);
  if (answer.kind === 'ok') {
    setText(find('#title'), `The lottery of “${answer.body.title}”`);
    setText(find('#mode'), modeText(answer.body));
    await showLottery(answer.body.lottery);
  } else if (answer.kind === 'refused' && answer.status === 404) {
    setText(find('#network'), 'There is no such sale.');
    return;
  } else setText(find('#network'), 'No connection to the shop. This page keeps trying.');
  if (answer.kind === 'ok') setText(find('#network'), '');
  if (find('#secret').textContent === '') setTimeout(refresh, REFRESH_MS);
}

find('#rank-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const input = find('#user');
  if (!(input instanceof HTMLInputElement)) return;
  const rank = await rankOf(find('#secret').textContent ?? '', input.value.trim());
  const share = (rank * 100).toFixed(4);
  setText(
    find('#rank'),
    `Rank ${rank.toFixed(12)}: requests of this user were let in while the kept share was at least ${share} %.`,
  );
});

find('#back').setAttribute('href', `/sales/${encodeURIComponent(sale)}`);
refresh();
