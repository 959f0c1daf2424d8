import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Monitors } from '../../../ops/live/monitors.ts';
import { createMetrics } from '../../../process/metrics.ts';

/** Percentiles of answers, from a monitor port with real metrics. */

const metrics = createMetrics('web');
const decided = metrics.histogram('flashsale_request_outcome_seconds', 'Outcomes', [0.1, 1], []);
let server: Server;

beforeAll(async () => {
  server = createServer(async (_, response) => response.end(await metrics.text()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

test('what was answered while nobody looked is in no percentile', async () => {
  const { port } = server.address() as AddressInfo;
  const monitors = new Monitors([`http://127.0.0.1:${port}`]);
  const look = async (atMs: number) => {
    decided.observe(0.05);
    return (await monitors.look(atMs))?.decided;
  };
  expect(await look(0)).toBeNull();
  expect(await look(1_000)).not.toBeNull();
  expect(await look(7_000)).toBeNull();
  expect(await look(8_000)).not.toBeNull();
});
