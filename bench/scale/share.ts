import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parentOf } from '../../ops/stack/processes.ts';
import { cpuSeconds } from '../machine.ts';

/**
 * Holds processes to a share of a core with a control group of Linux, version 1 or 2. The kernel stops the
 * group for the rest of a period when its share of the period is used up.
 */

/**
 * A share that a group has no core for in time is lost. So the period is long enough to get one beside other programs,
 * and the workers have calls enough under way to wait for the next period.
 */
const PERIOD_US = 50_000;
/** Times the weight of another program: others do not decide what a group gets, as far as that is possible. */
const WEIGHT_FACTOR = 100;
const REMOVE_TRIES = 20;
const REMOVE_PAUSE_MS = 100;
const CHECK_SHARE = 0.2;
const CHECK_MS = 600;
/** The limit of the group of the check, as a part of a core: the share, and a tolerance for coarse clocks. */
const CHECK_MOST = 0.3;

interface Version {
  /** Where groups are made. */
  readonly root: string;
  /** Must be there for it. */
  readonly marker: string;
  readonly weight: readonly [file: string, text: string];
  limit(share: number | undefined): readonly (readonly [file: string, text: string])[];
}

const quota = (share: number) => String(Math.round(share * PERIOD_US));
const VERSIONS: readonly Version[] = [
  {
    root: '/sys/fs/cgroup',
    marker: '/sys/fs/cgroup/cgroup.subtree_control',
    weight: ['cpu.weight', String(100 * WEIGHT_FACTOR)],
    limit: (share) => [['cpu.max', `${share === undefined ? 'max' : quota(share)} ${PERIOD_US}`]],
  },
  {
    root: '/sys/fs/cgroup/cpu',
    marker: '/sys/fs/cgroup/cpu/cpu.cfs_quota_us',
    weight: ['cpu.shares', String(1_024 * WEIGHT_FACTOR)],
    limit: (share) => [
      ['cpu.cfs_period_us', String(PERIOD_US)],
      ['cpu.cfs_quota_us', share === undefined ? '-1' : quota(share)],
    ],
  },
];

/** This machine cannot hold processes to a share. */
export class SharesUnavailable extends Error {
  override name = 'SharesUnavailable';

  constructor(reason: string) {
    super(
      `CPU shares cannot be enforced here: ${reason}.\n` +
        'This benchmark needs Linux, root, and a control group hierarchy for CPU that it can write to ' +
        '(/sys/fs/cgroup with the controller cpu, or /sys/fs/cgroup/cpu). In a container, start it with ' +
        'such a hierarchy, or run the benchmark on the machine itself.',
    );
  }
}

export class CpuGroup {
  readonly #folder: string;
  readonly #version: Version;

  private constructor(folder: string, version: Version) {
    this.#folder = folder;
    this.#version = version;
  }

  /** @throws {SharesUnavailable} */
  static create(name: string, share?: number): CpuGroup {
    const version = VERSIONS.find(({ marker }) => existsSync(marker));
    if (version === undefined) throw new SharesUnavailable('there is no control group for CPU');
    const group = new CpuGroup(join(version.root, `flashsale-${process.pid}-${name}`), version);
    try {
      const { marker } = version;
      if (marker.endsWith('subtree_control')) writeFileSync(marker, '+cpu');
      mkdirSync(group.#folder);
      group.#write(version.weight);
      group.limit(share);
    } catch (error) {
      throw new SharesUnavailable(error instanceof Error ? error.message : String(error));
    }
    return group;
  }

  #write([file, text]: readonly [string, string]): void {
    writeFileSync(join(this.#folder, file), text);
  }

  /** @param share of one core; undefined: as much as there is */
  limit(share: number | undefined): void {
    for (const setting of this.#version.limit(share)) this.#write(setting);
  }

  /** Takes in a process with its descendants. Those that it starts later belong to the group as well. */
  add(root: number): void {
    this.#write(['cgroup.procs', String(root)]);
    for (const pid of readdirSync('/proc').map(Number).filter(Number.isInteger)) {
      let at: number | undefined = pid;
      while (at !== undefined && at !== root) at = parentOf(at);
      if (at === undefined) continue;
      try {
        this.#write(['cgroup.procs', String(pid)]);
      } catch {
        // The process has ended.
      }
    }
  }

  /** Leaves its processes to the group of all others. Blocks until those that are ending have ended. */
  remove(): void {
    const everybody = join(this.#version.root, 'cgroup.procs');
    for (let tries = 1; ; tries += 1) {
      const members = readFileSync(join(this.#folder, 'cgroup.procs'), 'utf8');
      for (const pid of members.split('\n').filter(Boolean)) {
        try {
          writeFileSync(everybody, pid);
        } catch {
          // The process has ended.
        }
      }
      try {
        rmdirSync(this.#folder);
        return;
      } catch (error) {
        if (tries === REMOVE_TRIES) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVE_PAUSE_MS);
      }
    }
  }
}

/**
 * Lets a busy process run in a group, to see whether the kernel holds it to its share.
 *
 * @throws {SharesUnavailable}
 */
export async function assertShares(): Promise<void> {
  const group = CpuGroup.create('check', CHECK_SHARE);
  const busy: ChildProcess = spawn('/bin/sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
  try {
    const pids = new Map([['busy', busy.pid ?? 0]]);
    group.add(busy.pid ?? 0);
    const [before, startMs] = [cpuSeconds(pids).get('busy') ?? 0, performance.now()];
    await delay(CHECK_MS);
    const used = (cpuSeconds(pids).get('busy') ?? 0) - before;
    const share = used / ((performance.now() - startMs) / 1_000);
    if (share > CHECK_MOST || used === 0) {
      throw new SharesUnavailable(
        `a process held to ${CHECK_SHARE} of a core used ${share.toFixed(2)} of it`,
      );
    }
  } finally {
    busy.kill('SIGKILL');
    await new Promise((resolve) => busy.once('exit', resolve));
    group.remove();
  }
}
