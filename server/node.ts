import { LRUCache } from 'lru-cache';
import type { OutgoingMessage, PublishResult } from '../broker/publisher.ts';
import type { Home } from '../contracts/homes.ts';
import { knownWaitlistEntries, type RequestOutcome } from '../db/calls.ts';
import { saleBoard } from '../db/catalog.ts';
import type { Answers } from '../db/client/homes.ts';
import type { Databases } from '../db/client/pool.ts';
import { sectionOfSku, unitMap } from '../db/sections.ts';
import { clientAddressReader } from '../process/client-address.ts';
import type { Log } from '../process/log.ts';
import type { Readiness } from '../process/readiness.ts';
import type { Traces } from '../process/spans.ts';
import { buildApp } from './app.ts';
import { visitorReader } from './authenticate.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { UnitBoards } from './catalogue/unit-boards.ts';
import type { ServerConfig } from './config.ts';
import type { Context } from './context.ts';
import { Challenges } from './gate/challenges.ts';
import { Cooldown } from './gate/cooldown.ts';
import { Gate } from './gate/gate.ts';
import { createIdentity } from './gate/identity.ts';
import { Limits } from './gate/limits.ts';
import type { OverloadCause } from './gate/pressure.ts';
import { RiskWatch } from './gate/risk.ts';
import type { Allotment } from './gate/steps.ts';
import { UsedTickets } from './gate/used-tickets.ts';
import { createServerMetrics, type ServerMetrics } from './metrics.ts';
import { Cashier } from './orders/cashier.ts';
import { Days } from './orders/days.ts';
import { OrderPages } from './orders/order-pages.ts';
import { createPayments } from './orders/payments.ts';
import { FastPath } from './purchase/fast-path.ts';
import { Recall } from './purchase/recall.ts';
import type { Switches } from './quota/switches.ts';
import { breakOutcomes, PublishBreaker } from './requests/breakers.ts';
import { Envelopes } from './requests/envelopes.ts';
import { Lookup } from './requests/lookup.ts';
import { type PurchaseEvents, Purchases } from './requests/purchases.ts';
import { StatusWaits } from './requests/status-waits.ts';
import { WaitlistWaits } from './requests/waitlist-waits.ts';

/** The part of the quota agent that a web node uses. */
export interface QuotaAgent extends Allotment {
  /** Web nodes that live now, this one included; at least 1. */
  readonly livingNodes: number;
  readonly switches: Pick<Switches, 'keep' | 'shed' | 'challenge'>;
  refund(node: string, sku: string, units: number): void;
  decide(node: string, sku: string, units: number): void;
  trusted(node: string): boolean;
}

/** The part of the publisher that a web node uses. */
export interface PublisherOfOrders {
  publish(
    message: OutgoingMessage,
    onLate: (result: PublishResult) => void,
  ): Promise<PublishResult>;
  available(): boolean;
}

/** The connections to the outside. A web node makes everything else itself. */
export interface Outside {
  readonly config: ServerConfig;
  readonly log: Log;
  readonly databases: Databases;
  readonly catalogue: Catalogue;
  readonly agent: QuotaAgent;
  readonly publisher: PublisherOfOrders;
  readonly outcomesOf: (requestIds: string[]) => Promise<Answers<RequestOutcome>>;
  /**
   * performance.now() of the last answer of the home to any query of this process; without a home, that
   * of any home.
   */
  readonly answeredAtMs: (home?: Home) => number;
  /** The reason why this node should not take a request now, if there is one. */
  readonly pressure: (schema: Home) => OverloadCause | undefined;
  readonly nodeFenced: (node: string) => Promise<boolean>;
  /** Routing key for the verdicts to this process. */
  readonly replyTo: string;
  readonly readiness: Readiness;
  readonly stopping: AbortSignal;
  readonly traces?: Traces | undefined;
}

/** Shoppers who ask about requests of the same dead node share one query. */
const FENCE_TTL_MS = 500;
const FENCES_MAX = 1_000;

function rememberFences(ask: (node: string) => Promise<boolean>) {
  const asked = new LRUCache<string, Promise<boolean>>({ max: FENCES_MAX, ttl: FENCE_TTL_MS });
  return (node: string): Promise<boolean> => {
    const known = asked.get(node);
    if (known !== undefined) return known;
    const answer = ask(node);
    asked.set(node, answer);
    return answer;
  };
}

/** Puts a web node together, without its connections and without listening. */
export async function assembleNode(outside: Outside) {
  const { config, log, databases, catalogue, agent, readiness, stopping } = outside;
  const metrics = createServerMetrics();
  const orderPages = new OrderPages(databases);
  const days = new Days(databases, () => catalogue.nowMs());
  const lookup = new Lookup(breakOutcomes(outside.outcomesOf), ({ requestId }) => requestId);
  const unitBoards = new UnitBoards(
    {
      section: ({ schema, sku }) => sectionOfSku(databases, schema, sku),
      map: ({ schema, sku }) => unitMap(databases, schema, sku),
    },
    () => catalogue.nowMs(),
  );
  const { gate, watch, identity, breaker, overload } = createGate(outside, unitBoards);
  const transport = {
    publish: breaker.publish.bind(breaker),
    trusted: agent.trusted.bind(agent),
  };
  const onSize = (requests: number) => metrics.envelopeRequests.observe(requests);
  const envelopes = new Envelopes(transport, outside.replyTo, onSize, outside.traces);
  const schemaOf = (sku: string) => catalogue.sku(sku)?.schema;
  const events = {
    ...purchaseEvents(outside, gate, { orderPages, days }, metrics),
    known: (...news: Parameters<StatusWaits['resolve']>) => statusWaits.resolve(...news),
  };
  const purchases = new Purchases({
    envelopes,
    lookup,
    schemaOf,
    answeredAtMs: outside.answeredAtMs,
    log,
    events,
  });
  const isFenced = rememberFences(outside.nodeFenced);
  const statusWaits = new StatusWaits(purchases, lookup, isFenced, stopping);
  const recall = new Recall(lookup);
  const visitorOf = visitorReader(clientAddressReader(config.trustedProxies));
  const context: Context = {
    config,
    log,
    databases,
    catalogue,
    readiness,
    stopping,
    traces: outside.traces,
    metrics,
    gate,
    identity,
    visitorOf,
    purchases,
    recall,
    orderPages,
    days,
    unitBoards,
    payments: await createPayments(config.payment),
    cashier: new Cashier(outside),
    challenges: createChallenges(outside, watch, metrics),
    waitlistWaits: new WaitlistWaits(
      (places) => knownWaitlistEntries(databases, places),
      () => saleBoard(databases),
    ),
    statusWaits,
    fastPath: new FastPath({
      gate,
      pending: purchases.pending,
      recall,
      answers: metrics.purchaseAnswers,
      visitorOf,
      nowMs: () => catalogue.nowMs(),
      ticketTtlMs: config.ticketTtlSeconds * 1_000,
    }),
  };
  return { app: await buildApp(context), context, envelopes, overload };
}

function createGate(
  { config, catalogue, agent, publisher, pressure }: Outside,
  unitBoards: UnitBoards,
) {
  const breaker = new PublishBreaker(publisher.publish.bind(publisher));
  const overload = (schema: Home): OverloadCause | undefined => {
    if (!publisher.available()) return 'broker';
    return breaker.available() ? pressure(schema) : 'circuit';
  };
  const limits = new Limits(config.rateLimit, () => agent.livingNodes);
  const watch = new RiskWatch(limits, config.ticketTtlSeconds * 1_000);
  const identity = createIdentity(config.identity);
  const gate = new Gate({
    catalogue,
    allotment: agent,
    limits,
    watch,
    cooldown: new Cooldown(config.cooldownSeconds),
    usedTickets: new UsedTickets(),
    identity,
    finderOf: (row) => unitBoards.finderOf(row),
    overload,
    random: Math.random,
  });
  return { gate, watch, identity, breaker, overload };
}

function createChallenges({ catalogue, agent }: Outside, watch: RiskWatch, metrics: ServerMetrics) {
  return new Challenges({
    catalogue,
    switchOf: (sku) => agent.switches.challenge(sku),
    isAllowed: (visitor) => agent.lists.isAllowed(visitor),
    watch,
    onScore: metrics.onScore,
    onEvent: (event) => metrics.challenges.inc({ event }),
  });
}

/** Connects the events of admitted requests with the other parts of the node. */
function purchaseEvents(
  { agent, catalogue }: Outside,
  gate: Gate,
  { orderPages, days }: Pick<Context, 'orderPages' | 'days'>,
  metrics: ServerMetrics,
): Omit<PurchaseEvents, 'known'> {
  const secondsSince = (startedAtMs: number) => (performance.now() - startedAtMs) / 1_000;
  return {
    answered: ({ admittedAtMs }) => metrics.publishSeconds.observe(secondsSince(admittedAtMs)),
    refund({ node, sku, request, ticketId }) {
      agent.refund(node, sku, request.units);
      gate.undo(ticketId, request.userId);
    },
    decided({ node, sku, request, verdict, admittedAtMs }) {
      agent.decide(node, sku, request.units);
      orderPages.forget(request.userId);
      const row = catalogue.sku(sku);
      if (row !== undefined) days.forget(row, request.userId);
      metrics.outcomeSeconds.observe(secondsSince(admittedAtMs));
      metrics.outcomes.inc({ outcome: verdict?.status ?? 'unknown' });
    },
  };
}
