import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../ops/stack/ports.ts';
import { findNginx } from '../ops/stack/programs.ts';
import { TestFolder } from '../ops/stack/test-folder.ts';
import { Children } from './children.ts';
import { until } from './until.ts';

/**
 * Starts an nginx with no settings but those of `configurationOf`.
 * @param configurationOf the content of the `http` block, which listens on the port
 */
export async function startNginx(configurationOf: (port: number) => string) {
  const program = findNginx({ path: process.env['PATH'] ?? '', root: '/' });
  if (program === undefined) throw new Error('nginx is missing: install nginx-light');
  const folder = new TestFolder();
  const children = new Children();
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => {
    mkdirSync(join(folder.path, name));
    return `${name}_temp_path ${join(folder.path, name)};`;
  });
  const file = join(folder.path, 'nginx.conf');
  const text = `
    daemon off;
    master_process off;
    pid ${join(folder.path, 'nginx.pid')};
    error_log ${join(folder.path, 'error.log')};
    events {}
    http {
      access_log off;
      ${temporary.join('\n')}
      ${configurationOf(port)}
    }`;
  writeFileSync(file, text);
  children.run(program, ['-p', folder.path, '-c', file, '-e', join(folder.path, 'error.log')]);
  const url = `http://127.0.0.1:${port}`;
  await until('nginx answers', async () => (await fetch(`${url}/livez`)).ok);
  return {
    url,
    port,
    close() {
      children.close();
      folder.remove();
    },
  };
}
