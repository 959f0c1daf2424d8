import type { Home } from '../../contracts/homes.ts';
import { isRequestId } from '../../contracts/ids.ts';
import type { UnitFinder } from '../../contracts/seats.ts';
import type { Lists, Visitor } from '../../zk/tree/lists.ts';
import type { Catalogue, SkuOnSale } from '../catalogue/catalogue.ts';
import type { Refusal } from '../http/problems.ts';
import type { Draw } from '../quota/agent.ts';
import type { Switches } from '../quota/switches.ts';
import { purchaseOf, readBody } from './body.ts';
import { findUnits } from './chosen.ts';
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
 * The steps of the gate, the cheapest first. A purchase request passes them from top to bottom
 * until one refuses it. A request that may repeat a known one goes on to the steps `address`, `user`
 * and `body` before it gets that refusal, or its earlier answer. Only `who`, `body` and `chosen` may have
 * to wait.
 */
export const ORDER = {
  /** The fast path: without the body and without a look-up, before the router. */
  url: [state, soldOut, shed, overload],
  address: [addressRate],
  user: [who, block, userRate],
  /** Skipped for a pending request, and for a press that is refused already. */
  press: [lottery, ticketRate, cooldown, ticket],
  body: [body, key, chosen],
  /** Reading the body may have taken seconds, so the earlier steps among these check again. */
  draw: [state, soldOut, overload, units, block, cooldown, unusedTicket, quota],
} as const;

/** The steps of all other calls, by what the call asks for. */
export const CALL_STEPS = {
  /** Tickets, challenges and guests, limited by address. */
  issue: [issueRate],
  /** Calls that only a participant of the sale may make. */
  user: [block, userRate],
  blocked: [block],
  /** The user's own requests and orders; no user is blocked from these. */
  own: [ownRate],
} as const;

/** The part of the quota agent that the gate uses. */
export interface Allotment {
  /** @param least nothing is drawn if fewer units than this are left */
  draw(sku: string, wanted: number, least: number): Draw;
  /** Notes a press on an open SKU. `isKept`: the press was not shed. */
  pressed(sku: string, isKept: boolean): void;
  readonly switches: Pick<Switches, 'keep' | 'shed'>;
  readonly lists: Lists;
}

/** The parts that the steps use. */
export interface GateParts {
  readonly catalogue: Catalogue;
  readonly allotment: Allotment;
  readonly limits: Limits;
  readonly cooldown: Cooldown;
  readonly watch: RiskWatch;
  readonly usedTickets: UsedTickets;
  readonly identity: Identity;
  /** Finds the units of a section by their names. */
  readonly finderOf: (row: SkuOnSale) => Promise<UnitFinder | undefined>;
  /** The reason why nothing can be taken now, if there is one. Nothing is drawn then. */
  readonly overload: (schema: Home) => OverloadCause | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Judges a press: returns a refusal, or undefined to let the press pass. */
export type Step<P> = (press: P, parts: GateParts) => Refusal | undefined;
/** A step that may have to wait. */
export type SlowStep<P> = (
  press: P,
  parts: GateParts,
) => Refusal | undefined | Promise<Refusal | undefined>;

/** Refusals are constants, so that the fast path builds their answers only once. */
const PAUSED = { verdict: 'paused' } as const satisfies Refusal;
const UNREAD = { verdict: 'quota_unavailable' } as const satisfies Refusal;
const CLOSED = { verdict: 'closed' } as const satisfies Refusal;
const SOLD_OUT = { verdict: 'sold_out' } as const satisfies Refusal;
const SHED = { verdict: 'shed' } as const satisfies Refusal;
/**
 * Another press gets the same answer until `keep` is raised, so clients are not told to retry at
 * once.
 */
const NOT_REACHED = {
  verdict: 'shed',
  detail:
    'Your place in the draw of this sale is not reached yet. It stays the same however often you ' +
    'press; more places may be reached later.',
  members: { reason: 'lottery' },
  retryAfterSeconds: [10, 20],
} as const satisfies Refusal;
export const OVERLOADED = { verdict: 'overloaded' } as const satisfies Refusal;
/** At the opening another node may have the key a moment earlier: this node cannot judge a ticket yet. */
const NO_KEY_YET = { verdict: 'overloaded', retryAfterSeconds: 1 } as const satisfies Refusal;
const RATE_LIMITED = { verdict: 'rate_limited' } as const satisfies Refusal;
const UNAUTHENTICATED = { verdict: 'unauthenticated' } as const satisfies Refusal;
const BLOCKED = { verdict: 'blocked' } as const satisfies Refusal;
export const NO_TICKET = { verdict: 'ticket_invalid' } as const satisfies Refusal;
/** Other nodes may have units left, so this must not say that the SKU is sold out. */
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
  if (now === 'closed') return CLOSED;
  return catalogue.isUnread(row) ? UNREAD : PAUSED;
}

function soldOut({ sku }: Press, { catalogue }: GateParts): Refusal | undefined {
  const row = catalogue.sku(sku);
  return row && catalogue.availability(row) === 'sold_out' ? SOLD_OUT : undefined;
}

/**
 * Sheds a share of the presses. A lottery needs the user: this step judges if the token is known
 * without I/O, and otherwise the step `lottery` does. Headers are read only for a lottery, because
 * node:http parses them on first access, which costs more than all the rest of this step.
 */
function shed({ sku, request }: Press, parts: GateParts): Refusal | undefined {
  const { allotment, identity, random } = parts;
  const keep = allotment.switches.keep(sku);
  let refusal: Refusal | undefined;
  if (allotment.switches.shed(sku) === 'random') {
    if (random() >= keep) refusal = SHED;
  } else if (keep < 1) {
    const userId = identity.userOf(request.headers.authorization);
    // The step `who` asks again and handles a failure.
    if (userId instanceof Promise) userId.catch(() => {});
    if (typeof userId === 'string' && !isReached(sku, userId, keep, parts)) refusal = NOT_REACHED;
  }
  if (refusal !== undefined) allotment.pressed(sku, false);
  return refusal;
}

/** The rank of the user decides, however often the user asks and whatever the SKU. */
function isReached(sku: string, userId: string, keep: number, { catalogue }: GateParts): boolean {
  const row = catalogue.sku(sku);
  const rank = row && catalogue.lotteries.rank(row.sale, userId);
  return rank !== undefined && rank < keep;
}

function overload({ sku }: Press, parts: GateParts): Refusal | undefined {
  const row = parts.catalogue.sku(sku);
  return row && parts.overload(row.schema) !== undefined ? OVERLOADED : undefined;
}

/** Visitors on an allow list have no rate limits by address or user. */
function addressRate(visitor: Visitor, { allotment, limits }: GateParts): Refusal | undefined {
  const isWithin = allotment.lists.isAllowed(visitor) || limits.takeIp(visitor.ip) === 0;
  return isWithin ? undefined : RATE_LIMITED;
}

function issueRate(visitor: Visitor, { allotment, limits }: GateParts): Refusal | undefined {
  const isWithin = allotment.lists.isAllowed(visitor) || limits.takeIssue(visitor.ip) === 0;
  return isWithin ? undefined : RATE_LIMITED;
}

function userRate(shopper: Shopper, { allotment, limits }: GateParts): Refusal | undefined {
  const isWithin = allotment.lists.isAllowed(shopper) || limits.takeUser(shopper.userId) === 0;
  return isWithin ? undefined : RATE_LIMITED;
}

function ownRate(shopper: Shopper, { allotment, limits }: GateParts): Refusal | undefined {
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

/**
 * Blocks by address and user agent are checked here as well, because only now is it known whether
 * the user is on an allow list.
 */
function block(shopper: Shopper, { allotment }: GateParts): Refusal | undefined {
  return allotment.lists.isBlocked(shopper) ? BLOCKED : undefined;
}

function lottery({ sku, userId }: Claim, parts: GateParts): Refusal | undefined {
  const { allotment } = parts;
  const keep = allotment.switches.keep(sku);
  if (allotment.switches.shed(sku) !== 'lottery' || keep >= 1) return undefined;
  return isReached(sku, userId, keep, parts) ? undefined : NOT_REACHED;
}

function ticketRate({ ticket }: Claim, { limits }: GateParts): Refusal | undefined {
  return limits.takeTicket(ticket.id) > 0 ? RATE_LIMITED : undefined;
}

/**
 * Unlike a rate limit, a cooldown ends at a known time. Users over a rate limit get no exact time,
 * because they must not all come back together.
 */
function cooldown({ userId }: Claim, { cooldown }: GateParts): Refusal | undefined {
  const seconds = cooldown.remainingSeconds(userId);
  return seconds === 0 ? undefined : { verdict: 'cooldown', retryAfterSeconds: seconds };
}

function ticket(claim: Claim, parts: GateParts): Refusal | undefined {
  const { catalogue, watch } = parts;
  const refusal = genuine(claim, parts);
  if (refusal === undefined)
    watch.pressed(claim.userId, claim.ticket.expiresAtMs - catalogue.nowMs());
  return refusal;
}

/** The second time, with the same key, only the expiry can have changed: no MAC is computed again. */
function genuine(claim: Claim, { catalogue }: GateParts): Refusal | undefined {
  const { row, ticket, userId, signedBy } = claim;
  const nowMs = catalogue.nowMs();
  const owner = { sale: row.sale, userId };
  const keys = catalogue.ticketKeys.accepted(row.sale);
  if (keys.length === 0) return NO_KEY_YET;
  // There is one key as a rule, and for a while after a rotation the previous one as well.
  for (const { key, untilMs } of keys) {
    if (nowMs >= untilMs) continue;
    if (key === signedBy && nowMs < ticket.expiresAtMs) return undefined;
    if (!verifyTicket(key, owner, ticket, nowMs)) continue;
    claim.signedBy = key;
    return undefined;
  }
  return NO_TICKET;
}

/** @throws {Problem} bad_request, as a rejection: the body cannot be read at all */
async function body(claim: Claim): Promise<Refusal | undefined> {
  const purchase = purchaseOf(await readBody(claim.request, claim.row.numbered));
  if ('verdict' in purchase) return purchase;
  claim.purchase = purchase;
  return undefined;
}

/** The id of a ticket is a UUID by its shape, so only another key is checked. */
function key({ requestId, ticket }: Claim): Refusal | undefined {
  if (requestId === ticket.id || isRequestId(requestId)) return undefined;
  return { verdict: 'bad_request', detail: 'Idempotency-Key must be a UUID' };
}

/** Most purchases name no units. */
function chosen(claim: Claim, { finderOf }: GateParts): ReturnType<SlowStep<Claim>> {
  return claim.purchase.seats === undefined ? undefined : findUnits(claim, finderOf);
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
 * Draws the units, marks the ticket as used and starts the user's cooldown. All this runs
 * synchronously with the steps before, so a concurrent request sees all of it done.
 */
function quota(claim: Claim, parts: GateParts): Refusal | undefined {
  const { allotment, catalogue, cooldown, usedTickets } = parts;
  const { quantity, acceptFewer = false } = claim.purchase;
  const drawn = allotment.draw(claim.sku, quantity, acceptFewer ? 1 : quantity);
  if (!drawn.drawn) return drawn.verdict === 'too_few_now' ? TOO_FEW : { verdict: drawn.verdict };
  cooldown.start(claim.userId);
  usedTickets.add(claim.ticket, catalogue.nowMs());
  claim.drawn = drawn;
  return undefined;
}
