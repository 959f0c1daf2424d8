import type { Connect } from './connection.ts';
import type { Protection } from './protection.ts';

export interface SessionOptions {
  /** `host:port[,host:port…]` */
  readonly servers: string;
  readonly sessionTimeoutMs: number;
  /** Watched values are read again this often, whether or not an event came; 3 s unless told. */
  readonly rereadIntervalMs?: number;
  /** Credentials, and what nodes that are made allow to whom; without it everything to everyone. */
  readonly protection?: Protection | undefined;
  readonly log?: { warn(facts: object, message: string): void };
  /** Milliseconds on a clock that does not stand still; the machine's unless told. */
  readonly now?: () => number;
  /** Opens connections; without it, to real servers. */
  readonly connect?: Connect;
}

export interface SessionEvents {
  /** A new session: ephemeral nodes of an earlier one are not its own. */
  session: [];
  /** The same session on a new connection. */
  resumed: [];
  /** No connection; the session may still live. */
  suspended: [];
  /** The session has ended; a new one is being asked for. */
  expired: [];
}
