import type { IncomingMessage } from 'node:http';
import type { Databases } from '../db/client/pool.ts';
import type { Log } from '../process/log.ts';
import type { Readiness } from '../process/readiness.ts';
import type { Traces } from '../process/spans.ts';
import type { Visitor } from '../zk/tree/lists.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import type { UnitBoards } from './catalogue/unit-boards.ts';
import type { ServerConfig } from './config.ts';
import type { Challenges } from './gate/challenges.ts';
import type { Gate } from './gate/gate.ts';
import type { Identity } from './gate/identity.ts';
import type { ServerMetrics } from './metrics.ts';
import type { Cashier } from './orders/cashier.ts';
import type { Days } from './orders/days.ts';
import type { OrderPages } from './orders/order-pages.ts';
import type { Payments } from './orders/payments.ts';
import type { FastPath } from './purchase/fast-path.ts';
import type { Recall } from './purchase/recall.ts';
import type { Purchases } from './requests/purchases.ts';
import type { StatusWaits } from './requests/status-waits.ts';
import type { WaitlistWaits } from './requests/waitlist-waits.ts';

/** Everything that the routes need to answer calls; made once, in `node.ts`. */
export interface Context {
  readonly config: ServerConfig;
  readonly log: Log;
  readonly metrics: ServerMetrics;
  readonly databases: Databases;
  readonly catalogue: Catalogue;
  readonly identity: Identity;
  readonly visitorOf: (request: IncomingMessage) => Visitor;
  readonly gate: Gate;
  readonly challenges: Challenges;
  readonly fastPath: FastPath;
  readonly purchases: Purchases;
  readonly recall: Recall;
  readonly statusWaits: StatusWaits;
  readonly waitlistWaits: WaitlistWaits;
  readonly payments: Payments;
  readonly cashier: Cashier;
  readonly orderPages: OrderPages;
  readonly days: Days;
  readonly unitBoards: UnitBoards;
  /** Aborted when the process is asked to end; waiting shoppers are then answered. */
  readonly stopping: AbortSignal;
  readonly readiness: Readiness;
  /** Undefined while traces are off. */
  readonly traces: Traces | undefined;
}
