import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lotteryRank } from '../../../contracts/lottery.ts';
import { expectAccessible, expectFits, INSECURE_HOST, launch, visit } from '../../page/browser.ts';
import { openWebNode } from '../web-node.ts';

it('anyone can recompute a rank in the browser, on the page of a closed sale', async () => {
  const node = await openWebNode();
  node.world.row = { ...node.world.row, closesAt: new Date(Date.now() - 1_000) };
  node.world.lottery = { secret: node.lotterySecret, isPublic: true };
  await node.context.catalogue.start();
  await node.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = node.app.server.address() as AddressInfo;
  const browser = await launch();
  const url = `http://127.0.0.1:${port}/sales/demo/lottery`;
  const { page, complaints, end } = await visit(browser, url, {
    viewport: { width: 360, height: 740 },
  });
  try {
    await page.getByText('your browser has just checked it').waitFor();
    expect(await page.locator('#secret').textContent()).toBe(node.lotterySecret.toString('hex'));
    await page.getByLabel('User').fill('ada');
    await page.getByRole('button', { name: 'Compute the rank' }).click();
    const rank = lotteryRank(node.lotterySecret, 'ada').toFixed(12);
    await page.getByText(`Rank ${rank}`).waitFor();
    await expectFits(page);
    await expectAccessible(page);
    expect(complaints).toEqual([]);
    // Without https, browsers do not offer the computation. The page says so and shows no result.
    const plain = await visit(browser, url.replace('127.0.0.1', INSECURE_HOST));
    await plain.page.getByText('Your browser cannot check the secret').waitFor();
    expect(await plain.page.locator('#rank-form').isVisible()).toBe(false);
    // Chromium warns that a policy of the page has an effect only over https.
    expect(plain.complaints.filter((text) => !text.includes('Cross-Origin-Opener'))).toEqual([]);
    await plain.end();
  } finally {
    await end();
    await browser.close();
    await node.close();
  }
});

it('the command recomputes ranks and refuses a secret other than the promised one', () => {
  const secret = randomBytes(32);
  const hash = createHash('sha256').update(secret).digest('hex');
  const run = (hex: string) =>
    execFileSync(
      process.execPath,
      ['ops/cli.ts', 'lottery', 'verify', 'demo', 'ada', '--json', '--secret', hex, '--hash', hash],
      { cwd: join(import.meta.dirname, '..', '..', '..'), encoding: 'utf8', stdio: 'pipe' },
    );
  expect(JSON.parse(run(secret.toString('hex')))).toMatchObject({
    isPromised: true,
    ranks: [{ user: 'ada', rank: lotteryRank(secret, 'ada') }],
  });
  expect(() => run(randomBytes(32).toString('hex'))).toThrow(/does not have the hash/);
});
