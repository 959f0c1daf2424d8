import { hostname } from 'node:os';
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import {
  parseKeyPairsIntoRecord,
  parseTraceParent,
  setGlobalErrorHandler,
} from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { TraceConfig } from '../contracts/trace-config.ts';
import type { Log } from './log.ts';
import type { Attributes, Span, SpanOptions, Traces } from './spans.ts';

/** Traces by OpenTelemetry, sent over OTLP/HTTP. This file is loaded only if traces are on. */

/**
 * Traces that a process begins or continues in a second. Anybody can send a `traceparent` that asks
 * for a trace, and a trace costs about as much as the request.
 */
const TRACES_PER_SECOND_MAX = 100;
/** Ended spans that wait to be sent. Further ones are dropped. */
const BUFFERED_SPANS_MAX = 4_096;
const EXPORTED_SPANS_MAX = 512;
const EXPORT_INTERVAL_MS = 1_000;
const EXPORT_TIMEOUT_MS = 10_000;
/** Time for the last spans when the process ends. */
const FLUSH_TIMEOUT_MS = 1_000;
/** Links of one span: the most requests in a batch. */
const LINKS_MAX = 1_000;
/** An outage of the receiver is logged once in this time. */
const TROUBLE_INTERVAL_MS = 60_000;

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

function samplerOf({ sampler, ratio }: TraceConfig): Sampler {
  const [, isParentBased, rule] = /^(parentbased_)?(.*)$/.exec(sampler) ?? [];
  const root =
    rule === 'always_on'
      ? new AlwaysOnSampler()
      : rule === 'always_off'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(ratio);
  return isParentBased ? new ParentBasedSampler({ root }) : root;
}

/** The context of a span in another process; undefined if the text is not a valid `traceparent`. */
function remoteContext(traceparent: string | undefined): Context | undefined {
  const parsed = traceparent === undefined ? null : parseTraceParent(traceparent);
  return parsed === null
    ? undefined
    : trace.setSpanContext(ROOT_CONTEXT, { ...parsed, isRemote: true });
}

function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

class SpanOfRequest implements Span {
  readonly #tracer: Tracer;
  readonly span: OtelSpan;

  constructor(tracer: Tracer, span: OtelSpan) {
    this.#tracer = tracer;
    this.span = span;
  }

  get traceId(): string {
    return this.span.spanContext().traceId;
  }

  get traceparent(): string {
    const { traceId, spanId } = this.span.spanContext();
    return `00-${traceId}-${spanId}-01`;
  }

  child(name: string, options: SpanOptions = {}): Span {
    const context = trace.setSpan(ROOT_CONTEXT, this.span);
    return new SpanOfRequest(this.#tracer, this.#tracer.startSpan(name, toOtel(options), context));
  }

  set(attributes: Attributes): void {
    this.span.setAttributes(attributes);
  }

  event(name: string): void {
    this.span.addEvent(name);
  }

  link(other: Span): void {
    if (other instanceof SpanOfRequest) this.span.addLink({ context: other.span.spanContext() });
  }

  fail(reason: string): void {
    this.span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
  }

  end(): void {
    this.span.end();
  }
}

function toOtel({ kind = 'internal', attributes = {}, startedAtMs }: SpanOptions) {
  return {
    kind: KINDS[kind],
    attributes,
    ...(startedAtMs !== undefined && { startTime: startedAtMs }),
  };
}

export class OpenTelemetry implements Traces {
  readonly #provider: TracerProvider;
  /** Decides whether a trace is kept. */
  readonly #tracer: Tracer;
  /** For spans about traces that are kept. */
  readonly #kept: Tracer;
  #second = 0;
  #begun = 0;

  constructor(config: TraceConfig & { readonly serviceName: string }, log: Log) {
    logTrouble(log);
    const exporter = new OTLPTraceExporter({
      url: config.url,
      ...(config.headers && { headers: parseKeyPairsIntoRecord(config.headers) }),
    });
    const processor = new BatchSpanProcessor({
      exporter,
      maxQueueSize: BUFFERED_SPANS_MAX,
      maxExportBatchSize: EXPORTED_SPANS_MAX,
      scheduledDelayMillis: EXPORT_INTERVAL_MS,
      exportTimeoutMillis: EXPORT_TIMEOUT_MS,
    });
    const resource = detectResources({ detectors: [envDetector] }).merge(
      resourceFromAttributes({
        'service.name': config.serviceName,
        'service.instance.id': `${hostname()}-${process.pid}`,
      }),
    );
    const providerOf = (sampler: Sampler) =>
      new TracerProvider({
        resource,
        sampler,
        spanLimits: { linkCountLimit: LINKS_MAX },
        spanProcessors: [processor],
      });
    this.#provider = providerOf(samplerOf(config));
    this.#tracer = this.#provider.getTracer('flashsale');
    this.#kept = providerOf(new AlwaysOnSampler()).getTracer('flashsale');
  }

  begin(name: string, traceparent: string | undefined, options?: SpanOptions): Span | undefined {
    const context = remoteContext(traceparent) ?? ROOT_CONTEXT;
    if (!this.#hasRoom()) return undefined;
    const span = this.#start(name, context, options);
    if (span !== undefined) this.#begun += 1;
    return span;
  }

  resume(name: string, traceparent: string, options?: SpanOptions): Span | undefined {
    const context = remoteContext(traceparent);
    return context && this.#start(name, context, options);
  }

  batch(name: string, requests: readonly Span[], options: SpanOptions = {}): Span {
    const span = this.#kept.startSpan(name, toOtel(options), ROOT_CONTEXT);
    const batch = new SpanOfRequest(this.#kept, span);
    for (const request of requests) {
      batch.link(request);
      request.link(batch);
    }
    return batch;
  }

  async close(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, FLUSH_TIMEOUT_MS);
    await Promise.race([this.#provider.shutdown().catch(() => {}), late.promise]);
    clearTimeout(timer);
  }

  #start(name: string, context: Context, options: SpanOptions = {}): Span | undefined {
    const span = this.#tracer.startSpan(name, toOtel(options), context);
    return isSampled(span.spanContext()) ? new SpanOfRequest(this.#kept, span) : undefined;
  }

  #hasRoom(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#begun = 0;
    }
    return this.#begun < TRACES_PER_SECOND_MAX;
  }
}

/** The buffer stays bounded while the receiver is away, so a line now and then is enough. */
function logTrouble(log: Log): void {
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  setGlobalErrorHandler((error) => {
    const nowMs = performance.now();
    if (nowMs - loggedAtMs < TROUBLE_INTERVAL_MS) return;
    loggedAtMs = nowMs;
    log.warn({ err: error }, 'spans could not be sent');
  });
}
