import type { BrokerConnection } from '../broker/connection.ts';
import type { Databases } from '../db/client/pool.ts';
import type { Feed } from '../ops/live/feed.ts';
import type { SalePlace } from '../ops/sale/place.ts';
import type { Log } from '../process/log.ts';
import type { Counter } from '../process/metrics.ts';
import type { ZkSession } from '../zk/client/session.ts';
import type { Paths } from '../zk/tree/paths.ts';
import type { Changes } from './changes.ts';
import type { ConsoleConfig } from './config.ts';
import type { Drafts } from './drafts.ts';
import type { Attempts } from './login/attempts.ts';
import type { Cookies } from './login/cookies.ts';
import type { Sessions } from './login/sessions.ts';
import type { Tokens } from './login/tokens.ts';

/** The parts of a console that its routes use. */
export interface Context {
  readonly config: ConsoleConfig;
  readonly log: Log;
  readonly databases: Databases;
  readonly broker: BrokerConnection;
  readonly session: ZkSession;
  readonly paths: Paths;
  readonly feed: Feed;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly attempts: Attempts;
  readonly cookies: Cookies;
  /** Tries to sign in. */
  readonly signIns: Counter<'result'>;
  /** The shop's sales, for what changes them. */
  readonly place: SalePlace;
  readonly changes: Changes;
  readonly drafts: Drafts;
  readonly stopping: AbortSignal;
}
