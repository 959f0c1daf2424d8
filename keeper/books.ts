import type { Schema } from '../contracts/names.ts';
import type { Answers } from '../db/client/both-homes.ts';
import type { Databases } from '../db/client/pool.ts';
import { type Backlog, backlogs, type SaleFigures, saleFigures } from '../db/sale-figures.ts';
import type { Lifecycle } from '../process/lifecycle.ts';
import type { Log } from '../process/log.ts';
import { thrifty } from '../process/thrifty.ts';
import type { Keeper } from './keeper.ts';

/**
 * Reads what the books say about the business, while this keeper leads. One process asks, however many
 * are scraped and however often. Other keepers show nothing.
 */

const LOOK_INTERVAL_MS = 2_000;
/** Share of the time that each of the questions may take, because they read rows one by one. */
const SHARE_MAX = 0.02;
/** An alert must not wait longer for the next figures, also after an outage. */
const PAUSE_MAX_MS = 10_000;

export interface Books {
  readonly figures: readonly SaleFigures[];
  readonly backlogs: readonly Backlog[];
}

/** @returns a function that returns the last answers; none while another keeper leads */
export function watchBooks(
  keeper: Pick<Keeper, 'leads'>,
  { databases, log }: { databases: Databases; log: Log },
  lifecycle: Lifecycle,
): () => Books {
  const none: Books = { figures: [], backlogs: [] };
  let books = none;
  let isLooking = false;
  const now = () => performance.now();
  const figuresOf = thrifty(() => saleFigures(databases), SHARE_MAX, now, PAUSE_MAX_MS);
  const backlogsOf = thrifty(() => backlogs(databases), SHARE_MAX, now, PAUSE_MAX_MS);
  const look = async () => {
    if (isLooking) return;
    if (!keeper.leads) {
      books = none;
      return;
    }
    isLooking = true;
    try {
      books = {
        backlogs: lastKnown(books.backlogs, await backlogsOf()),
        figures: lastKnown(books.figures, await figuresOf()),
      };
    } catch (error) {
      // Keeps the last figures. Readiness reports that the database is down.
      log.debug({ err: error }, 'the figures of the business could not be read');
    }
    isLooking = false;
  };
  const timer = setInterval(look, LOOK_INTERVAL_MS);
  lifecycle.onStop('figures of the business', async () => clearInterval(timer));
  return () => books;
}

/** The rows of the homes that answered, and those of before of a home that did not. */
function lastKnown<Row extends { readonly schema: Schema }>(
  before: readonly Row[],
  { rows, missing }: Answers<Row>,
): readonly Row[] {
  return [...rows, ...before.filter(({ schema }) => missing.includes(schema))];
}
