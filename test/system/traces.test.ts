import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrokerConnection } from '../../broker/connection.ts';
import { Publisher } from '../../broker/publisher.ts';
import { ENVELOPE_SCHEMA, encode } from '../../contracts/messages.ts';
import { ORDERS_EXCHANGE } from '../../contracts/topology.ts';
import { TestFolder } from '../../ops/stack/test-folder.ts';
import { createLog } from '../../process/log.ts';
import { attributeOf, OtlpReceiver, type ReceivedSpan } from '../otlp-receiver.ts';
import { Shopper } from '../shopper.ts';
import { type System, startSystem } from '../system.ts';
import { until } from '../until.ts';

/** One trace from the press to the verdict, through real processes and a real receiver. */

const PRESS = 'POST /api/v1/buy/{ticket}';
const NAMES = [
  PRESS,
  'publish orders.hot',
  'wait orders.hot',
  'decide orders.hot',
  'hot.place_orders',
  'verdict',
] as const;
const WAITING = 12;
/** No process starts in less. */
const STARTING_MS = 20;
const ROOT = join(import.meta.dirname, '../..');
const ENTRIES = ['server/main.ts', 'worker/main.ts'];

const folder = new TestFolder();
let system: System;
let receiver: OtlpReceiver;
let broker: BrokerConnection;
let sale: string;

beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  // Node writes the names of all loaded files there.
  const environment = { NODE_V8_COVERAGE: folder.path, COOLDOWN_SECONDS: '0' };
  system = await startSystem({ webNodes: 1, workers: 1, environment });
  sale = await system.createSale([{ sku: 'TV', units: 200 }]);
  const url = system.environment['AMQP_URL'] ?? '';
  broker = await BrokerConnection.open({ url, name: 'test', log: createLog('test', 'silent') });
  await broker.whenConnected();
});
afterAll(async () => {
  await broker?.close();
  await system?.stop();
  await receiver?.close();
  folder.remove();
});

const shopper = () => new Shopper(system.url, system.jwtSecret);

async function press(traceparent?: string) {
  const ada = shopper();
  const ticket = await ada.ticket(sale, 'TV');
  const headers = traceparent === undefined ? {} : { traceparent };
  const answer = await ada.call('POST', `/api/v1/buy/${ticket}`, { quantity: 1 }, headers);
  expect(answer.status).toBe(202);
  return { ada, ...(answer.body as { requestId: string; statusUrl: string }) };
}

/** The variables of processes with traces. Requests of a second are decided together. */
const traced = () => ({
  NODE_V8_COVERAGE: '',
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
  BATCH_WAIT_MS: '1000',
});

/** The spans of a trace by their names, after a check of what follows from what. */
async function chain(traceId: string): Promise<Record<string, ReceivedSpan>> {
  const trace = await receiver.trace(traceId, ...NAMES);
  const parents = NAMES.slice(1).map((name) => {
    const parent = receiver.spans.find(({ spanId }) => spanId === trace[name]?.parentSpanId);
    return parent?.name;
  });
  expect(parents).toEqual([PRESS, NAMES[1], NAMES[1], NAMES[3], NAMES[3]]);
  expect(new Set(receiver.of(traceId).map(({ name }) => name))).toEqual(new Set(NAMES));
  return trace;
}

/** The files that the processes which have ended had loaded. */
function loadedFiles(): string[] {
  const reports = readdirSync(folder.path).filter((file) => file.startsWith('coverage-'));
  return reports.flatMap((report) => {
    const { result } = JSON.parse(readFileSync(join(folder.path, report), 'utf8'));
    const urls = (result as readonly { url: string }[]).map(({ url }) => url);
    return urls.filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url));
  });
}

const milliseconds = ({ startTimeUnixNano, endTimeUnixNano }: ReceivedSpan) =>
  Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6;

describe('traces', () => {
  it('that are off leave no trace in messages and load nothing of OpenTelemetry', async () => {
    const caller = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { ada, statusUrl } = await press(caller);
    expect((await ada.outcome(statusUrl)).body.status).toBe('ordered');
    await system.end('worker-1');
    const waiting = await press(caller);
    const channel = await broker.openChannel();
    const message = await until('the message', async () => {
      const got = await channel.get('orders.hot', { noAck: false });
      return got !== false && got;
    });
    const { node } = JSON.parse(message.content.toString());
    const { requestId } = waiting;
    const requests = [{ requestId, userId: waiting.ada.userId, units: 1 }];
    expect(message.content.toString()).toBe(JSON.stringify({ sku: 'TV', node, requests }));
    // The broker counts deliveries.
    const { 'x-delivery-count': _, ...headers } = message.properties.headers ?? {};
    expect(headers).toEqual({ 'x-schema': ENVELOPE_SCHEMA });
    channel.nack(message);
    await channel.close();
    await system.end('web-1');

    const files = loadedFiles();
    expect(files).toEqual(expect.arrayContaining(ENTRIES.map((entry) => join(ROOT, entry))));
    // prom-client loads the API for its exemplars, as it always did.
    const loaded = files.filter((file) => /@opentelemetry.(?!api\/)|open-telemetry/.test(file));
    expect(loaded).toEqual([]);
  });

  it('follow a press of a caller through the queue to the COMMIT, and back', async () => {
    await system.run('web-2', 'server/main.ts', traced());
    await system.run('worker-2', 'worker/main.ts', traced());
    const [traceId, caller] = ['1'.repeat(32), '2'.repeat(16)];
    const { ada, requestId, statusUrl } = await press(`00-${traceId}-${caller}-01`);
    expect((await ada.outcome(statusUrl)).body.status).toBe('ordered');
    const trace = await chain(traceId);
    const { [PRESS]: pressed, 'hot.place_orders': call, 'decide orders.hot': decided } = trace;
    expect(pressed?.parentSpanId).toBe(caller);
    expect(attributeOf(pressed?.attributes ?? [], 'flashsale.request_id')).toBe(requestId);
    expect(attributeOf(pressed?.attributes ?? [], 'flashsale.verdict')).toBe('queued');
    expect(attributeOf(decided?.attributes ?? [], 'flashsale.outcome')).toBe('ordered');
    expect(call?.events?.map(({ name }) => name)).toEqual(['COMMIT']);
    const services = NAMES.map((name) => trace[name]?.service);
    const [web, worker] = ['flashsale-web', 'flashsale-worker'];
    expect(services).toEqual([web, web, worker, worker, worker, web]);
  });

  it('begin at a press without a caller, and not at one whose caller is not traced', async () => {
    const untraced = '3'.repeat(32);
    const { ada, statusUrl } = await press(`00-${untraced}-${'4'.repeat(16)}-00`);
    await ada.outcome(statusUrl);
    const { requestId, ...other } = await press();
    await other.ada.outcome(other.statusUrl);
    const root = await until('its span', () =>
      receiver.spans.find(
        ({ attributes }) => attributeOf(attributes, 'flashsale.request_id') === requestId,
      ),
    );
    expect(root.parentSpanId).toBeUndefined();
    await chain(root.traceId);
    expect(receiver.of(untraced)).toEqual([]);
  });

  it('show how long requests waited in the queue, and which of them were decided together', async () => {
    await system.end('worker-2');
    const ids = Array.from({ length: WAITING }, (_, at) => (at + 0xa0).toString(16).repeat(16));
    const waiting = await Promise.all(ids.map((id) => press(`00-${id}-${'5'.repeat(16)}-01`)));
    await system.restart('worker-2');
    await Promise.all(waiting.map(({ ada, statusUrl }) => ada.outcome(statusUrl)));
    const chains = await Promise.all(ids.map(chain));
    for (const { 'wait orders.hot': wait } of chains) {
      // Nobody took them before the worker was started.
      const shown = Number(attributeOf(wait?.attributes ?? [], 'flashsale.queue_wait_ms'));
      expect(wait && milliseconds(wait)).toBeGreaterThan(STARTING_MS);
      expect(shown).toBeGreaterThan(STARTING_MS);
    }
    const batches = await until('the span of a batch', () => {
      const found = receiver.spans.filter(({ name }) => name === 'batch orders.hot');
      return found.length > 0 && found;
    });
    const calls = new Set(receiver.spans.filter((s) => s.name === NAMES[4]).map((s) => s.spanId));
    for (const { links = [], events } of batches) {
      expect(links.length).toBeGreaterThan(1);
      expect(links.every(({ spanId }) => calls.has(spanId))).toBe(true);
      expect(events?.map(({ name }) => name)).toEqual(['COMMIT']);
    }
  });

  it('are named in the log line of a dead letter', async () => {
    const publisher = await Publisher.open(broker);
    const [traceId, requestId] = ['6'.repeat(32), randomUUID()];
    const traceparent = `00-${traceId}-${'7'.repeat(16)}-01`;
    const requests = [{ requestId, userId: 'nobody', units: 1, traceparent }];
    const result = await publisher.publish({
      exchange: ORDERS_EXCHANGE,
      routingKey: 'hot',
      schema: ENVELOPE_SCHEMA,
      content: encode({ sku: 'Nothing', node: 'web-0', requests }),
      persistent: true,
      mandatory: true,
    });
    expect(result).toBe('confirmed');
    const line = await until('the log line', () => {
      const lines = system.log('worker-2').split('\n');
      return lines.find((text) => text.includes('dead letter') && text.includes(requestId));
    });
    expect(JSON.parse(line)).toMatchObject({ trace_id: traceId, cause: 'unknown_sku' });
    const { 'decide orders.hot': decided } = await receiver.trace(traceId, 'decide orders.hot');
    expect(decided?.status).toMatchObject({ code: 2, message: 'unknown_sku' });
  });

  it('that nobody receives harm no purchase, and the process tells of it', async () => {
    receiver.status = 400;
    const { ada, statusUrl } = await press();
    expect((await ada.outcome(statusUrl)).body.status).toBe('ordered');
    await until('a log line', () => system.log('web-2').includes('spans could not be sent'));
    expect(await system.end('web-2')).toBe(true);
  });
});
