import type { Delivery } from '../broker/consumer.ts';
import type { Home } from '../contracts/homes.ts';
import type { Envelope, PurchaseRequest, Verdict } from '../contracts/messages.ts';
import { ordersQueue } from '../contracts/topology.ts';
import { routineFor } from '../db/place-call.ts';
import type { Span, Traces } from '../process/spans.ts';
import type { Decision, PlaceOrders } from './decide.ts';

/** The worker's part of the traces. It is used only for traced requests. */

/**
 * Begins the span of a request that a delivery brought, and tells how long it waited in the queue.
 * The clocks of two machines differ by milliseconds.
 */
export function beginDecision(
  traces: Traces,
  queue: string,
  { traceparent }: PurchaseRequest,
  { sentAtMs }: Envelope,
  { redelivered }: Delivery,
): Span | undefined {
  if (traceparent === undefined) return undefined;
  const attributes = {
    'messaging.system': 'rabbitmq',
    'messaging.destination.name': queue,
    'flashsale.redelivered': redelivered,
  };
  if (sentAtMs !== undefined) {
    const startedAtMs = Math.min(sentAtMs, Date.now());
    const waited = { 'flashsale.queue_wait_ms': Date.now() - startedAtMs };
    traces.resume(`wait ${queue}`, traceparent, { attributes: waited, startedAtMs })?.end();
    Object.assign(attributes, waited);
  }
  return traces.resume(`decide ${queue}`, traceparent, { kind: 'consumer', attributes });
}

/** Ends the span of a request, unless it needs another call. */
export function endDecision(span: Span, decision: Decision): void {
  if (decision.kind === 'locked') {
    span.event('locked');
    return;
  }
  if (decision.kind === 'decided') span.set({ 'flashsale.outcome': decision.verdict.status });
  else span.fail(decision.kind === 'poison' ? decision.cause : 'left to another worker');
  span.end();
}

/** The verdict carries the trace back to the web node. */
export function withTrace(verdict: Verdict, span: Span | undefined): Verdict {
  return span === undefined ? verdict : { ...verdict, traceparent: span.traceparent };
}

/**
 * Adds a span for each call that decides requests to the traces of its requests. A call is one statement
 * and one transaction, so its answer comes after the COMMIT. A call for several traced requests has
 * a span of its own as well, with a link to each of them.
 */
export function tracedCalls(placeOrders: PlaceOrders, schema: Home, traces: Traces): PlaceOrders {
  return async (sku, requests, wait) => {
    const routine = `${schema}.${routineFor(requests)}`;
    const parents = requests.flatMap(({ span }) => span ?? []);
    const options = {
      kind: 'client',
      attributes: {
        'db.system.name': 'postgresql',
        'db.stored_procedure.name': routine,
        'db.operation.batch.size': requests.length,
        'flashsale.sku': sku,
        'flashsale.wait_for_locks': wait,
      },
    } as const;
    const calls = parents.map((parent) => parent.child(routine, options));
    if (calls.length > 1) calls.push(traces.batch(`batch ${ordersQueue(schema)}`, calls, options));
    try {
      const placed = await placeOrders(sku, requests, wait);
      for (const call of calls) call.event('COMMIT');
      return placed;
    } catch (error) {
      for (const call of calls) call.fail(error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      for (const call of calls) call.end();
    }
  };
}
