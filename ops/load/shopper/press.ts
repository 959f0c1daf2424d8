import { backoffMs } from '../../../server/public/js/pace.js';
import { type Answer, type Refused, textOf, UNANSWERED } from '../client/answers.ts';
import { pathOf } from '../client/calls.ts';
import { WRITE_TIMEOUT_MS } from '../client/visit.ts';
import { type Buyer, pathIn, pause } from './buyer.ts';
import type { Request } from './requests.ts';

/** One press, up to the answer whether it was taken, with the patience of the page (`buyer.js`). */

const PRESS_GIVE_UP_MS = 60_000;
const PRESS_PAUSE_MAX_MS = 15_000;
const NEW_TICKETS_MAX = 2;
const EARLY_TICKETS_MAX = 3;
const EARLY_SECONDS_MAX = 2;
const PUZZLES_MAX = 3;

export type Pressed =
  | { readonly kind: 'taken' }
  /** The shop may have taken it: its status tells. */
  | { readonly kind: 'unsure' }
  /** `againAfterMs`: the least time until another press makes sense; undefined if it never does. */
  | { readonly kind: 'refused'; readonly verdict: string; readonly againAfterMs?: number };

export interface PressOptions {
  readonly dueMs: number;
  /** The connection breaks while the purchase is sent for the first time. */
  readonly breaks: boolean;
  /** Does not wait for the shop, as a bot. */
  readonly hurries?: boolean;
}

/** Refusals without Retry-After after which the page lets the shopper press again. */
const AGAIN: ReadonlySet<string> = new Set(['ticket_invalid', 'puzzle_failed', 'unanswered']);

export async function press(
  buyer: Buyer,
  request: Request,
  { dueMs, breaks, hurries = false }: PressOptions,
): Promise<Pressed> {
  const { visit, puzzles, draws, over } = buyer;
  const startedMs = performance.now();
  const tries = { newTickets: 0, early: 0, puzzles: 0 };
  let solution: string | null = null;
  let [ticketDueMs, isBroken]: [number | undefined, boolean] = [dueMs, breaks];
  for (let failures = 0; ; ) {
    over.throwIfAborted();
    const ticket = await visit.call(ticketCall(buyer, solution, ticketDueMs));
    ticketDueMs = undefined;
    if (ticket.kind === 'refused') {
      if (ticket.challenge !== null) {
        solution = tries.puzzles++ < PUZZLES_MAX ? await puzzles.solve(ticket.challenge) : null;
        if (solution === null) return refused(request, 'puzzle_failed');
        continue;
      }
      if (hurries || !(await mayAskAgain(ticket, tries, buyer))) return refused(request, ticket);
      continue;
    }
    if (ticket.kind === 'ok') {
      solution = null;
      const url = textOf(ticket.body, 'purchaseUrl') ?? '';
      const answer = await send(buyer, request, pathIn(url), isBroken);
      isBroken = false;
      const statusUrl = answer.kind === 'ok' ? textOf(answer.body, 'statusUrl') : undefined;
      if (statusUrl !== undefined) {
        request.taken(statusUrl);
        return { kind: 'taken' };
      }
      if (answer.kind === 'refused' && answer.statusUrl === null) {
        const ranOut = answer.verdict === 'ticket_invalid';
        if (ranOut && tries.newTickets++ < NEW_TICKETS_MAX) continue;
        return refused(request, answer);
      }
      request.isUnsure = true;
      if (answer.kind === 'refused') request.statusUrl = answer.statusUrl ?? request.statusUrl;
    }
    if (performance.now() - startedMs > PRESS_GIVE_UP_MS) return refused(request, 'unanswered');
    failures += 1;
    await pause(backoffMs(UNANSWERED, failures, draws.next(), PRESS_PAUSE_MAX_MS), over);
  }
}

function ticketCall({ plan, sku, token }: Buyer, solution: string | null, dueMs?: number) {
  return {
    name: 'ticket',
    path: pathOf('ticket', { sale: plan.sale }),
    token,
    body: solution === null ? { sku } : { sku, challenge: solution },
    ...(dueMs !== undefined && { dueMs }),
  } as const;
}

async function send(
  { plan, visit, token }: Buyer,
  request: Request,
  path: string,
  breaks: boolean,
): Promise<Answer> {
  request.sent();
  return visit.call({
    name: 'buy',
    path,
    token,
    body: { quantity: plan.quantity },
    headers: {
      'idempotency-key': request.key,
      ...(request.isUnsure && { 'idempotency-retry': 'true' }),
    },
    timeoutMs: WRITE_TIMEOUT_MS,
    ...(breaks && { breaks }),
  });
}

/** A refusal is final only if the shop cannot have taken an earlier send of the same key. */
function refused(
  request: Request,
  why: 'puzzle_failed' | 'unanswered' | Pick<Refused, 'verdict' | 'retryAfterSeconds'>,
): Pressed {
  if (request.isUnsure) return { kind: 'unsure' };
  const { verdict, retryAfterSeconds } =
    typeof why === 'string' ? { verdict: why, retryAfterSeconds: 0 } : why;
  request.ended('refused');
  const isAgain = retryAfterSeconds > 0 || AGAIN.has(verdict);
  return {
    ...{ kind: 'refused', verdict },
    ...(isAgain && { againAfterMs: retryAfterSeconds * 1_000 }),
  };
}

/** A press at the moment of the opening may come slightly too early. It is repeated by itself. */
async function mayAskAgain(
  { verdict, retryAfterSeconds }: Refused,
  tries: { early: number },
  { draws, over }: Buyer,
): Promise<boolean> {
  const isSoon = retryAfterSeconds > 0 && retryAfterSeconds <= EARLY_SECONDS_MAX;
  if (!isSoon || (verdict !== 'not_open' && verdict !== 'overloaded')) return false;
  if (tries.early++ >= EARLY_TICKETS_MAX) return false;
  await pause(retryAfterSeconds * 1_000 + 300 * draws.next(), over);
  return true;
}
