// @ts-check
/** The charts of the live view. */

// @ts-expect-error It is served from the package, which has the types under another name.
import uPlot from '/uplot/uplot.js';
import { find } from './dom.js';
import { milliseconds, rate } from './format.js';

const SECONDS_SHOWN = 600;
const HEIGHT_REM = 13;
/** A quiet sale is a flat line at the bottom, not noise. */
const RANGE_MIN = 10;
/** The size changes in many steps while a window is dragged. */
const REDRAW_AFTER_MS = 100;

/**
 * @typedef {{ key: string, label: string, color: string, dash?: number[] }} Line
 * @typedef {{ id: string, lines: Line[], value: (value: number) => string }} Chart
 */

/** @type {Chart[]} */
const CHARTS = [
  {
    id: '#chart-rates',
    value: rate,
    lines: [
      { key: 'presses', label: 'presses', color: '--soft' },
      { key: 'kept', label: 'kept', color: '--held', dash: [8, 4] },
      { key: 'orders', label: 'orders', color: '--sold' },
    ],
  },
  {
    id: '#chart-times',
    value: milliseconds,
    lines: [
      { key: 'taken99', label: 'answer, p99', color: '--soft' },
      { key: 'decided50', label: 'outcome, p50', color: '--held', dash: [8, 4] },
      { key: 'decided99', label: 'outcome, p99', color: '--sold' },
    ],
  },
  {
    id: '#chart-queue',
    value: rate,
    lines: [{ key: 'queued', label: 'messages', color: '--sold' }],
  },
];

/** @type {(plot: any, splits: number[]) => string[]} */
const clockTimes = (_plot, splits) =>
  splits.map((at) =>
    new Date(at * 1_000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' }),
  );

const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

/**
 * @param {Chart} chart
 * @param {HTMLElement} place
 */
function optionsOf(chart, place) {
  const style = getComputedStyle(document.documentElement);
  const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const font = `${Math.round(rem() * 0.75)}px sans-serif`;
  const axis = { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, font };
  /** @type {(plot: any, min: number, max: number) => [number, number]} */
  const times = (_plot, _min, max) => [max - SECONDS_SHOWN, max];
  /** @type {(plot: any, min: number, max: number) => [number, number]} */
  const values = (_plot, _min, max) => [0, Math.max(RANGE_MIN, max * 1.1)];
  return {
    width: place.clientWidth,
    height: HEIGHT_REM * rem(),
    cursor: { drag: { x: false, y: false } },
    // Nobody hovers over a wall: the figures above have the values.
    legend: { live: false },
    scales: { x: { range: times }, y: { range: values } },
    axes: [
      { ...axis, space: rem() * 5, size: rem() * 2, values: clockTimes },
      {
        ...axis,
        size: rem() * 3.6,
        values: (/** @type {any} */ _plot, /** @type {number[]} */ splits) =>
          splits.map(chart.value),
      },
    ],
    series: [
      {},
      ...chart.lines.map(({ label, color: name, dash }) => ({
        label,
        stroke: color(name),
        width: Math.max(2, rem() / 8),
        ...(dash && { dash }),
        points: { show: false },
        value: (/** @type {any} */ _plot, /** @type {number | null} */ value) =>
          value === null ? '–' : chart.value(value),
      })),
    ],
  };
}

/** Draws points as they come. */
export function createCharts() {
  /** @type {any[]} */
  let points = [];
  /** @type {any[]} */
  let plots = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {Chart} chart */
  const dataOf = ({ lines }) => [
    points.map(({ at }) => at),
    ...lines.map(({ key }) => points.map((point) => point[key])),
  ];
  const redraw = () => {
    for (const plot of plots) plot.destroy();
    plots = CHARTS.map((chart) => {
      const place = find(chart.id);
      return new uPlot(optionsOf(chart, place), dataOf(chart), place);
    });
  };
  new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(redraw, REDRAW_AFTER_MS);
  }).observe(find(CHARTS[0]?.id ?? ''));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  return {
    /** @param {any[]} known */
    begin(known) {
      points = known;
      redraw();
    },
    /** @param {any} point */
    add(point) {
      const from = point.at - SECONDS_SHOWN;
      points = [...points.filter(({ at }) => at > from && at < point.at), point];
      plots.forEach((plot, index) => {
        const chart = CHARTS[index];
        if (chart) plot.setData(dataOf(chart));
      });
    },
  };
}
