import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { untilMs } from '../client/visit.ts';
import { openRecording, type RecordingHeader } from '../recording/format.ts';
import type { Identities } from '../shopper/identities.ts';
import type { World } from '../shopper/shopper.ts';
import { Crowd } from './crowd.ts';
import type { ReplayOrder } from './plan.ts';
import type { Stage } from './stage.ts';

/** Plays a recording: an open loop, as a plan is. It reads the recording as it goes on. */

/** Calls that are late are made so many at a time, so that answers are read in between. */
const AT_ONCE_MAX = 50;
/** The edge takes fewer of one connection. A queue for a shop that stands still would grow with the recording. */
const RUNNING_MAX = 100;
const REST_EVERY_MS = 5_000;

export interface Times {
  /** Of the first call, by the monotonic clock. */
  readonly beginMs: number;
  readonly part: number;
  readonly of: number;
}

/** @param there the SKUs of the sale that it is played at */
export async function replay(
  world: World,
  order: ReplayOrder,
  given: Times & { readonly identities: Identities; readonly there: readonly string[] },
): Promise<void> {
  const { file, speed, header } = order;
  const { beginMs, part, of, there, identities } = given;
  const { stopping, tally } = world;
  const stage: Stage = { ...world, speed, skuAt: skuAt(header, there) };
  const recording = await openRecording(file);
  const crowd = new Crowd(stage, identities, { part, of });
  const resting = setInterval(() => crowd.rest(), REST_EVERY_MS);
  const running = new Set<Promise<void>>();
  // Also after the last call has left: answers may take long.
  const stop = () => crowd.breakOff();
  stopping.addEventListener('abort', stop);
  let atOnce = 0;
  try {
    for await (const call of recording.calls) {
      if (partOf(call.who, of) !== part) continue;
      const dueMs = beginMs + (call.at - header.fromMs) / speed;
      if (dueMs > performance.now()) {
        await untilMs(dueMs, stopping).catch(() => {});
        atOnce = 0;
      } else if (++atOnce % AT_ONCE_MAX === 0) await nextTurn();
      if (stopping.aborted) {
        tally.gaps.add('the run was stopped before the end of the recording');
        break;
      }
      const shopper = crowd.of(call, dueMs);
      if (shopper === undefined) continue;
      if (shopper.running >= RUNNING_MAX) {
        tally.notMade.add(`calls beyond ${RUNNING_MAX} of one shopper at once`);
        continue;
      }
      const playing = shopper.play(call, dueMs).finally(() => running.delete(playing));
      running.add(playing);
    }
    await Promise.all(running);
  } finally {
    clearInterval(resting);
    stopping.removeEventListener('abort', stop);
    recording.close();
    crowd.leave();
  }
}

/** Which part plays a shopper, from 1: the same in each process. */
function partOf(who: string, of: number): number {
  return of === 1 ? 1 : (hash('sha256', who, 'buffer').readUInt32LE(0) % of) + 1;
}

/** By its name if the sale has it, else by its place. */
function skuAt({ skus }: RecordingHeader, there: readonly string[]): Stage['skuAt'] {
  const mapped = skus.map((sku, place) => (there.includes(sku) ? sku : there[place]));
  return (place) => mapped[place ?? -1];
}
