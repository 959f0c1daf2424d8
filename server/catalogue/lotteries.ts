import { createSecretKey, type KeyObject } from 'node:crypto';
import { lotteryRank } from '../../contracts/lottery.ts';
import type { SaleLottery } from '../../db/lottery.ts';
import { type CreatedSale, SaleMemory } from './sale-memory.ts';

/**
 * The lotteries of the sales. Each is read at most three times: when the sale is first seen (its
 * hash), when it opens (its secret) and when it has closed (whether the secret may be public).
 */

interface SaleWindow extends CreatedSale {
  readonly opensAt: Date;
  readonly closesAt: Date;
}

/** The public part of a lottery at this time; hexadecimal. */
export interface PublicLottery {
  readonly secretSha256: string;
  /** Present only after the sale has closed. */
  readonly secret?: string;
}

interface Known {
  readonly key: KeyObject | undefined;
  readonly facts: PublicLottery;
}

export class Lotteries {
  readonly #ask: (sale: string) => Promise<SaleLottery | undefined>;
  readonly #known = new SaleMemory<Known>();

  constructor(ask: (sale: string) => Promise<SaleLottery | undefined>) {
    this.#ask = ask;
  }

  /**
   * @param sales all that there are
   * @param nowMs by the database's clock; the database checks the times again itself
   */
  async refresh(sales: readonly SaleWindow[], nowMs: number): Promise<void> {
    this.#known.keepOnly(sales);
    for (const { sale, opensAt, closesAt } of sales) {
      const known = this.#known.get(sale);
      const needsKey = known?.key === undefined && opensAt.getTime() <= nowMs;
      const needsSecret = known?.facts.secret === undefined && closesAt.getTime() <= nowMs;
      if (known !== undefined && !needsKey && !needsSecret) continue;
      await this.#known.learn(sale, async () => {
        const answer = await this.#ask(sale);
        return answer && knownOf(answer);
      });
    }
  }

  facts(sale: string): PublicLottery | undefined {
    return this.#known.get(sale)?.facts;
  }

  /** Undefined before the sale has opened. */
  rank(sale: string, userId: string): number | undefined {
    const key = this.#known.get(sale)?.key;
    return key && lotteryRank(key, userId);
  }
}

function knownOf({ secretSha256, secret, isPublic }: SaleLottery): Known {
  return {
    key: secret && createSecretKey(secret),
    facts: {
      secretSha256: secretSha256.toString('hex'),
      ...(isPublic && secret !== undefined && { secret: secret.toString('hex') }),
    },
  };
}
