import { exchange } from '../../ops/stack/ports.ts';
import { createProgress } from '../../ops/stack/progress.ts';
import type { Servers } from '../../ops/stack/servers.ts';
import { startServers } from '../shop.ts';

/** The ZooKeeper of a run: the one that ZOOKEEPER names, or a private one. */
export async function startZookeeper() {
  const quiet = createProgress(() => {});
  const { servers, stop } = await startServers(['zookeeper'], process.env, quiet);
  const { zookeeper: address } = servers as Servers;
  const [host = '', port = ''] = address.split(',')[0]?.split(':') ?? [];
  return {
    address,
    stop,
    /** Transactions so far: the low half of the newest one's id. */
    async transactions(): Promise<number> {
      const answer =
        (await exchange({ host, port: Number(port) }, 'srvr', 2_000))?.toString() ?? '';
      const zxid = /Zxid: 0x([0-9a-f]+)/.exec(answer)?.[1] ?? '0';
      return Number(BigInt(`0x${zxid}`) & 0xffffffffn);
    },
  };
}
