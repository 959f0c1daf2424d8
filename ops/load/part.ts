import { type Order, playPlan } from './crowd.ts';
import { readPlan } from './plan/read.ts';
import type { Progress } from './report/progress.ts';
import type { LoadReport } from './report/report.ts';

/** A process that plays a part of a plan for the command. It gets the text of the plan. */

export interface PartOrder extends Pick<Order, 'planFile' | 'target' | 'part' | 'of'> {
  readonly planText: string;
  readonly startAt: string;
}

export type PartMessage = { readonly progress: Progress } | { readonly report: LoadReport };

const stopping = new AbortController();
const tell = (message: PartMessage) => process.send?.(message);

process.on('message', async (message: PartOrder | 'stop') => {
  if (message === 'stop') return stopping.abort();
  const { planFile, planText, startAt, ...order } = message;
  const report = await playPlan({
    ...{ ...order, planFile, startAt: new Date(startAt), stopping: stopping.signal },
    plan: readPlan(planText, planFile),
    onTick: (progress) => tell({ progress }),
  });
  process.send?.({ report } satisfies PartMessage, () => process.disconnect?.());
});
// The terminal sends it to all processes; the command tells when to stop.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
