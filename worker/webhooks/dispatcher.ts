import type { Home } from '../../contracts/homes.ts';
import type { AddressRules } from '../../contracts/public-url.ts';
import type { WebhookLag, WebhookTarget } from '../../db/webhooks.ts';
import type { Log } from '../../process/log.ts';
import type { Metrics } from '../../process/metrics.ts';
import { repeat, Trouble } from '../periodic.ts';
import { createWebhookClient } from './deliver.ts';
import type { WebhookLimits } from './retry.ts';
import { type DeliveryResult, deliverRound, type WebhookCalls } from './round.ts';

/**
 * Delivers the order events of some homes to every active endpoint. Each endpoint has its own
 * connections, so that a slow endpoint delays only itself. It has two loops, one for new events and
 * one for retries, so that new events do not wait for retries. Any number of workers may deliver at
 * once: the database gives an event to one of them at a time, and a later event of an order only when
 * the earlier one is delivered.
 */

/** Added, changed and disabled endpoints are noticed within this time. */
const TARGETS_INTERVAL_MS = 1_000;
const IDLE_INTERVAL_MS = 300;
const LAG_INTERVAL_MS = 2_000;

export interface DispatcherOptions {
  readonly homes: readonly Home[];
  readonly targets: () => Promise<readonly WebhookTarget[]>;
  readonly lags: () => Promise<readonly WebhookLag[]>;
  readonly calls: (schema: Home) => WebhookCalls;
  /** Whether orders are being decided; they have priority. */
  readonly isBusy: () => boolean;
  readonly rules: AddressRules;
  readonly limits: WebhookLimits;
  readonly metrics: ReturnType<typeof createWebhookMetrics>;
  readonly log: Log;
  readonly stopping: AbortSignal;
}

export function createWebhookMetrics(metrics: Metrics) {
  return {
    deliveries: metrics.counter(
      'flashsale_webhook_deliveries_total',
      'Attempts to deliver an event: delivered, failed (tried again) or given_up',
      ['endpoint', 'result'],
    ),
    pending: metrics.gauge(
      'flashsale_webhook_pending_events',
      'Events that wait for an attempt, or for an earlier event of their order',
      ['endpoint', 'schema'],
    ),
    failing: metrics.gauge(
      'flashsale_webhook_failing_events',
      'Pending events whose last attempt failed',
      ['endpoint', 'schema'],
    ),
    givenUp: metrics.gauge(
      'flashsale_webhook_given_up_events',
      'Events that are not tried any more, until somebody replays them',
      ['endpoint', 'schema'],
    ),
    lagSeconds: metrics.gauge(
      'flashsale_webhook_lag_seconds',
      'Age of the oldest event that is not delivered; 0 when there is none',
      ['endpoint', 'schema'],
    ),
  };
}

/** Loops of one endpoint, with the endpoint's settings at their start. */
interface Round {
  readonly facts: string;
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
}

/** Resolves after `stopping`, when the attempts under way are recorded. */
export async function deliverWebhooks(options: DispatcherOptions): Promise<void> {
  const { stopping, log, homes } = options;
  const rounds = new Map<string, Round>();
  const trouble = new Trouble(log, 'webhook endpoints');
  const watching = repeat(LAG_INTERVAL_MS, stopping, () => showLags(options));
  await repeat(TARGETS_INTERVAL_MS, stopping, async () => {
    try {
      const targets = await options.targets();
      trouble.fine();
      const wanted = new Map(targets.map((target) => [JSON.stringify(target), target]));
      for (const [endpoint, { facts, stop }] of rounds) {
        if (wanted.delete(facts)) continue;
        stop.abort();
        rounds.delete(endpoint);
      }
      for (const [facts, target] of wanted) {
        const stop = new AbortController();
        const until = AbortSignal.any([stop.signal, stopping]);
        const ended = Promise.all(homes.map((home) => serve(options, target, home, until)));
        rounds.set(target.endpoint, { facts, stop, ended });
      }
    } catch (error) {
      trouble.failed(error);
    }
    return 'idle';
  });
  await Promise.all([watching, ...[...rounds.values()].map(({ ended }) => ended)]);
}

async function serve(
  options: DispatcherOptions,
  target: WebhookTarget,
  schema: Home,
  stopping: AbortSignal,
): Promise<void> {
  const { rules, limits, metrics, log, isBusy } = options;
  const client = createWebhookClient(target.url, rules, {
    connectionsMax: limits.inFlightMax + limits.retriesInFlightMax,
    timeoutMs: limits.timeoutMs,
  });
  const trouble = new Trouble(log, `webhooks of ${target.endpoint}`);
  const onResult = (endpoint: string, result: DeliveryResult) =>
    metrics.deliveries.inc({ endpoint, result });
  const round = { schema, target, client, calls: options.calls(schema), limits, onResult };
  const loop = (retries: boolean) =>
    repeat(IDLE_INTERVAL_MS, stopping, async () => {
      try {
        const attempts = await deliverRound({ ...round, retries });
        trouble.fine();
        return attempts > 0 && !isBusy() ? 'more' : 'idle';
      } catch (error) {
        trouble.failed(error);
        return 'idle';
      }
    });
  await Promise.all([loop(false), loop(true)]);
  client.close();
}

async function showLags({ lags, metrics, log }: DispatcherOptions): Promise<'idle'> {
  try {
    const rows = await lags();
    for (const gauge of [metrics.pending, metrics.failing, metrics.givenUp, metrics.lagSeconds]) {
      gauge.reset();
    }
    for (const { endpoint, schema, pending, failing, givenUp, since } of rows) {
      metrics.pending.set({ endpoint, schema }, pending);
      metrics.failing.set({ endpoint, schema }, failing);
      metrics.givenUp.set({ endpoint, schema }, givenUp);
      const ageMs = since === null ? 0 : Date.now() - since.getTime();
      metrics.lagSeconds.set({ endpoint, schema }, Math.max(0, ageMs) / 1_000);
    }
  } catch (error) {
    log.debug({ err: error }, 'could not read the lag of webhooks');
  }
  return 'idle';
}
