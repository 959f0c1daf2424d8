import { NodeAgent } from '../../server/quota/agent.ts';

/** A web node's agent in a separate process, to be stopped and killed. It prints what it draws. */
const [servers = '', root = '', sku = '', sessionTimeoutMs] = process.argv.slice(2);

const agent = new NodeAgent({
  session: { servers, sessionTimeoutMs: Number(sessionTimeoutMs) },
  root,
  nodePrefix: 'child',
  onChange: () => say(),
});

function say(): void {
  const grant = agent.grants().find((candidate) => candidate.sku === sku)?.grant ?? 0;
  console.log(JSON.stringify({ node: agent.node, grant }));
}

process.stdin.on('data', (data) => {
  for (const word of data.toString().split('\n').filter(Boolean)) {
    console.log(JSON.stringify({ asked: word, answer: agent.draw(sku, Number(word)) }));
  }
});

// The parent process has ended.
process.stdin.on('end', () => process.exit());
