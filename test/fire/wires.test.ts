import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { apart, whyNotApart } from '../../fire/shop/namespaces.ts';
import { PROGRAM_ENVIRONMENT } from '../children.ts';
import { until } from '../until.ts';
import type { Seen } from './across-a-wire.ts';

/** Wires between processes, with true packets. Nothing of it is in the network of the machine. */

const why = whyNotApart();
if (why !== undefined) console.log(`no wire can be laid here: ${why}`);

const PROGRAM = join(import.meta.dirname, 'across-a-wire.ts');
const options = { env: PROGRAM_ENVIRONMENT };

/** What this machine shows of networks. */
const machine = () => execFileSync('sh', ['-c', 'ip netns list; ip -o link'], { encoding: 'utf8' });

/** Whether a process is in one of the network namespaces. */
const areInUse = (namespaces: readonly string[]) =>
  readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .some((pid) => {
      try {
        return namespaces.includes(readlinkSync(`/proc/${pid}/ns/net`));
      } catch {
        // It has ended.
        return false;
      }
    });

describe.skipIf(why !== undefined)('a wire', () => {
  it('loses, doubles and holds up packets, and is whole again', async () => {
    const [program = '', ...args] = apart(process.execPath, PROGRAM);
    const { stdout } = await promisify(execFile)(program, args, options);
    const seen = JSON.parse(stdout) as Seen;
    expect(seen.isApart).toBe(true);
    expect(seen.during).toEqual({ silence: [0, 0], 'silence-out': [5, 0], 'silence-in': [0, 0] });
    expect(seen.dropped).toBeGreaterThan(0);
    const [packets = 0, doubled = 0] = seen.packets;
    expect(doubled).toBeGreaterThanOrEqual(2 * packets);
    const [wide = 0, narrow = 0] = seen.took;
    expect(narrow).toBeGreaterThan(Math.max(500, wide));
    expect(seen.rules[1]).toBe(seen.rules[0]);
    expect(seen.rules[0]).not.toContain('DROP');
  });

  it('goes with the last process of a run that is killed', async () => {
    const before = machine();
    const [program = '', ...args] = apart(process.execPath, PROGRAM, 'stay');
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await once(child.stdout, 'data');
    const { namespaces } = JSON.parse(`${said}`) as Pick<Seen, 'namespaces'>;
    expect(new Set([...namespaces, readlinkSync('/proc/self/ns/net')]).size).toBe(3);
    expect(machine()).toBe(before);
    expect(areInUse(namespaces)).toBe(true);
    child.kill('SIGKILL');
    await until('nothing of it', () => !areInUse(namespaces));
    expect(machine()).toBe(before);
  });
});
