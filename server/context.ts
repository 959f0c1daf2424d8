import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Databases } from '../db/pool.ts';
import type { Log } from '../process/log.ts';
import type { Readiness } from '../process/readiness.ts';
import type { Visitor } from '../zk/tree/lists.ts';
import type { Cashier } from './cashier.ts';
import type { Catalogue } from './catalogue.ts';
import type { ServerConfig } from './config.ts';
import type { Challenges } from './gate/challenges.ts';
import type { Gate } from './gate/gate.ts';
import type { Identity } from './gate/identity.ts';
import type { ServerMetrics } from './metrics.ts';
import type { OrderPages } from './order-pages.ts';
import type { Payments } from './payments.ts';
import type { FastPath } from './purchase/fast-path.ts';
import type { Recall } from './purchase/recall.ts';
import type { LineDesk } from './requests/line.ts';
import type { Purchases } from './requests/purchases.ts';
import type { StatusDesk } from './requests/status.ts';

/** How the status of a request is asked for. */
export interface StatusCall {
  /** As in the URL: a request id, perhaps with a receipt. */
  readonly requestId: string;
  readonly isStream: boolean;
  readonly waitSeconds: number;
}

export interface StatusCalls {
  /** Takes a call over, or leaves it to the router. */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
  /** Answers, now or when the outcome is known. */
  answer(response: ServerResponse, userId: string, call: StatusCall): void;
}

/** Everything that routes use; made once by `main.ts`, given to `buildApp`. */
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
  /** Answers purchase requests, which do not go through the router. */
  readonly purchase: RequestListener;
  readonly purchases: Purchases;
  readonly recall: Recall;
  readonly statusDesk: StatusDesk;
  /** Answers those who wait for an outcome, most of them without the router. */
  readonly statusCalls: StatusCalls;
  readonly lineDesk: LineDesk;
  readonly payments: Payments;
  readonly cashier: Cashier;
  readonly orderPages: OrderPages;
  /** Aborted when the process is asked to end: waiting shoppers are answered then. */
  readonly stopping: AbortSignal;
  readonly readiness: Readiness;
}
