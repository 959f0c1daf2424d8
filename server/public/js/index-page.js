// @ts-check
/** The list of sales. */

import { listSales } from './api.js';
import { createClock } from './clock.js';
import { salePhase, shortTime } from './countdown.js';
import { find, fromTemplate, setAttribute, setShown, setText, setWords } from './dom.js';
import { texts, titleIn } from './language.js';
import { backoffMs, createNaps, growingDelayMs, heldMs } from './pace.js';
import { onReturn, steadyNow } from './steady.js';
import { onLanguage } from './translate.js';
import { whenText } from './view.js';

/** The shortest and the longest pause between two looks. */
const REFRESH_MS = { first: 15_000, longest: 300_000 };
const LOOK_MS = 250;
/** Order of the phases in the list. */
const ORDER = ['open', 'paused', 'scheduled', 'closed'];

/**
 * @typedef {import('./countdown.js').SaleTimes & { sale: string, title: string,
 *   presentation?: import('./language.js').Presentation }} SaleSummary
 */

const clock = createClock();
/** @type {SaleSummary[]} */
let sales = [];
let isOffline = false;
const naps = createNaps();
/** @type {Map<string, HTMLElement>} */
const rows = new Map();

function look() {
  const now = clock.at(steadyNow());
  const list = find('#sales');
  setText(find('#network'), isOffline ? texts.list.offline : '');
  const sorted = sales
    .map((sale) => ({ sale, phase: salePhase(sale, now) }))
    .sort(
      (a, b) =>
        ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase) ||
        Date.parse(a.sale.opensAt) - Date.parse(b.sale.opensAt),
    );
  sorted.forEach(({ sale, phase }, index) => {
    const row = rows.get(sale.sale) ?? fromTemplate('sale');
    rows.set(sale.sale, row);
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    const end = phase === 'scheduled' ? sale.opensAt : sale.closesAt;
    const left = shortTime(Date.parse(end) - now);
    setAttribute(row, 'data-phase', phase);
    setAttribute(find('a', row), 'href', `/sales/${encodeURIComponent(sale.sale)}`);
    setText(find('.pill', row), texts.phases[phase]);
    setWords(find('.sale-title bdi', row), titleIn(sale, sale.presentation?.languages?.[0]));
    setText(find('.sale-when', row), whenText(sale, phase, now));
    setText(find('.sale-left', row), phase === 'closed' ? '' : left);
  });
}

async function watch() {
  const startedAt = steadyNow();
  for (let failures = 0; ; ) {
    const answer = await listSales();
    if (answer.kind === 'ok') {
      failures = 0;
      clock.sample(answer.timing);
      sales = answer.body.sales;
      for (const [name, row] of rows) {
        if (sales.some((sale) => sale.sale === name)) continue;
        row.remove();
        rows.delete(name);
      }
      setShown(find('#empty'), sales.length === 0);
      setAttribute(find('#sales'), 'aria-busy', 'false');
    } else failures += 1;
    isOffline = failures > 1;
    look();
    const { first, longest } = REFRESH_MS;
    const quietMs = steadyNow() - startedAt;
    const later = growingDelayMs(quietMs, first, longest, Math.random());
    const backoff = failures > 0 ? backoffMs(answer, failures, Math.random()) : 0;
    await naps.take(Math.max(backoff, later), heldMs(answer, backoff));
  }
}

onLanguage(look);
onReturn(naps.end);
window.addEventListener('online', naps.end);
setInterval(look, LOOK_MS);
void watch();
