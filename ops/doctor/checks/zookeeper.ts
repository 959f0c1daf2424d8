import { applyRights } from '../../../keeper/edits/protect.ts';
import type { ZkSession } from '../../../zk/client/session.ts';
import { reasonOf } from '../../quota/overview.ts';
import { type Check, count, type Finding, few, no, notKnown, ok, unless } from '../check.ts';
import type { Sources } from '../sources/sources.ts';
import type { ZookeeperServer } from '../sources/zookeeper-servers.ts';

/** ZooKeeper: its servers, the sessions of web nodes and keepers, edits, and the rights on the tree. */

const SRVR = (server: string) => `echo srvr | nc ${server.replace(/:(\d+)$/, ' $1')}`;

function ofServers(servers: readonly ZookeeperServer[]): Finding[] {
  const silent = servers.filter(({ mode }) => mode === undefined);
  const problems = silent.map(({ server, reason }) =>
    no(`${server} serves nobody: ${reason}`, SRVR(server)),
  );
  const leading = servers.filter(({ mode }) => mode === 'leader' || mode === 'standalone');
  const [one] = servers;
  if (silent.length === 0 && leading.length !== 1 && one !== undefined) {
    const modes = servers.map(({ server, mode }) => `${server} ${mode}`);
    problems.push(no(`not one server leads: ${few(modes)}`, SRVR(one.server)));
  }
  return problems;
}

/** Web nodes that run and have no session are not registered; those that registered have to report. */
async function ofSessions(sources: Sources): Promise<Finding[]> {
  const { reader, paths } = await sources.tree();
  const [nodes, reports, sessions, keepers] = await Promise.all([
    reader.names(paths.nodes),
    reader.names(paths.reports),
    reader.names(paths.sessions),
    reader.names(paths.election),
  ]);
  const running = await sources.processes().then(
    ({ all }) => all.filter(({ kind }) => kind === 'web').length,
    () => undefined,
  );
  const show = 'flashsale quota show';
  const without = (others: readonly string[]) => nodes.filter((node) => !others.includes(node));
  return [
    ...(nodes.length === 0 ? [no('no web node is registered: nothing would be sold', show)] : []),
    ...(running !== undefined && nodes.length > 0 && nodes.length < running
      ? [no(`${running} web nodes run, and only ${nodes.length} are registered`, show)]
      : []),
    ...(running !== undefined && nodes.length > running
      ? [no(`${nodes.length} web nodes are registered, and ${running} answer here`, show)]
      : []),
    ...without(reports).map((node) => no(`${node} has not reported`, show)),
    ...without(sessions).map((node) => no(`${node} is registered without a session`, show)),
    ...(keepers.length === 0
      ? [no('no keeper stands for election', 'journalctl -u flashsale-keeper')]
      : []),
  ];
}

async function ofEdits(sources: Sources): Promise<Finding[]> {
  const { reader, paths } = await sources.tree();
  const names = await reader.names(paths.errors);
  return Promise.all(
    names.map(async (name) => {
      const path = name.replaceAll('!', '/');
      const command = `zkCli.sh get ${path}`;
      // Lists name people.
      if (path.startsWith(`${paths.root}/lists/`)) {
        return no(`the edit of ${path} has no effect`, command);
      }
      const note = await reader.text(`${paths.errors}/${name}`);
      return no(`the edit of ${path} has no effect: ${reasonOf(note?.text ?? '')}`, command);
    }),
  );
}

export const zookeeper: Check = {
  name: 'zookeeper',
  about: 'servers of ZooKeeper, sessions of web nodes and keepers, edits without effect',
  async look(sources) {
    const [servers, sessions, edits] = await Promise.all([
      sources.zookeeperServers(),
      ofSessions(sources),
      ofEdits(sources),
    ]);
    const { reader, paths } = await sources.tree();
    const nodes = await reader.names(paths.nodes);
    const well = `${count(servers.length, 'server')}, ${count(nodes.length, 'web node')} with a session and a report, no edit without effect`;
    const problems = [...ofServers(servers), ...sessions, ...edits];
    return unless(problems, ok(well, 'flashsale quota show'));
  },
};

const CHECK = 'flashsale zookeeper protect --check';

async function ofTree(session: ZkSession, root: string): Promise<readonly Finding[]> {
  const { protection } = session;
  if (protection === undefined) {
    const acl = await session.acl(root);
    const isOpen =
      acl.ok &&
      acl.value.some(({ id, permissions }) => id === 'anyone' && permissions.includes('w'));
    if (!acl.ok || !isOpen) {
      const reason = 'the tree is protected, and ZK_AUTH and ZK_ACL are not set here';
      return [notKnown(reason, 'ZK_AUTH_FILE=… ZK_ACL_FILE=… flashsale doctor')];
    }
    const reason = 'everybody who reaches ZooKeeper may change quotas: no rights are set';
    return [
      no(reason, 'see docs/operating.md#who-may-write-what, then: flashsale zookeeper protect'),
    ];
  }
  const { seen, changed, left } = await applyRights(session, root, protection, { isDry: true });
  const problems = [
    ...(changed.length > 0 ? [no(`not as the table of rights says: ${few(changed)}`, CHECK)] : []),
    ...left.map((path) => no(`${path} is open: its web node runs without ZK_AUTH`, CHECK)),
  ];
  return unless(problems, ok(`${count(seen, 'node')} with the rights of their roles`, CHECK));
}

export const rights: Check = {
  name: 'rights',
  about: 'who may write which node of ZooKeeper',
  async look(sources) {
    const { session, paths } = await sources.tree();
    const found = await ofTree(session, paths.root);
    if (!sources.options.isDemo || session.protection !== undefined) return found;
    return [ok('a demo: everybody who reaches ZooKeeper may change quotas', CHECK)];
  },
};
