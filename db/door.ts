import { schemaOf } from '../contracts/homes.ts';
import type { NumberedUnit } from '../contracts/seats.ts';
import { askOwner } from './client/homes.ts';
import type { Databases } from './client/pool.ts';

/** Typed calls for the codes that are checked at the door. Every function throws only DatabaseError. */

export interface DoorSeed {
  /** 32 bytes, and secret: they are enough to make codes. */
  readonly seed: Buffer;
  /** 32 bytes; null if it was not noted yet. */
  readonly publicKey: Buffer | null;
}

/** Reads the key that signs the codes of a sale, and makes it if there is none; undefined without numbered goods. */
export async function doorSeed(databases: Databases, sale: string): Promise<DoorSeed | undefined> {
  const [row] = await databases.regular.query<{ seed: Buffer; public: Buffer | null }>({
    name: 'door_key',
    text: 'SELECT seed, public FROM catalog.door_key($1)',
    values: [sale],
  });
  return row && { seed: row.seed, publicKey: row.public };
}

export async function noteDoorKey(
  databases: Databases,
  sale: string,
  publicKey: Buffer,
): Promise<void> {
  await databases.regular.query({
    text: 'SELECT catalog.note_door_key($1, $2)',
    values: [sale, publicKey],
  });
}

/** Reads the public key of a sale; undefined while no web node knows the sale, and without numbered goods. */
export async function publicDoorKey(
  databases: Databases,
  sale: string,
): Promise<Buffer | undefined> {
  const [row] = await databases.regular.query<{ key: Buffer | null }>({
    text: 'SELECT catalog.public_door_key($1) AS key',
    values: [sale],
  });
  return row?.key ?? undefined;
}

export interface PlacedUnit extends NumberedUnit {
  readonly position: number;
}

interface UnitRow extends Record<string, unknown> {
  unit_position: number;
  line: string | null;
  seat: string;
}

const toUnit = ({ unit_position: position, line, seat }: UnitRow): PlacedUnit => ({
  position,
  ...(line !== null && { row: line }),
  seat,
});

/** Reads the numbered units of an order, best first; empty if the order is not paid. */
export async function paidUnits(databases: Databases, orderNo: string): Promise<PlacedUnit[]> {
  const home = databases.ofOrder(orderNo);
  const schema = schemaOf(home);
  const rows = await askOwner(databases, home, 'paid_units', (pool) =>
    pool.query<UnitRow>({
      name: `paid_units_${schema}`,
      text: `SELECT unit_position, line, seat FROM ${schema}.paid_units($1)`,
      values: [orderNo],
    }),
  );
  return rows.map(toUnit);
}

export interface DoorUnit extends PlacedUnit {
  readonly sku: string;
  /** The paid order that has the unit now; null if none has. */
  readonly orderNo: string | null;
}

/** Reads all numbered units of a sale. Fails if a home does not answer: a door must not miss any. */
export async function doorUnits(databases: Databases, sale: string): Promise<DoorUnit[]> {
  const units: DoorUnit[] = [];
  for (const home of databases.homes) {
    const rows = await databases
      .home(home)
      .query<UnitRow & { sku: string; order_no: string | null }>({
        text: `SELECT sku, unit_position, line, seat, order_no
               FROM ${schemaOf(home)}.door_units($1)`,
        values: [sale],
      });
    units.push(...rows.map((row) => ({ ...toUnit(row), sku: row.sku, orderNo: row.order_no })));
  }
  return units;
}
