import { setTimeout as delay } from 'node:timers/promises';
import { textOf } from '../client/answers.ts';
import { Visit } from '../client/visit.ts';
import { Draws } from '../plan/draws.ts';
import { Tally } from '../report/tally.ts';
import { pathIn } from './buyer.ts';
import type { Place, Request, Undecided } from './requests.ts';

/**
 * Asks for the outcomes of the requests whose shoppers have left. Without it, the report could not say
 * how many orders the crowd has made. These calls are no part of the crowd's times.
 */

const AT_ONCE = 16;
const PAUSE_MS = 500;
/** After this time, what is not decided is reported as `queued` or `unknown`. */
const LOOK_MS_MAX = 30_000;
/**
 * What a shopper has sent at last may arrive so much later: until then, "not found" is not the last word on a
 * purchase, nor "ordered" on a payment.
 */
const ARRIVING_MS_MAX = 5_000;

export async function lookUp(
  undecided: Undecided,
  { origin, tally, stopping }: { origin: string; tally: Tally; stopping: AbortSignal },
): Promise<void> {
  let open: readonly Request[] = undecided.take();
  const places = undecided.takePlaces();
  if (open.length + places.length === 0) return;
  tally.requests.lookedUp += open.length;
  const startedMs = performance.now();
  const network = { origin, localAddress: undefined, latencyMs: { from: 0, to: 0 }, loss: 0 };
  const visit = new Visit(network, new Draws('', -1, 'look up'), new Tally(startedMs));
  while (open.length > 0 && performance.now() - startedMs < LOOK_MS_MAX) {
    const isLate = performance.now() - startedMs > ARRIVING_MS_MAX;
    const queue = open.values();
    const hands = Array.from({ length: AT_ONCE }, async () => {
      for (const request of queue) await ask(visit, request, isLate);
    });
    await Promise.all(hands);
    open = open.filter(({ isUndecided }) => isUndecided);
    // A second wish to end is granted at once.
    if (stopping.aborted && isLate) break;
    if (open.length > 0) await delay(PAUSE_MS);
  }
  for (const request of open) request.ended(request.isTaken ? 'queued' : 'unknown');
  // Once: a place may wait for as long as the sale is open.
  const queue = places.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const place of queue) await askPlace(visit, place, tally);
    }),
  );
  visit.leave();
}

async function askPlace(visit: Visit, { path, token }: Place, tally: Tally): Promise<void> {
  const answer = await visit.call({ name: 'waitlist', path, token });
  if (answer.kind !== 'ok' || textOf(answer.body, 'status') !== 'served') return;
  tally.orders.made += 1;
  tally.orders.served += 1;
}

async function ask(visit: Visit, request: Request, isLate: boolean): Promise<void> {
  const { statusUrl, token } = request;
  const answer = await visit.call({ name: 'status', path: pathIn(statusUrl), token });
  if (answer.kind === 'ok') {
    const status = textOf(answer.body, 'status') ?? 'queued';
    if (status === 'queued') return;
    request.ended(status);
    // A payment that the shopper has not seen through may still be on its way.
    if (isLate || status !== 'ordered') request.settled(status);
  } else if (answer.kind === 'refused' && answer.status === 404 && isLate) {
    request.ended(request.isTaken ? 'lost' : 'not_taken');
  }
}
