import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { Lotteries } from '../../../server/catalogue/lotteries.ts';

/** The lotteries of a web node, when a sale is removed and put on again under its name. */

const HOUR_MS = 3_600_000;
const nowMs = Date.now();

function openLotteries() {
  const answer = { secret: randomBytes(32), isOpen: false, isPublic: false };
  const hash = () => createHash('sha256').update(answer.secret).digest();
  const lotteries = new Lotteries(async () => ({
    secretSha256: hash(),
    secret: answer.isOpen ? answer.secret : undefined,
    isPublic: answer.isPublic,
  }));
  return { lotteries, answer, secretSha256: () => hash().toString('hex') };
}

const sale = (opensInMs: number, createdAtMs: number) => ({
  sale: 'spring',
  createdAt: new Date(createdAtMs),
  opensAt: new Date(nowMs + opensInMs),
  closesAt: new Date(nowMs + opensInMs + HOUR_MS),
});

it.each(['between two looks', 'seen as gone'])('have the hash of the new sale: %s', async (how) => {
  const { lotteries, answer, secretSha256 } = openLotteries();
  await lotteries.refresh([sale(HOUR_MS, 1)], nowMs);
  if (how === 'seen as gone') await lotteries.refresh([], nowMs);
  answer.secret = randomBytes(32);
  await lotteries.refresh([sale(HOUR_MS, 2)], nowMs);
  expect(lotteries.facts('spring')).toEqual({ secretSha256: secretSha256() });
});

it('never rank by the secret of a sale that is over', async () => {
  const { lotteries, answer, secretSha256 } = openLotteries();
  Object.assign(answer, { isOpen: true, isPublic: true });
  await lotteries.refresh([sale(-2 * HOUR_MS, 1)], nowMs);
  const before = lotteries.rank('spring', 'ada');
  expect(lotteries.facts('spring')?.secret).toBeDefined();
  Object.assign(answer, { secret: randomBytes(32), isPublic: false });
  await lotteries.refresh([sale(-1_000, 2)], nowMs);
  expect(lotteries.facts('spring')).toEqual({ secretSha256: secretSha256() });
  expect(lotteries.rank('spring', 'ada')).not.toBe(before);
});

it('are unknown once their sale is gone', async () => {
  const { lotteries, answer } = openLotteries();
  answer.isOpen = true;
  await lotteries.refresh([sale(-1_000, 1)], nowMs);
  await lotteries.refresh([], nowMs);
  expect(lotteries.facts('spring')).toBeUndefined();
  expect(lotteries.rank('spring', 'ada')).toBeUndefined();
});
