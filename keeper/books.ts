import type { Home } from '../contracts/homes.ts';
import { type Answers, lastKnown } from '../db/client/homes.ts';
import type { Databases } from '../db/client/pool.ts';
import {
  type Backlog,
  backlogs,
  type PaymentFailures,
  paymentFailures,
  type SaleFigures,
  saleFigures,
} from '../db/sale-figures.ts';
import type { Lifecycle } from '../process/lifecycle.ts';
import type { Log } from '../process/log.ts';
import { thrifty } from '../process/thrifty.ts';
import type { Keeper } from './keeper.ts';

/**
 * Reads what the books say about the business, while this keeper has a leader term. One process asks, however many
 * are scraped and however often. Other keepers show nothing. A leader that is cut off from ZooKeeper goes on, because
 * it can still read the books; there may be two for a while, so readers of the metrics take the maximum.
 */

const LOOK_INTERVAL_MS = 2_000;
/** Share of the time that each of the questions may take, because they read rows one by one. */
const SHARE_MAX = 0.02;
/** An alert must not wait longer for the next look, also after an outage. */
const ALERT_PAUSE_MAX_MS = 10_000;
/** The figures read every order: some ten seconds for four million of them. */
export const FIGURES_TIMEOUT_MS = 60_000;

export interface Books {
  readonly figures: readonly SaleFigures[];
  readonly failures: readonly PaymentFailures[];
  readonly backlogs: readonly Backlog[];
}

interface Context {
  readonly databases: Databases;
  /** The same databases, by sessions that wait up to `FIGURES_TIMEOUT_MS` for an answer. */
  readonly patient: Databases;
  readonly log: Log;
}

/** @returns a function that returns the last answers; none without a leader term */
export function watchBooks(
  keeper: Pick<Keeper, 'hasTerm'>,
  { databases, patient, log }: Context,
  lifecycle: Lifecycle,
): () => Books {
  const now = () => performance.now();
  const figuresOf = thrifty(() => saleFigures(patient, FIGURES_TIMEOUT_MS), SHARE_MAX);
  const backlogsOf = thrifty(() => backlogs(databases), SHARE_MAX, now, ALERT_PAUSE_MAX_MS);
  const failuresOf = thrifty(() => paymentFailures(databases), SHARE_MAX, now, ALERT_PAUSE_MAX_MS);
  // Each on its own: what alerts need does not wait for the figures of a large sale.
  const figures = watchRows('figures of the business', keeper, figuresOf, log, lifecycle);
  const waiting = watchRows('backlogs', keeper, backlogsOf, log, lifecycle);
  const failures = watchRows('failures of payments', keeper, failuresOf, log, lifecycle);
  return () => ({ figures: figures(), failures: failures(), backlogs: waiting() });
}

function watchRows<Row extends { readonly schema: Home }>(
  what: string,
  keeper: Pick<Keeper, 'hasTerm'>,
  ask: () => Promise<Answers<Row>>,
  log: Log,
  lifecycle: Lifecycle,
): () => readonly Row[] {
  let rows: readonly Row[] = [];
  let isAsking = false;
  let isFailing = false;
  const look = async () => {
    if (isAsking) return;
    if (!keeper.hasTerm) {
      rows = [];
      return;
    }
    isAsking = true;
    try {
      rows = lastKnown(rows, await ask());
      isFailing = false;
    } catch (error) {
      // Keeps the last rows.
      if (!isFailing) log.warn({ err: error }, `${what} could not be read`);
      isFailing = true;
    }
    isAsking = false;
  };
  const timer = setInterval(look, LOOK_INTERVAL_MS);
  lifecycle.onStop(what, async () => clearInterval(timer));
  return () => rows;
}
