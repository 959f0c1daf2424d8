import type { Databases } from './client/pool.ts';

/** The lottery of a sale, as far as the database discloses it at this time. */
export interface SaleLottery {
  readonly secretSha256: Buffer;
  /** Undefined before the sale opens. */
  readonly secret: Buffer | undefined;
  /** True after the sale has closed: everybody may then see the secret. */
  readonly isPublic: boolean;
}

/** Reads the lottery of a sale; undefined if there is no such sale. @throws {DatabaseError} */
export async function saleLottery(
  databases: Databases,
  sale: string,
): Promise<SaleLottery | undefined> {
  const [row] = await databases.regular.query<{
    secret_sha256: Buffer;
    secret: Buffer | null;
    is_public: boolean;
  }>({
    name: 'sale_lottery',
    text: 'SELECT secret_sha256, secret, is_public FROM catalog.sale_lottery($1)',
    values: [sale],
  });
  if (row === undefined) return undefined;
  const { secret_sha256, secret, is_public } = row;
  return { secretSha256: secret_sha256, secret: secret ?? undefined, isPublic: is_public };
}
