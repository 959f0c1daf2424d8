import { expect, test } from 'vitest';
import { greetsAmqp } from '../../ops/stack/rabbitmq.ts';
import { servesZookeeper } from '../../ops/stack/zookeeper.ts';
import { createVirtualHost, servers } from '../servers.ts';

test('the servers of the run answer', async () => {
  const amqp = new URL(servers.amqpUrl);
  expect(await greetsAmqp(amqp.hostname, Number(amqp.port))).toBe(true);
  const [host = '', port] = servers.zookeeper.split(':');
  expect(await servesZookeeper(host, Number(port))).toBe(true);
});

test('a test file can create a virtual host and remove it', async () => {
  const one = await createVirtualHost();
  expect(new URL(one.url).pathname).toMatch(/^\/test_[0-9a-f]{8}$/);
  await one.remove();
});
