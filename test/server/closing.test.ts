import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { until } from '../until.ts';
import { openWebNode } from './web-node.ts';

test('a call that arrives while the node stops is answered like any other', async () => {
  const node = await openWebNode();
  const { app } = node;
  await app.listen({ port: 0, host: '127.0.0.1' });
  const arrived = once(app.server, 'connection') as Promise<[Socket]>;
  const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  let answer = '';
  client.on('data', (data) => {
    answer += data.toString();
  });
  const hungUp = once(client, 'close');
  // An incomplete request keeps the connection from being idle.
  client.write('GET /api/v1/sales HTTP/1.1\r\nHost: shop\r\n');
  const [connection] = await arrived;
  await until('the node has the first half', () => connection.bytesRead > 0);
  const closed = node.close();
  await until('the node takes no connections', () => !app.server.listening);
  client.write('\r\n');
  await hungUp;
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).toMatch(/^connection: close\r$/im);
});
