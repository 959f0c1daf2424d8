// @ts-check
/** The live view: what is sold, how fast, how much waits, and whether every web node follows. */

import { createCharts } from './charts.js';
import {
  find,
  fromTemplate,
  keep,
  make,
  setAttribute,
  setText,
  showRows,
  showTexts,
} from './dom.js';
import { causeText, count, milliseconds, percent, rate, saleState, verdictText } from './format.js';
import { openPage } from './frame.js';
import { follow } from './stream.js';

/**
 * Pairs of a term and its text, in a <dl>.
 * @param {HTMLElement} list
 * @param {readonly (readonly [string, string])[]} pairs
 * @param {string} name class of a pair
 */
function showPairs(list, pairs, name) {
  keep(
    list,
    pairs,
    ([term]) => term,
    ([term]) => make('div', { class: name }, make('dt', {}, term), make('dd')),
    (element, [, text]) => setText(find('dd', element), text),
  );
}

/** @param {any} view @param {any} point */
function showFigures({ answers, nodes }, point) {
  const alive = nodes.filter((/** @type {any} */ node) => node.isAlive);
  showPairs(
    find('#figures'),
    [
      ['Presses a second', rate(point.presses)],
      ['Kept a second', rate(point.kept)],
      ['Orders a second', rate(point.orders)],
      ['In the queues', count(point.queued)],
      ['Answer, p50', milliseconds(answers?.taken?.p50)],
      ['Answer, p99', milliseconds(answers?.taken?.p99)],
      ['Outcome, p50', milliseconds(answers?.decided?.p50)],
      ['Outcome, p95', milliseconds(answers?.decided?.p95)],
      ['Outcome, p99', milliseconds(answers?.decided?.p99)],
      ['Web nodes', count(alive.length)],
    ],
    'figure',
  );
}

/** @param {any} view */
function showProducts({ skus, sales, at }) {
  const list = find('#products');
  setAttribute(list, 'aria-busy', null);
  const saleOf = new Map(sales.map((/** @type {any} */ one) => [one.sale, one]));
  // SKUs that are on sale come first.
  const rank = (/** @type {any} */ { sale, state }) => {
    const { opensAt = '', closesAt = '' } = saleOf.get(sale) ?? {};
    return `${closesAt > at && state !== 'closed' ? 1 : 0} ${opensAt <= at ? 1 : 0} ${opensAt}`;
  };
  keep(
    list,
    skus.toSorted((/** @type {any} */ one, /** @type {any} */ other) =>
      rank(other).localeCompare(rank(one)),
    ),
    ({ sku }) => sku,
    () => fromTemplate('product'),
    (element, sku) => {
      const { sold, held, free, total, title, state } = sku;
      const sale = saleOf.get(sku.sale);
      setText(find('.of-sale', element), sku.sale === undefined ? '' : `Sale ${sku.sale}`);
      setText(find('.name', element), title ? `${sku.sku} · ${title}` : sku.sku);
      const pill = find('.pill', element);
      const when = sale === undefined ? '' : saleState(sale, Date.parse(at));
      setText(pill, state === 'open' ? when || 'open' : (state ?? 'no state'));
      setAttribute(pill, 'data-state', when === 'over' ? 'over' : state);
      setText(find('.sold', element), count(sold));
      setText(find('.of', element), total === null ? 'sold' : `sold of ${count(total)}`);
      const part = (/** @type {number | null} */ units) =>
        `${total ? ((units ?? 0) / total) * 100 : 0}%`;
      find('.sold-part', element).style.width = part(sold);
      find('.held-part', element).style.width = part(held);
      showPairs(
        find('.facts', element),
        [
          ['Held, not paid', count(held)],
          ['Free', count(free)],
          ['Waitlist', count(sku.waitlisted)],
          ['Orders a second', rate(sku.ordersPerSecond)],
          ['Presses a second', rate(sku.pressesPerSecond)],
          ['Kept', `${percent(sku.share)}${sku.isAutomatic ? ' (auto)' : ''}`],
          ['Quota', sku.quota === null ? '–' : count(Number(sku.quota))],
          ['Admitted of granted', `${count(sku.admitted)} of ${count(sku.granted)}`],
        ],
        'fact',
      );
    },
  );
}

/** @param {any} view */
function showAnswers({ answers }) {
  const note =
    answers === null
      ? 'Unknown: WEB_MONITORS does not name the monitor ports of the web nodes.'
      : answers.monitorsAnswering < answers.monitors
        ? `${answers.monitorsAnswering} of ${answers.monitors} web nodes answer: the others are missing here.`
        : `From ${count(answers.monitors)} web nodes.`;
  setText(find('#answers-note'), note);
  /** @type {[string, number][]} */
  const rates = Object.entries(answers?.perSecond ?? {});
  rates.sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1));
  showRows(
    find('#answers'),
    rates.map(([verdict, perSecond]) => ({
      key: verdict,
      cells: [verdictText(verdict), Math.round(perSecond * 10) / 10],
    })),
  );
}

/** @param {any} view */
function showStranded({ stranded }) {
  setText(find('#stranded-note'), stranded.length === 0 ? 'No units are held back.' : '');
  showRows(
    find('#stranded'),
    stranded.map(
      (/** @type {any} */ { sku, cause, units, remedy }, /** @type {number} */ index) => ({
        key: `${sku} ${cause} ${index}`,
        cells: [sku ?? 'any', causeText(cause), units, remedy],
      }),
    ),
  );
}

/** @param {any} view */
function showNodes({ nodes, skus }) {
  const names = skus.map((/** @type {any} */ { sku }) => sku);
  keep(
    find('#nodes thead tr'),
    ['Web node', ...names, 'Edits'],
    (text) => text,
    (text) => make('th', { scope: 'col' }, text),
    () => {},
  );
  const alive = nodes.filter((/** @type {any} */ { isAlive }) => isAlive);
  const late = alive.filter((/** @type {any} */ node) => node.late.length > 0);
  const ended = nodes.length - alive.length;
  setText(
    find('#nodes-note'),
    [
      `${count(alive.length)} alive`,
      ...(ended > 0 ? [`${count(ended)} ended and being settled`] : []),
      late.length === 0
        ? 'every edit is applied'
        : `${count(late.length)} have not applied an edit`,
      'a product shows admitted of granted units',
    ].join(' · '),
  );
  keep(
    find('#nodes tbody'),
    nodes,
    (/** @type {any} */ { node }) => node,
    () => make('tr', {}, make('th', { scope: 'row' })),
    (row, /** @type {any} */ node) => {
      setAttribute(row, 'data-alive', node.isAlive ? 'yes' : 'no');
      while (row.children.length < names.length + 2) row.append(make('td'));
      while (row.children.length > names.length + 2) row.lastElementChild?.remove();
      const cells = [...row.children];
      setText(/** @type {Element} */ (cells[0]), node.node);
      names.forEach((/** @type {string} */ name, /** @type {number} */ index) => {
        const units = node.skus[name];
        const text = units ? `${count(units.admitted)} of ${count(units.grant)}` : '–';
        setText(/** @type {Element} */ (cells[index + 1]), text);
      });
      const state = /** @type {Element} */ (cells.at(-1));
      setAttribute(state, 'class', node.late.length > 0 ? 'late' : null);
      setText(
        state,
        !node.isAlive
          ? 'ended, is being settled'
          : node.late.length === 0
            ? 'applied'
            : `not applied: ${node.late.join(', ')}`,
      );
    },
  );
}

await openPage();
const charts = createCharts();
follow(
  (view) => {
    const { point } = view;
    showTexts(find('#notices'), [
      ...view.missing.map((/** @type {string} */ text) => `Missing here: ${text}`),
      ...view.errors.map(
        (/** @type {any} */ { path, reason }) => `Edit without effect: ${path}: ${reason}`,
      ),
    ]);
    showFigures(view, point);
    showProducts(view);
    charts.add(point);
    showAnswers(view);
    showStranded(view);
    showRows(
      find('#queues'),
      view.queues.map((/** @type {any} */ { queue, messages, consumers }) => ({
        key: queue,
        cells: [queue, messages, consumers],
      })),
    );
    showNodes(view);
  },
  (points) => charts.begin(points),
);
