import { withOwnDigits } from '../../contracts/money.ts';
import type { Pot } from '../../contracts/pot.ts';
import {
  type SaleFacts,
  type ServerFacts,
  type SkuFacts,
  saleFacts,
} from '../../db/sale-changes.ts';
import { pathsBelow } from '../../zk/tree/paths.ts';
import { Reader } from '../quota/overview.ts';
import type { SalePlace } from './place.ts';

/** Reads what the databases and ZooKeeper have of a sale. */

/** Why nothing of a sale changes that was called off. */
export const STAYS_CLOSED = 'its orders are cancelled, and it stays closed';

/** The texts in force of one SKU in ZooKeeper; null where nothing is set. */
export interface SkuSwitches {
  readonly quota: string | null;
  readonly state: string | null;
  readonly keep: string | null;
  readonly shed: string | null;
}

export interface PresentSku extends SkuFacts {
  /** Every server has it. If not, its creation was interrupted. */
  readonly isComplete: boolean;
  /** All servers have the same title, price, limit and presentation. */
  readonly isAlike: boolean;
}

export interface PresentSale {
  /** By the clock of the server of `regular`. */
  readonly now: Date;
  /** As the first server that has it knows it; undefined if none has it. */
  readonly sale:
    | (SaleFacts &
        Pick<PresentSku, 'isComplete' | 'isAlike'> & {
          /** Every server has closed it. */
          readonly isOver: boolean;
        })
    | undefined;
  /** The SKUs of the sale, and those of other sales that were asked about. */
  readonly skus: ReadonlyMap<string, PresentSku>;
  readonly switches: ReadonlyMap<string, SkuSwitches>;
  /** Whether the settings for all SKUs exist. */
  readonly hasCommonSettings: boolean;
}

/** @param wanted SKUs that are to belong to the sale */
export async function readPresent(
  { databases, session, root }: SalePlace,
  sale: string,
  wanted: readonly string[],
): Promise<PresentSale> {
  const answers = await saleFacts(databases, sale, wanted);
  const now = answers[0]?.now ?? new Date();
  const skus = new Map(
    [
      ...Map.groupBy(
        answers.flatMap((answer) => answer.skus),
        ({ sku }) => sku,
      ),
    ].map(([name, rows]) => [name, mergeSku(rows, answers.length)] as const),
  );
  const paths = pathsBelow(root);
  const reader = new Reader(session, paths);
  const switches = new Map<string, SkuSwitches>();
  for (const sku of new Set([...wanted, ...skus.keys()])) {
    const { quota, state, keep, shed } = paths.sku(sku);
    const [first, second, third, fourth] = await Promise.all(
      [quota, state, keep, shed].map((path) => reader.inForce(path)),
    );
    switches.set(sku, {
      quota: first ?? null,
      state: second ?? null,
      keep: third ?? null,
      shed: fourth ?? null,
    });
  }
  const common = await Promise.all([paths.keep, paths.shed].map((path) => reader.text(path)));
  return {
    now,
    sale: mergeSale(answers, now),
    skus,
    switches,
    hasCommonSettings: common.every((setting) => setting !== undefined),
  };
}

function mergeSale(answers: readonly ServerFacts[], now: Date): PresentSale['sale'] {
  const rows = answers.flatMap(({ sale }) => (sale === undefined ? [] : [sale]));
  const [first] = rows;
  return (
    first && {
      ...first,
      hasOpened: rows.some(({ hasOpened }) => hasOpened),
      isCalledOff: rows.some(({ isCalledOff }) => isCalledOff),
      isOver: rows.every(({ closesAt }) => closesAt <= now),
      isComplete:
        rows.length === answers.length &&
        new Set(rows.map(({ secretSha256 }) => secretSha256)).size === 1,
      isAlike: areAlike(
        rows.map(({ hasOpened: _, secretSha256: __, isCalledOff: ___, ...facts }) => facts),
      ),
    }
  );
}

function mergeSku(rows: readonly SkuFacts[], servers: number): PresentSku {
  const home = rows.find(({ abroad }) => !abroad) ?? rows[0];
  if (home === undefined) throw new Error('a SKU without rows');
  return {
    ...home,
    unitsTotal: rows.reduce((sum, row) => sum + row.unitsTotal, 0),
    hasOrders: rows.some(({ hasOrders }) => hasOrders),
    mostHeld: Math.max(...rows.map(({ mostHeld }) => mostHeld)),
    // An entry of a SKU that lives elsewhere is no stock.
    isComplete: rows.length === servers && !home.abroad,
    isAlike: areAlike(
      rows.map(({ title, price, currency, userLimit, presentation }) => ({
        ...{ title, price, currency, userLimit, presentation },
      })),
    ),
  };
}

/** The pot as a sale file has it. */
export function presentPot({ pot, currency }: Pick<SkuFacts, 'pot' | 'currency'>): Pot | null {
  if (pot === null) return null;
  const { amount, packets, division, list } = pot;
  const amounts = list?.map((one) => withOwnDigits(one, currency)) ?? [];
  return { amount, packets, division: division === 'list' ? amounts : division };
}

/** PostgreSQL returns the keys of jsonb in one order. */
function areAlike(rows: readonly object[]): boolean {
  return new Set(rows.map((row) => JSON.stringify(row))).size <= 1;
}
