// @ts-check
/** The lottery of a sale: its hash, its secret once that is public, and anyone's rank. */

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
  // Browsers compute on https and localhost only.
  const mayCompute = crypto.subtle !== undefined;
  setShown(find('#rank-form'), secret !== undefined && mayCompute);
  if (secret === undefined) return;
  setText(find('#secret'), secret);
  if (!mayCompute) {
    const how = `npx flashsale lottery verify ${sale} <user>`;
    setText(find('#promise'), `Your browser cannot check it without https. Anyone can: ${how}`);
    return;
  }
  const kept = await isPromised(secret, secretSha256);
  const verdict = kept
    ? 'It is the secret whose hash was shown before the sale: your browser has just checked it.'
    : 'It is not the secret whose hash is shown. The shop has not kept its word.';
  setText(find('#promise'), verdict);
}

/**
 * A lottery is a switch: without it a rank counts for the line alone.
 * @param {{ shed: string, keep: number }} sale
 */
function modeText({ shed, keep }) {
  if (shed !== 'lottery') {
    return 'At this moment requests are let in by chance, each press anew. Ranks say who is served first in the line for units that come back.';
  }
  return keep < 1
    ? `At this moment ranks below ${keep} are let in.`
    : 'At this moment every rank is let in.';
}

async function refresh() {
  const answer = await readSale(sale, null);
  if (answer.kind === 'ok') {
    setText(find('#title'), `How “${answer.body.title}” draws`);
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
    `Rank ${rank.toFixed(12)}: requests were kept when at least ${share} % were.`,
  );
});

find('#back').setAttribute('href', `/sales/${encodeURIComponent(sale)}`);
refresh();
