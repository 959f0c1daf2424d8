import type { SessionOptions } from '../../zk/client/session.ts';

export interface AgentOptions {
  readonly session: SessionOptions;
  /** Root of the tree (`ZK_ROOT`). */
  readonly root: string;
  /**
   * Beginning of the node ids: letters, digits, `-`, `_`, `.`. Each id gets a random part as well.
   */
  readonly nodePrefix: string;
  /** Returns the random part of an id, never the same twice. */
  readonly newId?: () => string;
  readonly log?: AgentLog;
  /** Called after any change of grants, states, shares or membership. */
  readonly onChange?: () => void;
}

interface AgentLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}
