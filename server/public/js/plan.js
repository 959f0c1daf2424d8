// @ts-check
/**
 * The plan of a section, in a dialog: which units are free, and which ones the shopper chooses. It asks the shop only while
 * it is open. The choice reserves nothing: the order does.
 */

import { readUnits } from './api.js';
import { find, isEnabled, setAttribute, setEnabled, setShown, setText } from './dom.js';
import { count, timeOfDay } from './format.js';
import { fill, language, texts } from './language.js';
import { backoffMs, createNaps, growingDelayMs, heldMs } from './pace.js';
import { createDrawing, createSign, nameOfUnit, unitText } from './plan-drawing.js';
import { freeOf, layoutOf, leavesSingle, partsOf } from './plan-layout.js';
import { onReturn, steadyNow } from './steady.js';

/** The shortest and the longest pause between two looks while nothing is chosen. */
const LOOK_MS = { first: 2000, longest: 15_000 };
/** What is known of longer ago is shown with its time. The shop sends the time anew once it is old. */
const OLD_MS = 10_000;

/**
 * @typedef {import('./plan-layout.js').Unit} Unit
 * @typedef {{ row?: string, seat: string }} Seat
 *
 * @typedef {object} PlanTerms what the page knows at this moment
 * @property {string} title of the SKU
 * @property {number} room units that this shopper may still buy
 * @property {boolean} mayTake whether the button to buy is on
 *
 * @typedef {object} Known of one SKU
 * @property {import('./plan-layout.js').Board} board
 * @property {import('./plan-layout.js').Layout} layout
 * @property {readonly boolean[]} free
 * @property {Set<number>} chosen
 * @property {number} part
 * @property {string | null} etag
 * @property {readonly Unit[]} lost chosen units that others took
 * @property {boolean} isOld the shop itself knows nothing newer
 */

/**
 * @param {object} page
 * @param {string} page.sale
 * @param {(sku: string) => PlanTerms} page.terms
 * @param {() => number} page.now the shop's time
 * @param {(sku: string, seats: readonly Seat[]) => void} page.onTake
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: a module of short functions over what the plan shows
export function createPlan({ sale, terms, now, onTake }) {
  const dialog = find('#plan');
  if (!(dialog instanceof HTMLDialogElement)) throw new Error('the page has no plan');
  const hall = find('.plan-hall', dialog);
  const select = findSelect(dialog);
  const take = find('.plan-take', dialog);
  const heading = find('#plan-title', dialog);
  const naps = createNaps();
  /** @type {Map<string, Known>} */
  const all = new Map();
  /** The SKU of the open dialog. */
  /** @type {string | null} */
  let sku = null;
  let isOffline = false;
  /** The visit to the open dialog that looks for changes. */
  /** @type {symbol | null} */
  let watching = null;
  /** What is drawn, so that a look that changes nothing costs nothing. */
  let drawnAs = '';
  let quietSince = steadyNow();
  /** The unit at which the pointer or the focus is. */
  /** @type {Unit | null} */
  let looked = null;
  const drawing = createDrawing(hall, {
    onPick: pick,
    onLook: (unit) => {
      looked = unit;
      tellLooked();
    },
  });
  for (const state of /** @type {const} */ (['free', 'taken', 'chosen'])) {
    find(`.plan-sign-${state}`, dialog).append(createSign(state));
  }

  const known = () => (sku === null ? undefined : all.get(sku));

  /** @param {Unit} unit */
  function stateOf({ at }) {
    const { chosen, free } = known() ?? {};
    if (chosen?.has(at)) return 'chosen';
    return free?.[at] === true ? 'free' : 'taken';
  }

  function tellLooked() {
    const text = looked === null ? '' : unitText(looked, stateOf(looked));
    setText(find('.plan-unit', dialog), text);
  }

  /** @param {Unit} unit */
  function pick(unit) {
    const plan = known();
    if (plan === undefined || sku === null) return;
    plan.lost = [];
    quietSince = steadyNow();
    if (plan.chosen.delete(unit.at)) return show();
    const isFull = plan.chosen.size >= terms(sku).room;
    if (plan.free[unit.at] === true && !isFull) plan.chosen.add(unit.at);
    show(isFull);
  }

  /**
   * @param {Known} plan
   * @param {PlanTerms} of what the page knows
   * @param {boolean} isFull
   */
  function wordsOf({ layout, free, chosen, lost, board }, { room }, isFull) {
    const { plan } = texts;
    /** @param {readonly Unit[]} units */
    const names = (units) => units.map(nameOfUnit).join('; ');
    if (lost.length > 0) return fill(plan.lost, { units: names(lost) });
    if (isFull) return fill(plan.full, { count: count(room) });
    if (chosen.size === 0) return fill(plan.none, { count: count(room) });
    if (board.singles === 'avoid' && leavesSingle(layout.units, free, chosen)) return plan.single;
    return fill(plan.have, { units: names(layout.units.filter(({ at }) => chosen.has(at))) });
  }

  /** @param {boolean} isFull whether one more than allowed was picked */
  function show(isFull = false) {
    const plan = known();
    if (sku === null) return;
    const of = terms(sku);
    setText(heading, fill(texts.plan.title, { title: of.title }));
    setText(find('.plan-trouble', dialog), troubleOf(plan));
    setShown(find('.plan-front', dialog), typeof plan?.board.seats[0] === 'object');
    setAttribute(dialog, 'aria-busy', plan === undefined ? 'true' : null);
    if (plan === undefined) return;
    if (drawnAs !== drawingOf(plan, of.title)) draw(plan, of.title);
    drawing.update(stateOf);
    tellLooked();
    setText(find('.plan-said', dialog), wordsOf(plan, of, isFull));
    setEnabled(take, of.mayTake && plan.chosen.size > 0 && !isSingle(plan));
  }

  /** @param {Known} plan */
  function isSingle({ board, layout, free, chosen }) {
    return board.singles === 'avoid' && leavesSingle(layout.units, free, chosen);
  }

  /** @param {Known | undefined} plan */
  function troubleOf(plan) {
    if (isOffline) return texts.plan.offline;
    if (plan === undefined) return texts.loading;
    return plan.isOld ? fill(texts.plan.old, { time: timeOfDay(plan.board.asOf) }) : '';
  }

  /**
   * @param {Known} plan
   * @param {string} title
   */
  const drawingOf = ({ part }, title) => `${sku} ${part} ${language} ${title}`;

  /**
   * @param {Known} plan
   * @param {string} title
   */
  function draw(plan, title) {
    const parts = partsOf(plan.layout);
    const part = Math.min(plan.part, parts.length - 1);
    drawnAs = drawingOf(plan, title);
    const names = parts.map((rows) => `${rows[0]?.[0]?.row ?? ''}–${rows.at(-1)?.[0]?.row ?? ''}`);
    select.replaceChildren(...names.map((name, at) => new Option(name, String(at))));
    select.value = String(part);
    setAttribute(select, 'aria-label', texts.plan.part);
    setShown(find('.plan-part', dialog), parts.length > 1);
    drawing.draw(parts[part] ?? [], plan.layout.columns, title);
    if (document.activeElement === heading) drawing.focus();
  }

  /** @param {import('./api.js').Ok} answer */
  function learn({ body, etag }) {
    if (sku === null) return;
    const before = all.get(sku);
    const layout = before?.layout ?? layoutOf(body.seats);
    const free = freeOf(body.free, layout.units.length);
    const chosen = before?.chosen ?? new Set();
    const gone = layout.units.filter(({ at }) => chosen.has(at) && free[at] !== true);
    for (const { at } of gone) chosen.delete(at);
    const lost = gone.length > 0 ? gone : (before?.lost ?? []);
    const isOld = now() - Date.parse(body.asOf) > OLD_MS;
    const part = before?.part ?? 0;
    all.set(sku, { board: body, layout, free, chosen, part, etag, lost, isOld });
  }

  /** @param {string} of */
  async function watch(of) {
    const visit = Symbol(of);
    watching = visit;
    for (let failures = 0; watching === visit; ) {
      if (document.hidden) {
        await naps.take(LOOK_MS.longest);
        continue;
      }
      const answer = await readUnits(sale, of, all.get(of)?.etag ?? null);
      if (watching !== visit) return;
      if (answer.kind === 'ok') learn(answer);
      failures = answer.kind === 'ok' || answer.kind === 'same' ? 0 : failures + 1;
      isOffline = failures > 1 || (failures > 0 && !all.has(of));
      show();
      const backoff = failures > 0 ? backoffMs(answer, failures, Math.random()) : 0;
      const { first, longest } = LOOK_MS;
      const quietMs = steadyNow() - quietSince;
      const pauseMs = growingDelayMs(quietMs, first, longest, Math.random());
      await naps.take(Math.max(pauseMs, backoff), failures > 0 ? heldMs(answer, backoff) : 0);
    }
  }

  select.addEventListener('change', () => {
    const plan = known();
    if (plan !== undefined) plan.part = Number(select.value);
    show();
  });
  take.addEventListener('click', () => {
    const plan = known();
    if (plan === undefined || sku === null || !isEnabled(take)) return;
    const [of, { chosen, layout }] = [sku, plan];
    const seats = layout.units
      .filter(({ at }) => chosen.has(at))
      .map(({ row, seat }) => (row === undefined ? { seat } : { row, seat }));
    dialog.close();
    onTake(of, seats);
  });
  find('.plan-close', dialog).addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    // It may have been opened again already.
    if (dialog.open) return;
    sku = null;
    watching = null;
    drawnAs = '';
    hall.replaceChildren();
    setAttribute(select, 'aria-label', null);
    looked = null;
    for (const name of ['#plan-title', '.plan-trouble', '.plan-unit', '.plan-said']) {
      setText(find(name, dialog), '');
    }
    naps.end();
  });
  onReturn(() => naps.end());

  return {
    /** @param {string} of */
    open(of) {
      sku = of;
      quietSince = steadyNow();
      const plan = all.get(of);
      // What was known before the plan was closed may be old: the shop is asked for all of it.
      if (plan !== undefined) plan.etag = null;
      show();
      dialog.showModal();
      if (plan !== undefined) drawing.focus();
      void watch(of);
    },
    /** Called often: the words and the button follow the page. */
    look() {
      if (sku === null) return;
      const plan = known();
      if (plan === undefined) return;
      const of = terms(sku);
      // The language has changed.
      if (drawnAs !== drawingOf(plan, of.title)) return show();
      setEnabled(take, of.mayTake && plan.chosen.size > 0 && !isSingle(plan));
    },
    /**
     * Forgets the choice of a SKU: its order was placed, or another shopper uses this page.
     * @param {string} [of] without it, of all
     */
    clear(of) {
      for (const [name, { chosen }] of all) if (of === undefined || of === name) chosen.clear();
    },
  };
}

/** @param {ParentNode} root */
function findSelect(root) {
  const select = root.querySelector('select');
  if (select === null) throw new Error('the plan has no parts');
  return select;
}
