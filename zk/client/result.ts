/**
 * The ways in which a ZooKeeper call can fail. Expected failures are values that callers match
 * exhaustively.
 */
export type Failure =
  | 'no_node'
  | 'node_exists'
  | 'bad_version'
  | 'not_empty'
  | 'no_auth'
  /** The session has ended: its ephemeral nodes are deleted or will be soon. */
  | 'session_expired'
  /** Not sent, because there is no connection now. */
  | 'not_connected'
  /** Sent, but the connection broke before the answer: the write may or may not have been done. */
  | 'connection_loss'
  /** Sent, but not answered within the deadline: the write may or may not have been done. */
  | 'timed_out'
  /** Any other refusal by the server. */
  | 'refused';

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Failure };

/** The stat of a node. Transaction ids order all changes of the ensemble. */
export interface Stat {
  /**
   * Starts at 0 and grows by one with each write of the value. Starts again when the node is
   * deleted and created again.
   */
  readonly version: number;
  /** Transaction that created the node. */
  readonly created: bigint;
  /** Transaction that last wrote the value. */
  readonly modified: bigint;
  /** Session that owns an ephemeral node; 0 for other nodes. */
  readonly owner: bigint;
  readonly children: number;
}

export interface Observed {
  readonly text: string;
  readonly stat: Stat;
}

export type Operation =
  | { readonly op: 'check'; readonly path: string; readonly version: number }
  | { readonly op: 'set'; readonly path: string; readonly text: string; readonly version: number }
  | {
      readonly op: 'create';
      readonly path: string;
      readonly text: string;
      readonly ephemeral?: boolean;
      /** ZooKeeper appends ten digits to the path. */
      readonly sequential?: boolean;
    }
  | { readonly op: 'delete'; readonly path: string; readonly version: number };

/** Whether the write may have been done although no answer came. */
export function isUnknown(error: Failure): boolean {
  return error === 'connection_loss' || error === 'timed_out';
}
