import { randomBytes } from 'node:crypto';
import { ZOOKEEPER_ROLES, type ZookeeperRole } from '../../contracts/config.ts';
import { digestOf, Protection } from '../../zk/client/protection.ts';

/** One credential for each role, and the variables that each process gets. */
export class Credentials {
  readonly #auths = Object.fromEntries(
    ZOOKEEPER_ROLES.map((role) => [role, `${role}-user:${randomBytes(9).toString('base64url')}`]),
  ) as Record<ZookeeperRole, string>;

  auth(role: ZookeeperRole): string {
    return this.#auths[role];
  }

  /** `ZK_AUTH` and `ZK_ACL` of a process. */
  environment(role: ZookeeperRole): Record<'ZK_AUTH' | 'ZK_ACL', string> {
    const digests = ZOOKEEPER_ROLES.map((one) => `${one}=${digestOf(this.#auths[one])}`);
    return { ZK_AUTH: this.#auths[role], ZK_ACL: digests.join() };
  }

  protectionOf(root: string, role: ZookeeperRole): Protection {
    const digests = Object.fromEntries(
      ZOOKEEPER_ROLES.map((one) => [one, [digestOf(this.#auths[one])]]),
    ) as Record<ZookeeperRole, string[]>;
    return new Protection(root, role, this.#auths[role], digests);
  }
}
