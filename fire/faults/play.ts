import { setTimeout as delay } from 'node:timers/promises';
import type { History } from '../crowd/history.ts';
import { kindOf, LIMITED, placesOf } from '../kinds.ts';
import type { Planned } from '../schedule.ts';
import type { Field } from './field.ts';
import { FAULTS, isPossible } from './table.ts';

/** Makes the faults of a schedule at their times, and ends all of them. */

const END_TRIES = 60;
const END_PAUSE_MS = 500;

/** @throws {Error} of the last try */
async function patiently(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === END_TRIES) throw error;
      await delay(END_PAUSE_MS);
    }
  }
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function playOne(field: Field, { fault, target, lastsMs }: Planned, history: History) {
  const about = { kind: 'fault', fault, target } as const;
  const at = history.now();
  let end: Awaited<ReturnType<(typeof FAULTS)[typeof fault]>>;
  try {
    end = await FAULTS[fault](field, target);
    history.add({ ...about, phase: 'begin', at, until: history.now() });
  } catch (error) {
    const until = history.now();
    history.add({ ...about, phase: 'begin', at, until, error: reasonOf(error) });
  }
  if (end === undefined) return;
  await delay(lastsMs);
  const endAt = history.now();
  await patiently(end);
  history.add({ ...about, phase: 'end', at: endAt, until: history.now() });
}

/**
 * What operators have set is made whole again: an edit whose answer was lost may have been made.
 */
async function restore({ shop, sku, quotas }: Field): Promise<void> {
  const { operator, session } = shop;
  for (const goods of LIMITED) {
    const name = sku(goods);
    await operator.quota(name, String(quotas.get(name) ?? 0));
    await operator.state(name, 'open');
    await operator.keep(name, null);
    const pins = await session.children(operator.paths.sku(name).pins);
    for (const node of pins.ok ? pins.value : []) await operator.pin(name, node, null);
  }
}

/** Resolves when every fault is over. @throws {Error} when one cannot be ended */
export async function play(
  field: Field,
  schedule: readonly Planned[],
  history: History,
): Promise<void> {
  const startedAt = history.now();
  /** A fault waits until earlier ones of the same group and place are mended. */
  const last = new Map<string, Promise<void>>();
  await Promise.all(
    schedule.map(async (planned) => {
      if (!isPossible(field.shop, planned)) return;
      await delay(Math.max(0, startedAt + planned.atMs - history.now()));
      const { group } = kindOf(planned.fault);
      const keys = placesOf(planned.fault, planned.target).map((place) => `${group} ${place}`);
      const work = Promise.all(keys.map((key) => last.get(key))).then(() =>
        playOne(field, planned, history),
      );
      for (const key of keys) last.set(key, work);
      await work;
    }),
  );
  await patiently(() => restore(field));
}
