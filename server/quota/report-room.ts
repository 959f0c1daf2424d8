import { GRANTS_BYTES_MAX, grantBytes } from '../../zk/tree/report.ts';

/** The room for grants in the report of a web node. A grant that does not fit is not applied: its SKU is not sold here. */
export class ReportRoom {
  #bytes = 0;

  /** @returns false if the grant does not fit */
  take(path: string, sku: string): boolean {
    const bytes = this.#bytes + grantBytes(path, sku);
    if (bytes > GRANTS_BYTES_MAX) return false;
    this.#bytes = bytes;
    return true;
  }

  free(path: string, sku: string): void {
    this.#bytes -= grantBytes(path, sku);
  }
}
