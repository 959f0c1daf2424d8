import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig as readConsole } from '../../console/config.ts';
import {
  ConfigError,
  parseEnvironment,
  secretText,
  withSecretsOfFiles,
} from '../../contracts/config.ts';
import { DEMO_TOKEN_SHA256 } from '../../contracts/console.ts';
import { SECRET_FILE_BYTES_MAX } from '../../contracts/secret-files.ts';
import { SECRET_VARIABLES } from '../../contracts/secrets.ts';
import { loginPasswords } from '../../ops/logins.ts';
import { readConfig as readServer } from '../../server/config.ts';
import { SECRETS } from '../server/secrets.ts';
import { textOf } from './files.ts';

/** `X_FILE` names a file whose content is the value of the secret `X`, for every secret variable. */

const folder = mkdtempSync(join(tmpdir(), 'flashsale-secret-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
function fileWith(content: string | Buffer): string {
  count += 1;
  const file = join(folder, `secret-${count}`);
  writeFileSync(file, content);
  return file;
}

const NAMES = Object.keys(SECRET_VARIABLES);
/** Never shown: neither the content of a file, nor a secret that was put into the wrong variable. */
const UNSHOWN = 'a-value-that-must-not-be-shown';

function complaint(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).not.toContain(UNSHOWN);
    expect((error as Error).message).not.toContain(folder);
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

describe.each(NAMES)('%s', (name) => {
  const specs = { [name]: secretText('a text', (text) => !text.includes('refused'))() };
  const read = (environment: Record<string, string>) => parseEnvironment(environment, specs)[name];

  it('may be in a file', () => {
    expect(read({ [`${name}_FILE`]: fileWith(UNSHOWN) })).toBe(UNSHOWN);
    expect(withSecretsOfFiles({ [`${name}_FILE`]: fileWith(UNSHOWN) })).toEqual({
      [name]: UNSHOWN,
    });
  });

  it('may be in a file or in the environment, not in both', () => {
    const both = { [name]: UNSHOWN, [`${name}_FILE`]: fileWith(UNSHOWN) };
    const words = `${name} and ${name}_FILE are both set: set one`;
    expect(complaint(() => read(both))).toBe(words);
    expect(complaint(() => withSecretsOfFiles(both))).toBe(words);
    expect(read({ [name]: UNSHOWN, [`${name}_FILE`]: '' })).toBe(UNSHOWN);
    expect(read({ [name]: '', [`${name}_FILE`]: fileWith(UNSHOWN) })).toBe(UNSHOWN);
  });

  it('is explained in the runbook', () => {
    expect(textOf('docs/operating.md')).toContain(`\`${name}\``);
  });
});

describe('a file with a secret', () => {
  const read = (file: string) => readServer({ JWT_SECRET_FILE: file });

  it.each([
    ['one line end', `${UNSHOWN}\n`, UNSHOWN],
    ['the line end of Windows', `${UNSHOWN}\r\n`, UNSHOWN],
    ['only one of two line ends', `${UNSHOWN}\n\n`, `${UNSHOWN}\n`],
    ['no space', ` ${UNSHOWN} `, ` ${UNSHOWN} `],
  ])('loses %s', (_what, content, value) => {
    expect(withSecretsOfFiles({ JWT_SECRET_FILE: fileWith(content) })).toEqual({
      JWT_SECRET: value,
    });
  });

  it.each([
    ['is missing', () => `${folder}/${UNSHOWN}`, 'must name a file that can be read (ENOENT)'],
    ['is a folder', () => folder, 'must name a file that can be read (EISDIR)'],
    ['is empty', () => fileWith('\n'), 'names a file that is empty'],
    ['never ends', () => '/dev/zero', `names a file of more than ${SECRET_FILE_BYTES_MAX} bytes`],
    ['is no text', () => fileWith(Buffer.from([0xff, 0xfe])), 'names a file that is not text'],
  ])('is refused if it %s', (_what, file, words) => {
    const lines = complaint(() => read(file())).split('\n');
    expect(lines).toContainEqual(expect.stringContaining(`JWT_SECRET_FILE ${words}`));
    expect(lines).not.toContainEqual(expect.stringMatching(/^JWT_SECRET is/));
  });

  it('is held to the rules of its variable', () => {
    const shop = {
      ...SECRETS,
      ZOOKEEPER: '127.0.0.1:2181',
      PAYMENT_PROVIDER: 'standard',
      JWT_SECRET: '',
    };
    expect(() =>
      readServer({ ...shop, JWT_SECRET_FILE: fileWith(SECRETS.JWT_SECRET) }),
    ).not.toThrow();
    expect(complaint(() => readServer({ ...shop, JWT_SECRET_FILE: fileWith(UNSHOWN) }))).toMatch(
      /^JWT_SECRET must be at least 32 characters/,
    );
    const published = {
      ...shop,
      JWT_SECRET_FILE: fileWith('only-for-trying-out-on-ones-own-machine'),
    };
    expect(complaint(() => readServer(published))).toContain(
      'JWT_SECRET has a secret that is published',
    );
  });

  it('gives the passwords of logins', () => {
    const file = fileWith(`${SECRETS.JWT_SECRET}\n`);
    expect(loginPasswords({ DATABASE_PASSWORD_WEB_FILE: file })).toEqual({
      web: SECRETS.JWT_SECRET,
    });
  });

  it('has one entry a line, where the secret is a list', () => {
    const entry = (login: string, hash = '0'.repeat(64)) => `${login}=viewer:${hash}`;
    const { DATABASE_URL, AMQP_URL } = SECRETS;
    const read = (text: string) =>
      readConsole({
        DATABASE_URL,
        AMQP_URL,
        ZOOKEEPER: '127.0.0.1:2181',
        CONSOLE_TOKENS_FILE: fileWith(text),
      }).tokens.map(({ login }) => login);
    expect(
      read(`# people\n${entry('anna')} # since May\n\n${entry('bob')}, ${entry('carl')}\n`),
    ).toEqual(['anna', 'bob', 'carl']);
    expect(complaint(() => read(`${entry('anna')}\n${UNSHOWN}\n`))).toContain('entry 2 is none');
    expect(complaint(() => read(entry('demo', DEMO_TOKEN_SHA256)))).toContain('published');
    expect(complaint(() => read('# nobody\n'))).toContain('Nobody could sign in');
  });
});
