import { fork } from 'node:child_process';
import { beginningOf, type Order, playPlan } from './crowd.ts';
import type { PartMessage, PartOrder } from './part.ts';
import type { Wanted } from './replay/plan.ts';
import { mergeReports } from './report/merge.ts';
import { type Progress, progressText } from './report/progress.ts';
import type { LoadReport } from './report/report.ts';

/** Plays a plan, or a part of it, in several processes of this machine, and adds up their reports. */

/** Processes need about a second to be ready. */
const READY_MS = 3_000;

/**
 * @param order what is wanted as well, which the processes read again
 * @param show gets a line of text once a second
 */
export async function playInProcesses(
  order: Omit<Order, 'onTick'> & { readonly wanted: Wanted },
  processes: number,
  show: (text: string) => void,
): Promise<LoadReport> {
  const text = progressText();
  if (processes === 1) {
    return playPlan({ ...order, onTick: (progress) => show(text([progress])) });
  }
  const { stopping, part, of, wanted, target } = order;
  const beginning = await beginningOf(order);
  const beginMs = Math.max(beginning.beginMs, performance.now() + READY_MS);
  const startAt = new Date(performance.timeOrigin + beginMs).toISOString();
  const known = new Map<number, Progress>();
  const onProgress = (index: number) => (progress: Progress) => {
    known.set(index, progress);
    if (index === 0) show(text([...known.values()]));
  };
  // Each process plays every nth of the shoppers of this part.
  const reports = await Promise.all(
    Array.from({ length: processes }, (_, index) => {
      const piece = { part: part + index * of, of: of * processes };
      return playPart({ wanted, target, startAt, ...piece }, stopping, onProgress(index));
    }),
  );
  return { ...mergeReports(reports), parts: [part], of };
}

function playPart(
  order: PartOrder,
  stopping: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<LoadReport> {
  const { promise, resolve, reject } = Promise.withResolvers<LoadReport>();
  const child = fork(new URL('./part.ts', import.meta.url));
  const stop = () => child.send('stop');
  stopping.addEventListener('abort', stop);
  child.on('message', (message: PartMessage) => {
    if ('progress' in message) onProgress(message.progress);
    else resolve(message.report);
  });
  child.on('error', reject);
  child.on('exit', (code) => {
    stopping.removeEventListener('abort', stop);
    reject(new Error(`the process of part ${order.part} of ${order.of} ended with ${code}`));
  });
  child.send(order);
  return promise;
}
