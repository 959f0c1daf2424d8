import { cloudEvent } from '../../contracts/events.ts';
import type { Home } from '../../contracts/homes.ts';
import type {
  DeliveryReport,
  EndpointNote,
  TakeLimits,
  WebhookDelivery,
  WebhookTarget,
} from '../../db/webhooks.ts';
import type { Delivered, WebhookClient } from './deliver.ts';
import { type WebhookLimits, webhookRetryMs } from './retry.ts';

/** One round of deliveries from the log of one schema to one endpoint. */

/** An attempt without a result this long after its timeout is given to another worker. */
const LEASE_MARGIN_MS = 30_000;
const GONE = 410;

export interface WebhookCalls {
  take(target: WebhookTarget, limits: TakeLimits): Promise<readonly WebhookDelivery[]>;
  report(endpoint: string, reports: readonly DeliveryReport[]): Promise<unknown>;
  note(endpoint: string, note: EndpointNote): Promise<unknown>;
}

export type DeliveryResult = 'delivered' | 'failed' | 'given_up';

export interface RoundOptions {
  readonly schema: Home;
  readonly target: WebhookTarget;
  readonly client: WebhookClient;
  readonly calls: WebhookCalls;
  readonly limits: WebhookLimits;
  /** True: only events that failed before. False: only new ones. */
  readonly retries: boolean;
  readonly onResult: (endpoint: string, result: DeliveryResult) => void;
}

/** @returns the number of attempts made */
export async function deliverRound(options: RoundOptions): Promise<number> {
  const { target, calls, limits, retries, onResult } = options;
  const { endpoint } = target;
  const deliveries = await calls.take(target, {
    eventsMax: retries ? limits.retriesInFlightMax : limits.inFlightMax,
    leaseMs: limits.timeoutMs + LEASE_MARGIN_MS,
    pendingMax: limits.pendingMax,
    failingMax: limits.failingMax,
    failed: retries,
  });
  if (deliveries.length === 0) return 0;
  const results = await Promise.all(deliveries.map((delivery) => attempt(options, delivery)));
  const reports = results.map(({ report }) => report);
  await calls.report(endpoint, reports);
  const failures = reports.filter(({ error }) => error !== undefined);
  const last = failures.at(-1)?.error;
  await calls.note(endpoint, {
    delivered: reports.length - failures.length,
    failed: failures.length,
    ...(last !== undefined && { error: last }),
    gone: results.some(({ gone }) => gone),
    failuresMax: limits.failuresMax,
    failingMaxMs: limits.failingMaxMs,
  });
  for (const { error, retryMs } of reports) {
    if (error === undefined) onResult(endpoint, 'delivered');
    else onResult(endpoint, retryMs === undefined ? 'given_up' : 'failed');
  }
  return deliveries.length;
}

async function attempt(
  { schema, target, client, limits }: RoundOptions,
  delivery: WebhookDelivery,
): Promise<{ report: DeliveryReport; gone: boolean }> {
  const result = await client.deliver(cloudEvent(schema, delivery.event), target.secrets);
  const error = errorOf(result);
  if (error === undefined) return { report: { delivery }, gone: false };
  const gone = 'status' in result && result.status === GONE;
  // An endpoint that answers "gone" is disabled; its events wait until it is enabled again.
  const retryMs = webhookRetryMs(gone ? 1 : delivery.attempt, Math.random(), limits);
  return { report: { delivery, error, ...(retryMs !== undefined && { retryMs }) }, gone };
}

/** Only 2xx is success. A redirect is not followed, so it means that nobody has taken the event. */
function errorOf(result: Delivered): string | undefined {
  if ('error' in result) return result.error;
  return result.status >= 200 && result.status < 300 ? undefined : `HTTP ${result.status}`;
}
