import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withEntries, withoutEntries } from '../../../zk/tree/list-text.ts';
import { isListed, parseAddresses, parseAgents, parseUsers } from '../../../zk/tree/lists.ts';
import { Shopper } from '../../shopper.ts';
import { type System, startSystem } from '../../system.ts';
import { until } from '../../until.ts';

interface Said {
  readonly code: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the command prints; tests look at it
  readonly json: any;
  readonly stderr: string;
}

function command(system: System, ...args: string[]): Promise<Said> {
  return new Promise((resolve) => {
    const options = {
      cwd: join(import.meta.dirname, '..', '..', '..'),
      env: { ...system.environment },
    };
    execFile(process.execPath, ['ops/cli.ts', ...args], options, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : 0;
      resolve({ code, json: stdout === '' ? undefined : JSON.parse(stdout), stderr });
    });
  });
}

describe('a list', () => {
  it('has one entry a line, with comments', () => {
    const users = parseUsers('ada\n\n# robots\nbob # since Monday\r\nc#3\n');
    expect(users).toEqual({ ok: true, value: new Set(['ada', 'bob', 'c#3']) });
    expect(parseAgents('PythonRequests\n')).toEqual({ ok: true, value: ['pythonrequests'] });
    expect(parseUsers('')).toEqual({ ok: true, value: new Set() });
  });

  it('can be written in zkCli.sh: commas separate entries as line breaks do, with optional spaces', () => {
    const users = (text: string) => {
      const parsed = parseUsers(text);
      return parsed.ok ? [...parsed.value] : parsed.reason;
    };
    expect(users('br-a,br-b')).toEqual(['br-a', 'br-b']);
    expect(users(' br-a , br-b,\n br-c # seen, twice\n')).toEqual(['br-a', 'br-b', 'br-c']);
    expect(users('"cn=ada,ou=x", "Zo\u00eb M", "#1"')).toEqual(['cn=ada,ou=x', 'Zo\u00eb M', '#1']);
    const ips = parseAddresses('10.0.0.0/8, 192.0.2.7');
    expect(isListed(ips.ok ? ips.value : undefined, '192.0.2.7')).toBe(true);
    expect(parseAgents('EvilBot/1, Bot (X11; y)')).toEqual({
      ok: true,
      value: ['evilbot/1', 'bot (x11; y)'],
    });
  });

  it.each([
    [parseUsers, 'a,,b', /nothing between two commas/],
    [parseUsers, ',a', /nothing between two commas/],
    [parseUsers, '"", b', /nothing between two commas/],
    [parseUsers, 'br-a br-b', /has a space/],
    [parseUsers, '"br-a', /not closed/],
    [parseUsers, 'a\0b', /NUL/],
    [parseUsers, 'a\u0007b', /control character/],
    [parseUsers, '\ud800', /no text/],
    [parseUsers, `b,${'x'.repeat(129)}`, /more than 128/],
    [parseAgents, 'curl, \u4f60\u597d\u55ce', /in no User-Agent/],
    [parseAddresses, '10.0.0.1, fe80::1%eth0', /no address/],
    [parseAddresses, '10.0.0.1 10.0.0.2', /no address/],
    [parseAddresses, '10.0.0.0/', /no address/],
  ])('refuses an entry that can match nobody: %#', (parse, text, reason) => {
    const parsed = parse(text);
    expect(parsed.ok ? '' : parsed.reason).toMatch(reason);
  });

  it('is edited entry by entry, and the rest of its text stays', () => {
    const text = '# robots\nada, bob # since Monday\n"x,y"';
    expect(withEntries(text, ['bob', 'z', 'p q', 'z'])).toBe(`${text}\nz\n"p q"`);
    expect(withEntries('', ['z'])).toBe('z');
    expect(withoutEntries(text, new Set(['bob']))).toBe('# robots\nada\n"x,y"');
    expect(withoutEntries(text, new Set(['x,y']))).toBe('# robots\nada, bob # since Monday');
  });

  it('of addresses accepts ranges of IPv4 and IPv6', () => {
    const parsed = parseAddresses('10.0.0.0/8\n192.0.2.7\n2001:db8::/32');
    const list = parsed.ok ? parsed.value : undefined;
    for (const ip of ['10.255.0.1', '192.0.2.7', '2001:db8:9::1', '::ffff:10.1.1.1']) {
      expect([ip, isListed(list, ip)]).toEqual([ip, true]);
    }
    for (const ip of ['11.0.0.1', '192.0.2.8', '2001:db9::1', 'nonsense', '']) {
      expect([ip, isListed(list, ip)]).toEqual([ip, false]);
    }
  });

  it('of addresses accepts every spelling of an address', () => {
    const parsed = parseAddresses('::ffff:c633:6400/120\n[2001:DB8::1]:443\n192.0.2.7:80');
    const list = parsed.ok ? parsed.value : undefined;
    const listed = ['198.51.100.7', '198.51.100.7:40001', '::ffff:c633:6407', '192.0.2.7'];
    for (const ip of [...listed, '2001:db8:0::1', '[2001:db8::1]:9']) {
      expect([ip, isListed(list, ip)]).toEqual([ip, true]);
    }
    expect(isListed(list, '198.51.101.7')).toBe(false);
  });

  it.each([
    ['10.0.0.0/33', /no address and no range/],
    ['10.0.0', /no address/],
    ['ada', /no address/],
    ['::1/129', /no address/],
    ['1.2.3.4/8/9', /no address/],
    [`${'1.2.3.4\n'.repeat(10_001)}`, /entries/],
    ['x'.repeat(200_001), /characters/],
    ['x'.repeat(129), /characters/],
  ])('is refused as a whole for %.20s', (text, reason) => {
    const parsed = parseAddresses(text);
    expect(parsed.ok ? '' : parsed.reason).toMatch(reason);
  });

  it('of agents refuses a text that is in every User-Agent', () => {
    expect(parseAgents('curl\nM')).toMatchObject({ ok: false });
  });
});

describe('lists in ZooKeeper', () => {
  let system: System;
  let sale: string;
  beforeAll(async () => {
    system = await startSystem({ webNodes: 1 });
    sale = await system.createSale([{ sku: 'TV', units: 50 }]);
  });
  afterAll(() => system?.stop());

  /** Writes as zkCli.sh does, without creating parents. */
  async function write(path: string, text: string): Promise<void> {
    const full = `${system.root}/lists/${path}`;
    const made = await system.session.create(full, text);
    if (!made.ok) await system.set(full, text);
  }
  const shopper = (userId: string) => new Shopper(system.url, system.jwtSecret, userId);
  const ask = (userId: string, agent = 'Firefox') =>
    shopper(userId).call(
      'POST',
      `/api/v1/sales/${sale}/tickets`,
      { sku: 'TV' },
      {
        'user-agent': agent,
      },
    );
  const verdictOf = async (userId: string, agent?: string) =>
    (await ask(userId, agent)).body.verdict;

  it('block and allow users while the sale runs; an invalid edit changes nothing and is explained', async () => {
    const mallory = shopper('mallory');
    const ticket = await mallory.ticket(sale, 'TV');
    await write('block/users', 'mallory\n');
    await until('mallory is blocked', async () => (await verdictOf('mallory')) === 'blocked');
    // A ticket that the user already has is refused too.
    expect((await mallory.press(sale, 'TV', { ticket })).body).toMatchObject({
      status: 403,
      verdict: 'blocked',
    });
    expect((await ask('ada')).status).toBe(201);

    await write('block/agents', 'evilbot');
    await until(
      'the bot is blocked',
      async () => (await verdictOf('ada', 'EvilBot/2')) === 'blocked',
    );
    await write('block/ips', '127.0.0.0/8\n::1');
    await until('everybody is blocked', async () => (await verdictOf('ada')) === 'blocked');
    await write('allow/users', 'ada');
    await until('ada is allowed', async () => (await ask('ada')).status === 201);

    await write('block/ips', 'everybody');
    const path = system.paths.error(`${system.root}/lists/block/ips`);
    const note = await until('the edit is explained', async () => {
      const read = await system.session.get(path);
      return read.ok ? read.value.text : undefined;
    });
    expect(JSON.parse(note)).toMatchObject({ refused: 'everybody', inForce: '127.0.0.0/8\n::1' });
    expect(await verdictOf('bob')).toBe('blocked');
    // The commands read the list in force, not the refused edit.
    const lists = (...args: string[]) => command(system, 'lists', ...args, '--json');
    expect((await lists('show', 'block/ips')).json).toEqual([
      {
        list: 'block/ips',
        entries: ['127.0.0.0/8', '::1'],
        refused: '"everybody" is no address and no range (10.0.0.0/8)',
      },
    ]);
    const refused = await lists('add', 'block/ips', '10.0.0.0/40');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/no address/)]);
    const added = await lists('add', 'block/ips', '10.0.0.0/8');
    expect(added.json).toMatchObject({ to: '127.0.0.0/8\n::1\n10.0.0.0/8', notApplied: [] });
    const removed = await lists('remove', 'block/ips', '10.0.0.0/8');
    expect(removed.json).toMatchObject({ to: '127.0.0.0/8\n::1', notApplied: [] });
    expect((await lists('remove', 'block/ips', '10.0.0.0/8')).stderr).toMatch(/is not in block/);
    await write('block/ips', '# nobody');
    await until('bob is let in', async () => (await ask('bob')).status === 201);
    await write('block/users', 'mallory,bob');
    await until('bob is blocked', async () => (await verdictOf('bob')) === 'blocked');
    const pin = `${system.root}/skus/TV/pins/somebody`;
    expect(await system.session.create(pin, '1'), 'its parent is there').toMatchObject({
      ok: true,
    });
    expect(await verdictOf('mallory')).toBe('blocked');
  });
});
