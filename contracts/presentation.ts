/** The presentation of a sale and its SKUs to shoppers, as sale files, the database and the API have it. */

/** A text by language, a BCP 47 tag such as `en` or `zh-Hans`. */
export type Texts = Readonly<Record<string, string>>;

export interface Picture {
  readonly url: string;
  readonly alt: Texts;
}

/** The presentation of a sale. Everything is optional, because older sales have only a title. */
export interface SalePresentation {
  /** The first one is used where a text is missing. */
  readonly languages?: readonly string[];
  readonly title?: Texts;
  readonly description?: Texts;
  /** `background` and `text` go together. */
  readonly colors?: Readonly<Partial<Record<'accent' | 'background' | 'text', string>>>;
  readonly logo?: Picture;
}

export interface SkuPresentation {
  readonly title?: Texts;
  readonly description?: Texts;
  readonly picture?: Picture;
}

/** The languages of the shop's pages, as BCP 47 tags. */
export const LANGUAGES = ['en', 'de', 'es', 'fr', 'zh-Hans', 'ja', 'ar'] as const;
