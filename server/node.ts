import { LRUCache } from 'lru-cache';
import type { OutgoingMessage, PublishResult } from '../broker/publisher.ts';
import type { Schema } from '../contracts/names.ts';
import type { Answers } from '../db/both-schemas.ts';
import { knownWaitingEntries, type RequestOutcome } from '../db/calls.ts';
import { saleBoard } from '../db/catalog.ts';
import type { Databases } from '../db/pool.ts';
import type { Log } from '../process/log.ts';
import type { Readiness } from '../process/readiness.ts';
import type { ChallengeSwitch } from '../zk/tree/values.ts';
import { visitorReader } from './authenticate.ts';
import { Cashier } from './cashier.ts';
import type { Catalogue } from './catalogue.ts';
import { clientAddressReader } from './client-address.ts';
import type { ServerConfig } from './config.ts';
import type { Context } from './context.ts';
import { Challenges } from './gate/challenges.ts';
import { Cooldown } from './gate/cooldown.ts';
import { type Allotment, Gate } from './gate/gate.ts';
import { createIdentity } from './gate/identity.ts';
import { Limits } from './gate/limits.ts';
import type { OverloadCause } from './gate/pressure.ts';
import { RiskWatch } from './gate/risk.ts';
import { UsedTickets } from './gate/used-tickets.ts';
import { createServerMetrics } from './metrics.ts';
import { OrderPages } from './order-pages.ts';
import { createPayments } from './payments.ts';
import { problemOf } from './problems.ts';
import { FastPath } from './purchase/fast-path.ts';
import { createPurchaseHandler } from './purchase/handler.ts';
import { Recall } from './purchase/recall.ts';
import { breakOutcomes, cannotTell, PublishBreaker } from './requests/breakers.ts';
import { Envelopes } from './requests/envelopes.ts';
import { LineDesk } from './requests/line.ts';
import { Lookup } from './requests/lookup.ts';
import { Purchases } from './requests/purchases.ts';
import { StatusDesk } from './requests/status.ts';
import { secondsToOpening } from './routes/opening.ts';
import { createStatusCalls } from './status-calls.ts';

/** The quota agent, as far as a web node uses it. */
export interface QuotaAgent extends Allotment {
  challenge(sku: string): ChallengeSwitch;
  refund(node: string, sku: string, units: number): void;
  decide(node: string, sku: string, units: number): void;
  trusted(node: string): boolean;
}

/** The publisher, as far as a web node uses it. */
export interface PublisherOfOrders {
  publish(
    message: OutgoingMessage,
    onLate: (result: PublishResult) => void,
  ): Promise<PublishResult>;
  available(): boolean;
}

/** What reaches out of the process; all else a web node makes itself. */
export interface Outside {
  readonly config: ServerConfig;
  readonly log: Log;
  readonly databases: Databases;
  readonly catalogue: Catalogue;
  readonly agent: QuotaAgent;
  readonly publisher: PublisherOfOrders;
  readonly outcomesOf: (requestIds: string[]) => Promise<Answers<RequestOutcome>>;
  /** Why this node is better left alone now. */
  readonly pressure: (schema: Schema) => OverloadCause | undefined;
  readonly nodeFenced: (node: string) => Promise<boolean>;
  /** Routing key under which verdicts come back. */
  readonly replyTo: string;
  readonly readiness: Readiness;
  readonly stopping: AbortSignal;
}

/** Shoppers who ask about requests of the same lost node share one question. */
const FENCE_TTL_MS = 500;
const FENCES_MAX = 1_000;

function rememberFences(ask: (node: string) => Promise<boolean>) {
  const asked = new LRUCache<string, Promise<boolean>>({ max: FENCES_MAX, ttl: FENCE_TTL_MS });
  return (node: string): Promise<boolean> => {
    const known = asked.get(node);
    if (known !== undefined) return known;
    const answer = ask(node).catch((error) => {
      throw cannotTell(error);
    });
    asked.set(node, answer);
    return answer;
  };
}

/** A web node without its connections and without listening. */
export function assembleNode(outside: Outside) {
  const { config, log, catalogue, agent, publisher } = outside;
  const metrics = createServerMetrics();
  const lookup = new Lookup(breakOutcomes(outside.outcomesOf), ({ requestId }) => requestId);
  const breaker = new PublishBreaker(publisher.publish.bind(publisher));
  const transport = {
    publish: breaker.publish.bind(breaker),
    trusted: agent.trusted.bind(agent),
  };
  const envelopes = new Envelopes(transport, outside.replyTo, (requests) =>
    metrics.envelopeRequests.observe(requests),
  );
  const identity = createIdentity(config.identity);
  const overload = (schema: Schema): OverloadCause | undefined => {
    if (!publisher.available()) return 'broker';
    return breaker.available() ? outside.pressure(schema) : 'circuit';
  };
  const limits = new Limits(config.rateLimit);
  const watch = new RiskWatch(limits, config.ticketTtlSeconds * 1_000);
  const gate = new Gate({
    catalogue,
    allotment: agent,
    limits,
    watch,
    cooldown: new Cooldown(config.cooldownSeconds),
    usedTickets: new UsedTickets(),
    identity,
    overload,
    random: Math.random,
  });
  const orderPages = new OrderPages(outside.databases);
  const recall = new Recall(lookup);
  const purchases = new Purchases({
    envelopes,
    lookup,
    schemaOf: (sku) => catalogue.sku(sku)?.schema,
    log,
    events: {
      answered: ({ admittedAtMs }) =>
        metrics.publishSeconds.observe((performance.now() - admittedAtMs) / 1_000),
      refund({ node, sku, request, ticketId }) {
        agent.refund(node, sku, request.units);
        gate.undo(ticketId, request.userId);
      },
      decided({ node, sku, request, verdict, admittedAtMs }) {
        agent.decide(node, sku, request.units);
        orderPages.forget(request.userId);
        metrics.outcomeSeconds.observe((performance.now() - admittedAtMs) / 1_000);
        metrics.outcomes.inc({ outcome: verdict?.status ?? 'unknown' });
      },
    },
  });
  const parts: Omit<Context, 'purchase' | 'statusCalls'> = {
    config,
    log,
    metrics,
    databases: outside.databases,
    catalogue,
    purchases,
    recall,
    orderPages,
    payments: createPayments(config.payment),
    cashier: new Cashier(outside),
    lineDesk: new LineDesk(
      (places) => knownWaitingEntries(outside.databases, places),
      () => saleBoard(outside.databases),
    ),
    gate,
    challenges: new Challenges({
      catalogue,
      switchOf: agent.challenge.bind(agent),
      isAllowed: (visitor) => agent.lists.isAllowed(visitor),
      watch,
      onScore: metrics.onScore,
      onEvent: (event) => metrics.challenges.inc({ event }),
    }),
    identity,
    visitorOf: visitorReader(clientAddressReader(config.trustedProxies)),
    statusDesk: new StatusDesk(
      purchases,
      lookup,
      rememberFences(outside.nodeFenced),
      outside.stopping,
    ),
    fastPath: new FastPath({
      gate,
      pending: purchases.pending,
      recall,
      answers: metrics.purchaseAnswers,
      nowMs: () => catalogue.nowMs(),
      ticketTtlMs: config.ticketTtlSeconds * 1_000,
      secondsToOpening: (sku) => secondsToOpening(catalogue, sku),
    }),
    readiness: outside.readiness,
    stopping: outside.stopping,
  };
  const fail = (error: unknown) => problemOf(error, log);
  const purchase = createPurchaseHandler(parts, fail);
  const statusCalls = createStatusCalls(parts, fail);
  const context: Context = { ...parts, purchase, statusCalls };
  return { context, envelopes, overload };
}
