import { writeFileSync } from 'node:fs';
import { openSession } from '../../db/client/pool.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import { startTestbed } from '../../ops/stack/testbed.ts';
import { schemaText } from './schema-text.ts';

/** `npm run schema`: writes db/schema.sql from a database that the migrations have just created. */

const FILE = new URL('../../db/schema.sql', import.meta.url);
const TIMEOUT_MS = 300_000;
const NAME = `schema_${process.pid}`;

const testbed = await startTestbed(
  process.env,
  createProgress((line) => console.log(line)),
);
const open = (url: string) =>
  openSession(url, {
    applicationName: 'schema',
    statementTimeoutMs: TIMEOUT_MS,
    lockTimeoutMs: TIMEOUT_MS,
  });
try {
  const server = await open(testbed.servers.databaseUrl);
  await server.run(`CREATE DATABASE ${NAME}`);
  try {
    const url = new URL(testbed.servers.databaseUrl);
    url.pathname = `/${NAME}`;
    await prepareHomes(
      new Map([
        ['regular', url.href],
        ['hot', url.href],
      ]),
    );
    const session = await open(url.href);
    writeFileSync(FILE, await schemaText((statement) => session.query(statement)));
    await session.close();
  } finally {
    await server.run(`DROP DATABASE ${NAME} WITH (FORCE)`);
    await server.close();
  }
} finally {
  await testbed.stop();
}
