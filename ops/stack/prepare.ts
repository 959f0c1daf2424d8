import {
  ConfigError,
  commonSpecs,
  parseEnvironment,
  zookeeperCredentialSpecs,
  zookeeperPath,
} from '../../contracts/config.ts';
import { leftAlone } from '../../db/install/install.ts';
import { setLogins } from '../../db/install/logins.ts';
import { prepare } from '../../db/install/prepare.ts';
import { protectionOf } from '../../zk/client/protection.ts';
import { loginPasswords } from '../logins.ts';
import { ensureDemo } from './demo.ts';
import { missingServers, type Servers, serversOfEnvironment } from './servers.ts';

/** One-shot service of docker-compose.yml: creates tables, routines, logins and the demo's sale. */

const specs = {
  DEMO: commonSpecs.DEMO,
  ZK_ROOT: zookeeperPath({ default: '/flashsale' }),
  ...zookeeperCredentialSpecs,
};
const variables = read(() => parseEnvironment(process.env, specs));
const passwords = read(() => loginPasswords(process.env));
const protection = protectionOf(variables, 'operator');
const given = serversOfEnvironment(process.env);
const missing = missingServers(given);
if (missing.length > 0) {
  console.error('DATABASE_URL, AMQP_URL and ZOOKEEPER must be set');
  process.exit(78);
}
const servers = given as Servers;
for (const url of [servers.databaseUrl, servers.hotDatabaseUrl]) {
  if (url === undefined) continue;
  for (const sentence of leftAlone(await prepare(url))) console.log(sentence);
  await setLogins(url, passwords);
}
if (variables.DEMO) {
  const sale = await ensureDemo(servers, variables.ZK_ROOT, protection);
  console.log(`the sale ${sale.sale} opens at ${sale.opensAt.toISOString()}`);
}

/** Exits with the same message and code as the other processes if the environment is wrong. */
function read<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(78);
  }
}
