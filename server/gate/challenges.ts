import type { KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Visitor } from '../../zk/tree/lists.ts';
import type { ChallengeSwitch } from '../../zk/tree/values.ts';
import type { Catalogue, SkuOnSale } from '../catalogue/catalogue.ts';
import { Problem } from '../http/problems.ts';
import { type Challenge, type ProofFault, ProofOfWork } from './proof-of-work.ts';
import { type RiskCause, type RiskWatch, workOf } from './risk.ts';

/**
 * Decides whether a user must solve a challenge to get a ticket. The operators set this for each
 * SKU: `off`, `risk` (only users who look like programs) or `on` (everybody; users who look like
 * programs get more work).
 */

export type ChallengeEvent = 'issued' | 'required' | 'solved' | ProofFault;
export type ChallengeCause = RiskCause | 'operator';

/** A request for a ticket or a challenge. */
export interface TicketRequest {
  readonly row: SkuOnSale;
  readonly userId: string;
  readonly visitor: Visitor;
  readonly headers: IncomingHttpHeaders;
}

interface Demand {
  /** Multiple of the usual work. */
  readonly times: number;
  readonly causes: readonly ChallengeCause[];
}

export interface ChallengeOptions {
  readonly catalogue: Catalogue;
  readonly switchOf: (sku: string) => ChallengeSwitch;
  readonly isAllowed: (visitor: Visitor) => boolean;
  readonly watch: RiskWatch;
  readonly onScore: (score: number, causes: readonly RiskCause[]) => void;
  readonly onEvent: (event: ChallengeEvent) => void;
}

const WHAT = {
  required: 'A ticket is given once your device has solved a small computation.',
  failed: 'What was handed in does not solve the computation that this shop asked you for.',
  expired: 'The computation was solved too late. Here is a new one.',
  used: 'This solution was used before. Here is a new computation.',
} as const;

/** Explanations for shoppers; the metrics use the names of the causes. */
const WHY: Readonly<Record<ChallengeCause, string>> = {
  operator: 'the shop asks everybody at this moment',
  user_rate: 'you asked very often',
  network_rate: 'your network asked very often',
  network_users: 'very many people come from your network',
  late_ticket: 'your last ticket was kept for long',
  missing_headers: 'your browser leaves out what browsers say of themselves',
};

export class Challenges {
  readonly #options: ChallengeOptions;
  readonly #proofs = new ProofOfWork();

  constructor(options: ChallengeOptions) {
    this.#options = options;
  }

  /**
   * Lets a request for a ticket pass, with a solution where a challenge is required.
   *
   * @throws {Problem} ticket_invalid, with a challenge to solve
   */
  async pass(request: TicketRequest, solution: string | undefined): Promise<void> {
    const demand = this.#demand(request);
    if (demand === undefined) return;
    const fault =
      solution === undefined ? 'required' : await this.#redeem(request, solution, demand.times);
    this.#options.onEvent(fault ?? 'solved');
    if (fault !== undefined) throw await this.#refusal(request, demand, fault);
  }

  /**
   * Creates a challenge that a user can solve in advance; undefined before the sale opens. It is as
   * hard as the challenge that a request for a ticket would get now.
   */
  async issue(request: TicketRequest): Promise<Challenge | undefined> {
    const { factor } = this.#options.switchOf(request.row.sku);
    return this.#create(request, this.#demand(request)?.times ?? factor);
  }

  #demand({ row, userId, visitor, headers }: TicketRequest): Demand | undefined {
    const { switchOf, isAllowed, watch, onScore } = this.#options;
    if (isAllowed({ ...visitor, userId })) return undefined;
    const { score, causes } = watch.assess(userId, visitor.ip, headers);
    onScore(score, causes);
    const { mode, factor } = switchOf(row.sku);
    if (mode === 'off') return undefined;
    const times = workOf(score);
    if (times > 0) return { times: times * factor, causes };
    return mode === 'on' ? { times: factor, causes: ['operator'] } : undefined;
  }

  async #redeem(
    { row, userId }: TicketRequest,
    solution: string,
    times: number,
  ): ReturnType<ProofOfWork['redeem']> {
    const { catalogue } = this.#options;
    const bond = { sale: row.sale, sku: row.sku, userId };
    await this.#signingKey(row.sale);
    const keys = catalogue.ticketKeys.accepted(row.sale);
    // Another node issued the challenge, and this node does not have the key yet to check it.
    if (keys.length === 0) throw new Problem('overloaded', { retryAfterSeconds: 1 });
    return this.#proofs.redeem(keys, bond, solution, catalogue.nowMs(), times);
  }

  async #create({ row, userId }: TicketRequest, times: number): Promise<Challenge | undefined> {
    const key = await this.#signingKey(row.sale);
    if (key === undefined) return undefined;
    this.#options.onEvent('issued');
    return this.#proofs.issue(key, { sale: row.sale, sku: row.sku, userId }, times);
  }

  #signingKey(sale: string): Promise<KeyObject | undefined> {
    const { catalogue } = this.#options;
    return catalogue.ticketKeys.signingNow(sale, catalogue.nowMs());
  }

  async #refusal(
    request: TicketRequest,
    { times, causes }: Demand,
    fault: ProofFault | 'required',
  ): Promise<Problem> {
    const why = causes.map((cause) => WHY[cause]).join('; ');
    return new Problem('ticket_invalid', {
      detail: `${WHAT[fault]} Why: ${why}.`,
      members: {
        reason: `challenge_${fault}`,
        causes,
        challenge: await this.#create(request, times),
        challengeUrl: `/api/v1/sales/${request.row.sale}/challenges`,
      },
    });
  }
}
