import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPageFiles } from '../../../server/http/page-files.ts';
import { launch, visit } from '../../page/browser.ts';
import { openWebNode, type WebNode } from '../web-node.ts';

/** The headers of the pages forbid foreign content, inline code, framing and content sniffing. */

let node: WebNode;
beforeAll(async () => {
  node = await openWebNode();
});
afterAll(() => node.close());

const { prefix } = readPageFiles();
const PAGES = [
  '/',
  '/sales/demo',
  '/sales/demo/lottery',
  '/sales/nowhere',
  `${prefix}/js/sale-page.js`,
  `${prefix}/css/base.css`,
  `${prefix}/altcha/altcha.js`,
  `${prefix}/altcha/altcha.css`,
  `${prefix}/altcha/pbkdf2.js`,
];

function policyOf(header: unknown): Map<string, string[]> {
  const parts = String(header).split(';');
  return new Map(
    parts.map((part) => {
      const [name = '', ...sources] = part.trim().split(' ');
      return [name, sources];
    }),
  );
}

describe('the pages', () => {
  it.each(PAGES)('%s has strict headers', async (url) => {
    const { headers } = await node.app.inject({ url });
    const policy = policyOf(headers['content-security-policy']);
    expect(policy.get('default-src')).toEqual(["'self'"]);
    for (const name of ['base-uri', 'frame-ancestors', 'object-src']) {
      expect([name, policy.get(name)]).toEqual([name, ["'none'"]]);
    }
    // Nothing weakens the policy: no inline or computed code, no other origin, no blob.
    expect([...policy.values()].flat()).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/unsafe|blob:|data:|https?:|\*/)]),
    );
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('server');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('of the widget give no access to other files', async () => {
    for (const url of [
      `${prefix}/altcha/../package.json`,
      `${prefix}/altcha/%2e%2e/package.json`,
      `${prefix}/altcha/main/altcha.js`,
      `${prefix}/altcha/`,
    ]) {
      expect([url, (await node.app.inject({ url })).statusCode]).toEqual([url, 404]);
    }
  });

  it('of the API reader have a policy as well', async () => {
    const { headers } = await node.app.inject({ url: '/docs/' });
    const policy = policyOf(headers['content-security-policy']);
    expect(policy.get('default-src')).toEqual(["'self'"]);
    expect(policy.has('script-src')).toBe(false);
    expect(headers['x-frame-options']).toBe('DENY');
    await node.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = node.app.server.address() as AddressInfo;
    const browser = await launch();
    const { page, complaints, end } = await visit(browser, `http://127.0.0.1:${port}/docs/`);
    await page.getByText('/api/v1/buy/{ticket}').first().waitFor();
    expect(complaints).toEqual([]);
    await end();
    await browser.close();
  });
});
