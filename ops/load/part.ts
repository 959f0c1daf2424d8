import { type Order, playPlan } from './crowd.ts';
import { readWanted, type Wanted } from './replay/plan.ts';
import type { Progress } from './report/progress.ts';
import type { LoadReport } from './report/report.ts';

/** A process that plays a part of a plan for the command. It reads the plan, or the recording, again. */

export interface PartOrder extends Pick<Order, 'target' | 'part' | 'of'> {
  readonly wanted: Wanted;
  readonly startAt: string;
}

export type PartMessage = { readonly progress: Progress } | { readonly report: LoadReport };

const stopping = new AbortController();
const tell = (message: PartMessage) => process.send?.(message);

process.on('message', async (message: PartOrder | 'stop') => {
  if (message === 'stop') return stopping.abort();
  const { wanted, startAt, ...order } = message;
  const report = await playPlan({
    ...{ ...order, startAt: new Date(startAt), stopping: stopping.signal },
    ...{ ...(await readWanted(wanted)), planFile: wanted.planFile ?? '' },
    onTick: (progress) => tell({ progress }),
  });
  process.send?.({ report } satisfies PartMessage, () => process.disconnect?.());
});
// The terminal sends it to all processes; the command tells when to stop.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
