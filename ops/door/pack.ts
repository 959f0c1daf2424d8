import { readFileSync } from 'node:fs';
import { saleBoard } from '../../db/catalog.ts';
import type { Databases } from '../../db/client/pool.ts';
import { type DoorUnit, doorUnits, publicDoorKey } from '../../db/door.ts';

/** What a door needs to check codes without a network: the public key of a sale, its units, and who has them. */

const VERSION = 1;

/** The position, the row if there is one, the seat, and the paid order that has the unit. */
type PackUnit = readonly [
  position: number,
  row: string | null,
  seat: string,
  orderNo: string | null,
];

interface PackSection {
  readonly sku: string;
  readonly title: string;
  readonly units: readonly PackUnit[];
}

export interface DoorPack {
  readonly doorPack: typeof VERSION;
  readonly sale: string;
  readonly title: string;
  /** When the orders were read. */
  readonly madeAt: string;
  /** base64url. It can make no codes. */
  readonly publicKey: string;
  readonly sections: readonly PackSection[];
}

/** @throws {Error} the sale has no codes, or a database does not answer */
export async function makePack(databases: Databases, sale: string): Promise<DoorPack> {
  const { sales, serverTime } = await saleBoard(databases);
  const found = sales.find((one) => one.sale === sale);
  if (found === undefined) throw new Error(`there is no sale ${sale}: flashsale sale list`);
  const numbered = found.skus.filter((sku) => sku.numbered);
  if (numbered.length === 0) throw new Error(`${sale} has no numbered goods, so it has no codes`);
  const publicKey = await publicDoorKey(databases, sale);
  if (publicKey === undefined) {
    throw new Error(`${sale} has no key yet: a web node makes it as soon as it knows the sale`);
  }
  const units = Map.groupBy(await doorUnits(databases, sale), ({ sku }) => sku);
  return {
    doorPack: VERSION,
    sale,
    title: found.title,
    madeAt: serverTime.toISOString(),
    publicKey: publicKey.toString('base64url'),
    sections: numbered.map(({ sku, title }) => ({
      sku,
      title,
      units: (units.get(sku) ?? []).map(toPackUnit),
    })),
  };
}

const toPackUnit = ({ position, row, seat, orderNo }: DoorUnit): PackUnit => [
  position,
  row ?? null,
  seat,
  orderNo,
];

/** @throws {Error} the file is no pack of this version */
export function readPack(path: string): DoorPack {
  const text = readFileSync(path, 'utf8');
  const parsed = parse(text);
  if (parsed?.doorPack !== VERSION || !Array.isArray(parsed.sections)) {
    throw new Error(`${path} is no door pack of version ${VERSION}: flashsale door pack`);
  }
  return parsed as DoorPack;
}

function parse(text: string): Partial<DoorPack> | null | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
