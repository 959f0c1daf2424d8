import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ConsoleRole } from '../../contracts/console.ts';

/**
 * Sessions in memory: they end with the process, at a sign-out at once, and after a bounded time.
 * Nothing has to be signed, and no secret has to be shared. Two consoles behind one balancer need
 * the same console for the same browser; one that ends takes its sessions along, and people sign in
 * again.
 */

const SESSIONS_MAX = 1_000;
const ID_BYTES = 32;

export interface Person {
  readonly login: string;
  readonly roles: readonly ConsoleRole[];
}

export interface Session extends Person {
  readonly id: string;
  /** Every change must send it in a header: a page of another origin cannot read it. */
  readonly csrf: string;
  readonly endsAt: Date;
}

export class Sessions {
  readonly #sessions: LRUCache<string, Session>;
  readonly lifeMs: number;

  constructor(minutes: number) {
    this.lifeMs = minutes * 60_000;
    this.#sessions = new LRUCache({ max: SESSIONS_MAX, ttl: this.lifeMs });
  }

  start({ login, roles }: Person): Session {
    const session = {
      id: randomBytes(ID_BYTES).toString('base64url'),
      csrf: randomBytes(ID_BYTES).toString('base64url'),
      login,
      roles,
      endsAt: new Date(Date.now() + this.lifeMs),
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  find(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  end(id: string): void {
    this.#sessions.delete(id);
  }
}

/** Every signed-in person may look; other calls need the role itself. */
export function hasRole({ roles }: Person, role: ConsoleRole): boolean {
  return role === 'viewer' || roles.includes(role);
}
