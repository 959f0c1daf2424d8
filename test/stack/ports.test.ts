import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../ops/stack/folder.ts';
import { choosePort, freePort, isPortFree } from '../../ops/stack/ports.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Listens on a free port with these options, and returns the port. */
async function occupy(options: { host: string; reusePort?: boolean }): Promise<number> {
  const port = await freePort();
  const server = createServer();
  servers.push(server);
  server.listen({ port, ...options });
  await once(server, 'listening');
  return port;
}

test.each([
  { name: 'one on the same address', host: '127.0.0.1' },
  { name: 'one on every address', host: '0.0.0.0' },
  { name: 'one that shares its port with its like', host: '127.0.0.1', reusePort: true },
])('a port taken by $name is skipped', async ({ name: _, ...options }) => {
  const port = await occupy(options);
  expect(await isPortFree(port)).toBe(false);
  const chosen = await choosePort(port, new Set());
  expect(chosen).toBeGreaterThan(port);
  expect(chosen).toBeLessThan(port + 200);
});

test('two choices never name the same port', async () => {
  const taken = new Set<number>();
  const base = await freePort();
  const one = await choosePort(base, taken);
  const other = await choosePort(base, taken);
  expect(other).toBeGreaterThan(one);
  expect(taken).toEqual(new Set([one, other]));
});

test('a free port is given out once, and never by two processes', async () => {
  const own = await Promise.all(Array.from({ length: 20 }, freePort));
  expect(new Set(own).size).toBe(own.length);
  const script = `import { freePort } from './ops/stack/ports.ts'; console.log(await freePort())`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
  });
  const blockOf = (port: number) => Math.floor(port / 100);
  expect(own.map(blockOf)).not.toContain(blockOf(Number(said)));
});

test('a search beyond the last port ends with an error, not a crash', async () => {
  const taken = new Set([65_534, 65_535]);
  await expect(choosePort(65_534, taken)).rejects.toThrow('no free port from 65534');
});
