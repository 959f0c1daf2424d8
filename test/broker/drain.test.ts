import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DrainFailed, drainQueues } from '../../broker/drain.ts';
import { createVirtualHost, type VirtualHost } from '../servers.ts';
import { createConnections } from './harness.ts';
import { type Relay, startRelay } from './relay.ts';

const connections = createConnections();
let host: VirtualHost;
let relay: Relay;

beforeAll(async () => {
  host = await createVirtualHost();
  relay = await startRelay(host.url);
});
afterAll(async () => {
  await connections.closeAll();
  await relay?.close();
  await host?.remove();
});

test('a drain ends when its connection does, also while it closes its channel', async () => {
  const connection = await connections.open(relay.url);
  const timeoutMs = 1_000;
  const draining = drainQueues(connection, 'node-1', timeoutMs);
  const result = draining.catch((error: unknown) => error);
  // The drain messages pass, and nobody answers. The close that follows never reaches the broker.
  await delay(timeoutMs / 2);
  relay.silenceClient();
  await delay(timeoutMs);
  relay.cut();
  relay.resume();
  expect(await Promise.race([result, delay(10_000, 'it does not end')])).toBeInstanceOf(
    DrainFailed,
  );
});
