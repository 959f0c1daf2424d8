import type { Databases } from './client/pool.ts';

/** Typed calls for the keys that sign tickets. Every function throws only DatabaseError. */

export interface TicketKey {
  /** Ascending from 1. */
  readonly id: number;
  /** 32 bytes. */
  readonly key: Buffer;
  /** When the next key was created; undefined for the newest key. */
  readonly retiredAt: Date | undefined;
  /** Tickets that it signed are not valid. */
  readonly isRevoked: boolean;
}

/**
 * Reads the keys of a sale, oldest first; empty before the sale opens, by the database's clock.
 * Creates the next key if it is due.
 */
export async function ticketKeys(databases: Databases, sale: string): Promise<TicketKey[]> {
  const rows = await databases.regular.query<{
    id: number;
    key: Buffer;
    retired_at: Date | null;
    revoked_at: Date | null;
  }>({
    name: 'ticket_keys',
    text: 'SELECT id, key, retired_at, revoked_at FROM catalog.ticket_keys($1)',
    values: [sale],
  });
  return rows.map(({ id, key, retired_at, revoked_at }) => ({
    id,
    key,
    retiredAt: retired_at ?? undefined,
    isRevoked: revoked_at !== null,
  }));
}

/**
 * Reads the key that signs tickets of a sale now; undefined before the sale opens, by the database's
 * clock.
 */
export async function ticketKey(databases: Databases, sale: string): Promise<Buffer | undefined> {
  const [row] = await databases.regular.query<{ key: Buffer | null }>({
    name: 'ticket_key',
    text: 'SELECT catalog.ticket_key($1) AS key',
    values: [sale],
  });
  return row?.key ?? undefined;
}

/**
 * Creates the next key at once.
 *
 * @param revoke whether tickets of the earlier keys lose their validity
 * @returns the id of the new key; undefined before the sale opens
 */
export async function rotateTicketKey(
  databases: Databases,
  sale: string,
  revoke: boolean,
): Promise<number | undefined> {
  const [row] = await databases.regular.query<{ id: number | null }>({
    text: 'SELECT catalog.rotate_ticket_key($1, $2) AS id',
    values: [sale, revoke],
  });
  return row?.id ?? undefined;
}

export interface TicketKeyFacts {
  readonly id: number;
  readonly createdAt: Date;
  readonly retiredAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Reads the facts of a sale's keys, oldest first, without the keys themselves. */
export function ticketKeyFacts(databases: Databases, sale: string): Promise<TicketKeyFacts[]> {
  return databases.regular.query<TicketKeyFacts & Record<string, unknown>>({
    text: `SELECT id, created_at AS "createdAt", retired_at AS "retiredAt",
                  revoked_at AS "revokedAt"
           FROM catalog.ticket_key_facts($1)`,
    values: [sale],
  });
}
