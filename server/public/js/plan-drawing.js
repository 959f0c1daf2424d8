// @ts-check
/**
 * The plan of a section as SVG. It is a grid for keyboards and screen readers: one unit can be reached with Tab, and the
 * arrow keys go from unit to unit. Thousands of units are drawn, so later only those that have changed are touched.
 */

import { setAttribute } from './dom.js';
import { fill, texts } from './language.js';
import { unitAfter } from './plan-layout.js';

const SVG = 'http://www.w3.org/2000/svg';
/** From one unit to the next, in pixels: enough for a finger. */
const PITCH = 28;
/** For the names of rows. */
const MARGIN = 44;

/** Told by shape as well as by colour: a box, a cross, and a disc with a tick. */
const SHAPES = {
  free: 'M5 3h18a2 2 0 0 1 2 2v18a2 2 0 0 1-2 2h-18a2 2 0 0 1-2-2v-18a2 2 0 0 1 2-2z',
  taken: 'M9 9l10 10M19 9l-10 10',
  chosen: 'M14 2a12 12 0 1 0 .01 0zM8 14l2-2 3 3 6-6 2 2-8 8z',
};

/**
 * @typedef {import('./plan-layout.js').Unit} Unit
 * @typedef {keyof typeof SHAPES} UnitState
 */

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** @param {{ row?: string | undefined, seat: string }} unit */
export function nameOfUnit({ row, seat }) {
  return row === undefined ? seat : fill(texts.orders.seat, { row, seat });
}

/**
 * @param {Unit} unit
 * @param {UnitState} state
 */
export function unitText(unit, state) {
  return fill(texts.plan.place, { unit: nameOfUnit(unit), state: texts.plan[state] });
}

/** @param {UnitState} state */
export function createSign(state) {
  const sign = make('svg', {
    viewBox: '0 0 28 28',
    width: PITCH,
    height: PITCH,
    'aria-hidden': 'true',
  });
  sign.append(make('path', { d: SHAPES[state], class: 'seat', 'data-state': state }));
  return sign;
}

/**
 * @param {readonly (readonly Unit[])[]} rows
 * @param {number} columns
 * @param {string} title
 */
function gridOf(rows, columns, title) {
  const [width, height] = [MARGIN + columns * PITCH, rows.length * PITCH];
  const grid = make('svg', {
    ...{ width, height, viewBox: `0 0 ${width} ${height}` },
    ...{ role: 'grid', 'aria-label': title, 'aria-multiselectable': 'true' },
  });
  const names = make('g', { 'aria-hidden': 'true', class: 'plan-rows' });
  /** @type {[Unit, SVGElement][]} */
  const elements = [];
  for (const [y, units] of rows.entries()) {
    const row = make('g', { role: 'row' });
    for (const unit of units) {
      const element = make('path', {
        ...{ class: 'seat', role: 'gridcell', tabindex: -1, 'data-at': unit.at },
        transform: `translate(${MARGIN + unit.x * PITCH} ${y * PITCH})`,
      });
      elements.push([unit, element]);
      row.append(element);
    }
    grid.append(row);
    const name = make('text', { x: MARGIN - 10, y: y * PITCH + 19 });
    name.textContent = units[0]?.row ?? '';
    names.append(name);
  }
  grid.append(names);
  return { grid, elements };
}

/**
 * @param {HTMLElement} place
 * @param {object} listener
 * @param {(unit: Unit) => void} listener.onPick
 * @param {(unit: Unit) => void} listener.onLook the pointer or the focus is there
 */
export function createDrawing(place, { onPick, onLook }) {
  /** @type {readonly (readonly Unit[])[]} */
  let rows = [];
  /** @type {Map<number, { unit: Unit, element: SVGElement, state: UnitState | null }>} */
  let cells = new Map();
  /** The place of the unit that Tab reaches. */
  let current = -1;

  /** @param {Event} event */
  const cellAt = ({ target }) =>
    target instanceof SVGElement ? cells.get(Number(target.dataset['at'] ?? -1)) : undefined;

  /** @param {Unit} unit */
  function goTo(unit) {
    const [before, next] = [cells.get(current), cells.get(unit.at)];
    if (before !== undefined) setAttribute(before.element, 'tabindex', '-1');
    if (next === undefined) return;
    current = unit.at;
    setAttribute(next.element, 'tabindex', '0');
    next.element.focus();
  }

  place.addEventListener('click', (event) => {
    const cell = cellAt(event);
    if (cell === undefined) return;
    goTo(cell.unit);
    onPick(cell.unit);
  });
  place.addEventListener('keydown', (event) => {
    const cell = cellAt(event);
    if (cell === undefined || event.altKey || event.metaKey) return;
    const isPick = event.key === ' ' || event.key === 'Enter';
    const next = isPick ? cell.unit : unitAfter(rows, cell.unit, event);
    if (next === undefined) return;
    event.preventDefault();
    if (isPick) onPick(cell.unit);
    else goTo(next);
  });
  for (const name of ['focusin', 'pointerover']) {
    place.addEventListener(name, (event) => {
      const cell = cellAt(event);
      if (cell !== undefined) onLook(cell.unit);
    });
  }

  return {
    /**
     * @param {readonly (readonly Unit[])[]} drawn
     * @param {number} columns
     * @param {string} title
     */
    draw(drawn, columns, title) {
      rows = drawn;
      const { grid, elements } = gridOf(rows, columns, title);
      cells = new Map(elements.map(([unit, element]) => [unit.at, { unit, element, state: null }]));
      current = cells.has(current) ? current : (rows[0]?.[0]?.at ?? -1);
      cells.get(current)?.element.setAttribute('tabindex', '0');
      place.replaceChildren(grid);
    },
    /** @param {(unit: Unit) => UnitState} stateOf */
    update(stateOf) {
      for (const cell of cells.values()) {
        const state = stateOf(cell.unit);
        if (state === cell.state) continue;
        cell.state = state;
        const { element, unit } = cell;
        setAttribute(element, 'd', SHAPES[state]);
        setAttribute(element, 'data-state', state);
        setAttribute(element, 'aria-label', unitText(unit, state));
        setAttribute(element, 'aria-selected', String(state === 'chosen'));
        setAttribute(element, 'aria-disabled', state === 'taken' ? 'true' : null);
      }
    },
    /** Where the keyboard goes on. */
    focus: () => cells.get(current)?.element.focus(),
  };
}
