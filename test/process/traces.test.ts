import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OutgoingMessage } from '../../broker/publisher.ts';
import { traceConfig } from '../../contracts/trace-config.ts';
import { createLog } from '../../process/log.ts';
import { type Span, type Traces, traceIdsOf } from '../../process/spans.ts';
import { openTraces } from '../../process/traces.ts';
import { Envelopes } from '../../server/requests/envelopes.ts';
import { attributeOf, OtlpReceiver } from '../otlp-receiver.ts';
import { until } from '../until.ts';

/** Traces of one process, sent to a receiver of the real protocol. */

const log = createLog('test', 'silent');
const CALLER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const closers: (() => Promise<void>)[] = [];
let receiver: OtlpReceiver;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
});
afterAll(async () => {
  for (const close of closers) await close();
  await receiver?.close();
});

async function open(changes: Partial<Parameters<typeof traceConfig>[0]> = {}): Promise<Traces> {
  const config = traceConfig({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: undefined,
    OTEL_EXPORTER_OTLP_HEADERS: undefined,
    OTEL_SERVICE_NAME: undefined,
    OTEL_TRACES_SAMPLER: 'parentbased_always_on',
    OTEL_TRACES_SAMPLER_ARG: '1',
    OTEL_SDK_DISABLED: false,
    ...changes,
  });
  const onStop = (_name: string, close: () => Promise<void> | void) => {
    closers.push(async () => close());
  };
  const lifecycle = { stopping: new AbortController().signal, onStop };
  const traces = await openTraces(config, 'flashsale-test', log, lifecycle);
  if (traces === undefined) throw new Error('traces are off');
  return traces;
}

const given = (span: Span | undefined): Span => {
  if (span === undefined) throw new Error('it is not traced');
  return span;
};

it('are off without an endpoint, and where OpenTelemetry is disabled', async () => {
  const off = { OTEL_EXPORTER_OTLP_ENDPOINT: undefined };
  await expect(open(off)).rejects.toThrow('traces are off');
  await expect(open({ OTEL_SDK_DISABLED: true })).rejects.toThrow('traces are off');
});

it('continue the trace of a caller, follow its decision, and ignore what is no traceparent', async () => {
  const traces = await open();
  expect(given(traces.begin('press', CALLER)).traceId).toBe('0af7651916cd43dd8448eb211c80319c');
  expect(traces.begin('press', CALLER.replace(/1$/, '0'))).toBeUndefined();
  for (const garbage of [
    '',
    'x'.repeat(10_000),
    CALLER.toUpperCase(),
    '00-0-0-01',
    `${CALLER}-x`,
  ]) {
    expect(given(traces.begin('press', garbage)).traceId).toMatch(/^(?!0af7)[0-9a-f]{32}$/);
    expect(traces.resume('decide', garbage)).toBeUndefined();
  }
});

it.each([
  ['always_off', '1', 0],
  ['parentbased_traceidratio', '0', 0],
  ['traceidratio', '1', 20],
] as const)('begin by the sampler %s with %s', async (sampler, arg, begun) => {
  const traces = await open({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: arg });
  const spans = Array.from({ length: 20 }, () => traces.begin('press', undefined));
  expect(spans.filter((span) => span !== undefined)).toHaveLength(begun);
});

it('begin a bounded number of times in a second, whatever callers ask for', async () => {
  const traces = await open();
  const startedAtMs = performance.now();
  const spans = Array.from({ length: 5_000 }, () => traces.begin('press', CALLER));
  const seconds = 2 + Math.floor((performance.now() - startedAtMs) / 1_000);
  const begun = spans.filter((span) => span !== undefined).length;
  expect(begun).toBeGreaterThanOrEqual(100);
  expect(begun).toBeLessThanOrEqual(100 * seconds);
});

it('are sent with the service, the headers and the resource that are configured', async () => {
  process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'deployment.environment.name=test';
  const traces = await open({
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=abc,tenant=shop',
    OTEL_SERVICE_NAME: 'the-shop',
  });
  delete process.env['OTEL_RESOURCE_ATTRIBUTES'];
  const span = given(traces.begin('press', undefined));
  span.end();
  const { press } = await receiver.trace(span.traceId, 'press');
  expect(press?.service).toBe('the-shop');
  expect(receiver.headers.at(-1)).toMatchObject({ 'api-key': 'abc', tenant: 'shop' });
});

it('of requests in one envelope have a span for all, with links to each', async () => {
  const traces = await open();
  const sent: OutgoingMessage[] = [];
  const publish = async (message: OutgoingMessage) => {
    sent.push(message);
    return 'confirmed' as const;
  };
  const transport = { publish, trusted: () => true };
  const envelopes = new Envelopes(transport, 'process', () => {}, traces);
  const send = (name: string, span?: Span) => {
    const { traceparent } = span ?? {};
    const request = {
      requestId: name,
      userId: 'ann',
      units: 1,
      ...(traceparent && { traceparent }),
    };
    const common = { sku: 'TV', schema: 'hot', node: 'web-1', isCopy: false, onLate: () => {} };
    return envelopes.add({ ...common, schema: 'hot' as const, request, span });
  };
  const spans = ['one', 'two'].map(() => given(traces.begin('publish', undefined)));
  await Promise.all([send('a', spans[0]), send('b', spans[1]), send('c')]);
  for (const span of spans) span.end();
  const batch = await until('the span of the envelope', () =>
    receiver.spans.find(({ name }) => name === 'send orders.hot'),
  );
  const linked = batch.links?.map(({ traceId }) => traceId);
  expect(linked?.toSorted()).toEqual(spans.map(({ traceId }) => traceId).toSorted());
  expect(attributeOf(batch.attributes, 'messaging.batch.message_count')).toBe(3);
  const { publish: first } = await receiver.trace(spans[0]?.traceId ?? '', 'publish');
  expect(first?.links).toMatchObject([{ traceId: batch.traceId, spanId: batch.spanId }]);

  await send('d');
  const texts = sent.map(({ content }) => content.toString());
  expect(JSON.parse(texts[0] ?? '')).toMatchObject({ sentAtMs: expect.any(Number) });
  // Nothing of an untraced request tells of traces.
  expect(texts[1]).toBe(
    '{"sku":"TV","node":"web-1","requests":[{"requestId":"d","userId":"ann","units":1}]}',
  );
});

it('wait in a bounded buffer while the receiver does not answer', async () => {
  const traces = await open();
  const before = receiver.spans.length;
  const opened = Promise.withResolvers<void>();
  receiver.gate = opened.promise;
  const parent = given(traces.begin('parent', undefined));
  const many = 8_000;
  for (let made = 0; made < many; made += 1) parent.child('child').end();
  await until('a request waits', () => receiver.headers.length > 0);
  opened.resolve();
  await traces.close();
  const sent = () => receiver.spans.slice(before).filter(({ name }) => name === 'child').length;
  await until('the buffer is sent', () => sent() >= 4_096);
  // What was being sent, and what waited.
  expect(sent()).toBeLessThanOrEqual(4_096 + 512);
});

it('do not keep a process from ending while the receiver hangs', async () => {
  const traces = await open();
  receiver.gate = new Promise(() => {});
  given(traces.begin('press', undefined)).end();
  await traces.close();
  receiver.gate = Promise.resolve();
});

it('are named in log lines about several requests, a few at the most', async () => {
  const traces = await open();
  const spans = Array.from({ length: 20 }, () => given(traces.begin('press', undefined)));
  expect(traceIdsOf([{}, {}])).toEqual({});
  const [first] = spans;
  expect(traceIdsOf([{}, ...(first ? [{ span: first }] : [])])).toEqual({
    trace_ids: [first?.traceId],
  });
  expect(traceIdsOf(spans.map((span) => ({ span }))).trace_ids).toHaveLength(8);
});
