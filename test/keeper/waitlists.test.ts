import { afterEach, beforeEach, expect, test } from 'vitest';
import { Waitlists } from '../../keeper/waitlists.ts';
import { until } from '../until.ts';
import { ControlPlane } from './control-plane.ts';

/** Operators' edits in ZooKeeper also apply to the waitlist in the database. */

let plane: ControlPlane;

beforeEach(async () => {
  plane = await ControlPlane.start();
});

afterEach(() => plane.close());

async function told(open: string[], closed: string[]): Promise<void> {
  await until(`open: ${open}; closed: ${closed}`, () => {
    expect(plane.waitlists).toEqual({ open, closed });
    return true;
  });
}

test('the waitlist of a SKU is closed with the SKU, when it is off, and while orders hold more than the quota', async () => {
  await plane.sell('TV', 10);
  plane.units.set('TV', { total: 10, held: 10 });
  plane.keeper();
  await told(['TV'], []);
  const { quota, state, waitlist } = plane.paths.sku('TV');
  await plane.write(quota, '9');
  await told([], ['TV']);
  plane.units.set('TV', { total: 10, held: 9 });
  await told(['TV'], []);
  await plane.write(state, 'closed');
  await told([], ['TV']);
  await plane.write(state, 'paused');
  await told(['TV'], []);
  await plane.write(waitlist, 'off');
  await told([], ['TV']);
  await plane.write(waitlist, 'on');
  await told(['TV'], []);
});

test('the next leader sends the state again', async () => {
  await plane.sell('TV', 10);
  const first = plane.keeper();
  await told(['TV'], []);
  plane.keeper();
  await first.close();
  plane.waitlists = { open: [], closed: [] };
  await told(['TV'], []);
});

test('a leader that was deposed while it slept sends nothing; the real leader does', async () => {
  const said: string[] = [];
  let leads = false;
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const setWaitlists = async (open: readonly string[]) => said.push(...open);
  const waitlists = new Waitlists(setWaitlists, log, async () => leads);
  await waitlists.apply(new Map([['TV', true]]));
  expect(said).toEqual([]);
  leads = true;
  await waitlists.apply(new Map([['TV', true]]));
  expect(said).toEqual(['TV']);
});
