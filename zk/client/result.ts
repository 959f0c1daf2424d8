/** What a ZooKeeper call ends with. Expected failures are values, matched exhaustively by callers. */
export type Failure =
  | 'no_node'
  | 'node_exists'
  | 'bad_version'
  | 'not_empty'
  | 'no_auth'
  /** The session has ended: its ephemeral nodes are gone or going. */
  | 'session_expired'
  /** Not sent: there is no connection now. */
  | 'not_connected'
  /** Sent, and the connection broke before the answer: done or not, nobody knows. */
  | 'connection_loss'
  /** Sent, and no answer within the deadline: done or not, nobody knows. */
  | 'timed_out'
  /** Anything else that the server said. */
  | 'refused';

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Failure };

/** Facts of a node that its reader compares; the zxids order all changes of the whole ensemble. */
export interface Stat {
  /** Grows by one with each write of the value, from 0; begins again when the node is made anew. */
  readonly version: number;
  /** Transaction that made the node. */
  readonly created: bigint;
  /** Transaction that wrote the value last. */
  readonly modified: bigint;
  /** Session that an ephemeral node lives with; 0 for others. */
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
      /** Ten digits are added to the path. */
      readonly sequential?: boolean;
    }
  | { readonly op: 'delete'; readonly path: string; readonly version: number };

/** Whether the write may have been done although its answer did not come. */
export function isUnknown(error: Failure): boolean {
  return error === 'connection_loss' || error === 'timed_out';
}
