import type { Home } from '../../contracts/homes.ts';
import { REGULAR } from '../../contracts/homes.ts';
import { type AuditRow, audit } from '../../db/audit.ts';
import { waitsForWorker } from '../../db/audit-row.ts';
import type { Databases, Queryable } from '../../db/client/pool.ts';
import { acceptHistory, beatenAt, isAccepted, skipNumbers } from '../../db/restore.ts';
import { withSalesLock } from '../sale/apply.ts';
import {
  type Aligned,
  alignBuyers,
  alignReferences,
  alignTransfers,
  forgetCopies,
  type Shortage,
} from './align.ts';
import { findLost, type Lost, makeGood } from './lost.ts';
import { type MovedTwice, movedTwice } from './moved-twice.ts';

/**
 * Brings the shop in line with homes that were set back. Until it has accepted them, no process uses them. May be
 * repeated, also after it was killed.
 */

export interface RestorePlace {
  readonly databases: Databases;
  /** The last beat of the keeper at the server of this home, which ZooKeeper has. */
  readonly lastBeat: (home: Home) => Promise<string | undefined>;
  /** Copies that go up to the end of the lost time, by home; '' is of the only server that was set back. */
  readonly copies: ReadonlyMap<Home, Queryable>;
}

export interface SetBackHome {
  readonly home: Home;
  /** When the keeper last beat at the database as it is now. Later commits are lost. */
  readonly since: Date;
  /** Undefined without a copy: nobody knows the names then. */
  readonly lost: Lost | undefined;
  /** Orders that were paid in the lost time and are paid again. */
  readonly paidAgain: readonly string[];
}

export interface AfterRestore {
  readonly homes: readonly SetBackHome[];
  /** If there are any, nothing is changed: the home has to be restored to another time. */
  readonly movedTwice: readonly MovedTwice[];
  readonly aligned: readonly Aligned[];
  readonly users: number;
  /** Orders whose payment pays another order. */
  readonly doubtful: readonly string[];
  readonly missing: readonly Shortage[];
  readonly broken: readonly AuditRow[];
  /** Work that has waited for too long. Workers can only do it when the shop sells again. */
  readonly waiting: readonly AuditRow[];
  readonly isAccepted: boolean;
}

/** Homes whose server may not sell. */
async function homesSetBack(databases: Databases): Promise<Home[]> {
  const asked = databases.homes.map(
    async (home) => [home, await isAccepted(databases, home)] as const,
  );
  return (await Promise.all(asked)).filter(([, is]) => !is).map(([home]) => home);
}

/**
 * Only one call at a time changes something. A second one would go on with what it had read before the first one let the
 * shop sell again.
 *
 * @param isDry only lists what was lost, and changes nothing
 * @throws {DatabaseError} also if a home does not answer, or if another command changes sales for 20 s
 */
export function afterRestore(place: RestorePlace, isDry = false): Promise<AfterRestore> {
  return isDry ? restored(place, true) : withSalesLock(place, () => restored(place, false));
}

/** @throws {Error} if the copies are not of the homes that were set back: what was lost could never be made good */
function checkNames({ databases, copies }: RestorePlace, setBack: readonly Home[]): void {
  const names = [...copies.keys()];
  const unknown = names.find((name) => name !== '' && !databases.homes.includes(name));
  if (unknown !== undefined) throw new Error(`there is no home ${unknown}`);
  if (setBack.length === 0 || names.length === 0) return;
  const servers = new Set(setBack.map((home) => databases.home(home)));
  if (servers.size > 1 && copies.has('')) {
    throw new Error(`name the home of each copy: ${setBack.join(' and ')} were set back`);
  }
  // A call that was killed may have accepted some of them.
  if (!copies.has('') && !setBack.some((home) => copies.has(home))) {
    throw new Error(`no copy is of ${setBack.join(' or ')}, which was set back`);
  }
}

/** @throws {Error} if the copy ends where the database was set back to */
async function checkEnd(copy: Queryable, home: Home, since: Date): Promise<void> {
  const end = await beatenAt(copy);
  if (end === undefined || end > since) return;
  throw new Error(
    `the copy of ${home} ends at ${end.toISOString()}, so it has nothing that was lost: see docs/backup.md, or leave it out`,
  );
}

async function restored(place: RestorePlace, isDry: boolean): Promise<AfterRestore> {
  const { databases, copies, lastBeat } = place;
  const setBack = await homesSetBack(databases);
  checkNames(place, setBack);
  const twice = await movedTwice(databases, setBack);
  const onlyTell = isDry || twice.length > 0;
  const homes: SetBackHome[] = [];
  for (const home of setBack) {
    const since = await skipNumbers(databases, home, onlyTell);
    const copy = copies.get(home) ?? copies.get('');
    if (copy !== undefined) await checkEnd(copy, home, since);
    const lost = copy && (await findLost(databases, home, copy, since));
    homes.push({ home, since, lost, paidAgain: [] });
  }
  const nothing = { aligned: [], users: 0, doubtful: [], missing: [], broken: [], waiting: [] };
  if (onlyTell || setBack.length === 0) {
    return { homes, movedTwice: twice, ...nothing, isAccepted: false };
  }

  await forgetCopies(databases, setBack);
  const { aligned, missing } = await alignTransfers(databases);
  const hub = homes.find(({ home }) => home === REGULAR);
  const doubtful = hub === undefined ? [] : await alignReferences(databases, hub.since);
  const told: SetBackHome[] = [];
  for (const each of homes) {
    const paidAgain = each.lost ? await makeGood(databases, each.home, each.lost) : [];
    told.push({ ...each, paidAgain });
  }
  const users = await alignBuyers(databases);
  const found = await audit(databases);
  const waiting = found.filter(waitsForWorker);
  const broken = found.filter((row) => !waitsForWorker(row));
  const isWhole = missing.length === 0 && broken.length === 0 && doubtful.length === 0;
  if (isWhole) {
    for (const server of databases.servers) {
      const home = databases.homeOf(server);
      if (setBack.includes(home)) await acceptHistory(databases, home, await lastBeat(home));
    }
  }
  return {
    ...{ homes: told, movedTwice: twice, aligned, users, doubtful, missing, broken, waiting },
    isAccepted: isWhole,
  };
}
