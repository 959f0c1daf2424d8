import { networkOf } from '../../contracts/address.ts';
import { TokenBuckets } from './buckets.ts';

/**
 * Rate limits: how often an address, a user and a ticket may press, and how often a user may ask
 * about their own requests and orders. Each call takes a token from its bucket.
 *
 * The limits hold over all web nodes together. The edge sends the calls of a user to one node. The
 * users of an address are spread over all nodes, so each node allows its share of the address's calls.
 */

export interface LimitRates {
  readonly ipPerSecond: number;
  readonly userPerSecond: number;
  readonly ticketPerSecond: number;
  /** Calls of a user for their own requests and orders. */
  readonly ownPerSecond: number;
}

/**
 * Networks remembered for issued tickets, challenges and guests; far fewer users ask for these than
 * press.
 */
const ISSUE_NETWORKS_MAX = 524_288;
/** A ticket lives for seconds, and its bucket is full again a second after its last press. */
const TICKETS_MAX = 1_048_576;
/**
 * A bucket is remembered only until it is full again: milliseconds, for a user who asks now and
 * then.
 */
const OWNERS_MAX = 262_144;
/** A browser that is started again opens all its pages at once. */
const OWN_BURST_SECONDS = 5;

export class Limits {
  readonly #ofIp: TokenBuckets;
  readonly #ofIssues: TokenBuckets;
  readonly #ofUser: TokenBuckets;
  readonly #ofTicket: TokenBuckets;
  readonly #ofOwner: TokenBuckets;
  /** How many web nodes share the limits of an address. */
  readonly livingNodes: () => number;

  constructor(rates: LimitRates, livingNodes: () => number) {
    this.livingNodes = livingNodes;
    this.#ofIp = new TokenBuckets({ perSecond: rates.ipPerSecond });
    this.#ofIssues = new TokenBuckets({
      perSecond: rates.ipPerSecond,
      keysMax: ISSUE_NETWORKS_MAX,
    });
    this.#ofUser = new TokenBuckets({ perSecond: rates.userPerSecond });
    this.#ofTicket = new TokenBuckets({
      perSecond: rates.ticketPerSecond,
      keysMax: TICKETS_MAX,
    });
    this.#ofOwner = new TokenBuckets({
      perSecond: rates.ownPerSecond,
      burst: rates.ownPerSecond * OWN_BURST_SECONDS,
      keysMax: OWNERS_MAX,
    });
  }

  /** The `take` methods return the whole seconds to wait; 0 if the call is within the limit. */
  takeIp(ip: string): number {
    return seconds(this.#ofIp.take(networkOf(ip), performance.now(), this.livingNodes()));
  }

  /**
   * Limit for tickets, challenges and guest identities. It has buckets of its own, as large as
   * those for presses.
   */
  takeIssue(ip: string): number {
    return seconds(this.#ofIssues.take(networkOf(ip), performance.now(), this.livingNodes()));
  }

  takeUser(userId: string): number {
    return seconds(this.#ofUser.take(userId, performance.now()));
  }

  /** The `load` methods return the share of the bucket that is in use, 0 to 1. */
  userLoad(userId: string): number {
    return this.#ofUser.load(userId, performance.now());
  }

  issueLoad(ip: string): number {
    return this.#ofIssues.load(networkOf(ip), performance.now());
  }

  takeTicket(ticketId: string): number {
    return seconds(this.#ofTicket.take(ticketId, performance.now()));
  }

  takeOwn(userId: string): number {
    return seconds(this.#ofOwner.take(userId, performance.now()));
  }
}

function seconds(waitMs: number): number {
  return Math.ceil(waitMs / 1_000);
}
