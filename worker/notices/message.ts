import { createHash } from 'node:crypto';
import { noticePage, noticeToken, unsubscribePath } from '../../contracts/notice-links.ts';
import type { NoticeLanguage } from '../../contracts/notices.ts';
import type { DueNotice } from '../../db/calls.ts';
import { languageOf, type NoticeText, textsOf, type Values } from './texts.ts';

/** Makes the message of a notice in its language. Pure. */

export interface Message {
  /** The same in every attempt, so that mail programs and browsers show the notice once. */
  readonly id: string;
  readonly language: NoticeLanguage;
  readonly direction: 'ltr' | 'rtl';
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The paragraphs without links. */
  readonly body: string;
  readonly url: string;
  /** The API's URL for one-click unsubscribing. */
  readonly unsubscribeUrl: string;
  /** After this time nobody needs to see it any more. */
  readonly usefulUntil: Date;
}

export interface MessageOptions {
  readonly secret: string;
  readonly shopUrl: string;
  readonly timeZone: string;
  readonly isUnpaid: boolean;
}

const SUBJECT_LENGTH_MAX = 200;
/** Push topics have at most 32 characters (RFC 8030). */
const ID_BYTES = 24;

export function messageOf(notice: DueNotice, options: MessageOptions): Message {
  const { secret, shopUrl } = options;
  const language = languageOf(notice.language);
  const texts = textsOf(language);
  const values = valuesOf(notice, language, options.timeZone);
  // A paid order of the waitlist is not held until a time, and needs no payment.
  const isOwned = notice.kind === 'claimed' && !options.isUnpaid;
  const text = texts[isOwned ? 'ordered' : notice.kind];
  const unsubscribe = noticeToken(secret, 'unsubscribe', notice.contact);
  const isQuestion = notice.kind === 'confirm';
  const url = isQuestion
    ? shopUrl + noticePage('confirm', noticeToken(secret, 'confirm', notice.contact))
    : `${shopUrl}/sales/${notice.sale}#orders`;
  const paragraphs = paragraphsOf(text, options.isUnpaid).map((line) => filled(line, values));
  const footer = filled(texts.footer, values);
  const leaveUrl = shopUrl + noticePage('unsubscribe', unsubscribe);
  const subject = oneLine(filled(text.subject, values));
  const direction = language === 'ar' ? 'rtl' : 'ltr';
  const end = isQuestion ? [] : ['-- ', footer, `${texts.unsubscribe}: ${leaveUrl}`];
  return {
    id: idOf(notice),
    language,
    direction,
    subject,
    text: [...paragraphs, `${text.action}: ${url}`, ...end].join('\n\n'),
    html: htmlOf({
      language,
      direction,
      subject,
      paragraphs,
      link: { url, text: text.action },
      ...(!isQuestion && { footer, leave: { url: leaveUrl, text: texts.unsubscribe } }),
    }),
    body: paragraphs.join('\n'),
    url,
    unsubscribeUrl: shopUrl + unsubscribePath(unsubscribe),
    usefulUntil:
      options.isUnpaid && notice.facts ? new Date(notice.facts.payBefore) : notice.untilAt,
  };
}

function paragraphsOf({ lines, unpaid }: NoticeText, isUnpaid: boolean): string[] {
  return isUnpaid && unpaid !== undefined ? [...lines, unpaid] : [...lines];
}

function valuesOf(notice: DueNotice, language: NoticeLanguage, timeZone: string): Values {
  const { facts, orderNo } = notice;
  const refund = facts?.refund;
  return {
    sale: notice.saleTitle,
    title: notice.skuTitle,
    orderNo,
    units: facts === undefined ? '' : new Intl.NumberFormat(language).format(facts.units),
    amount: facts === undefined ? '' : money(facts.amount, facts.currency, language),
    payBefore: facts === undefined ? '' : moment(facts.payBefore, language, timeZone),
    refund: refund === undefined ? '' : money(refund.amount, refund.currency, language),
  };
}

function filled(text: string, values: Values): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: keyof Values) => values[name] ?? whole);
}

/** A title may hold anything; a header is one line without control characters. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, SUBJECT_LENGTH_MAX);
}

/** Shows as many decimals as the amount has. The amount stays a string, so that it is not rounded. */
function money(amount: string, currency: string, language: NoticeLanguage): string {
  const digits = amount.split('.')[1]?.length ?? 0;
  return new Intl.NumberFormat(language, {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(amount as Intl.StringNumericLiteral);
}

/** With the zone, because the reader may live in another one. */
function moment(iso: string, language: NoticeLanguage, timeZone: string): string {
  return new Intl.DateTimeFormat(language, {
    timeZone,
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
  }).format(new Date(iso));
}

function idOf({ contact, orderNo, kind, eventNo, copy }: DueNotice): string {
  const hash = createHash('sha256').update(JSON.stringify([contact, orderNo, kind, eventNo, copy]));
  return hash.digest().subarray(0, ID_BYTES).toString('base64url');
}

interface Link {
  readonly url: string;
  readonly text: string;
}

function htmlOf(parts: {
  readonly language: string;
  readonly direction: string;
  readonly subject: string;
  readonly paragraphs: readonly string[];
  readonly link: Link;
  readonly footer?: string;
  readonly leave?: Link;
}): string {
  const { language, direction, subject, paragraphs, link, footer, leave } = parts;
  const anchor = ({ url, text }: Link) => `<a href="${escaped(url)}">${escaped(text)}</a>`;
  return [
    `<!doctype html><html lang="${language}" dir="${direction}">`,
    `<head><meta charset="utf-8"><title>${escaped(subject)}</title></head>`,
    '<body style="font: 16px/1.5 sans-serif; max-width: 36em; margin: 1em auto; padding: 0 1em">',
    ...paragraphs.map((line) => `<p>${escaped(line)}</p>`),
    `<p>${anchor(link)}</p>`,
    ...(footer === undefined || leave === undefined
      ? []
      : [`<hr><p><small>${escaped(footer)} ${anchor(leave)}</small></p>`]),
    '</body></html>',
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
