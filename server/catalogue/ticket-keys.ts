import { createSecretKey, type KeyObject } from 'node:crypto';
import type { TicketKey } from '../../db/ticket-keys.ts';
import { type CreatedSale, SaleMemory } from './sale-memory.ts';

/**
 * The keys that sign tickets, from memory. A key is created when a sale opens and is replaced from
 * time to time. A number in the catalogue tells that the keys have changed. Only then the node
 * reads them, once, however many shoppers wait.
 */

/**
 * A new key starts to sign this long after its creation, and the previous key signs until then.
 * Nodes learn of a new key one by one, and a node that does not know it yet would refuse its
 * tickets.
 */
const HANDOVER_MS = 2_000;
/**
 * Tickets of a retired key are accepted this much longer than they live, because nodes learn of the
 * change one by one.
 */
const RETIRED_SLACK_MS = 60_000;
/**
 * A request taken at the last moment may be in a queue for hours, and its receipt must be readable
 * until it is decided.
 */
const RECEIPTS_AFTER_CLOSE_MS = 24 * 3_600_000;

interface SaleWindow extends CreatedSale {
  readonly opensAt: Date;
  readonly closesAt: Date;
  /** Changes whenever the keys change. */
  readonly ticketEpoch: number;
}

export interface AcceptedKey {
  readonly key: KeyObject;
  /**
   * Milliseconds since the epoch, on the database's clock, until when tickets of this key are
   * accepted.
   */
  readonly untilMs: number;
  /** The same, until when the key signs new tickets. */
  readonly signsUntilMs: number;
}

interface Known {
  readonly epoch: number;
  /** Newest first, without revoked keys. */
  readonly accepted: readonly AcceptedKey[];
  /**
   * The sale's first key. It is never replaced, because receipts must be valid as long as the sale
   * lasts.
   */
  readonly first: KeyObject;
}

export class TicketKeys {
  readonly #ask: (sale: string) => Promise<readonly TicketKey[]>;
  readonly #acceptRetiredMs: number;
  readonly #known = new SaleMemory<Known>();
  readonly #questions = new Map<string, Promise<void>>();

  /** @param longestLifeMs the longest life of anything that the keys sign, except receipts */
  constructor(ask: (sale: string) => Promise<readonly TicketKey[]>, longestLifeMs: number) {
    this.#ask = ask;
    this.#acceptRetiredMs = longestLifeMs + RETIRED_SLACK_MS;
  }

  /**
   * Reads the keys of sales that are open or were open a day ago, if they are unknown or have
   * changed.
   *
   * @param sales all that there are
   * @param nowMs by the database's clock
   * @returns milliseconds until the next sale opens
   */
  async refresh(sales: readonly SaleWindow[], nowMs: number): Promise<number> {
    this.#known.keepOnly(sales);
    let opensInMs = Number.POSITIVE_INFINITY;
    for (const { sale, opensAt, closesAt, ticketEpoch } of sales) {
      if (this.#known.get(sale)?.epoch === ticketEpoch) continue;
      const untilOpenMs = opensAt.getTime() - nowMs;
      if (untilOpenMs > 0) opensInMs = Math.min(opensInMs, untilOpenMs);
      else if (closesAt.getTime() + RECEIPTS_AFTER_CLOSE_MS > nowMs) {
        await this.#learn(sale, ticketEpoch);
      }
    }
    return opensInMs;
  }

  /**
   * Returns the key that signs now; undefined before the sale opens.
   *
   * @param nowMs by the database's clock
   */
  signing(sale: string, nowMs: number): KeyObject | undefined {
    return this.accepted(sale).findLast(({ signsUntilMs }) => nowMs < signsUntilMs)?.key;
  }

  /** Does the same, but reads the keys if none is known yet, as at the moment of the opening. */
  async signingNow(sale: string, nowMs: number): Promise<KeyObject | undefined> {
    const key = this.signing(sale, nowMs);
    if (key !== undefined) return key;
    await this.#learn(sale, 0);
    return this.signing(sale, nowMs);
  }

  /**
   * Keys whose tickets are accepted, each until its `untilMs`, newest first; empty if no keys are
   * known.
   */
  accepted(sale: string): readonly AcceptedKey[] {
    return this.#known.get(sale)?.accepted ?? [];
  }

  /** The key that signs receipts. */
  receipt(sale: string): KeyObject | undefined {
    return this.#known.get(sale)?.first;
  }

  /** All callers share one query that is under way. */
  #learn(sale: string, epoch: number): Promise<void> {
    const asked = this.#questions.get(sale);
    if (asked !== undefined) return asked;
    const question = this.#known
      .learn(sale, async () => knownOf(await this.#ask(sale), epoch, this.#acceptRetiredMs))
      .finally(() => this.#questions.delete(sale));
    this.#questions.set(sale, question);
    return question;
  }
}

function knownOf(
  keys: readonly TicketKey[],
  epoch: number,
  acceptRetiredMs: number,
): Known | undefined {
  const made = keys.map((one) => ({ ...one, key: createSecretKey(one.key) }));
  const [first] = made;
  if (first === undefined) return undefined;
  const accepted = made
    .filter(({ isRevoked }) => !isRevoked)
    .map(({ key, retiredAt }) => {
      const retiredAtMs = retiredAt?.getTime() ?? Number.POSITIVE_INFINITY;
      const [untilMs, signsUntilMs] = [retiredAtMs + acceptRetiredMs, retiredAtMs + HANDOVER_MS];
      return { key, untilMs, signsUntilMs };
    })
    .reverse();
  return { epoch, accepted, first: first.key };
}
