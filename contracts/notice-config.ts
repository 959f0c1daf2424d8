import { createECDH } from 'node:crypto';
import { ConfigError, flag, secret, secretText, shopUrl, text, url } from './config.ts';
import { emailAddressOf } from './email-address.ts';

/**
 * Settings for notices to shoppers. Without them nothing is stored and nothing is sent. A web node is told
 * what is offered; only a worker has what is needed for sending.
 */

const SECRET_LENGTH_MIN = 32;
const PUBLIC_KEY_BYTES = 65;
const PRIVATE_KEY_BYTES = 32;

function isBase64Url(input: string, bytes: number): boolean {
  return /^[A-Za-z0-9_-]+$/.test(input) && Buffer.from(input, 'base64url').length === bytes;
}

/** `address` or `Name <address>`, without anything that a header could be made of. */
function isSender(input: string): boolean {
  const [, inBrackets] = /^[^<>"\p{Cc},;:@]{1,100} <([^<>]+)>$/u.exec(input) ?? [];
  return emailAddressOf(inBrackets ?? input) !== undefined;
}

function isTimeZone(input: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: input }).format() !== '';
  } catch {
    return false;
  }
}

/** Variables of web nodes. */
export const noticeSpecs = {
  /** The sender of e-mail. */
  MAIL_FROM: text('an address, or a name and an address in <>', isSender)({ default: undefined }),
  /** Identifies the shop to push services (RFC 8292). */
  VAPID_PUBLIC_KEY: text('65 bytes in base64url', (input) => isBase64Url(input, PUBLIC_KEY_BYTES))({
    default: undefined,
  }),
  /** Signs the links in notices. */
  NOTICE_SECRET: secret(SECRET_LENGTH_MIN)({ default: undefined }),
  /** Allows push services with plain http, and at addresses that are not public. */
  PUSH_ALLOW_PRIVATE: flag({ default: false }),
};

/** Variables of workers. */
export const noticeSenderSpecs = {
  ...noticeSpecs,
  SMTP_URL: url('smtp', 'smtps')({ default: undefined }),
  VAPID_PRIVATE_KEY: secretText('32 bytes in base64url', (input) =>
    isBase64Url(input, PRIVATE_KEY_BYTES),
  )({ default: undefined }),
  /** Where push services reach the shop. */
  VAPID_SUBJECT: text('a mailto: or https: URL', (input) =>
    /^(mailto:|https:\/\/)\S+$/.test(input),
  )({
    default: undefined,
  }),
  /** The time zone of times in notices. */
  SHOP_TIME_ZONE: text('a time zone such as Europe/Berlin', isTimeZone)({ default: 'UTC' }),
  /** The shop's public URL, to which the links in notices lead. */
  SHOP_URL: shopUrl({ default: undefined }),
};

interface Offer {
  readonly MAIL_FROM?: string | undefined;
  readonly VAPID_PUBLIC_KEY?: string | undefined;
  readonly NOTICE_SECRET?: string | undefined;
  readonly PUSH_ALLOW_PRIVATE: boolean;
}

interface Sender extends Offer {
  readonly SMTP_URL?: string | undefined;
  readonly VAPID_PRIVATE_KEY?: string | undefined;
  readonly VAPID_SUBJECT?: string | undefined;
  readonly SHOP_TIME_ZONE: string;
  readonly SHOP_URL?: string | undefined;
}

/** @throws {ConfigError} with the names of the variables that `needed` lacks */
function complete<T extends Record<string, string | undefined>>(
  reason: string,
  needed: T,
): { [Name in keyof T]: string } {
  const missing = Object.entries(needed).flatMap(([name, value]) => (value ? [] : [name]));
  if (missing.length > 0) throw new ConfigError(`${reason} needs ${missing.join(', ')}`);
  return needed as { [Name in keyof T]: string };
}

/** The part that web nodes need: the ways of telling that shoppers are offered. */
export interface NoticeOffer {
  readonly secret: string;
  readonly email: boolean;
  /** The public key for push subscriptions; undefined: no push. */
  readonly pushKey: string | undefined;
  readonly allowPrivate: boolean;
}

/** @returns undefined when neither e-mail nor push is configured. @throws {ConfigError} */
export function noticeOffer(env: Offer): NoticeOffer | undefined {
  const { MAIL_FROM, VAPID_PUBLIC_KEY, NOTICE_SECRET } = env;
  if (MAIL_FROM === undefined && VAPID_PUBLIC_KEY === undefined) return undefined;
  const reason = MAIL_FROM === undefined ? 'VAPID_PUBLIC_KEY' : 'MAIL_FROM';
  const { NOTICE_SECRET: secret } = complete(reason, { NOTICE_SECRET });
  return {
    secret,
    email: MAIL_FROM !== undefined,
    pushKey: VAPID_PUBLIC_KEY,
    allowPrivate: env.PUSH_ALLOW_PRIVATE,
  };
}

/** The part that workers need: how to send notices. */
export interface NoticeSender {
  readonly secret: string;
  readonly shopUrl: string;
  readonly timeZone: string;
  readonly email: { readonly smtpUrl: string; readonly from: string } | undefined;
  readonly push:
    | {
        readonly publicKey: string;
        readonly privateKey: string;
        readonly subject: string;
        readonly allowPrivate: boolean;
      }
    | undefined;
}

/** @returns undefined when neither e-mail nor push is configured. @throws {ConfigError} */
export function noticeSender(env: Sender): NoticeSender | undefined {
  const { SMTP_URL, MAIL_FROM, VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY, VAPID_SUBJECT } = env;
  const hasEmail = SMTP_URL !== undefined;
  const hasPush = VAPID_PRIVATE_KEY !== undefined;
  if (!hasEmail && !hasPush) return undefined;
  const { NOTICE_SECRET, SHOP_URL } = env;
  const both = complete(hasEmail ? 'SMTP_URL' : 'VAPID_PRIVATE_KEY', { NOTICE_SECRET, SHOP_URL });
  const email = hasEmail ? complete('SMTP_URL', { SMTP_URL, MAIL_FROM }) : undefined;
  const push = hasPush
    ? complete('VAPID_PRIVATE_KEY', { VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY, VAPID_SUBJECT })
    : undefined;
  if (push && publicKeyOf(push.VAPID_PRIVATE_KEY) !== push.VAPID_PUBLIC_KEY) {
    throw new ConfigError('VAPID_PUBLIC_KEY is not the public key of VAPID_PRIVATE_KEY');
  }
  return {
    secret: both.NOTICE_SECRET,
    shopUrl: both.SHOP_URL,
    timeZone: env.SHOP_TIME_ZONE,
    email: email && { smtpUrl: email.SMTP_URL, from: email.MAIL_FROM },
    push: push && {
      publicKey: push.VAPID_PUBLIC_KEY,
      privateKey: push.VAPID_PRIVATE_KEY,
      subject: push.VAPID_SUBJECT,
      allowPrivate: env.PUSH_ALLOW_PRIVATE,
    },
  };
}

/** @throws {ConfigError} */
function publicKeyOf(privateKey: string): string {
  const curve = createECDH('prime256v1');
  try {
    curve.setPrivateKey(Buffer.from(privateKey, 'base64url'));
  } catch {
    throw new ConfigError('VAPID_PRIVATE_KEY must be a key of P-256 (the value is not shown)');
  }
  return curve.getPublicKey('base64url');
}
