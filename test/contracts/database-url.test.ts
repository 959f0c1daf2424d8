import { describe, expect, it } from 'vitest';
import { parseDatabaseUrl, withLogin, wrongInDatabaseUrl } from '../../contracts/database-url.ts';

/** Database URLs of one host and of several, as libpq takes them. */

const WRITES = 'target_session_attrs=read-write';

describe('a database URL', () => {
  it('of several hosts is taken apart into one URL for each host', () => {
    const url = `postgres://u,1:p,@w@a:5432,b-2.shop:5433,[::1]:5434/db?sslmode=disable&${WRITES}&options=-c%20x=1`;
    const rest = '/db?sslmode=disable&options=-c%20x=1';
    expect(parseDatabaseUrl(url)).toEqual({
      urls: ['a:5432', 'b-2.shop:5433', '[::1]:5434'].map(
        (host) => `postgres://u,1:p,@w@${host}${rest}`,
      ),
      target: 'read-write',
    });
  });

  it.each([
    'postgres://u:p@127.0.0.1/db',
    'postgresql://[::1]:5432/db?sslmode=disable',
    'postgres:///db?host=/var/run/postgresql',
    'postgres://%2Fvar%2Frun%2Fpostgresql/db',
  ])('of one host stays as it is: %s', (url) => {
    expect(parseDatabaseUrl(url)).toEqual({ urls: [url], target: 'any' });
    expect(wrongInDatabaseUrl(url)).toBeUndefined();
  });

  it.each([
    ['mysql://u:SECRET@a/db', 'a URL of postgres or postgresql'],
    ['SECRET', 'a URL of postgres or postgresql'],
    [`postgres://u:SECRET@a%2cb/db?${WRITES}`, 'a URL of postgres or postgresql'],
    ['postgres://u:SECRET@a:99999/db', 'a URL of postgres or postgresql'],
    [`postgres://u:SECRET@a,,b/db?${WRITES}`, 'host:port[,host:port…]'],
    [`postgres://u:SECRET@a:x,b/db?${WRITES}`, 'host:port[,host:port…]'],
    [`postgres://u:SECRET@a,b,a/db?${WRITES}`, 'each of them once'],
    ['postgres://u:SECRET@/db?host=a,b', 'before the name of the database'],
    [`postgres://u:SECRET@a,b/db?port=1,2&${WRITES}`, 'without the parameters host, hostaddr'],
    ['postgres://u:SECRET@a/db?target_session_attrs=read-only', 'one of any, read-write, primary'],
    [`postgres://u:SECRET@a/db?${WRITES}&${WRITES}`, 'one target_session_attrs'],
    ['postgres://u:SECRET@a,b/db', 'add target_session_attrs=read-write'],
    ['postgres://u:SECRET@a,b/db?target_session_attrs=any', 'add target_session_attrs=read-write'],
    ['postgres://u:SECRET@a/db?target_session_attrs=standby', 'add target_session_attrs'],
  ])('that cannot be meant is refused without its password: %s', (url, reason) => {
    const wrong = wrongInDatabaseUrl(url);
    expect(wrong).toContain(reason);
    expect(wrong).not.toContain('SECRET');
  });

  it('gets another login, whatever the hosts are', () => {
    const word = ['@', ',', '/'].join('x');
    expect(withLogin(`postgres://u:p@a:1,b:2/db?${WRITES}`, 'web', word)).toBe(
      `postgres://web:${encodeURIComponent(word)}@a:1,b:2/db?${WRITES}`,
    );
  });
});
