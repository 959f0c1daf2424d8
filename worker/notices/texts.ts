import { readFileSync } from 'node:fs';
import { NOTICE_LANGUAGES, type NoticeKind, type NoticeLanguage } from '../../contracts/notices.ts';

/** The texts of notices: one file for each language, in `texts/`. */

/** Values that a text may name, as `{name}`. */
export const PLACEHOLDERS = [
  'sale',
  'title',
  'units',
  'amount',
  'orderNo',
  'payBefore',
  'refund',
] as const;
export type Values = Readonly<Record<(typeof PLACEHOLDERS)[number], string>>;

/** The text of one kind of notice. */
export interface NoticeText {
  readonly subject: string;
  /** One paragraph each. */
  readonly lines: readonly string[];
  /** A further paragraph while the order is unpaid. */
  readonly unpaid?: string;
  /** Text of the link. */
  readonly action: string;
}

export type Texts = Readonly<Record<NoticeKind, NoticeText>> & {
  readonly footer: string;
  readonly unsubscribe: string;
};

const TEXTS = Object.fromEntries(
  NOTICE_LANGUAGES.map((language) => {
    const url = new URL(`./texts/${language}.json`, import.meta.url);
    return [language, JSON.parse(readFileSync(url, 'utf8'))];
  }),
) as Record<NoticeLanguage, Texts>;

export function languageOf(tag: string): NoticeLanguage {
  return NOTICE_LANGUAGES.find((language) => language === tag) ?? NOTICE_LANGUAGES[0];
}

export function textsOf(language: NoticeLanguage): Texts {
  return TEXTS[language];
}
