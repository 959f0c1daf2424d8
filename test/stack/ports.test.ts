import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { choosePort, isPortFree, randomPortBase } from '../../ops/stack/ports.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Takes the first free port from there on, with the options of a server that is in the way. */
async function occupy(options: { host: string; reusePort?: boolean }): Promise<number> {
  for (let port = randomPortBase(); ; port += 1) {
    const server = createServer();
    const ok = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen({ port, ...options }, () => resolve(true));
    });
    if (!ok) continue;
    servers.push(server);
    return port;
  }
}

test.each([
  { name: 'one on the same address', host: '127.0.0.1' },
  { name: 'one on every address', host: '0.0.0.0' },
  { name: 'one that shares its port with its like', host: '127.0.0.1', reusePort: true },
])('a port taken by $name is passed over', async ({ name: _, ...options }) => {
  const port = await occupy(options);
  expect(await isPortFree(port)).toBe(false);
  const chosen = await choosePort(port, new Set());
  expect(chosen).toBeGreaterThan(port);
  expect(chosen).toBeLessThan(port + 200);
});

test('two choices never name the same port', async () => {
  const taken = new Set<number>();
  const base = randomPortBase();
  const one = await choosePort(base, taken);
  const other = await choosePort(base, taken);
  expect(other).toBeGreaterThan(one);
  expect(taken).toEqual(new Set([one, other]));
});

test('no port is left above the last one: an error, not a crash', async () => {
  const taken = new Set([65_534, 65_535]);
  await expect(choosePort(65_534, taken)).rejects.toThrow('no free port from 65534');
});
