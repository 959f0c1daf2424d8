import { realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { doorKeyId, isGenuine, readDoorCode } from '../../contracts/door-code.ts';
import type { NumberedUnit } from '../../contracts/seats.ts';
import { type DoorPack, readPack } from './pack.ts';
import { Uses } from './uses.ts';

/** Checks codes at a door, by a pack and a file of uses beside it. No network and no database is needed. */

interface UnitOfOrder extends NumberedUnit {
  readonly sku: string;
  readonly section: string;
  readonly orderNo: string;
}

export type DoorAnswer =
  /** Let in, once. */
  | ({ readonly result: 'ok' } & UnitOfOrder)
  /** `at`: when it was first used. */
  | ({ readonly result: 'used'; readonly at: string } & UnitOfOrder)
  /** Genuine and paid, but its section is not one of this door. */
  | ({ readonly result: 'other_door' } & UnitOfOrder)
  /** Genuine, but by the pack the order does not have the unit: it was given back, or paid after the pack was made. */
  | { readonly result: 'void'; readonly orderNo: string; readonly packMadeAt: string }
  | { readonly result: 'forged' }
  /** Of another sale of this shop, or of another shop. */
  | { readonly result: 'unknown_sale' }
  /** No code of this version: another bar code, or a bad scan. */
  | { readonly result: 'unreadable' };

interface Loaded {
  readonly pack: DoorPack;
  readonly version: string;
  readonly keyId: string;
  readonly publicKey: Buffer;
  /** Units of paid orders by order and position. */
  readonly units: ReadonlyMap<string, UnitOfOrder>;
}

export interface DoorOptions {
  /** The sections of this door; all without it. */
  readonly skus?: readonly string[] | undefined;
  /** Called when a renewed pack cannot be used, and the one before stays. */
  readonly warn: (text: string) => void;
}

export class Door {
  /** The file of uses. */
  readonly usesPath: string;
  readonly #path: string;
  readonly #options: DoorOptions;
  readonly #uses: Uses;
  #loaded: Loaded;

  /** @throws {Error} the file is no pack, or has no such section */
  constructor(path: string, options: DoorOptions) {
    this.#path = path;
    this.#options = options;
    this.#loaded = load(path, versionOf(path));
    const known = this.pack.sections.map(({ sku }) => sku);
    const unknown = options.skus?.find((sku) => !known.includes(sku));
    if (unknown !== undefined) {
      throw new Error(`${path} has no section ${unknown}; it has ${known.join(', ')}`);
    }
    this.usesPath = usesOf(path, this.#loaded);
    this.#uses = new Uses(this.usesPath);
  }

  get pack(): DoorPack {
    return this.#loaded.pack;
  }

  get paid(): number {
    return this.#loaded.units.size;
  }

  get used(): number {
    return this.#uses.count;
  }

  get brokenLines(): number {
    return this.#uses.broken;
  }

  /** @throws {Error} the use cannot be kept: nobody is let in */
  check(text: string): DoorAnswer {
    this.#renew();
    const { keyId, publicKey, units, pack } = this.#loaded;
    // A scanner may add spaces, and people copy codes in groups.
    const code = readDoorCode(text.replaceAll(/\s/g, ''));
    if (code === undefined) return { result: 'unreadable' };
    if (code.keyId !== keyId) return { result: 'unknown_sale' };
    if (!isGenuine(code, publicKey)) return { result: 'forged' };
    const unit = units.get(nameOf(code.orderNo, code.position));
    if (unit === undefined) {
      return { result: 'void', orderNo: code.orderNo, packMadeAt: pack.madeAt };
    }
    const { skus } = this.#options;
    if (skus !== undefined && !skus.includes(unit.sku)) return { result: 'other_door', ...unit };
    const { isFirst, at } = this.#uses.use(code.signed);
    return isFirst ? { result: 'ok', ...unit } : { result: 'used', at, ...unit };
  }

  close(): void {
    this.#uses.close();
  }

  /** Takes a renewed pack over. One that cannot be read, or is of another sale, is told of once. */
  #renew(): void {
    const version = versionOf(this.#path);
    if (version === this.#loaded.version) return;
    try {
      const renewed = load(this.#path, version);
      if (renewed.keyId !== this.#loaded.keyId) throw new Error('it is of another sale');
      this.#loaded = renewed;
    } catch (error) {
      this.#loaded = { ...this.#loaded, version };
      const why = error instanceof Error ? error.message : String(error);
      this.#options.warn(`the renewed pack is not used: ${why}`);
    }
  }
}

/** All packs of a sale in one folder, by whatever name, have the same file of uses. */
function usesOf(path: string, { pack, keyId }: Pick<Loaded, 'pack' | 'keyId'>): string {
  return join(dirname(realpathSync(path)), `${pack.sale}-${keyId}.uses`);
}

const nameOf = (orderNo: string, position: number) => `${orderNo} ${position}`;

/** Changes when the file does. */
function versionOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
}

function load(path: string, version: string): Loaded {
  const pack = readPack(path);
  const publicKey = Buffer.from(pack.publicKey, 'base64url');
  const units = new Map<string, UnitOfOrder>();
  for (const { sku, title: section, units: all } of pack.sections) {
    for (const [position, row, seat, orderNo] of all) {
      if (orderNo === null) continue;
      const unit = { sku, section, ...(row !== null && { row }), seat, orderNo };
      units.set(nameOf(orderNo, position), unit);
    }
  }
  return { pack, version, keyId: doorKeyId(publicKey), publicKey, units };
}
