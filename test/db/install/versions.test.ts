import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Session } from '../../../db/client/pool.ts';
import { install } from '../../../db/install/install.ts';
import { openInstaller } from '../../../db/install/installer.ts';
import { releaseRoutine, rollBackRoutine } from '../../../db/install/rollback.ts';
import { KEPT_VERSIONS_MAX, keptVersions } from '../../../db/install/versions.ts';
import { createDatabase, type TestDatabase } from '../database.ts';

/** Kept versions of routines, and the way back to one of them, on one server and on two. */

const actor = { by: 'dba@test', reason: 'the new one is wrong' };

let one: TestDatabase;
let two: TestDatabase;
let first: Session;
let second: Session;
/** Homes of both servers, as `flashsale db` sees them with HOT_DATABASE_URL. */
let homes: { session: Session; schemas: readonly string[] }[];

beforeAll(async () => {
  [one, two] = [await createDatabase(), await createDatabase()];
  [first, second] = [await openInstaller(one.url), await openInstaller(two.url)];
  homes = [
    { session: first, schemas: ['regular', 'catalog'] },
    { session: second, schemas: ['hot'] },
  ];
});
afterAll(async () => {
  await Promise.all([first?.close(), second?.close()]);
  await Promise.all([one?.remove(), two?.remove()]);
});

const textOf = async (database: TestDatabase, routine: string) => {
  const text = 'SELECT pg_get_functiondef($1::regproc) AS definition';
  const [row] = await database.admin.query<{ definition: string }>({ text, values: [routine] });
  return row?.definition ?? '';
};

/** Changes a routine as a DBA does with psql. */
async function byHand(database: TestDatabase, routine: string, comment: string): Promise<void> {
  const text = (await textOf(database, routine)).replace('BEGIN\n', `BEGIN\n  -- ${comment}\n`);
  await database.admin.query({ text });
}

/** As if the files of the last release had installed what is there now. */
async function asOlderFile(database: TestDatabase, schema: string, name: string): Promise<void> {
  await database.admin.query({
    text: `UPDATE catalog.routine SET file_sha256 = 'older', definition_md5 = md5(pg_get_functiondef($3::regproc))
           WHERE schema = $1 AND name = $2`,
    values: [schema, name, `${schema}.${name}`],
  });
}

const versionsOf = async (session: Session, schema: string, name: string) =>
  (await keptVersions(session, name))
    .filter((kept) => kept.schema === schema)
    .map(({ version, origin, state }) => [version, origin, state]);

it('keeps every version: of files, of an older release, and by hand', async () => {
  const restart = 'regular.restock';
  const file = await textOf(one, restart);
  expect(await versionsOf(first, 'regular', 'restock')).toEqual([[1, 'file', 'now']]);
  await byHand(one, restart, 'tried by hand');
  expect(await install(one.url)).toMatchObject({ drifted: [restart] });
  await byHand(one, restart, 'of the last release');
  await asOlderFile(one, 'regular', 'restock');
  expect(await install(one.url)).toMatchObject({ installed: [restart] });
  expect(await versionsOf(first, 'regular', 'restock')).toEqual([
    [4, 'file', 'now'],
    [3, 'file', ''],
    [2, 'hand', ''],
    [1, 'file', ''],
  ]);
  const kept = (await keptVersions(first, 'restock')).filter(({ schema }) => schema === 'regular');
  expect(kept[0]).toMatchObject({ release: expect.stringMatching(/^\d/), source: file });
  expect(kept[1]).toMatchObject({ release: null, source: expect.stringContaining('last release') });
});

it(`keeps at most ${KEPT_VERSIONS_MAX} versions of a routine`, async () => {
  await one.admin.query({
    text: `INSERT INTO catalog.routine_version (schema, name, version, source, definition_md5, origin)
           SELECT 'regular', 'set_slots', v, v::text, md5(v::text), 'hand' FROM generate_series(2, $1) AS v`,
    values: [KEPT_VERSIONS_MAX + 5],
  });
  await install(one.url);
  const kept = await versionsOf(first, 'regular', 'set_slots');
  expect(kept).toHaveLength(KEPT_VERSIONS_MAX);
});

it('goes back, keeps rights and comment, and stays there until a new version or its release', async () => {
  const routine = 'regular.fence_node';
  const rights = async () => {
    const text = `SELECT proacl::text, obj_description(oid) FROM pg_proc WHERE oid = $1::regproc`;
    return one.admin.query({ text, values: [routine] });
  };
  const [file, before] = [await textOf(one, routine), await rights()];
  // Version 1 is the file of the last release, and version 2 the present one, which is bad.
  await byHand(one, routine, 'of the last release');
  await asOlderFile(one, 'regular', 'fence_node');
  await one.admin.query({ text: `DELETE FROM catalog.routine_version WHERE name = 'fence_node'` });
  await install(one.url);
  expect(await textOf(one, routine)).toBe(file);

  const home = [{ session: first, schemas: ['regular'] }];
  const back = () => rollBackRoutine(home, 'fence_node', undefined, actor);
  expect(await back()).toMatchObject([{ version: 1, changed: true }]);
  expect(await textOf(one, routine)).toContain('of the last release');
  expect(await rights()).toEqual(before);
  expect(await back()).toMatchObject([{ version: 1, changed: false }]);
  // The next start says so and leaves it, also when told to overwrite what was changed by hand.
  expect(await install(one.url, { force: true })).toMatchObject({
    installed: [],
    pinned: [routine],
  });
  expect(await versionsOf(first, 'regular', 'fence_node')).toEqual([
    [2, 'file', ''],
    [1, 'file', 'rolled back to by dba@test: the new one is wrong'],
  ]);
  const actions = await one.admin.query({
    text: `SELECT acted_by, reason, details FROM catalog.action WHERE target = $1`,
    values: [routine],
  });
  expect(actions).toEqual([{ acted_by: actor.by, reason: actor.reason, details: { version: 1 } }]);

  const released = await releaseRoutine(first, { schema: 'regular', name: 'fence_node' }, actor);
  expect(released).toBe(true);
  expect(await install(one.url)).toMatchObject({ installed: [routine], pinned: [] });
  expect(await textOf(one, routine)).toBe(file);

  // A version that this database has never had ends a rollback without being told.
  await back();
  await one.admin.query({
    text: `DELETE FROM catalog.routine_version WHERE name = 'fence_node' AND version > 1`,
  });
  expect(await install(one.url)).toMatchObject({ installed: [routine], pinned: [] });
});

it('a change by hand after a rollback is a change by hand', async () => {
  const home = [{ session: first, schemas: ['regular'] }];
  await byHand(one, 'regular.move_sku', 'first try');
  await rollBackRoutine(home, 'move_sku', undefined, actor);
  await byHand(one, 'regular.move_sku', 'second try');
  expect(await install(one.url)).toMatchObject({ drifted: ['regular.move_sku'], pinned: [] });
});

it('refuses a version with other arguments or another result, and changes nothing', async () => {
  const home = [{ session: first, schemas: ['regular'] }];
  const now = await textOf(one, 'regular.expire_orders');
  const insert = (version: number, source: string) =>
    one.admin.query({
      text: `INSERT INTO catalog.routine_version (schema, name, version, source, definition_md5, origin)
             VALUES ('regular', 'expire_orders', $1, $2, md5($2), 'file')`,
      values: [version, source],
    });
  await insert(8, now.replace(/expire_orders\(/, 'expire_orders(p_more int, '));
  await insert(9, now.replace(/RETURNS [^\n]+/, 'RETURNS TABLE(other integer)'));
  for (const version of [8, 9]) {
    await expect(rollBackRoutine(home, 'expire_orders', version, actor)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('other arguments, another result'),
    });
  }
  await expect(rollBackRoutine(home, 'expire_orders', 5, actor)).rejects.toThrow('no version 5');
  expect(await textOf(one, 'regular.expire_orders')).toBe(now);
});

it('puts a view back', async () => {
  const view = () =>
    one.admin.query({ text: `SELECT pg_get_viewdef('hot.backlog'::regclass) AS text` });
  const [{ text } = { text: '' }] = (await view()) as { text: string }[];
  await one.admin.query({
    text: `CREATE OR REPLACE VIEW hot.backlog AS SELECT * FROM (${text.replace(/;$/, '')}) b LIMIT 5`,
  });
  const home = [{ session: first, schemas: ['hot'] }];
  expect(await rollBackRoutine(home, 'backlog', undefined, actor)).toMatchObject([{ version: 1 }]);
  const [back] = (await view()) as { text: string }[];
  expect(back?.text).not.toContain('LIMIT');
  expect(await rollBackRoutine(home, 'backlog', undefined, actor)).toMatchObject([
    { version: 1, changed: false },
  ]);
});

it('rolls back on two servers as one, also when it was interrupted between them', async () => {
  const [regular, hot] = [await textOf(one, 'regular.restock'), await textOf(two, 'hot.restock')];
  await byHand(one, 'regular.restock', 'bad');
  await byHand(two, 'hot.restock', 'bad');
  // Interrupted: only the server that commits first has gone back.
  await rollBackRoutine(homes.slice(1), 'restock', undefined, actor);
  const done = await rollBackRoutine(homes, 'restock', undefined, actor);
  expect(done.map(({ schema, changed }) => [schema, changed])).toEqual([
    ['regular', true],
    ['hot', false],
  ]);
  expect(await textOf(one, 'regular.restock')).toBe(regular);
  expect(await textOf(two, 'hot.restock')).toBe(hot);
});

it('refuses to give two servers different versions, and changes neither', async () => {
  await byHand(one, 'regular.send_sku_to', 'only here');
  await install(one.url);
  await byHand(one, 'regular.send_sku_to', 'twice');
  await byHand(two, 'hot.send_sku_to', 'bad');
  const now = await textOf(one, 'regular.send_sku_to');
  await expect(rollBackRoutine(homes, 'send_sku_to', undefined, actor)).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringMatching(/not the same version: 2 in regular, 1 in hot/),
  });
  expect(await textOf(one, 'regular.send_sku_to')).toBe(now);
});
