import { isRequestId } from '../../contracts/ids.ts';
import type { Schema } from '../../contracts/names.ts';
import type { Lists, Visitor } from '../../zk/tree/lists.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Refusal } from '../problems.ts';
import type { Draw } from '../quota/agent.ts';
import { purchaseOf, readBody } from './body.ts';
import type { Cooldown } from './cooldown.ts';
import type { Identity } from './identity.ts';
import type { Limits } from './limits.ts';
import { notOpen } from './opening.ts';
import type { Claim, Press, Shopper } from './press.ts';
import type { OverloadCause } from './pressure.ts';
import type { RiskWatch } from './risk.ts';
import { verifyTicket } from './ticket.ts';
import type { UsedTickets } from './used-tickets.ts';

/**
 * The gate, step by step: the cheapest question first. A purchase request passes all of them, from top
 * to bottom; the first that refuses it ends its way. Only `who` and `body` may take time.
 */
export const ORDER = {
  /** By the URL alone, before the router and the body: the fast path. */
  url: [state, soldOut, shed, overload],
  address: [addressLimit],
  user: [who, block, userLimit],
  /** What was taken before is not asked these. */
  press: [lottery, ticketLimit, cooldown, ticket],
  body: [body, key],
  /** The body may have taken seconds: what may have changed meanwhile is asked again. */
  draw: [state, soldOut, overload, units, block, cooldown, unusedTicket, quota],
} as const;

/** The steps of all other calls, by what is asked for. */
export const CALL_STEPS = {
  /** Tickets, challenges, guests: by address. */
  issue: [issueLimit],
  /** What only those may do who take part in the sale. */
  user: [block, userLimit],
  blocked: [block],
  /** What is the user's own already; nobody is blocked from that. */
  own: [ownLimit],
} as const;

/** What the gate needs of the quota agent. */
export interface Allotment {
  /** @param least units below which nothing is drawn */
  draw(sku: string, wanted: number, least: number): Draw;
  keep(sku: string): number;
  /** A press on an open SKU; `isKept`: the shedding let it through. */
  pressed(sku: string, isKept: boolean): void;
  shed(): 'random' | 'lottery';
  readonly lists: Lists;
}

/** What the steps look at. */
export interface GateParts {
  readonly catalogue: Catalogue;
  readonly allotment: Allotment;
  readonly limits: Limits;
  readonly cooldown: Cooldown;
  readonly watch: RiskWatch;
  readonly usedTickets: UsedTickets;
  readonly identity: Identity;
  /** Why nothing can be taken now, if so: then nothing is drawn down. */
  readonly overload: (schema: Schema) => OverloadCause | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Looks at a press; a refusal, or undefined to let it on. */
export type Step<P> = (press: P, parts: GateParts) => Refusal | undefined;
/** One that may have to wait for what it looks at. */
export type SlowStep<P> = (
  press: P,
  parts: GateParts,
) => Refusal | undefined | Promise<Refusal | undefined>;

/** Refusals are constants: the fast path makes their answers once. */
const PAUSED = { verdict: 'paused' } as const satisfies Refusal;
const CLOSED = { verdict: 'closed' } as const satisfies Refusal;
const SOLD_OUT = { verdict: 'sold_out' } as const satisfies Refusal;
const SHED = { verdict: 'shed' } as const satisfies Refusal;
/** Another press meets the same answer until `keep` is raised, so it is not asked for at once. */
const NOT_REACHED = {
  verdict: 'shed',
  detail:
    'Your place in the draw of this sale is not reached yet. It stays the same however often you ' +
    'press; more places may be reached later.',
  members: { reason: 'lottery' },
  retryAfterSeconds: [10, 20],
} as const satisfies Refusal;
const OVERLOADED = { verdict: 'overloaded' } as const satisfies Refusal;
/** At the opening another node may have the key an instant earlier: nothing can be said here yet. */
const NO_KEY_YET = { verdict: 'overloaded', retryAfterSeconds: 1 } as const satisfies Refusal;
const RATE_LIMITED = { verdict: 'rate_limited' } as const satisfies Refusal;
const UNAUTHENTICATED = { verdict: 'unauthenticated' } as const satisfies Refusal;
const BLOCKED = { verdict: 'blocked' } as const satisfies Refusal;
export const NO_TICKET = { verdict: 'ticket_invalid' } as const satisfies Refusal;
/** Other units may be left elsewhere, so nothing is said of all. */
const TOO_FEW = {
  verdict: 'quota_spent',
  detail:
    'Fewer units than you ask for can be given out at this moment: try again, ask for fewer, or ' +
    'set acceptFewer.',
  members: { reason: 'too_few_now' },
} as const satisfies Refusal;

function state({ sku }: Press, { catalogue }: GateParts): Refusal | undefined {
  const row = catalogue.sku(sku);
  if (row === undefined) return NO_TICKET;
  const now = catalogue.skuState(row);
  if (now === 'open') return undefined;
  if (now === 'scheduled') return notOpen(catalogue, row);
  return now === 'paused' ? PAUSED : CLOSED;
}

function soldOut({ sku }: Press, { catalogue }: GateParts): Refusal | undefined {
  const row = catalogue.sku(sku);
  return row && catalogue.availability(row) === 'sold_out' ? SOLD_OUT : undefined;
}

/**
 * Only a lottery asks for the user as well, as far as that takes no I/O; `lottery` asks again. Headers are
 * read only then: node:http puts them in order when they are asked for, which costs more than all of the rest.
 */
function shed({ sku, request }: Press, parts: GateParts): Refusal | undefined {
  const { allotment, identity, random } = parts;
  const keep = allotment.keep(sku);
  let refusal: Refusal | undefined;
  if (allotment.shed() === 'random') {
    if (random() >= keep) refusal = SHED;
  } else if (keep < 1) {
    const userId = identity.userOf(request.headers.authorization);
    // `who` asks again, and answers for what becomes of it.
    if (userId instanceof Promise) userId.catch(() => {});
    if (typeof userId === 'string' && !isReached(sku, userId, keep, parts)) refusal = NOT_REACHED;
  }
  if (refusal !== undefined) allotment.pressed(sku, false);
  return refusal;
}

/** The user's rank decides, however often it asks and whatever the SKU. */
function isReached(sku: string, userId: string, keep: number, { catalogue }: GateParts): boolean {
  const row = catalogue.sku(sku);
  const rank = row && catalogue.lotteries.rank(row.sale, userId);
  return rank !== undefined && rank < keep;
}

function overload({ sku }: Press, parts: GateParts): Refusal | undefined {
  const row = parts.catalogue.sku(sku);
  return row && parts.overload(row.schema) !== undefined ? OVERLOADED : undefined;
}

/** Those on the lists of the allowed have no limits. */
function addressLimit(visitor: Visitor, { allotment, limits }: GateParts): Refusal | undefined {
  const isWithin = allotment.lists.isAllowed(visitor) || limits.takeIp(visitor.ip) === 0;
  return isWithin ? undefined : RATE_LIMITED;
}

function issueLimit(visitor: Visitor, { allotment, limits }: GateParts): Refusal | undefined {
  const isWithin = allotment.lists.isAllowed(visitor) || limits.takeIssue(visitor.ip) === 0;
  return isWithin ? undefined : RATE_LIMITED;
}

function userLimit(shopper: Shopper, { allotment, limits }: GateParts): Refusal | undefined {
  const isWithin = allotment.lists.isAllowed(shopper) || limits.takeUser(shopper.userId) === 0;
  return isWithin ? undefined : RATE_LIMITED;
}

function ownLimit(shopper: Shopper, { allotment, limits }: GateParts): Refusal | undefined {
  const isWithin = allotment.lists.isAllowed(shopper) || limits.takeOwn(shopper.userId) === 0;
  return isWithin ? undefined : RATE_LIMITED;
}

function who(claim: Claim, { identity }: GateParts): ReturnType<SlowStep<Claim>> {
  const known = (userId: string | undefined) => {
    if (userId === undefined) return UNAUTHENTICATED;
    claim.userId = userId;
    return undefined;
  };
  const userId = identity.userOf(claim.request.headers.authorization);
  return userId instanceof Promise ? userId.then(known) : known(userId);
}

/** Blocks by address and agent are judged here as well: the user may be one of the allowed. */
function block(shopper: Shopper, { allotment }: GateParts): Refusal | undefined {
  return allotment.lists.isBlocked(shopper) ? BLOCKED : undefined;
}

function lottery({ sku, userId }: Claim, parts: GateParts): Refusal | undefined {
  const { allotment } = parts;
  const keep = allotment.keep(sku);
  if (allotment.shed() !== 'lottery' || keep >= 1) return undefined;
  return isReached(sku, userId, keep, parts) ? undefined : NOT_REACHED;
}

function ticketLimit({ ticket }: Claim, { limits }: GateParts): Refusal | undefined {
  return limits.takeTicket(ticket.id) > 0 ? RATE_LIMITED : undefined;
}

/** It ends at a known time, unlike a limit: those over one must not come back together. */
function cooldown({ userId }: Claim, { catalogue, cooldown }: GateParts): Refusal | undefined {
  const seconds = cooldown.remainingSeconds(userId, catalogue.nowMs());
  return seconds === 0 ? undefined : { verdict: 'cooldown', retryAfterSeconds: seconds };
}

function ticket(claim: Claim, parts: GateParts): Refusal | undefined {
  const { catalogue, watch } = parts;
  const refusal = genuine(claim, parts);
  if (refusal === undefined)
    watch.pressed(claim.userId, claim.ticket.expiresAtMs - catalogue.nowMs());
  return refusal;
}

function genuine({ row, ticket, userId }: Claim, { catalogue }: GateParts): Refusal | undefined {
  const nowMs = catalogue.nowMs();
  const owner = { sale: row.sale, userId };
  const keys = catalogue.ticketKeys.accepted(row.sale);
  if (keys.length === 0) return NO_KEY_YET;
  // One key as a rule; for a while after a rotation the one before as well.
  for (const { key, untilMs } of keys) {
    if (nowMs < untilMs && verifyTicket(key, owner, ticket, nowMs)) return undefined;
  }
  return NO_TICKET;
}

/** @throws {Problem} bad_request, as a rejection: the body cannot be read at all */
async function body(claim: Claim): Promise<Refusal | undefined> {
  const purchase = purchaseOf(await readBody(claim.request));
  if ('verdict' in purchase) return purchase;
  claim.purchase = purchase;
  return undefined;
}

/** A ticket's own id is a UUID by its shape. */
function key({ requestId, ticket }: Claim): Refusal | undefined {
  if (requestId === ticket.id || isRequestId(requestId)) return undefined;
  return { verdict: 'bad_request', detail: 'Idempotency-Key must be a UUID' };
}

function units({ row, purchase }: Claim): Refusal | undefined {
  if (purchase.quantity <= row.userLimit) return undefined;
  const detail = `quantity must be at most ${row.userLimit} for this SKU`;
  return { verdict: 'bad_request', detail };
}

function unusedTicket(claim: Claim, parts: GateParts): Refusal | undefined {
  const { catalogue, usedTickets } = parts;
  const refusal = genuine(claim, parts);
  if (refusal !== undefined) return refusal;
  return usedTickets.has(claim.ticket, catalogue.nowMs()) ? NO_TICKET : undefined;
}

/**
 * Draws the units, uses the ticket up and starts the user's cooldown, in one go with the steps before:
 * whoever comes here at the same time finds all done.
 */
function quota(claim: Claim, parts: GateParts): Refusal | undefined {
  const { allotment, catalogue, cooldown, usedTickets } = parts;
  const { quantity, acceptFewer = false } = claim.purchase;
  const drawn = allotment.draw(claim.sku, quantity, acceptFewer ? 1 : quantity);
  if (!drawn.drawn) return drawn.verdict === 'too_few_now' ? TOO_FEW : { verdict: drawn.verdict };
  const nowMs = catalogue.nowMs();
  cooldown.start(claim.userId, nowMs);
  usedTickets.add(claim.ticket, nowMs);
  claim.drawn = drawn;
  return undefined;
}
