/** W3C Trace Context in the messages between processes. Only traced requests have it. */
export interface TraceContext {
  readonly traceparent?: string;
}

/** Longer than a `traceparent` of any known version. */
const TRACEPARENT_LENGTH_MAX = 128;

/** Returns undefined if there is none that could be valid: no message is refused for its trace. */
export function traceOf({ traceparent }: Record<string, unknown>): TraceContext | undefined {
  const isKnown = typeof traceparent === 'string' && traceparent.length <= TRACEPARENT_LENGTH_MAX;
  return isKnown ? { traceparent } : undefined;
}
