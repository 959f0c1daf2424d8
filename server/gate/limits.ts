import { networkOf } from '../../contracts/address.ts';
import { TokenBuckets } from './buckets.ts';

/**
 * How often anybody may press, by address, user and ticket, and how often a user may ask about what is
 * theirs. Each takes a token of its bucket.
 */

export interface LimitRates {
  readonly ipPerSecond: number;
  readonly userPerSecond: number;
  readonly ticketPerSecond: number;
  /** Calls for one's own requests and orders, by user. */
  readonly ownPerSecond: number;
}

/** Networks that are remembered for what they are issued: far fewer ask than press. */
const ISSUE_NETWORKS_MAX = 524_288;
/** A ticket lives for seconds, and its bucket is full again a second after its last press. */
const TICKETS_MAX = 1_048_576;
/** A bucket is remembered while it is not full, so for milliseconds after a look now and then. */
const OWNERS_MAX = 262_144;
/** A browser that comes back opens all its pages at once. */
const OWN_BURST_SECONDS = 5;

export class Limits {
  readonly #ofIp: TokenBuckets;
  readonly #ofIssues: TokenBuckets;
  readonly #ofUser: TokenBuckets;
  readonly #ofTicket: TokenBuckets;
  readonly #ofOwner: TokenBuckets;

  constructor(rates: LimitRates) {
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

  /** Each returns whole seconds to wait; 0 when the press is within the limit. */
  takeIp(ip: string): number {
    return seconds(this.#ofIp.take(networkOf(ip), performance.now()));
  }

  /** Tickets, challenges and guest identities: a bucket of their own, as large as that of presses. */
  takeIssue(ip: string): number {
    return seconds(this.#ofIssues.take(networkOf(ip), performance.now()));
  }

  takeUser(userId: string): number {
    return seconds(this.#ofUser.take(userId, performance.now()));
  }

  /** Shares of the buckets that are in use, 0 to 1. */
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
