import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The files of the pages, read once. One fingerprint of all files is in the path of each, so that a
 * browser may keep it for ever. The files refer to each other by relative paths: whatever a page loads
 * is of the same version as the page.
 */

export const PUBLIC_FOLDER = join(import.meta.dirname, '..', 'public');
/**
 * The build of the ALTCHA widget without inlined workers and styles, which would need a less strict
 * policy.
 */
export const ALTCHA_FOLDER = dirname(
  dirname(fileURLToPath(import.meta.resolve('altcha/altcha.css'))),
);
export const ALTCHA_FILES = {
  'altcha.js': 'external/altcha.min.js',
  'altcha.css': 'external/altcha.css',
  'pbkdf2.js': 'workers/pbkdf2.js',
} as const;

const FINGERPRINT_LENGTH = 16;
/** In the pages, what has a fingerprint begins like this. */
const ADDRESS = /\b(href|src)="\/(?=(?:css|images|js)\/)/g;

export interface Page {
  readonly body: string;
  readonly etag: string;
}

export interface PageFiles {
  /** The beginning of the paths of all files: `/assets/<fingerprint>`. */
  readonly prefix: string;
  page(name: string): Page;
}

export function readPageFiles(): PageFiles {
  const names = readdirSync(PUBLIC_FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.\w+$/.test(name))
    .sort();
  const contents = new Map(names.map((name) => [name, readFileSync(join(PUBLIC_FOLDER, name))]));
  const altcha = Object.values(ALTCHA_FILES).map((file) => readFileSync(join(ALTCHA_FOLDER, file)));
  const hash = createHash('sha256');
  for (const [name, content] of contents)
    hash.update(`${name}\0${content.length}\0`).update(content);
  for (const content of altcha) hash.update(content);
  const fingerprint = hash.digest('hex').slice(0, FINGERPRINT_LENGTH);
  const prefix = `/assets/${fingerprint}`;
  const pages = new Map(
    names
      .filter((name) => name.endsWith('.html'))
      .map((name) => {
        const body = String(contents.get(name)).replaceAll(ADDRESS, `$1="${prefix}/`);
        // The fingerprint covers the pages as well.
        return [name, { body, etag: `W/"${fingerprint}-${name}"` }];
      }),
  );
  return {
    prefix,
    page(name) {
      const page = pages.get(name);
      if (page === undefined) throw new Error(`there is no page ${name}`);
      return page;
    },
  };
}
