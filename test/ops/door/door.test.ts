import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { doorCode, doorKeyOf } from '../../../contracts/door-code.ts';
import { Door } from '../../../ops/door/door.ts';
import type { DoorPack } from '../../../ops/door/pack.ts';
import { SCRATCH_PREFIX } from '../../../ops/stack/test-folder.ts';
import { PROGRAM_ENVIRONMENT } from '../../children.ts';
import { flashsale } from '../../command-line.ts';
import { Terminal } from '../../terminal.ts';

/** The door: who is let in, once, without a network, through crashes and beside other doors. */

const KEY = doorKeyOf(Buffer.alloc(32, 7));
const OTHER_KEY = doorKeyOf(Buffer.alloc(32, 8));
const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const codeOf = (orderNo: string, position: number, key = KEY) =>
  doorCode(key, { orderNo, position });

/** Order 1000000002 has the first two seats, 2000000002 the serial number; row 1 seat 3 is not paid. */
function packOf(key = KEY, more: Partial<DoorPack> = {}): DoorPack {
  const [ann, bob] = ['1000000002', '2000000002'];
  return {
    doorPack: 1,
    sale: 'spring',
    title: 'Spring',
    madeAt: '2026-12-01T18:00:00.000Z',
    publicKey: key.publicKey.toString('base64url'),
    sections: [
      {
        sku: 'Stalls',
        title: 'Stalls',
        units: [
          [1, '1', '1', ann],
          [2, '1', '2', ann],
          [3, '1', '3', null],
        ],
      },
      { sku: 'Club', title: 'Club', units: [[1, null, 'A-1', bob]] },
    ],
    ...more,
  };
}

function writePack(pack = packOf()): string {
  const path = join(mkdtempSync(join(folder, 'door-')), 'door.json');
  writeFileSync(path, JSON.stringify(pack));
  return path;
}

const open = (path: string, skus?: readonly string[]) =>
  new Door(path, {
    skus,
    warn: (why) => {
      throw new Error(why);
    },
  });

function usesOf(path: string): string {
  const door = open(path);
  door.close();
  return door.usesPath;
}

/** Without a database, a broker or ZooKeeper in its environment. */
const verify = (words: readonly string[], input?: string) =>
  flashsale(['door', 'verify', ...words], input === undefined ? {} : { input });

describe('the command', () => {
  it('reads codes from a scanner and says which are let in', async () => {
    const path = writePack();
    const codes = [
      codeOf('1000000002', 2),
      codeOf('2000000002', 1),
      codeOf('1000000002', 2),
      codeOf('3000000002', 3),
      codeOf('1000000002', 1, OTHER_KEY),
      codeOf('1000000002', 1).replace(/.$/, (digit) => String((Number(digit) + 1) % 10)),
      '4006381333931',
    ];
    const { code, out, err } = await verify([path], `${codes.join('\r\n\n')}\r\n`);
    expect(out.split('\n')).toEqual([
      'ok row 1 seat 2 (Stalls)',
      'ok A-1 (Club)',
      expect.stringMatching(/^used row 1 seat 2 \(Stalls\): first at 20\d\d-/),
      expect.stringMatching(/^void order 3000000002 does not have it by the pack of 2026-12-0/),
      'unknown sale',
      'forged',
      'unreadable: scan again',
      '',
    ]);
    expect(err).toMatch(/^Spring: 3 paid units, pack of .*; 0 used so far\n$/);
    expect(code).toBe(1);

    const first = await verify([path, codeOf('1000000002', 1), '--json']);
    expect(JSON.parse(first.out)).toEqual({
      ...{ result: 'ok', sku: 'Stalls', section: 'Stalls' },
      ...{ row: '1', seat: '1', orderNo: '1000000002' },
    });
    expect([first.code, first.err]).toEqual([0, '']);
    const noPack = await verify([join(folder, 'none.json'), '1']);
    expect([noPack.code, noPack.out]).toEqual([2, '']);
  });
});

describe('at a terminal', () => {
  it('the answers stand alone and in colour, and Ctrl-C ends it', async () => {
    const command = `${process.execPath} ops/cli.ts door verify ${writePack()}`;
    const env = { ...PROGRAM_ENVIRONMENT, TERM: 'xterm' };
    const terminal = new Terminal(command, { cwd: process.cwd(), env });
    await terminal.reads('0 used so far\r\n');
    for (const answer of ['\x1b[32mok\x1b[39m', '\x1b[31mused\x1b[39m']) {
      terminal.types(`${codeOf('2000000002', 1)}\r`);
      expect(await terminal.reads(`${answer} A-1 (Club)`)).not.toMatch(/\d{9}/);
    }
    terminal.types('\x03');
    expect((await terminal.ends()).code).toBe(1);
  });
});

describe('a code', () => {
  it('that a killed process was writing down is not used, and one that is written down is', () => {
    const path = writePack();
    open(path).check(codeOf('1000000002', 1));
    const [, whole = ''] = readFileSync(usesOf(path), 'utf8').split('\n');
    const next = whole.replace(
      codeOf('1000000002', 1).slice(0, 36),
      codeOf('1000000002', 2).slice(0, 36),
    );
    expect(next).not.toBe(whole);
    for (let length = 0; length < next.length; length += 7) {
      const crashed = writePack();
      appendFileSync(usesOf(crashed), `\n${whole}\n\n${next.slice(0, length)}`);
      const door = open(crashed);
      expect(door.check(codeOf('1000000002', 1)).result).toBe('used');
      expect(door.check(codeOf('1000000002', 2)).result).toBe('ok');
      door.close();
      const again = open(crashed);
      expect([again.used, again.brokenLines]).toEqual([2, length === 0 ? 0 : 1]);
      expect(again.check(codeOf('1000000002', 2)).result).toBe('used');
    }
    const written = writePack();
    appendFileSync(usesOf(written), `\n${next}\n`);
    expect(open(written).check(codeOf('1000000002', 2))).toMatchObject({
      result: 'used',
      at: JSON.parse(next).at,
    });
  });

  it('is let in by one of several processes that share the file', async () => {
    const path = writePack();
    const codes = [codeOf('1000000002', 1), codeOf('1000000002', 2), codeOf('2000000002', 1)];
    const input = `${codes.join('\n')}\n`;
    const said = await Promise.all([1, 2, 3].map(() => verify([path], input)));
    const lines = said.flatMap(({ out }) => out.trim().split('\n'));
    expect(lines).toHaveLength(9);
    expect(lines.filter((line) => line.startsWith('ok')).sort()).toEqual([
      'ok A-1 (Club)',
      'ok row 1 seat 1 (Stalls)',
      'ok row 1 seat 2 (Stalls)',
    ]);
    expect(lines.filter((line) => line.startsWith('used'))).toHaveLength(6);
  });

  it('is not let in if another process writes it down between the look and the own line', () => {
    const path = writePack();
    const code = codeOf('1000000002', 1);
    const at = '2026-12-01T18:30:00.000Z';
    // The time of a use is read between them.
    vi.spyOn(Date.prototype, 'toISOString').mockImplementationOnce(() => {
      expect(open(path).check(code).result).toBe('ok');
      return at;
    });
    const said = open(path).check(code);
    expect(said.result).toBe('used');
    expect(said).not.toMatchObject({ at });
  });

  it('is used once by all packs of the sale in a folder, whatever their names', () => {
    const path = writePack();
    const [again, linked] = [`${path}-2`, `${path}-3`];
    writeFileSync(again, JSON.stringify(packOf()));
    symlinkSync(path, linked);
    const code = codeOf('1000000002', 1);
    const said = [path, again, linked].map((one) => open(one).check(code).result);
    expect(said).toEqual(['ok', 'used', 'used']);
  });

  it('is not let in while the file of uses is another one, or shorter, than the door has read', () => {
    const [first, second] = [codeOf('1000000002', 1), codeOf('1000000002', 2)];
    const cases = [
      // A copy of the folder was put in its place, such as by rsync.
      (uses: string) => {
        writeFileSync(`${uses}.copy`, '');
        renameSync(`${uses}.copy`, uses);
      },
      (uses: string) => rmSync(uses),
      (uses: string) => truncateSync(uses),
    ];
    for (const change of cases) {
      const path = writePack();
      const door = open(path);
      expect(door.check(first).result).toBe('ok');
      change(usesOf(path));
      const beside = open(path);
      for (const code of [second, first]) {
        expect(beside.check(code).result).toBe('ok');
        expect(() => door.check(code)).toThrow('the file of uses');
      }
    }
  });

  it('of another section of the sale is sent to its door, and not used', () => {
    const path = writePack();
    const code = codeOf('2000000002', 1);
    expect(open(path, ['Stalls']).check(code)).toMatchObject({ result: 'other_door', sku: 'Club' });
    expect(open(path, ['Club']).check(code).result).toBe('ok');
    expect(() => open(path, ['Balcony'])).toThrow('no section Balcony; it has Stalls, Club');
  });
});

describe('a renewed pack', () => {
  it('is taken over by a door that runs, which keeps what was used', () => {
    const path = writePack();
    const door = open(path);
    const [old, used, sold] = [1, 2, 3].map((at) =>
      codeOf(at === 3 ? '3000000002' : '1000000002', at),
    );
    expect(door.check(used ?? '').result).toBe('ok');
    expect(door.check(sold ?? '').result).toBe('void');
    const renewed = packOf(KEY, {
      sections: [
        {
          sku: 'Stalls',
          title: 'Stalls',
          // The first seat was given back and sold again.
          units: [
            [1, '1', '1', '3000000004'],
            [2, '1', '2', '1000000002'],
            [3, '1', '3', '3000000002'],
          ],
        },
      ],
    });
    writeFileSync(path, JSON.stringify(renewed));
    expect(door.check(old ?? '').result).toBe('void');
    expect(door.check(codeOf('3000000004', 1)).result).toBe('ok');
    expect(door.check(sold ?? '').result).toBe('ok');
    expect(door.check(used ?? '').result).toBe('used');
  });

  it('of another sale, or that is broken, is told of once and not used', () => {
    const path = writePack();
    const told: string[] = [];
    const door = new Door(path, { warn: (why) => told.push(why) });
    for (const text of [JSON.stringify(packOf(OTHER_KEY)), '{']) {
      writeFileSync(path, text);
      door.check(codeOf('1000000002', 1));
      door.check(codeOf('1000000002', 1));
    }
    expect(door.check(codeOf('2000000002', 1)).result).toBe('ok');
    expect(told).toEqual([
      'the renewed pack is not used: it is of another sale',
      expect.stringContaining('is no door pack of version 1'),
    ]);
  });
});
