import { createHash, randomBytes } from 'node:crypto';
import { ConfigError, type ZookeeperDigests, type ZookeeperRole } from '../../contracts/config.ts';

/**
 * Who may do what with each node of the tree, where credentials are configured: one table, used
 * whenever a node is made and by `flashsale zookeeper protect`.
 *
 * A process has one credential (`ZK_AUTH`) and knows the others by their digests (`ZK_ACL`), as
 * `setAcl` of zkCli.sh takes them. What belongs to one session alone, its report, is written with a
 * credential that is made with it and that nobody else ever sees.
 */

/** Entry of an access control list: `scheme:id` and letters of c, d, r, w, a, as zkCli.sh has them. */
export interface AclEntry {
  readonly scheme: string;
  readonly id: string;
  readonly permissions: string;
}

export const OPEN_ACL: readonly AclEntry[] = [
  { scheme: 'world', id: 'anyone', permissions: 'cdrwa' },
];

/** `own`: the session that makes the node. */
type Who = ZookeeperRole | 'own';

interface Rule {
  /** Below the root; `*` is one name. */
  readonly path: string;
  readonly allow: Readonly<Partial<Record<Who, string>>>;
  /** Holds names or addresses of people: only the roles named here read it, not the world. */
  readonly isPrivate?: boolean;
}

/**
 * c makes children, d deletes children, w writes the value, a changes who may what. The first rule
 * that fits counts. Operators may hand out rights (`a`): somebody must. Everybody reads what is not
 * private.
 */
const RULES: readonly Rule[] = [
  { path: '', allow: { operator: 'cda', keeper: 'c' } },
  { path: '/skus', allow: { operator: 'cda' } },
  { path: '/skus/*', allow: { operator: 'cda', keeper: 'c' } },
  { path: '/skus/*/pins', allow: { operator: 'cda' } },
  // A SKU that is over is deleted with its grants; a grant that is missing is written again.
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
  // A note holds the list that stays in force.
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
  // Quota, state, shares, pins, and whatever else is typed somewhere: the operators'.
  { path: '/**', allow: { operator: 'cdwa' } },
];

function patternOf(path: string): RegExp {
  const text = path.replaceAll('**', '\u0000').replaceAll('*', '[^/]*').replaceAll('\u0000', '.*');
  return new RegExp(`^${text}$`);
}

const PATTERNS = RULES.map((rule) => ({ rule, pattern: patternOf(rule.path) }));

/** `user:digest`, as it stands in access control lists, of `user:password`. */
export function digestOf(auth: string): string {
  const user = auth.slice(0, auth.indexOf(':'));
  return `${user}:${createHash('sha1').update(auth).digest('base64')}`;
}

export class Protection {
  /** What a connection says of itself: the process' credential and one of this session's own. */
  readonly auths: readonly string[];
  readonly #root: string;
  readonly #digests: ZookeeperDigests;
  readonly #own = `own:${randomBytes(24).toString('base64url')}`;

  /** @throws {ConfigError} when `auth` is none of a role's digests */
  constructor(root: string, role: ZookeeperRole, auth: string, digests: ZookeeperDigests) {
    const digest = digestOf(auth);
    if (!digests[role].includes(digest)) {
      throw new ConfigError(`ZK_AUTH has the digest ${digest}, which ZK_ACL does not call ${role}`);
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

  /** Whether only the session that made it knows who may write it. */
  isOwn(path: string): boolean {
    return this.#ruleOf(path)?.allow.own !== undefined;
  }

  /** What a node that is made there allows to whom; outside of the tree everything to everyone. */
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
 * Undefined where no credentials are configured: then the tree is open.
 * @throws {ConfigError} when there is one without the other, or they do not fit each other
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
    throw new ConfigError('ZK_AUTH and ZK_ACL go together: set both, or none');
  }
  return new Protection(root, role, auth, digests);
}
