import { type LiveNode, type LiveSku, type LiveView, pointOf } from '../live/view.ts';
import { table } from './table.ts';

/** The live view as plain text. */

const UNKNOWN = '-';

function rate(value: number | null): string {
  if (value === null) return UNKNOWN;
  return value < 10 ? String(Math.round(value * 10) / 10) : Math.round(value).toString();
}

function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined ? UNKNOWN : `${Math.round(value)} ms`;
}

function headLines(view: LiveView): string[] {
  const point = pointOf(view);
  const { taken, decided } = view.answers ?? { taken: null, decided: null };
  return [
    `${view.at}  presses ${rate(point.presses)}/s  kept ${rate(point.kept)}/s  orders ${rate(point.orders)}/s`,
    `answer p50 ${milliseconds(taken?.p50)}, p95 ${milliseconds(taken?.p95)}, p99 ${milliseconds(taken?.p99)}` +
      `  outcome p50 ${milliseconds(decided?.p50)}, p95 ${milliseconds(decided?.p95)}, p99 ${milliseconds(decided?.p99)}`,
    `queues ${view.queues.map(({ queue, messages, consumers }) => `${queue} ${messages} (${consumers} consumers)`).join(', ') || UNKNOWN}`,
  ];
}

function skuRow(sku: LiveSku) {
  const { total, sold, held, free, waitlisted, state, quota, granted, admitted } = sku;
  return {
    sku: sku.sku,
    state,
    ...{ sold, held, free, total, waitlisted },
    'orders/s': rate(sku.ordersPerSecond),
    'presses/s': rate(sku.pressesPerSecond),
    kept: `${Math.round(sku.share * 1_000) / 10}%${sku.isAutomatic ? ' auto' : ''}`,
    ...{ quota, granted, admitted },
  };
}

function nodeRow({ node, isAlive, skus, late }: LiveNode) {
  const units = Object.entries(skus).map(([sku, { grant, admitted }]) => [
    sku,
    `${admitted}/${grant}`,
  ]);
  return {
    node,
    ...(Object.fromEntries(units) as Record<string, string>),
    edits: !isAlive ? 'ended' : late.length === 0 ? 'applied' : `not applied: ${late.join(', ')}`,
  };
}

export function liveText(view: LiveView): string {
  const verdicts = Object.entries(view.answers?.perSecond ?? {})
    .filter(([, perSecond]) => perSecond > 0)
    .sort(([, one], [, other]) => other - one)
    .map(([verdict, perSecond]) => `${verdict} ${rate(perSecond)}/s`);
  const answers =
    view.answers === null
      ? 'unknown: set WEB_MONITORS to the monitor ports of the web nodes'
      : verdicts.join(', ') || 'none';
  const parts = [
    headLines(view).join('\n'),
    `answers ${answers}`,
    view.skus.length === 0 ? 'no SKU is on sale' : table(view.skus.map(skuRow)),
    view.nodes.length === 0 ? 'no web node is registered' : table(view.nodes.map(nodeRow)),
    ...(view.stranded.length === 0 ? [] : [table(view.stranded.map((row) => ({ ...row })))]),
    ...[
      ...view.missing.map((text) => `missing: ${text}`),
      ...view.errors.map(({ path, reason }) => `edit without effect: ${path}: ${reason}`),
    ],
  ];
  return parts.join('\n\n');
}
