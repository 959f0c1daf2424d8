import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import type { Progress } from './progress.ts';
import type { ServerName, Servers } from './servers.ts';

/** The three servers as containers for one test run. The only file that imports testcontainers. */

const LOGIN = 'flashsale';
const STARTUP_TIMEOUT_MS = 180_000;

/** The images of docker-compose.yml; RabbitMQ with the management API, for virtual hosts. */
const IMAGES: Record<ServerName, string> = {
  postgres: 'postgres:17',
  rabbitmq: 'rabbitmq:4.1-management',
  zookeeper: 'zookeeper:3.9',
};

type Started = { container: StartedTestContainer; servers: Partial<Servers> };

async function postgres(): Promise<Started> {
  const container = await new GenericContainer(IMAGES.postgres)
    .withEnvironment({
      POSTGRES_USER: LOGIN,
      POSTGRES_PASSWORD: LOGIN,
      POSTGRES_DB: LOGIN,
    })
    .withCommand(['postgres', '-c', 'max_connections=200', '-c', 'jit=off'])
    .withExposedPorts(5432)
    // The image starts the server twice; the first time is only for its set-up.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .withStartupTimeout(STARTUP_TIMEOUT_MS)
    .start();
  const address = `${container.getHost()}:${container.getMappedPort(5432)}`;
  return {
    container,
    servers: { databaseUrl: `postgres://${LOGIN}:${LOGIN}@${address}/${LOGIN}` },
  };
}

async function rabbitmq(): Promise<Started> {
  const container = await new GenericContainer(IMAGES.rabbitmq)
    .withEnvironment({
      RABBITMQ_DEFAULT_USER: LOGIN,
      RABBITMQ_DEFAULT_PASS: LOGIN,
      RABBITMQ_DEFAULT_VHOST: LOGIN,
    })
    .withExposedPorts(5672, 15672)
    .withWaitStrategy(Wait.forLogMessage(/Server startup complete/))
    .withStartupTimeout(STARTUP_TIMEOUT_MS)
    .start();
  const at = (port: number) =>
    `${LOGIN}:${LOGIN}@${container.getHost()}:${container.getMappedPort(port)}`;
  return {
    container,
    servers: { amqpUrl: `amqp://${at(5672)}/${LOGIN}`, amqpManagementUrl: `http://${at(15672)}` },
  };
}

async function zookeeper(): Promise<Started> {
  const container = await new GenericContainer(IMAGES.zookeeper)
    .withEnvironment({
      ZOO_TICK_TIME: '500',
      ZOO_MAX_CLIENT_CNXNS: '0',
      ZOO_ADMINSERVER_ENABLED: 'false',
      ZOO_4LW_COMMANDS_WHITELIST: 'ruok,srvr,stat,mntr,conf,cons,wchs,isro',
      ZOO_CFG_EXTRA: 'minSessionTimeout=1000 maxSessionTimeout=60000',
    })
    .withExposedPorts(2181)
    .withWaitStrategy(Wait.forListeningPorts())
    .withStartupTimeout(STARTUP_TIMEOUT_MS)
    .start();
  return {
    container,
    servers: { zookeeper: `${container.getHost()}:${container.getMappedPort(2181)}` },
  };
}

const STARTERS: Record<ServerName, () => Promise<Started>> = { postgres, rabbitmq, zookeeper };

/** @throws {Error} when an image cannot be pulled or a container does not become ready */
export async function startContainers(wanted: readonly ServerName[], progress: Progress) {
  const results = await progress.step(`starting containers: ${wanted.join(', ')}`, () =>
    Promise.allSettled(wanted.map((name) => STARTERS[name]())),
  );
  const started = results.flatMap((result) =>
    result.status === 'fulfilled' ? [result.value] : [],
  );
  const stop = async () => {
    await Promise.allSettled(started.map(({ container }) => container.stop({ timeout: 5_000 })));
  };
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  const servers: Partial<Servers> = Object.assign({}, ...started.map((one) => one.servers));
  return { servers, stop };
}
