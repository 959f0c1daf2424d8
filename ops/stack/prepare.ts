import {
  ConfigError,
  commonSpecs,
  parseEnvironment,
  withSecretsOfFiles,
  zookeeperCredentialSpecs,
  zookeeperPath,
} from '../../contracts/config.ts';
import { leftAlone } from '../../db/install/install.ts';
import { setLogins } from '../../db/install/logins.ts';
import { prepareHomes } from '../../db/install/prepare.ts';
import { protectionOf } from '../../zk/client/protection.ts';
import { loginPasswords } from '../logins.ts';
import { ensureDemo } from './demo.ts';
import { homeUrls, missingServers, type Servers, serversOfEnvironment } from './servers.ts';

/** One-shot service of docker-compose.yml: creates tables, routines, logins and the demo's sale. */

const specs = {
  DEMO: commonSpecs.DEMO,
  ZK_ROOT: zookeeperPath({ default: '/flashsale' }),
  ...zookeeperCredentialSpecs,
};
const { variables, passwords, protection, servers } = read(() => {
  // All at once, so that weak secrets are found wherever they are.
  const environment = withSecretsOfFiles(process.env);
  const given = serversOfEnvironment(environment);
  if (missingServers(given).length > 0) {
    throw new ConfigError('DATABASE_URL, AMQP_URL and ZOOKEEPER must be set');
  }
  const parsed = parseEnvironment(environment, specs);
  return {
    variables: parsed,
    passwords: loginPasswords(environment),
    protection: protectionOf(parsed, 'operator'),
    servers: given as Servers,
  };
});
const urls = homeUrls(servers);
for (const report of await prepareHomes(urls)) {
  for (const sentence of leftAlone(report)) console.log(sentence);
}
for (const url of new Set(urls.values())) await setLogins(url, passwords);
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
