import type { TraceConfig } from '../contracts/trace-config.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Log } from './log.ts';
import type { Traces } from './spans.ts';

/**
 * Traces are off unless an endpoint is configured. Then OpenTelemetry is loaded, and not before: while
 * traces are off, nobody does anything for them.
 *
 * @returns undefined while traces are off
 */
export async function openTraces(
  config: TraceConfig | undefined,
  serviceName: string,
  log: Log,
  lifecycle: Lifecycle,
): Promise<Traces | undefined> {
  if (config === undefined) return undefined;
  const { OpenTelemetry } = await import('./open-telemetry.ts');
  const named = { ...config, serviceName: config.serviceName ?? serviceName };
  const traces = new OpenTelemetry(named, log);
  lifecycle.onStop('traces', () => traces.close());
  return traces;
}
