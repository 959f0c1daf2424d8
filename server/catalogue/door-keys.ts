import { type DoorKey, doorKeyOf } from '../../contracts/door-code.ts';
import type { DoorSeed } from '../../db/door.ts';
import { type CreatedSale, SaleMemory } from './sale-memory.ts';

/**
 * The keys that sign the codes of numbered units, from memory. A key is read once, as soon as the sale is known: codes are
 * then signed while the home `regular` is away, and the public key is known before the first code.
 */

interface SaleOfUnits extends CreatedSale {
  readonly skus: readonly { readonly sectionMadeAt: Date | null }[];
}

export interface DoorKeySource {
  /** Undefined if the sale has no numbered goods. */
  doorSeed(sale: string): Promise<DoorSeed | undefined>;
  noteDoorKey(sale: string, publicKey: Buffer): Promise<void>;
}

export class DoorKeys {
  readonly #source: DoorKeySource;
  readonly #known = new SaleMemory<DoorKey>();

  constructor(source: DoorKeySource) {
    this.#source = source;
  }

  /** @param sales all that there are */
  async refresh(sales: readonly SaleOfUnits[]): Promise<void> {
    this.#known.keepOnly(sales);
    for (const { sale, skus } of sales) {
      const isNumbered = skus.some(({ sectionMadeAt }) => sectionMadeAt !== null);
      if (!isNumbered || this.of(sale) !== undefined) continue;
      await this.#known.learn(sale, async () => {
        const found = await this.#source.doorSeed(sale);
        if (found === undefined) return undefined;
        const key = doorKeyOf(found.seed);
        if (found.publicKey === null) await this.#source.noteDoorKey(sale, key.publicKey);
        return key;
      });
    }
  }

  /** Undefined for a sale without numbered goods, or while the key is not known yet. */
  of(sale: string): DoorKey | undefined {
    return this.#known.get(sale);
  }
}
