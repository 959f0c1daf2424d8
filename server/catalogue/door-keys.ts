import { type DoorKey, doorKeyOf } from '../../contracts/door-code.ts';
import type { DoorSeed } from '../../db/door.ts';

/**
 * The keys that sign the codes of numbered units, from memory. A key is read once, as soon as the sale is known: codes are
 * then signed while the home `regular` is away, and the public key is known before the first code.
 */

interface SaleOfUnits {
  readonly sale: string;
  readonly skus: readonly { readonly sectionMadeAt: Date | null }[];
}

interface Known {
  readonly key: DoorKey;
  /** When the first section of the sale was made. */
  readonly madeAtMs: number;
}

export interface DoorKeySource {
  /** Undefined if the sale has no numbered goods. */
  doorSeed(sale: string): Promise<DoorSeed | undefined>;
  noteDoorKey(sale: string, publicKey: Buffer): Promise<void>;
}

const NEVER = Number.POSITIVE_INFINITY;

const saleOf = ({ sale }: SaleOfUnits) => sale;
const madeAtOf = ({ sectionMadeAt }: SaleOfUnits['skus'][number]) =>
  sectionMadeAt?.getTime() ?? NEVER;

export class DoorKeys {
  readonly #source: DoorKeySource;
  readonly #known = new Map<string, Known>();

  constructor(source: DoorKeySource) {
    this.#source = source;
  }

  /** @param sales all that there are: a sale that was removed and put on again has another key */
  async refresh(sales: readonly SaleOfUnits[]): Promise<void> {
    for (const gone of new Set(this.#known.keys()).difference(new Set(sales.map(saleOf)))) {
      this.#known.delete(gone);
    }
    for (const { sale, skus } of sales) {
      const madeAtMs = Math.min(...skus.map(madeAtOf));
      // A sale may have been removed and put on again since the last look. It has other sections then.
      if (madeAtMs === NEVER || this.#known.get(sale)?.madeAtMs === madeAtMs) continue;
      const found = await this.#source.doorSeed(sale);
      if (found === undefined) continue;
      const key = doorKeyOf(found.seed);
      if (found.publicKey === null) await this.#source.noteDoorKey(sale, key.publicKey);
      this.#known.set(sale, { key, madeAtMs });
    }
  }

  /** Undefined for a sale without numbered goods, or while the key is not known yet. */
  of(sale: string): DoorKey | undefined {
    return this.#known.get(sale)?.key;
  }
}
