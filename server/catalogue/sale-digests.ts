import type { SaleBoard } from '../../db/catalog.ts';
import { isDigested, saleDigest } from '../../db/sale-changes.ts';

/** What this node knows of each sale, as short texts for its report. */
export class SaleDigests {
  #last = '';

  /** Returns the digests by sale if one differs from the last call; otherwise undefined. */
  changed({
    sales,
    serverTime,
  }: Omit<SaleBoard, 'missing'>): Readonly<Record<string, string>> | undefined {
    const digests = Object.fromEntries(
      sales
        .filter((sale) => isDigested(sale, serverTime))
        .map((sale) => [sale.sale, saleDigest(sale)]),
    );
    const text = JSON.stringify(digests);
    if (text === this.#last) return undefined;
    this.#last = text;
    return digests;
  }
}
