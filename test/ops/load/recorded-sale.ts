import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { audit } from '../../../db/operations.ts';
import { playPlan } from '../../../ops/load/crowd.ts';
import { readPlan } from '../../../ops/load/plan/read.ts';
import { readLine } from '../../../ops/load/recording/call-log.ts';
import type { Recorded } from '../../../ops/load/recording/record.ts';
import { readWanted } from '../../../ops/load/replay/plan.ts';
import { mergeReports } from '../../../ops/load/report/merge.ts';
import { type Counts, comparison, type LoadReport } from '../../../ops/load/report/report.ts';
import { createProgram } from '../../../ops/program.ts';
import { SCRATCH_PREFIX } from '../../../ops/stack/test-folder.ts';
import { type Edge, startEdge } from '../../edge.ts';
import type { System } from '../../system.ts';
import { until } from '../../until.ts';

/** A crowd at a real sale behind the edge is recorded and played again. Part of a file with a running system. */

const PLAN = `
sale: SALE
seed: recorded
begin: 1s before the opening
arrivals: [{ for: 4s, rate: 25 }]
behaviours: { buys: 6, keeps: 1, cancels: 1, looks: 1, presses-twice: 1 }
waits: { long-poll: 3, poll: 1 }
skus: { SKUS }
patience: 6s
pauses: { press: 300ms, pay: 400ms }
network: { addresses: 5 }
`;
const sum = (counts: Counts) => Object.values(counts).reduce((all, count) => all + count, 0);
const never = new AbortController().signal;

export function recordedSale(systemOf: () => System): void {
  describe('a recorded sale', () => {
    const folder = mkdtempSync(join(tmpdir(), SCRATCH_PREFIX));
    const callLog = join(folder, 'calls.log');
    const file = join(folder, 'sale.gz');
    let edge: Edge;
    let original: LoadReport;
    let sale: string;

    /** More buyers than units of one SKU, and more units than buyers of the other. */
    const newSale = (a: string, b: string, opensAt = new Date(Date.now() + 3_000)) => {
      const skus = [
        { sku: a, units: 15, schema: 'regular' as const },
        { sku: b, units: 500, schema: 'regular' as const },
      ];
      return systemOf().createSale(skus, { opensAt });
    };
    const ordersOf = async (name: string): Promise<Record<string, string>[]> =>
      systemOf().databases.regular.query({
        text: `SELECT order_no::text AS "orderNo", request_id::text AS "requestId",
                      user_id AS "userId" FROM regular.orders WHERE sale = $1`,
        values: [name],
      });

    beforeAll(async () => {
      const port = Number(new URL(systemOf().url).port);
      edge = await startEdge([port], { callLog });
      sale = await newSale('SeenA', 'SeenB');
      const text = PLAN.replace('SALE', sale).replace('SKUS', 'SeenA: 2, SeenB: 1');
      const order = { planFile: '', target: edge.url, part: 1, of: 1, startAt: undefined };
      original = await playPlan({
        ...{ ...order, plan: readPlan(text, 'x.yaml'), stopping: never },
      });
      // Each process of the edge writes its lines once a second.
      await until('all answered calls are in the log', () => {
        const logged = new Map<string, number>();
        for (const line of readFileSync(callLog, 'utf8').split('\n')) {
          const read = readLine(line);
          if (typeof read === 'object') logged.set(read.call, (logged.get(read.call) ?? 0) + 1);
        }
        const { file: _, ...made } = original.calls;
        return Object.entries(made).every(
          ([call, { times }]) => (logged.get(call) ?? 0) >= times.count,
        );
      });
    });
    afterAll(async () => {
      await edge?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    async function recordIt(out: string): Promise<Recorded> {
      const program = await createProgram({}, 'record');
      const print = vi.spyOn(console, 'log').mockImplementation(() => {});
      const args = ['record', sale, callLog, '--shop', edge.url, '--out', out, '--json'];
      await program.parseAsync(args, { from: 'user' });
      const [[text]] = print.mock.calls as [[string]];
      print.mockRestore();
      return JSON.parse(text);
    }

    it('has all calls and outcomes of the crowd, and nothing that tells of a person', async () => {
      const { header, skipped } = await recordIt(file);
      // Over HTTP/1.1, a connection may have this call alone, and then nothing tells whose it is.
      const unassigned = skipped['calls that nothing assigns to this sale'] ?? 0;
      expect(Object.keys(skipped).length).toBe(unassigned === 0 ? 0 : 1);
      expect(unassigned).toBeLessThanOrEqual(original.calls['notice-offer']?.sent ?? 0);
      const made = Object.entries(original.calls).map(
        ([call, { verdicts }]) => [call, verdicts] as const,
      );
      for (const [call, verdicts] of made) {
        if (call === 'notice-offer') continue;
        // A shopper who leaves does not see what was sent already, or the edge does not see the call. A look at the sale
        // may be alone on its connection, too.
        const { left = 0, ...answered } = verdicts;
        const recorded = sum(header.answers[call] ?? {});
        expect([call, recorded]).not.toEqual([call, 0]);
        const missing = sum(verdicts) - left - recorded;
        expect([call, missing <= unassigned]).toEqual([call, true]);
        // The looks before a run and the look-ups after it are not calls of its crowd, and the edge sees them.
        if (call === 'sale' || call === 'status') continue;
        expect(recorded).toBeLessThanOrEqual(sum(verdicts));
        if (left === 0 && missing <= 0) {
          expect([call, header.answers[call]]).toEqual([call, answered]);
        }
      }
      // The crowd has looked up what nobody waited for, which no call of a shopper tells.
      const { lookedUp, outcomes } = original.requests;
      for (const name of new Set([...Object.keys(header.outcomes), ...Object.keys(outcomes)])) {
        const off = Math.abs((header.outcomes[name] ?? 0) - (outcomes[name] ?? 0));
        expect([name, Math.max(0, off - lookedUp)]).toEqual([name, 0]);
      }

      const text = gunzipSync(readFileSync(file)).toString('utf8');
      const log = readFileSync(callLog, 'utf8');
      const claims = [...log.matchAll(/"claims":"([^"]+)"/g).map(([, text = '']) => text)];
      const orders = await ordersOf(sale);
      expect(orders.length).toBeGreaterThan(20);
      const personal = new Set([
        ...orders.flatMap((order) => Object.values(order)),
        ...claims,
        ...claims.map((text) => JSON.parse(Buffer.from(text, 'base64url').toString()).sub),
        ...log.matchAll(/"key":"([^"]+)"/g).map(([, key = '']) => key),
        ...log.matchAll(/\/buy\/[\w-]+\.\w+\.(\w+)/g).map(([, id = '']) => id),
        ...log.matchAll(/requests\/([\w-]+)~/g).map(([, id = '']) => id),
        ...['127.0.0.1', '127.0.0.2', '127.0.0.5', 'eyJ'],
      ]);
      expect(personal.size).toBeGreaterThan(100);
      expect([...personal].filter((one) => text.includes(one))).toEqual([]);
      // What is left of a token, a ticket or a receipt in the log of the edge is no credential.
      expect(log).not.toMatch(/Bearer|\/buy\/[\w-]+(\.[\w-]+){3}|~[\w-]+\./);
    });

    it('has other names in each recording', async () => {
      const again = join(folder, 'again.gz');
      await recordIt(again);
      const [one, other] = [file, again].map((path) => {
        const text = gunzipSync(readFileSync(path)).toString('utf8');
        return new Set(text.matchAll(/"(?:who|from)":"([^"]+)"/g).map(([, name = '']) => name));
      });
      expect(one?.size).toBeGreaterThan(50);
      expect(other?.size).toBeGreaterThan(50);
      expect(one?.intersection(other ?? new Set()).size).toBe(0);
    });

    it('comes to the same outcomes when it is played again, in parts, at other SKUs and four times as fast', async () => {
      const name = await newSale('AgainA', 'AgainB');
      const { plan, replay } = await readWanted({ recording: file, speed: 4, sale: name });
      const order = { plan, replay, planFile: '', target: edge.url, of: 2, startAt: undefined };
      const parts = await Promise.all(
        [1, 2].map((part) => playPlan({ ...order, part, stopping: never })),
      );
      const report = mergeReports(parts);
      const compared = comparison(report);
      expect(report.generator.gaps).toEqual({});
      expect(report.shoppers.played).toBe(report.replay?.shoppers);
      const orders = await ordersOf(name);
      expect(orders.length).toBe(report.orders.made);
      const counts = Object.fromEntries(
        (compared?.outcomes ?? []).map((one) => [one.name, [one.recorded, one.replayed]]),
      );
      // A purchase may be decided otherwise where the last units are taken.
      const [recorded = 0, replayed = 0] = counts['ordered'] ?? [];
      expect(Math.abs(recorded - replayed)).toBeLessThanOrEqual(0.2 * recorded);
      expect(recorded).toBeGreaterThan(20);
      // Due times tell the speed, however slow the machine is.
      const lastDue = ({ bySecond }: LoadReport) =>
        bySecond.findLast(({ calls }) => Object.keys(calls).length > 0)?.second ?? 0;
      const { toMs = 0, fromMs = 0 } = replay?.header ?? {};
      expect(lastDue(report)).toBe(Math.floor((toMs - fromMs) / 4_000));
      expect(lastDue(original)).toBeGreaterThan(3 * lastDue(report));
      expect(await audit(systemOf().databases)).toEqual([]);
    });
  });
}
