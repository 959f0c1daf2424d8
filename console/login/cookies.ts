import type { CookieSerializeOptions } from '@fastify/cookie';

/** The cookies of the console. Behind TLS their names bind them to this host and to https. */

export interface Cookies {
  readonly session: string;
  /** Holds a sign-in at the provider while the browser is there. */
  readonly flow: string;
  readonly sessionOptions: CookieSerializeOptions;
  /** Lax: the browser comes back from the provider's page, which is another site. */
  readonly flowOptions: CookieSerializeOptions;
}

export function cookiesOf(origin: string, sessionMs: number, flowMs: number): Cookies {
  const secure = origin.startsWith('https:');
  const prefix = secure ? '__Host-' : '';
  const common = { path: '/', httpOnly: true, secure } as const;
  return {
    session: `${prefix}flashsale-console`,
    flow: `${prefix}flashsale-console-login`,
    sessionOptions: { ...common, sameSite: 'strict', maxAge: Math.floor(sessionMs / 1_000) },
    flowOptions: { ...common, sameSite: 'lax', maxAge: Math.floor(flowMs / 1_000) },
  };
}
