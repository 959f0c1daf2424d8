import { parseEnvironment } from '../../contracts/config.ts';
import {
  type DatabaseUrls,
  databaseUrls,
  hotDatabaseSpecs,
} from '../../contracts/database-config.ts';
import { stackFolder } from '../../ops/stack/folder.ts';
import { runningStack } from '../../ops/stack/running.ts';
import { readSettings } from '../../ops/stack/state.ts';
import type { Purpose } from '../../server/gate/shop-token.ts';

/** The shop that the scenario runs against, with the access data of its operator. */
export interface Shop {
  readonly shopUrl: string;
  readonly databaseUrls: DatabaseUrls;
  readonly zookeeper: string;
  readonly zkRoot: string;
  /** Signs the identities of the crowd. */
  readonly jwtSecret: string;
  /** Audience and issuer that the shop expects in tokens. */
  readonly purpose?: Purpose;
}

/** Whether the variables name the local stack, as they do after `flashsale env`. */
function stackOf(environment: Readonly<Record<string, string | undefined>>) {
  const shopUrl = environment['SHOP_URL'];
  try {
    const stack = runningStack(environment);
    const isElsewhere = shopUrl !== undefined && shopUrl !== stack.SHOP_URL;
    return { isElsewhere, stack: isElsewhere ? {} : stack };
  } catch (error) {
    if (shopUrl === undefined) throw error;
    return { isElsewhere: true, stack: {} };
  }
}

/**
 * Returns the local stack. Each of its variables can be set to the value of another shop.
 * @throws {Error} when no local stack runs and a variable is missing
 */
export function shopOf(environment: Readonly<Record<string, string | undefined>>): Shop {
  const { isElsewhere, stack } = stackOf(environment);
  const jwtSecret = isElsewhere ? undefined : readSettings(stackFolder(environment))?.jwtSecret;
  const variables: Readonly<Record<string, string | undefined>> = {
    ZK_ROOT: '/flashsale',
    JWT_SECRET: jwtSecret,
    ...stack,
    ...environment,
  };
  const need = (name: string) => {
    const value = variables[name];
    if (!value) throw new Error(`${name} is not set: SHOP_URL points to a shop elsewhere`);
    return value;
  };
  return {
    shopUrl: need('SHOP_URL'),
    databaseUrls: databaseUrls({
      DATABASE_URL: need('DATABASE_URL'),
      ...parseEnvironment(variables, hotDatabaseSpecs),
    }),
    zookeeper: need('ZOOKEEPER'),
    zkRoot: need('ZK_ROOT'),
    jwtSecret: need('JWT_SECRET'),
    purpose: {
      audience: variables['JWT_AUDIENCE'] || undefined,
      issuer: variables['JWT_ISSUER'] || undefined,
    },
  };
}
