import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

/**
 * On one machine, who answers shoppers comes first: what workers and the database do for a request can
 * wait in the queue, its `202` cannot.
 */
export const BEHIND_THE_QUEUE_NICENESS = 5;

/** How soon a child that has begun a session of its own gives way as well. */
const CHILDREN_LOOK_MS = 500;

/**
 * Lets a process and its children give way to the others of the stack, for as long as it runs.
 *
 * Niceness alone does nothing between processes that lead a session each, as ours and every
 * PostgreSQL backend do: Linux' autogroup (sched(7)) makes a group of each session, gives all groups
 * the same share of a core and looks at niceness within a group only. So the groups are made
 * nice too, those of children as they come.
 *
 * @param niceness added to the starter's own, 0 to 19
 */
export function giveWay(pid: number, niceness: number): void {
  const nice = Math.min(constants.priority.PRIORITY_LOW, getPriority() + niceness);
  try {
    setPriority(pid, nice);
  } catch {
    return; // It has ended already, which its own exit tells.
  }
  const look = () => {
    // No more of the process, no autogroup in this kernel, or no Linux.
    if (!existsSync(groupFile(pid))) return clearInterval(timer);
    for (const one of [pid, ...childrenOf(pid)]) niceGroup(one, nice);
  };
  const timer = setInterval(look, CHILDREN_LOOK_MS).unref();
  look();
}

const groupFile = (pid: number) => `/proc/${pid}/autogroup`;

/** Those that its first thread has started; none where the kernel does not tell. */
function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Looked at each time: a child may have begun its session since. */
function niceGroup(pid: number, nice: number): void {
  try {
    // `/autogroup-123 nice 0`
    const isNice = readFileSync(groupFile(pid), 'utf8').trimEnd().endsWith(` nice ${nice}`);
    if (!isNice) writeFileSync(groupFile(pid), String(nice));
  } catch {
    // It has ended, or who is not root has set ten in this second: the next look will do it.
  }
}
