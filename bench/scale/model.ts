/**
 * A model of an installation with many homes, from measured costs. Pure. It assumes that an order costs each part the
 * same CPU time however many homes there are, and that the idle cost of a part grows with the homes.
 */

export const PARTS = ['web nodes', 'broker', 'keepers', 'ZooKeeper', 'server of regular'] as const;
/** A part that all homes share. */
export type Part = (typeof PARTS)[number];

export interface Cost {
  /** CPU µs of an order. */
  readonly orderUs: number;
  /** Cores that are used for each home when nobody orders. */
  readonly idleCores: number;
}

export interface Costs {
  /** The cores of a home that was measured. */
  readonly share: number;
  /** Its PostgreSQL. `idleCores` is with two web nodes; each further one adds `idleCoresOfWebNode`. */
  readonly home: Cost & { readonly idleCoresOfWebNode: number };
  readonly worker: Cost;
  /** `idleCores` of the web nodes is that of one. */
  readonly parts: Readonly<Record<Part, Cost>>;
  /** Sessions at the server of a home: of one web node, of all other processes together, and how many it takes. */
  readonly sessions: { readonly webNode: number; readonly others: number; readonly most: number };
  /** CPU µs of a list of orders for each home: of the process that asks, and of the home. */
  readonly list: { readonly askingUs: number; readonly homeUs: number };
  /** Milliseconds of a change of a sale, for each server. */
  readonly changeMs: number;
}

export interface Prediction {
  readonly homes: number;
  readonly ordersPerSecond: number;
  readonly cores: Readonly<Record<Part | 'homes' | 'workers', number>>;
  readonly webNodes: number;
  readonly sessionsAtHome: number;
  readonly sessionsOfWebNode: number;
  readonly listMs: number;
  readonly changeMs: number;
}

export const MEASURED_WEB_NODES = 2;
/** Of a core that a web node uses; the rest is for peaks. */
const WEB_NODE_CORES = 0.7;
/** The orders a second of one home. */
function ofHome({ home }: Costs, cores: number, webNodes: number): number {
  const more = (webNodes - MEASURED_WEB_NODES) * home.idleCoresOfWebNode;
  return Math.max(0, ((cores - home.idleCores - more) * 1e6) / home.orderUs);
}

/** @param cores of each home */
export function predict(costs: Costs, homes: number, cores = costs.share): Prediction {
  const { parts, sessions, list } = costs;
  const web = parts['web nodes'];
  // A further web node leaves each home fewer orders, so this ends.
  let webNodes = MEASURED_WEB_NODES;
  while (
    homes * (ofHome(costs, cores, webNodes) * web.orderUs * 1e-6 + webNodes * web.idleCores) >
    webNodes * WEB_NODE_CORES
  ) {
    webNodes += 1;
  }
  const ordersPerSecond = homes * ofHome(costs, cores, webNodes);
  const coresOf = ({ orderUs, idleCores }: Cost) =>
    (ordersPerSecond * orderUs) / 1e6 + homes * idleCores;
  const shared = PARTS.map((part) => {
    const { orderUs, idleCores } = parts[part];
    const nodes = part === 'web nodes' ? webNodes : 1;
    return [part, coresOf({ orderUs, idleCores: idleCores * nodes })] as const;
  });
  return {
    homes,
    ordersPerSecond,
    cores: {
      ...(Object.fromEntries(shared) as Record<Part, number>),
      homes: homes * cores,
      workers: coresOf(costs.worker),
    },
    webNodes,
    sessionsAtHome: webNodes * sessions.webNode + sessions.others,
    sessionsOfWebNode: (homes + 1) * sessions.webNode,
    listMs: ((homes + 1) * list.askingUs) / 1_000,
    changeMs: (homes + 1) * costs.changeMs,
  };
}

/** The number of web nodes whose sessions are all that a home takes. */
export function webNodesMax({ sessions: { webNode, others, most } }: Costs): number {
  return Math.floor((most - others) / webNode);
}

/** The number of homes with which a shared part fills one core. Web nodes: one web node. */
export function homesOfOneCore(costs: Costs, part: Part, cores = costs.share): number {
  const { orderUs, idleCores } = costs.parts[part];
  return 1 / ((ofHome(costs, cores, MEASURED_WEB_NODES) * orderUs) / 1e6 + idleCores);
}
