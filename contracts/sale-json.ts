/**
 * A sale as the shop's API has it. Web nodes make it of what is on sale, and the preview of the console
 * of what a merchant has typed, so that the page shows both in the same way.
 */

export type Availability = 'plenty' | 'few' | 'maybe' | 'sold_out';
export type SaleState = 'scheduled' | 'open' | 'paused' | 'closed';
const LIVELIEST_FIRST: readonly SaleState[] = ['open', 'paused', 'scheduled', 'closed'];

/** `few` begins at this share of the units or at ten units. */
const FEW_SHARE = 0.05;
const FEW_UNITS = 10;

interface NamedSale {
  readonly sale: string;
  readonly title: string;
  readonly opensAt: Date;
  readonly closesAt: Date;
  readonly isCalledOff: boolean;
}

interface NamedSku {
  readonly sku: string;
  readonly title: string;
  readonly price: string;
  readonly currency: string;
  readonly userLimit: number;
  /** Of daily goods. */
  readonly zone?: string | null | undefined;
  /** Of amounts. The hash is missing in the preview of a sale. */
  readonly pot?: {
    readonly amount: string;
    readonly packets: number;
    readonly sha256?: string | null;
  } | null;
  readonly numbered?: boolean;
  readonly presentation: object;
}

/** @param states of its SKUs. A sale is open while one of them is, and paused while one may go on. */
export function saleJson(
  { sale, title, opensAt, closesAt, isCalledOff }: NamedSale,
  states: readonly SaleState[],
) {
  return {
    sale,
    title,
    state: LIVELIEST_FIRST.find((state) => states.includes(state)) ?? 'closed',
    opensAt: opensAt.toISOString(),
    closesAt: closesAt.toISOString(),
    ...(isCalledOff && { calledOff: true }),
  };
}

export function skuJson(row: NamedSku, availability: Availability, state: SaleState) {
  const {
    sku,
    title,
    price,
    currency,
    userLimit: limit,
    zone = null,
    pot,
    numbered,
    presentation,
  } = row;
  return {
    ...{ sku, title, price, currency, limit, availability, state },
    ...(zone !== null && { goods: 'daily', zone }),
    ...(pot && { goods: 'amounts', pot: potJson(pot) }),
    ...(numbered === true && { goods: 'numbered' }),
    ...shown(presentation),
  };
}

/** A packet never comes back, and how the pot is divided is shown when the sale is over. */
function potJson({ amount, packets, sha256 }: NonNullable<NamedSku['pot']>) {
  return { amount, packets, ...(sha256 && { sha256 }) };
}

/** Sales without a sale file have nothing to show beyond their titles. */
export function shown(presentation: object): { presentation?: object } {
  return Object.keys(presentation).length === 0 ? {} : { presentation };
}

/** The word for `left` of `total` units that may still be sold; `maybe` if there are none at present. */
export function availabilityOf(left: number, total: number): Availability {
  if (left <= 0) return 'maybe';
  return left <= Math.max(FEW_UNITS, total * FEW_SHARE) ? 'few' : 'plenty';
}
