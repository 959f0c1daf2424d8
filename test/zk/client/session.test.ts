import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ZkSession } from '../../../zk/client/session.ts';
import { servers, uniqueZkRoot } from '../../servers.ts';
import { until } from '../../until.ts';
import { type Relay, startRelay } from './relay.ts';

/**
 * Each fraction of it that a test waits for is several seconds longer than a busy machine stalls.
 */
const SESSION_TIMEOUT_MS = 12_000;
/** On most machines they take longer than a call may wait for an answer. */
const CALLS = 20_000;
const root = uniqueZkRoot();
const open = new Set<ZkSession | Relay>();

function keep<T extends ZkSession | Relay>(thing: T): T {
  open.add(thing);
  return thing;
}

async function connect(address = servers.zookeeper): Promise<ZkSession & { seen: string[] }> {
  const options = { servers: address, sessionTimeoutMs: SESSION_TIMEOUT_MS };
  const session = Object.assign(keep(new ZkSession(options)), { seen: [] as string[] });
  for (const event of ['session', 'resumed', 'suspended', 'expired'] as const) {
    session.on(event, () => session.seen.push(event));
  }
  session.start();
  await session.connected(60_000);
  return session;
}

let other: ZkSession;

beforeAll(async () => {
  other = await connect();
  open.delete(other);
  await other.ensure(root);
});

afterEach(async () => {
  for (const thing of open) await thing.close();
  open.clear();
});

afterAll(() => other.close());

test('a machine that slept trusts its session only after a new answer', async () => {
  let sleptMs = 0;
  const now = () => performance.now() + sleptMs;
  const options = { servers: servers.zookeeper, sessionTimeoutMs: SESSION_TIMEOUT_MS, now };
  const session = keep(new ZkSession(options));
  session.start();
  await session.connected(60_000);
  expect(session.isTrusted).toBe(true);
  sleptMs = SESSION_TIMEOUT_MS;
  expect(session.isTrusted).toBe(false);
  await until('it is trusted again', () => session.isTrusted);
});

describe('calls', () => {
  test('refuse a write with an outdated version, also version 0 in a transaction', async () => {
    const path = `${root}/versions`;
    await other.create(path, 'a');
    expect(await other.set(path, 'b', 0)).toMatchObject({ ok: true, value: { version: 1 } });
    expect(await other.set(path, 'c', 0)).toEqual({ ok: false, error: 'bad_version' });
    for (const op of ['check', 'set', 'delete'] as const) {
      const operation = { op, path, text: 'd', version: 0 };
      expect(await other.multi([operation])).toEqual({ ok: false, error: 'bad_version' });
    }
    expect(await other.get(path)).toMatchObject({ value: { text: 'b' } });
  });

  test('perform a transaction completely or not at all', async () => {
    const [first, second] = [`${root}/first`, `${root}/second`];
    const failed = await other.multi([
      { op: 'create', path: first, text: '' },
      { op: 'check', path: second, version: -1 },
    ]);
    expect(failed).toEqual({ ok: false, error: 'no_node' });
    expect(await other.exists(first)).toEqual({ ok: true, value: undefined });
  });

  test('return a missing, existing or non-empty node as a value', async () => {
    expect(await other.get(`${root}/none`)).toEqual({ ok: false, error: 'no_node' });
    await other.ensure(`${root}/parent/child`);
    expect(await other.create(`${root}/parent`, '')).toEqual({ ok: false, error: 'node_exists' });
    expect(await other.delete(`${root}/parent`)).toEqual({ ok: false, error: 'not_empty' });
    expect(await other.children(`${root}/parent`)).toEqual({ ok: true, value: ['child'] });
  });
});

describe('a silent server', () => {
  test('is detected within the session timeout; the session and its nodes survive', async () => {
    const relay = keep(await startRelay(servers.zookeeper));
    const session = await connect(relay.address);
    const id = session.id;
    await session.create(`${root}/alive`, '', { ephemeral: true });
    const texts: (string | undefined)[] = [];
    await session.watch(`${root}/followed`, (value) => texts.push(value?.text)).first;

    relay.silence();
    const silentAt = performance.now();
    const call = session.get(root);
    await until('suspended', () => session.seen.includes('suspended'), { pollMs: 5 });
    expect(performance.now() - silentAt).toBeLessThan(SESSION_TIMEOUT_MS);
    expect(await call).toMatchObject({ ok: false });
    expect(await session.get(root)).toEqual({ ok: false, error: 'not_connected' });
    await other.create(`${root}/followed`, 'missed');
    relay.speak();

    await until('resumed', () => session.seen.includes('resumed'));
    expect(session.id).toBe(id);
    expect(session.seen).not.toContain('expired');
    expect(await other.exists(`${root}/alive`)).toMatchObject({ value: { owner: id } });
    await until('the missed change', () => texts.at(-1) === 'missed');
    await other.set(`${root}/followed`, 'later', -1);
    await until('a watch on the new connection', () => texts.at(-1) === 'later');
  });

  test('ends the trust before the session ends; then a new session starts', async () => {
    const relay = keep(await startRelay(servers.zookeeper));
    const session = await connect(relay.address);
    const path = `${root}/mortal`;
    await session.create(path, '', { ephemeral: true });
    expect(session.isTrusted).toBe(true);
    relay.silence();
    await until('not trusted', () => !session.isTrusted, { pollMs: 1 });
    expect(await other.exists(path), 'the node is there when trust ends').toMatchObject({
      value: { owner: session.id },
    });
    await until('the server ends it', async () => {
      const found = await other.exists(path);
      return found.ok && found.value === undefined;
    });
    expect(session.isTrusted).toBe(false);
    relay.speak();
    await until('a new session', () => session.seen.filter((event) => event === 'session')[1]);
    expect(session.seen).toContain('expired');
    expect(session.isTrusted).toBe(true);
  });
});

describe('a lost connection', () => {
  test('is replaced each time; the session continues and nothing leaks', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => /^TCP/.test(name));
    const before = sockets().length;
    const relay = keep(await startRelay(servers.zookeeper));
    const session = await connect(relay.address);
    const id = session.id;
    for (let count = 1; count <= 5; count++) {
      relay.cut();
      await until('resumed', () => session.seen.filter((e) => e === 'resumed').length === count);
    }
    relay.cut({ refuse: true });
    await until('suspended', () => !session.isConnected);
    relay.speak();
    await until('connected', () => session.isConnected);
    expect(session.id).toBe(id);
    await session.close();
    await relay.close();
    await until('no more sockets than before', () => sockets().length <= before);
  });

  test('an answer that the client cannot parse ends the connection, not the process', async () => {
    const relay = keep(await startRelay(servers.zookeeper));
    const session = await connect(relay.address);
    const unknownEvent = Buffer.alloc(32);
    unknownEvent.writeInt32BE(28, 0);
    unknownEvent.writeInt32BE(-1, 4);
    unknownEvent.writeInt32BE(99, 20);
    relay.inject(unknownEvent);
    await until('resumed', () => session.seen.includes('resumed'));
    expect(session.seen).not.toContain('expired');
  });

  test('closing ends the session at once', async () => {
    const session = await connect();
    await session.create(`${root}/brief`, '', { ephemeral: true });
    await session.close();
    expect(await other.exists(`${root}/brief`)).toEqual({ ok: true, value: undefined });
  });
});

/** Notes which values are read in the same moment. */
class NotingSession extends ZkSession {
  readonly moments: string[][] = [];
  #isGoing = false;

  override get(path: string, onEvent?: () => void) {
    if (!this.#isGoing) {
      this.moments.push([]);
      queueMicrotask(() => {
        this.#isGoing = false;
      });
    }
    this.#isGoing = true;
    this.moments.at(-1)?.push(path);
    return super.get(path, onEvent);
  }
}

test('watched values are read again in turn, however many there are, and all on a new connection', async () => {
  const paths = Array.from({ length: 30 }, (_, at) => `${root}/watched-${at}`);
  for (const path of paths) await other.create(path, '');
  const relay = keep(await startRelay(servers.zookeeper));
  const options = { servers: relay.address, sessionTimeoutMs: SESSION_TIMEOUT_MS };
  const session = keep(new NotingSession({ ...options, rereadIntervalMs: 100 }));
  session.start();
  await session.connected(60_000);
  const observations = paths.map((path) => session.watch(path, () => {}));
  await Promise.all(observations.map(({ first }) => first));
  session.moments.length = 0;
  const timesRead = (path: string) => session.moments.flat().filter((one) => one === path).length;
  await until('each was read again twice', () => paths.every((path) => timesRead(path) > 1));
  expect(Math.max(...session.moments.map(({ length }) => length))).toBeLessThanOrEqual(4);

  relay.cut();
  await until('all were read on the new connection', () =>
    session.moments.some(({ length }) => length === paths.length),
  );
});

test('nothing of a closed observation stays in the connection', async () => {
  const session = await connect();
  const warnings: string[] = [];
  const note = ({ message }: Error) => warnings.push(message);
  process.on('warning', note);
  // Node.js warns when somebody has more than ten listeners.
  for (let count = 0; count < 30; count++) {
    for (const path of [root, `${root}/missing`]) {
      const observations = [session.watch(path, () => {}), session.watchChildren(path, () => {})];
      // Some are closed while they are read for the first time.
      if (count % 2 === 0) await Promise.all(observations.map(({ first }) => first));
      for (const observation of observations) observation.close();
    }
  }
  await session.exists(root);
  process.off('warning', note);
  expect(warnings.filter((message) => /listeners/.test(message))).toEqual([]);
});

test('a server that is answering is not silent, however many calls wait', async () => {
  // The shortest timeout of the server: a call has a third of it.
  const session = keep(new ZkSession({ servers: servers.zookeeper, sessionTimeoutMs: 4_000 }));
  const seen: string[] = [];
  for (const event of ['suspended', 'expired'] as const) session.on(event, () => seen.push(event));
  session.start();
  await session.connected(60_000);
  const calls = Array.from({ length: CALLS }, () => session.exists(root));
  const answers = await Promise.all(calls);
  expect(answers.filter(({ ok }) => !ok)).toEqual([]);
  expect(seen).toEqual([]);
});

test('a value that could not be read is tried again each time, because no event follows a failure', async () => {
  const locked = `${root}/locked`;
  const paths = Array.from({ length: 40 }, (_, at) => `${root}/beside-${at}`);
  for (const path of [locked, ...paths]) await other.create(path, '');
  let isLocked = true;
  class RefusedSession extends NotingSession {
    override async get(path: string, onEvent?: () => void) {
      const read = await super.get(path, onEvent);
      return path === locked && isLocked ? { ok: false as const, error: 'no_auth' as const } : read;
    }
  }
  const session = keep(
    new RefusedSession({
      servers: servers.zookeeper,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rereadIntervalMs: 100,
    }),
  );
  session.start();
  await session.connected(60_000);
  let seen = 0;
  session.watch(locked, () => {
    seen += 1;
  });
  await Promise.all(paths.map((path) => session.watch(path, () => {}).first));
  session.moments.length = 0;
  const timesRead = (path: string) => session.moments.flat().filter((one) => one === path).length;
  await until('it was tried again', () => timesRead(locked) > 4);
  expect(seen).toBe(0);
  expect(Math.max(...paths.map(timesRead))).toBeLessThan(timesRead(locked));
  isLocked = false;
  await until('it was read', () => seen === 1);
});
