import { escaped, lineChart } from '../../html/charts.ts';
import { type Cell, pageOf, rows, section } from '../../html/page.ts';
import { joinSeconds } from './merge.ts';
import {
  type Counts,
  comparison,
  type LoadReport,
  type SecondOfReport,
  shortcomings,
  type Times,
} from './report.ts';

/** The report of a crowd as one HTML file that loads nothing. Every chart is also a table. */

/** Points of a chart. Longer runs have several seconds in each. */
const POINTS_MAX = 120;

const NAMES: Readonly<Record<string, string>> = {
  page: 'page',
  file: 'file of the page',
  sale: 'look at the sale',
  guest: 'guest identity',
  orders: 'list of orders',
  order: 'one order',
  ticket: 'ticket',
  buy: 'purchase',
  status: 'status, by poll',
  'long-poll': 'status, by long-poll',
  stream: 'status, by stream',
  checkout: 'checkout',
  pay: 'payment of the demo',
  cancel: 'cancel',
  'waitlist-join': 'join the waitlist',
  waitlist: 'place in the waitlist',
  'waitlist-leave': 'leave the waitlist',
  'notice-offer': 'which notices there are',
  'notice-ask': 'ask for notices',
  notices: 'my notices',
  'notice-stop': 'stop notices',
};
const nameOf = (call: string) => NAMES[call] ?? call;

/** As a number, so that it stands on the right. */
const ms = (value: number) => Number(value.toFixed(value < 10 ? 1 : 0));
const number = (value: number) => value.toLocaleString('en-US');

function timeText(value: number): string {
  return value < 1_000 ? `${value} ms` : `${value / 1_000} s`;
}

function pairs(counts: Counts): Cell[][] {
  return Object.entries(counts).map(([name, count]) => [name, count]);
}

function timesRow(name: string, { count, ms: of }: Times): Cell[] {
  return [name, count, ms(of.p50), ms(of.p90), ms(of.p95), ms(of.p99), ms(of.p999), ms(of.max)];
}

interface Point extends Omit<SecondOfReport, 'second'> {
  readonly from: number;
  readonly seconds: number;
}

/** The seconds of the run, the quiet ones included, several in each point if they are many. */
function pointsOf({ bySecond }: LoadReport): Point[] {
  const last = bySecond.at(-1)?.second ?? 0;
  const size = Math.ceil((last + 1) / POINTS_MAX);
  const known = Map.groupBy(bySecond, ({ second }) => Math.floor(second / size));
  return Array.from({ length: Math.ceil((last + 1) / size) }, (_, at) => {
    const all = known.get(at) ?? [];
    const alive = Math.max(0, ...all.map((one) => one.alive));
    return { ...joinSeconds(all), alive, from: at * size, seconds: size };
  });
}

function answersOf({ calls }: Pick<Point, 'calls'>): number {
  return Object.values(calls).reduce((sum, { count }) => sum + count, 0);
}

/** The calls that have times in more than one point, those with the most answers first. */
function chartedCalls(report: LoadReport): string[] {
  return Object.entries(report.calls)
    .filter(([, { times }]) => times.count > 1)
    .toSorted(([, a], [, b]) => b.times.count - a.times.count)
    .map(([name]) => name);
}

function overTime(points: readonly Point[]): string {
  const size = points[0]?.seconds ?? 1;
  const ends: [string, string] = ['0 s', `${points.length * size} s`];
  const perSecond = (of: (point: Point) => number) => points.map((point) => of(point) / size);
  const text = number;
  const crowd = lineChart({
    label: 'Shoppers in the shop, by second',
    lines: [{ name: 'shoppers in the shop', values: points.map(({ alive }) => alive), color: 'a' }],
    ...{ ends, text },
  });
  const flow = lineChart({
    label: 'Arrivals and answers, by second',
    lines: [
      { name: 'arrivals a second', values: perSecond(({ arrivals }) => arrivals), color: 'b' },
      { name: 'answers a second', values: perSecond(answersOf), color: 'a' },
    ],
    ...{ ends, text },
  });
  const table = rows(
    ['From', 'Arrivals', 'In the shop', 'Answers'],
    points.map((point) => [`${point.from} s`, point.arrivals, point.alive, answersOf(point)]),
  );
  const title = `<p>Each point is ${size === 1 ? 'a second' : `${size} seconds`}.</p>`;
  return section('The crowd over time', title, crowd, flow, details('As a table', table));
}

function details(title: string, content: string): string {
  return `<details><summary>${escaped(title)}</summary>${content}</details>`;
}

function timesOverTime(report: LoadReport, points: readonly Point[]): string {
  const size = points[0]?.seconds ?? 1;
  const ends: [string, string] = ['0 s', `${points.length * size} s`];
  const charts = chartedCalls(report).map((call) => {
    const values = (which: 'p50' | 'p99') => points.map(({ calls }) => calls[call]?.[which]);
    const chart = lineChart({
      label: `Times of the call ${nameOf(call)}, by second`,
      lines: [
        { name: 'p50', values: values('p50'), color: 'a' },
        { name: 'p99', values: values('p99'), color: 'b' },
      ],
      ends,
      text: timeText,
      isLogarithmic: true,
    });
    const lines = points.flatMap(({ from, calls }): Cell[][] => {
      const of = calls[call];
      return of === undefined ? [] : [[`${from} s`, of.count, ms(of.p50), ms(of.p99)]];
    });
    const table = rows(['Due from', 'Answers', 'p50 ms', 'p99 ms'], lines);
    return `<h3>${escaped(nameOf(call))}</h3>\n${chart}\n${details('As a table', table)}`;
  });
  return section('Times of calls, by the second in which they were due', ...charts);
}

function summary(report: LoadReport): string {
  const { shoppers, requests, orders, parts, of, seconds, plan, target, beganAt } = report;
  const part = of === 1 ? '' : ` · parts ${parts.join(', ')} of ${of}`;
  const told = shortcomings(report);
  return `<h1>A crowd for ${escaped(plan.sale)}</h1>
<p>${escaped(target)} · ${escaped(beganAt)} · ${number(seconds)} s · seed ${escaped(plan.seed)}${part}</p>
${section(
  'What the generator could not do',
  told.length === 0
    ? '<p class="good">Nothing: the crowd came and acted as planned.</p>'
    : `<ul class="bad">${told.map((text) => `<li>${escaped(text)}</li>`).join('')}</ul>`,
  `<p>Times count from the moment at which a call was due, so they include the time that a call left late: p50 ${ms(report.generator.lag.ms.p50)} ms, p99 ${ms(report.generator.lag.ms.p99)} ms, at most ${ms(report.generator.lag.ms.max)} ms.</p>`,
)}
${section(
  'Result',
  rows(
    ['', ''],
    [
      ['shoppers who were due', shoppers.due],
      ['shoppers who played', shoppers.played],
      ['purchases sent, each counted once', requests.sent],
      ['of them taken (202)', requests.taken],
      ['orders made', orders.made],
      ['of them for places in the waitlist', orders.served],
      ['orders paid', orders.paid],
      ['orders cancelled', orders.cancelled],
    ],
  ),
)}`;
}

function replayed(report: LoadReport): string {
  const compared = comparison(report);
  if (compared === undefined || report.replay === undefined) return '';
  const { sale, speed, shoppers, calls, seconds } = report.replay;
  const part = report.of > report.parts.length ? ' This report has a part of them.' : '';
  return section(
    'Recorded and replayed',
    `<p>${number(calls)} calls of ${number(shoppers)} shoppers of the sale ${escaped(sale)} within ${number(seconds)} s, played ${speed} times as fast.${part}</p>`,
    rows(
      ['Outcome of purchases', 'Recorded', 'Replayed'],
      compared.outcomes.map((one) => [one.name, one.recorded, one.replayed]),
    ),
    rows(
      ['Call', 'Answer', 'Recorded', 'Replayed'],
      compared.answers.flatMap(({ call, answers }) =>
        answers.map((one): Cell[] => [nameOf(call), one.name, one.recorded, one.replayed]),
      ),
    ),
    ...(Object.keys(compared.notMade).length === 0
      ? []
      : [rows(['Calls that could not be repeated', ''], pairs(compared.notMade))]),
  );
}

export function reportHtml(report: LoadReport): string {
  const { shoppers, calls, requests, generator, outcomeTimes } = report;
  const points = pointsOf(report);
  const head = ['Call', 'Count', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'];
  const answers = Object.entries(calls).flatMap(([call, { verdicts }]) =>
    Object.entries(verdicts).map(([verdict, count]): Cell[] => [nameOf(call), verdict, count]),
  );
  const body = `${summary(report)}
${replayed(report)}
${section(
  'Times, in milliseconds',
  rows(head, [
    ...(outcomeTimes.count > 0 ? [timesRow('from the press to the outcome', outcomeTimes)] : []),
    ...Object.entries(calls)
      .filter(([, { times }]) => times.count > 0)
      .map(([call, { times }]) => timesRow(nameOf(call), times)),
  ]),
  '<p>The shop holds a long-poll for up to 10 seconds until there is an outcome. The time of a stream is that until it begins. Shoppers who went away meanwhile are not in the time to the outcome.</p>',
)}
${section('Answers', rows(['Call', 'Answer', 'Count'], answers))}
${section(
  'Purchases and shoppers',
  '<h3>Outcomes of purchases</h3>',
  rows(['Outcome', 'Purchases'], pairs(requests.outcomes)),
  requests.lookedUp === 0
    ? ''
    : `<p>${number(requests.lookedUp)} of them were looked up after the shoppers had left.</p>`,
  '<h3>How visits ended</h3>',
  rows(['End', 'Shoppers'], pairs(shoppers.ends)),
  '<h3>What shoppers did</h3>',
  rows(['Behaviour', 'Shoppers'], pairs(shoppers.behaviours)),
)}
${overTime(points)}
${timesOverTime(report, points)}
${section(
  'The generator',
  rows(
    ['', ''],
    [
      ['processes', generator.processes],
      ['seconds in which one was busy for more than 90 %', generator.busySeconds],
      ['most memory of one, MB', Math.round(generator.memoryMaxBytes / 1e6)],
    ],
  ),
)}`;
  return pageOf(`A crowd for ${report.plan.sale}: report`, body);
}
