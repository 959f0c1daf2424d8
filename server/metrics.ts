import type { Publisher } from '../broker/publisher.ts';
import type { Home } from '../contracts/homes.ts';
import { STRAY_REASONS } from '../payment/provider.ts';
import {
  createMetrics,
  LATENCY_BUCKETS_SECONDS,
  type Metrics,
  SIZE_BUCKETS,
} from '../process/metrics.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { AnswerCounts } from './gate/answers.ts';
import { OVERLOAD_CAUSES, type OverloadCause } from './gate/pressure.ts';
import type { RiskCause } from './gate/risk.ts';
import type { NodeAgent } from './quota/agent.ts';
import type { Purchases } from './requests/purchases.ts';
import type { StatusWaits } from './requests/status-waits.ts';
import type { WaitlistWaits } from './requests/waitlist-waits.ts';

/** Few, because each route has all of them. */
const HTTP_BUCKETS_SECONDS = [0.005, 0.025, 0.1, 0.5, 2.5, 10];
const RISK_SCORE_BUCKETS = [0, 10, 24, 49, 74, 100];

/** The parts of a web node that the metrics read. */
interface Parts {
  readonly metrics: ServerMetrics;
  readonly catalogue: Catalogue;
  readonly purchases: Purchases;
  readonly statusWaits: StatusWaits;
  readonly waitlistWaits: WaitlistWaits;
}

interface Outside {
  readonly homes: readonly Home[];
  readonly overload: (home: Home) => OverloadCause | undefined;
  readonly agent: NodeAgent;
  readonly publisher: Publisher;
}

function createDurations(metrics: Metrics) {
  return {
    httpSeconds: metrics.histogram(
      'flashsale_http_seconds',
      'Duration of all calls but purchases and status waits, by route and class of the status',
      HTTP_BUCKETS_SECONDS,
      ['route', 'status'],
    ),
    publishSeconds: metrics.histogram(
      'flashsale_publish_seconds',
      'From the draw to the confirm of the broker',
      LATENCY_BUCKETS_SECONDS,
    ),
    outcomeSeconds: metrics.histogram(
      'flashsale_request_outcome_seconds',
      'From the draw to the outcome being known here',
      LATENCY_BUCKETS_SECONDS,
    ),
  };
}

/** A counter that starts at 1 has never increased, so no alert would notice the first event: those of alerts start at 0. */
function createMoneyMetrics(metrics: Metrics) {
  const strayPayments = metrics.counter(
    'flashsale_stray_payments_total',
    'Payments at the provider that no order here may have, by reason',
    ['reason'],
  );
  for (const reason of STRAY_REASONS) strayPayments.inc({ reason }, 0);
  const paymentCallbacks = metrics.counter(
    'flashsale_payment_callbacks_total',
    'Callbacks of the payment provider: signed, or forged (refused, because the signature is wrong or too old)',
    ['result'],
  );
  for (const result of ['signed', 'forged']) paymentCallbacks.inc({ result }, 0);
  const ignoredCallbacks = metrics.counter(
    'flashsale_payment_callbacks_ignored_total',
    'Signed callbacks of the payment provider that changed nothing, by reason',
    ['reason'],
  );
  return { strayPayments, paymentCallbacks, ignoredCallbacks };
}

/** The counters of a web node. Refusals are only counted, never logged one by one. */
export function createServerMetrics() {
  const metrics: Metrics = createMetrics('web');
  const purchaseAnswers = new AnswerCounts();
  metrics.counter(
    'flashsale_purchase_answers_total',
    'Answers to purchase requests by verdict',
    ['verdict'],
    (counter) => {
      counter.reset();
      for (const [verdict, count] of purchaseAnswers) counter.inc({ verdict }, count);
    },
  );
  const riskScores = metrics.histogram(
    'flashsale_risk_score',
    'How much requests for tickets look like a program, 0 to 100; work is asked for from 25, 50, 75',
    RISK_SCORE_BUCKETS,
  );
  const riskCauses = metrics.counter(
    'flashsale_risk_causes_total',
    'Requests for tickets that a cause gave points to',
    ['cause'],
  );
  return {
    ...metrics,
    ...createMoneyMetrics(metrics),
    onScore(score: number, causes: readonly RiskCause[]): void {
      riskScores.observe(score);
      for (const cause of causes) riskCauses.inc({ cause });
    },
    challenges: metrics.counter(
      'flashsale_challenges_total',
      'Challenges by what happened: issued, required, solved, failed, expired, used',
      ['event'],
    ),
    refusals: metrics.counter(
      'flashsale_refusals_total',
      'Refusals of all calls but purchases, by route and verdict',
      ['route', 'verdict'],
    ),
    /** Counts every answer to a purchase request: `queued` or the verdict of the refusal. */
    purchaseAnswers,
    outcomes: metrics.counter(
      'flashsale_request_outcomes_total',
      'Outcomes of requests that this process admitted',
      ['outcome'],
    ),
    listReads: metrics.counter(
      'flashsale_standby_reads_total',
      'Reads of lists of orders that a standby was tried for: answered by the standby, or why by the primary',
      ['home', 'answer'],
    ),
    envelopeRequests: metrics.histogram(
      'flashsale_envelope_requests',
      'Requests that travelled in one envelope',
      SIZE_BUCKETS,
    ),
    ...createDurations(metrics),
  };
}

export type ServerMetrics = ReturnType<typeof createServerMetrics>;

/** Registers values of other parts of the process, which are read at each scrape. */
export function observeServer(parts: Parts, { homes, overload, agent, publisher }: Outside): void {
  const { metrics, catalogue, purchases, statusWaits, waitlistWaits } = parts;
  // Each is a series for each SKU at each node, so only what a rule or a panel reads.
  const quota = ['grant', 'admitted', 'wanted', 'spare'] as const;
  metrics.gauge(
    'flashsale_quota_units',
    "Units of this node's grant by SKU: granted, admitted, wanted in vain, spare",
    ['sku', 'quantity'],
    (gauge) => {
      gauge.reset();
      for (const grant of agent.grants()) {
        for (const quantity of quota) gauge.set({ sku: grant.sku, quantity }, grant[quantity]);
      }
    },
  );
  metrics.gauge(
    'flashsale_kept_share',
    'Share of purchase requests that is kept, by SKU',
    ['sku'],
    (gauge) => {
      gauge.reset();
      for (const { sku } of catalogue.skus()) gauge.set({ sku }, agent.switches.keep(sku));
    },
  );
  metrics.gauge(
    'flashsale_stock_free_units',
    'Units on sale by SKU, as the database said last',
    ['sku'],
    (gauge) => {
      gauge.reset();
      for (const { sku, free } of catalogue.skus()) gauge.set({ sku }, free);
    },
  );
  metrics.gauge(
    'flashsale_overload',
    '1 for the cause for which purchases of a home are refused as overloaded now',
    ['schema', 'cause'],
    (gauge) => {
      for (const schema of homes) {
        const now = overload(schema);
        for (const cause of OVERLOAD_CAUSES) gauge.set({ schema, cause }, cause === now ? 1 : 0);
      }
    },
  );
  const scalar = (name: string, help: string, read: () => number) =>
    metrics.gauge(name, help, [], (gauge) => gauge.set(read()));
  scalar(
    'flashsale_living_nodes',
    'Web nodes that share the limits of an address, as far as this one knows',
    () => agent.livingNodes,
  );
  scalar(
    'flashsale_unconfirmed_messages',
    'Messages published and not confirmed yet',
    () => publisher.unconfirmed,
  );
  scalar(
    'flashsale_pending_requests',
    'Admitted requests without a known outcome',
    () => purchases.pending.count,
  );
  scalar(
    'flashsale_oldest_pending_seconds',
    'How long the oldest admitted request without a known outcome has waited; 0: there is none',
    () => purchases.pending.oldestSeconds,
  );
  scalar(
    'flashsale_waiting_shoppers',
    'Long-polls and event streams that are open',
    () => statusWaits.waitingCount,
  );
  scalar(
    'flashsale_line_watchers',
    'Open long polls for news of the waitlist',
    () => waitlistWaits.watchers,
  );
}
