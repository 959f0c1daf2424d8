/** Traces of purchase requests: what each process did for a request, and how long it took. */

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** performance.now() of this process, or milliseconds since the epoch. By default it is now. */
  readonly startedAtMs?: number;
}

/** A part of the work for one traced request. */
export interface Span {
  readonly traceId: string;
  /** The value that the next process continues this trace from (W3C Trace Context). */
  readonly traceparent: string;
  child(name: string, options?: SpanOptions): Span;
  set(attributes: Attributes): void;
  event(name: string): void;
  /** Refers to a span of another trace. */
  link(other: Span): void;
  /** Marks the work as failed. */
  fail(reason: string): void;
  end(): void;
}

export interface Traces {
  /**
   * Continues the trace of a caller, or begins a new one. Returns undefined if the request is not to
   * be traced: then nothing more is done for it, in any process.
   *
   * @param traceparent as the caller sent it; it may be anything
   */
  begin(name: string, traceparent: string | undefined, options?: SpanOptions): Span | undefined;
  /** Continues the trace of a message of another process; undefined if `traceparent` is not valid. */
  resume(name: string, traceparent: string, options?: SpanOptions): Span | undefined;
  /** Begins a trace of its own, about work for several requests at once. It has a link to each. */
  batch(name: string, requests: readonly Span[], options?: SpanOptions): Span;
  /** Sends what has ended, if the receiver takes it within a moment. */
  close(): Promise<void>;
}

/** Ids that one log line names at most. */
const LOGGED_TRACES_MAX = 8;

/** The field of a log line about several requests; empty if none of them is traced. */
export function traceIdsOf(requests: readonly { readonly span?: Span }[]): {
  readonly trace_ids?: readonly string[];
} {
  const ids: string[] = [];
  for (const { span } of requests) {
    if (span !== undefined && ids.push(span.traceId) === LOGGED_TRACES_MAX) break;
  }
  return ids.length === 0 ? {} : { trace_ids: ids };
}
