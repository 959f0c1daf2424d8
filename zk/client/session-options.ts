import type { Connect } from './connection.ts';
import type { Protection } from './protection.ts';

export interface SessionOptions {
  /** `host:port[,host:port…]` */
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  /** Interval at which the next watched values are read again even without an event; 3 s by default. */
  readonly rereadIntervalMs?: number;
  /** How many of them; 4 by default. */
  readonly rereadsMax?: number;
  /** Credentials and access rights for created nodes. Without it, everyone has all rights. */
  readonly protection?: Protection | undefined;
  readonly log?: { warn(facts: object, message: string): void };
  /**
   * A clock in milliseconds that keeps running while the machine sleeps; by default that of this
   * machine.
   */
  readonly now?: () => number;
  /** Opens connections; by default to real servers. */
  readonly connect?: Connect;
}

export interface SessionEvents {
  /** A new session has started. Ephemeral nodes of an earlier session do not belong to it. */
  session: [];
  /** The same session continues on a new connection. */
  resumed: [];
  /** The connection was lost; the session may still be alive. */
  suspended: [];
  /** The session has ended; a new one is requested. */
  expired: [];
}
