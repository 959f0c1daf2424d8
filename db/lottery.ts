import type { Databases } from './client/pool.ts';

/** The lottery of a sale, as the database gives it out at this moment. */
export interface SaleLottery {
  readonly secretSha256: Buffer;
  /** Undefined before the sale opens. */
  readonly secret: Buffer | undefined;
  /** The sale has closed: everyone may see the secret. */
  readonly isPublic: boolean;
}

/** Undefined for a sale that does not exist. */
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
