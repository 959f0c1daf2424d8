import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { audit, createSale, createSku, placeOrders } from '../../db/calls.ts';
import { SCRATCH_PREFIX } from '../../ops/stack/test-folder.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { requests } from './shop.ts';

/** Runs docs/dba.md line by line on a database that has had some traffic. */

const ROOT = join(import.meta.dirname, '..', '..');
const TEXT = readFileSync(join(ROOT, 'docs', 'dba.md'), 'utf8');
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  const ops = database.as('ops');
  const worker = database.as('worker');
  const hour = 3_600_000;
  await createSale(ops, {
    sale: 'demo',
    title: 'Demo',
    opensAt: new Date(Date.now() - hour),
    closesAt: new Date(Date.now() + hour),
    payWindowSeconds: 3_600,
  });
  for (const [sku, schema] of [
    ['TV', 'hot'],
    ['Clothes', 'regular'],
  ] as const) {
    const price = { price: '9.90', currency: 'EUR', userLimit: 1, units: 1_000 };
    await createSku(ops, { sku, schema, sale: 'demo', title: sku, ...price });
    for (let n = 0; n < 5; n += 1) await placeOrders(worker, schema, sku, requests(20));
  }
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.remove();
});

/**
 * A command `npx` that only runs a command of the packages: npm's own takes more CPU time than most
 * commands of the tour. test/readme.test.ts runs npm's.
 */
function writeNpx(): void {
  writeFileSync(join(folder, 'npx'), '#!/bin/sh\nexec "$@"\n', { mode: 0o700 });
}

it('every command of docs/dba.md works as written', async () => {
  writeNpx();
  const env = {
    ...process.env,
    DATABASE_URL: database.url,
    TMPDIR: folder,
    PATH: `${folder}:${ROOT}/node_modules/.bin:${process.env['PATH']}`,
  };
  const outputs = new Map<string, string>();
  for (const [, kind, block] of TEXT.matchAll(/```(sql|sh)\n([\s\S]*?)```/g)) {
    for (const line of (block ?? '').trim().split('\n')) {
      const [program, args] =
        kind === 'sql'
          ? ['psql', ['-X', '-v', 'ON_ERROR_STOP=1', database.url, '-c', line]]
          : ['bash', ['-e', '-c', line]];
      const { stdout } = await run(program as string, args as string[], { cwd: ROOT, env });
      outputs.set(line, (outputs.get(line) ?? '') + stdout);
    }
  }
  expect(outputs.size).toBeGreaterThan(30);
  const outputOf = (part: string) => {
    const line = [...outputs.keys()].find((typed) => typed.includes(part));
    return outputs.get(line ?? '') ?? '';
  };
  expect(outputOf('hot.audit()')).toContain('(0 rows)');
  expect(outputOf('db audit')).toBe('the books balance\n');
  expect(outputOf('unpaid_exists FROM')).toMatch(/Clothes +\| regular/);
  expect(outputOf('place_rates')).toMatch(/TV +\| place_orders +\| +5/);
  expect(outputOf('largest_share FROM')).toMatch(/TV +\| +32/);
  expect(outputOf("hot.move_sku('Clothes')")).toMatch(/regular +\| +900 +\| +16 +\| +100/);
  expect(outputOf('move-sku Clothes hot')).toContain('moved from regular to hot: 900 free units');
  expect(outputOf('restock')).toContain('1100');
  expect(outputOf('db routines')).toMatch(/hot +place_orders +drifted/);
  expect(outputOf('db diff')).toContain('\n+  -- tried by hand\n');
  expect(outputOf('db install')).toContain('hot.place_orders was changed by hand');
  expect(outputOf('db restore')).toContain("back to the file's version");
  expect(outputOf('--share 0.1')).toContain('takes 10 % of the calls');
  expect(outputOf('db versions')).toMatch(/hot +place_orders +\d+ +file/);
  expect(outputOf('db rollback')).toContain('is rolled back to version');
  expect(outputOf('canary status')).toMatch(/hot +place_orders +runs +0\.1/);
  expect(outputOf('canary promote')).toContain('is now hot.place_orders');
  expect(await audit(database.as('ops'))).toEqual([]);
});

it('docs/dba.md lists every tunable with its value', async () => {
  const rows = await database.admin.query<Record<string, string>>({
    text: `SELECT format('| \`%s\` | %s | %s … %s | %s |', name, value, least, most, meaning) AS line
           FROM catalog.tunable ORDER BY name`,
  });
  const listed = TEXT.split('\n').filter((line) => /^\| `[a-z_]+` \| \d/.test(line));
  expect(listed.sort()).toEqual(rows.map(({ line }) => line).sort());
});
