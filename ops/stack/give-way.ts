import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

/**
 * On one machine web nodes come first: an admitted request can wait in the queue for the worker and
 * the database, but a shopper waits for the `202`.
 */
export const BEHIND_THE_QUEUE_NICENESS = 5;

/** Interval at which children that lead a new session are made nice as well. */
const CHILDREN_LOOK_MS = 500;

/**
 * Lowers the priority of a process and its children for as long as the process runs.
 *
 * Niceness alone has no effect between processes that each lead a session, as ours and every
 * PostgreSQL backend do. Linux' autogroup (sched(7)) puts each session into a group, gives all groups
 * the same share of a core and compares niceness only within a group. Therefore the groups are made
 * nice too, and the groups of new children at each interval.
 *
 * @param niceness added to the starter's own, 0 to 19
 */
export function giveWay(pid: number, niceness: number): void {
  const nice = Math.min(constants.priority.PRIORITY_LOW, getPriority() + niceness);
  try {
    setPriority(pid, nice);
  } catch {
    return; // The process has ended; its exit is reported elsewhere.
  }
  const look = () => {
    // The process has ended, the kernel has no autogroup, or this is not Linux.
    if (!existsSync(groupFile(pid))) return clearInterval(timer);
    for (const one of [pid, ...childrenOf(pid)]) niceGroup(one, nice);
  };
  const timer = setInterval(look, CHILDREN_LOOK_MS).unref();
  look();
}

const groupFile = (pid: number) => `/proc/${pid}/autogroup`;

/** Pids of the children of its first thread; none if the kernel does not list them. */
function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Reads the group each time, because a child may have started a session since. */
function niceGroup(pid: number, nice: number): void {
  try {
    // `/autogroup-123 nice 0`
    const isNice = readFileSync(groupFile(pid), 'utf8').trimEnd().endsWith(` nice ${nice}`);
    if (!isNice) writeFileSync(groupFile(pid), String(nice));
  } catch {
    // The process has ended, or a user other than root has set ten groups in this second. The next
    // interval tries again.
  }
}
