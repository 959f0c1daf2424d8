import type { ReasonedActor } from '../../db/actions.ts';
import { DatabaseError } from '../../db/client/errors.ts';
import type { Databases } from '../../db/client/pool.ts';
import { setClaimWindow } from '../../db/waitlist.ts';
import { EditRefused } from '../quota/operator.ts';
import { durationMs } from './times.ts';

const CLAIM_WINDOW_MAX_MS = 30 * 86_400_000;

/**
 * Sets how long shoppers of a sale's waitlist have to pay for a unit that comes back from now on.
 *
 * @param text such as `2h`; null: as long as the shop usually gives
 * @throws {EditRefused}
 */
export async function changeClaimWindow(
  databases: Databases,
  sale: string,
  text: string | null,
  actor: ReasonedActor,
): Promise<void> {
  const ms = text === null ? undefined : durationMs(text);
  if (text !== null && (ms === undefined || ms > CLAIM_WINDOW_MAX_MS)) {
    throw new EditRefused(`${text} is not allowed; expected a time from 1s to 30d, such as 2h`);
  }
  try {
    await setClaimWindow(databases, sale, ms === undefined ? undefined : ms / 1_000, actor);
  } catch (error) {
    const isUnknown = error instanceof DatabaseError && error.sqlstate === 'FS002';
    throw isUnknown ? new EditRefused(`there is no sale ${sale}`) : error;
  }
}
