import { createHash, randomBytes } from 'node:crypto';
import { ConfigError, type ZookeeperDigests, type ZookeeperRole } from '../../contracts/config.ts';

/**
 * The access rights of each node of the tree, for installations with credentials. One table is used
 * whenever a node is created and by `flashsale zookeeper protect`.
 *
 * A process has one credential (`ZK_AUTH`) and knows the others by their digests (`ZK_ACL`), in the
 * form that `setAcl` of zkCli.sh takes. The report of a session may be written by that session
 * alone: its credential is created with the session and known to nobody else.
 */

/** Entry of an access control list: `scheme:id` and letters of c, d, r, w, a, as in zkCli.sh. */
export interface AclEntry {
  readonly scheme: string;
  readonly id: string;
  readonly permissions: string;
}

export const OPEN_ACL: readonly AclEntry[] = [
  { scheme: 'world', id: 'anyone', permissions: 'cdrwa' },
];

/** `own`: the session that creates the node. */
type Who = ZookeeperRole | 'own';

interface Rule {
  /** Path below the root. `*` matches one name. */
  readonly path: string;
  readonly allow: Readonly<Partial<Record<Who, string>>>;
  /** Contains names or addresses of people: only the roles named here may read it. */
  readonly isPrivate?: boolean;
}

/**
 * c creates children, d deletes children, r reads, w writes the value, a changes access rights. The
 * first matching rule applies. Operators have `a`, since some role must be able to grant rights.
 * Everyone may read nodes that are not private.
 */
const RULES: readonly Rule[] = [
  { path: '', allow: { operator: 'cda', keeper: 'c' } },
  { path: '/skus', allow: { operator: 'cda' } },
  { path: '/skus/*', allow: { operator: 'cda', keeper: 'c' } },
  { path: '/skus/*/pins', allow: { operator: 'cda' } },
  // Operators delete a finished SKU with its grants; the keeper writes a missing grant again.
  { path: '/skus/*/grants', allow: { operator: 'da', keeper: 'cdw' } },
  { path: '/skus/*/grants/*', allow: { operator: 'a', keeper: 'w' } },
  // The share under `keep = auto`.
  { path: '/skus/*/auto-keep', allow: { operator: 'a', keeper: 'w' } },
  { path: '/auto-keep', allow: { operator: 'cda' } },
  { path: '/lists', allow: { operator: 'cda', keeper: 'c' } },
  { path: '/lists/*', allow: { operator: 'cda' } },
  { path: '/lists/*/*', allow: { operator: 'rwa', keeper: 'r', web: 'r' }, isPrivate: true },
  { path: '/nodes', allow: { operator: 'da', web: 'c' } },
  { path: '/nodes/*', allow: { operator: 'a' } },
  { path: '/sessions', allow: { operator: 'a', keeper: 'd', web: 'c' } },
  { path: '/sessions/*', allow: { operator: 'a' } },
  { path: '/reports', allow: { operator: 'a', keeper: 'd', web: 'c' } },
  { path: '/reports/*', allow: { operator: 'a', own: 'w' } },
  { path: '/errors', allow: { operator: 'a', keeper: 'cd' } },
  // An edit error of a list contains the list that stays in force.
  {
    path: '/errors/*!lists!*',
    allow: { operator: 'ra', keeper: 'rw', web: 'r' },
    isPrivate: true,
  },
  { path: '/errors/*', allow: { operator: 'a', keeper: 'w' } },
  { path: '/history', allow: { operator: 'ca', keeper: 'cd' } },
  { path: '/history/*', allow: { operator: 'ra', keeper: 'r' }, isPrivate: true },
  { path: '/keeper', allow: { operator: 'a', keeper: 'c' } },
  { path: '/keeper/election', allow: { operator: 'a', keeper: 'cd' } },
  { path: '/keeper/election/*', allow: { operator: 'a' } },
  { path: '/keeper/epoch', allow: { operator: 'a', keeper: 'w' } },
  { path: '/keeper/beats', allow: { operator: 'a', keeper: 'c' } },
  { path: '/keeper/beats/*', allow: { operator: 'a', keeper: 'w' } },
  // Quota, state, shares, pins and any other node belong to the operators.
  { path: '/**', allow: { operator: 'cdwa' } },
];

function patternOf(path: string): RegExp {
  const text = path.replaceAll('**', '\u0000').replaceAll('*', '[^/]*').replaceAll('\u0000', '.*');
  return new RegExp(`^${text}$`);
}

const PATTERNS = RULES.map((rule) => ({ rule, pattern: patternOf(rule.path) }));

/** Returns the `user:digest` of `user:password`, as access control lists contain it. */
export function digestOf(auth: string): string {
  const user = auth.slice(0, auth.indexOf(':'));
  return `${user}:${createHash('sha1').update(auth).digest('base64')}`;
}

export class Protection {
  /** The credentials of a connection: that of the process and one of this session alone. */
  readonly auths: readonly string[];
  readonly #root: string;
  readonly #digests: ZookeeperDigests;
  readonly #own = `own:${randomBytes(24).toString('base64url')}`;

  /** @throws {ConfigError} when `digests` do not give `role` to `auth` */
  constructor(root: string, role: ZookeeperRole, auth: string, digests: ZookeeperDigests) {
    const digest = digestOf(auth);
    if (!digests[role].includes(digest)) {
      throw new ConfigError(
        `ZK_AUTH has the digest ${digest}, which ZK_ACL does not list as ${role}`,
      );
    }
    this.#root = root;
    this.#digests = digests;
    this.auths = [auth, this.#own];
  }

  #ruleOf(path: string): Rule | undefined {
    const isInside = path === this.#root || path.startsWith(`${this.#root}/`);
    const below = path.slice(this.#root.length);
    return isInside ? PATTERNS.find(({ pattern }) => pattern.test(below))?.rule : undefined;
  }

  /** Whether only the session that created the node can write it. */
  isOwn(path: string): boolean {
    return this.#ruleOf(path)?.allow.own !== undefined;
  }

  /**
   * The access control list for a node created at `path`. Outside the tree everyone has all rights.
   */
  aclOf(path: string): readonly AclEntry[] {
    const rule = this.#ruleOf(path);
    if (!rule) return OPEN_ACL;
    const entries = Object.entries(rule.allow).flatMap(([who, permissions]) =>
      this.#idsOf(who as Who).map((id): AclEntry => ({ scheme: 'digest', id, permissions })),
    );
    if (rule.isPrivate) return entries;
    return [...entries, { scheme: 'world', id: 'anyone', permissions: 'r' }];
  }

  #idsOf(who: Who): readonly string[] {
    return who === 'own' ? [digestOf(this.#own)] : this.#digests[who];
  }
}

/**
 * Returns the protection for `role`; undefined when no credentials are configured, which leaves the
 * tree open.
 *
 * @throws {ConfigError} when only one of the two variables is set or they contradict each other
 */
export function protectionOf(
  given: {
    readonly ZK_AUTH: string | undefined;
    readonly ZK_ACL: ZookeeperDigests | undefined;
    readonly ZK_ROOT: string;
  },
  role: ZookeeperRole,
): Protection | undefined {
  const { ZK_AUTH: auth, ZK_ACL: digests, ZK_ROOT: root } = given;
  if (auth === undefined && digests === undefined) return undefined;
  if (auth === undefined || digests === undefined) {
    throw new ConfigError('ZK_AUTH and ZK_ACL go together: set both or neither');
  }
  return new Protection(root, role, auth, digests);
}
