import { flag, oneOf, secretText, text, url } from './config.ts';

/**
 * Settings for traces, by OpenTelemetry's own names. Without an endpoint nothing is traced. Further
 * standard variables (OTEL_RESOURCE_ATTRIBUTES, OTEL_EXPORTER_OTLP_TIMEOUT,
 * OTEL_EXPORTER_OTLP_CERTIFICATE, …) are read by OpenTelemetry itself.
 */

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

const share = text('a share from 0 to 1', (input) => /^(0(\.\d+)?|1(\.0+)?)$/.test(input));
const serviceName = text('1 to 100 printable characters', (input) =>
  /^[\x21-\x7e]{1,100}$/.test(input),
);
const secretPairs = secretText('name=value, several with commas', (input) =>
  input.split(',').every((pair) => /^\s*[\w-]+\s*=[^,=]*=*\s*$/.test(pair)),
);

/** Variables of web nodes and workers. */
export const traceSpecs = {
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https')({ default: undefined }),
  /** Wins over the endpoint, and is used without a path added to it. */
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url('http', 'https')({ default: undefined }),
  OTEL_EXPORTER_OTLP_HEADERS: secretPairs({ default: undefined }),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf('http/json')({ default: 'http/json' }),
  OTEL_SERVICE_NAME: serviceName({ default: undefined }),
  OTEL_TRACES_SAMPLER: oneOf(...SAMPLERS)({ default: 'parentbased_always_on' }),
  OTEL_TRACES_SAMPLER_ARG: share({ default: '1' }),
  OTEL_SDK_DISABLED: flag({ default: false }),
};

export interface TraceConfig {
  /** Where the spans are sent: a URL of OTLP over HTTP. */
  readonly url: string;
  readonly headers: string | undefined;
  readonly serviceName: string | undefined;
  readonly sampler: (typeof SAMPLERS)[number];
  /** Share of new traces that a sampler with `ratio` in its name keeps. */
  readonly ratio: number;
}

/** @returns undefined while traces are off */
export function traceConfig(parsed: {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS: string | undefined;
  readonly OTEL_SERVICE_NAME: string | undefined;
  readonly OTEL_TRACES_SAMPLER: TraceConfig['sampler'];
  readonly OTEL_TRACES_SAMPLER_ARG: string;
  readonly OTEL_SDK_DISABLED: boolean;
}): TraceConfig | undefined {
  const base = parsed.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/$/, '');
  const target = parsed.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base}/v1/traces`);
  if (target === undefined || parsed.OTEL_SDK_DISABLED) return undefined;
  return {
    url: target,
    headers: parsed.OTEL_EXPORTER_OTLP_HEADERS,
    serviceName: parsed.OTEL_SERVICE_NAME,
    sampler: parsed.OTEL_TRACES_SAMPLER,
    ratio: Number(parsed.OTEL_TRACES_SAMPLER_ARG),
  };
}
