import { createSecretKey, type KeyObject } from 'node:crypto';
import type { TicketKey } from '../db/ticket-keys.ts';

/**
 * The keys that sign tickets, from memory. They come into being when a sale opens and are replaced
 * from time to time; the database says by a number in the catalogue that they have changed, and only
 * then they are asked for: once by a node, however many shoppers wait.
 */

/**
 * A new key signs so much later than it is made, the one before until then: nodes learn of it one by
 * one, and a ticket must not meet a node that calls it invalid because its key is news.
 */
const HANDOVER_MS = 2_000;
/** A retired key's tickets are believed so much longer than they live: nodes learn of it one by one. */
const RETIRED_SLACK_MS = 60_000;
/** What was taken at the last moment may stand in a queue for hours: its receipt is read meanwhile. */
const RECEIPTS_AFTER_CLOSE_MS = 24 * 3_600_000;

interface SaleWindow {
  readonly sale: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  /** Another number than before: the keys have changed. */
  readonly ticketEpoch: number;
}

export interface AcceptedKey {
  readonly key: KeyObject;
  /** By the database's clock. */
  readonly untilMs: number;
  /** The same, for new tickets. */
  readonly signsUntilMs: number;
}

interface Known {
  readonly epoch: number;
  /** Newest first; revoked ones are not among them. */
  readonly accepted: readonly AcceptedKey[];
  /** The first of the sale, which is never replaced: receipts must be good for as long as it lasts. */
  readonly first: KeyObject;
}

export class TicketKeys {
  readonly #ask: (sale: string) => Promise<readonly TicketKey[]>;
  readonly #acceptRetiredMs: number;
  readonly #known = new Map<string, Known>();
  readonly #questions = new Map<string, Promise<void>>();

  /** @param longestLifeMs of what the keys sign, receipts aside */
  constructor(ask: (sale: string) => Promise<readonly TicketKey[]>, longestLifeMs: number) {
    this.#ask = ask;
    this.#acceptRetiredMs = longestLifeMs + RETIRED_SLACK_MS;
  }

  /**
   * Asks for the keys of sales that are open, or were a day ago, and are unknown or have changed.
   * @param nowMs the database's clock
   * @returns milliseconds until the next sale opens
   */
  async refresh(sales: Iterable<SaleWindow>, nowMs: number): Promise<number> {
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
   * The key that signs now; undefined before the sale opens.
   * @param nowMs the database's clock
   */
  signing(sale: string, nowMs: number): KeyObject | undefined {
    return this.accepted(sale).findLast(({ signsUntilMs }) => nowMs < signsUntilMs)?.key;
  }

  /** The same, and asks when none is known yet: for the moment of the opening. */
  async signingNow(sale: string, nowMs: number): Promise<KeyObject | undefined> {
    const key = this.signing(sale, nowMs);
    if (key !== undefined) return key;
    await this.#learn(sale, 0);
    return this.signing(sale, nowMs);
  }

  /** Those whose tickets are good, each as long as it says; newest first. None: they are not known. */
  accepted(sale: string): readonly AcceptedKey[] {
    return this.#known.get(sale)?.accepted ?? [];
  }

  /** The key that signs receipts. */
  receipt(sale: string): KeyObject | undefined {
    return this.#known.get(sale)?.first;
  }

  /** One question serves all who come while it is under way. */
  #learn(sale: string, epoch: number): Promise<void> {
    const asked = this.#questions.get(sale);
    if (asked !== undefined) return asked;
    const question = this.#ask(sale)
      .then((keys) => {
        const known = knownOf(keys, epoch, this.#acceptRetiredMs);
        if (known !== undefined) this.#known.set(sale, known);
      })
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
