import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import { createProgram } from '../../ops/program.ts';
import { files, textOf } from '../house/files.ts';

/**
 * What can be known here of the runbook's commands for other machines: whether the unit, service, resource,
 * subcommand or option that they name exists. Each check throws with the word that it does not know.
 */

/** Units of the distribution. */
const DEBIAN_UNITS = ['postgresql', 'rabbitmq-server', 'zookeeper', 'systemd-timesyncd'];
const SYSTEMCTL = ['status', 'start', 'restart', 'reload'];
const COMPOSE = ['ps', 'logs', 'restart', 'up', 'exec'];
const KUBECTL = ['get', 'logs', 'delete', 'rollout', 'scale'];
const KINDS: Readonly<Record<string, string>> = {
  deploy: 'Deployment',
  statefulset: 'StatefulSet',
};
const SCRIPTS = '/usr/lib/rabbitmq/lib/rabbitmq_server-*/escript';

function known(word: string | undefined, words: Iterable<string>, what: string): void {
  if (word === undefined || ![...words].includes(word)) throw new Error(`no ${what} ${word}`);
}

function unit(name: string): void {
  const template = name.replace(/@\w+$/, '@');
  const ours = files.flatMap((file) => /^ops\/systemd\/([\w@-]+)\.service$/.exec(file)?.[1] ?? []);
  known(template, [...ours, ...DEBIAN_UNITS], 'unit');
}

/** Words that are no options. `values` are options that have a value. */
function argumentsOf(words: readonly string[], values: readonly string[]): string[] {
  return words.filter(
    (word, index) => !word.startsWith('-') && !values.includes(words[index - 1] ?? ''),
  );
}

function compose(words: readonly string[]): void {
  const [file] = words.flatMap((word, index) => (words[index - 1] === '-f' ? [word] : []));
  const own = words.slice(words.indexOf('--env-file') + 2);
  const [verb, ...services] = argumentsOf(own, ['--tail', '--scale']);
  known(verb, COMPOSE, 'command of compose');
  const { services: all } = once(file ?? '', () => parse(textOf(file ?? ''))) as {
    services: Record<string, unknown>;
  };
  const named = verb === 'exec' ? services.slice(0, 1) : services;
  for (const service of named) known(service, Object.keys(all), 'service');
}

/** Parsing takes longer than all else here, so it is done once. */
const parsed = new Map<string, unknown>();

function once<T>(what: string, make: () => T): T {
  if (!parsed.has(what)) parsed.set(what, make());
  return parsed.get(what) as T;
}

function resources(): string[] {
  return once('resources', () =>
    files
      .filter((file) => /^ops\/kubernetes\/base\/.*\.yaml$/.test(file))
      .flatMap((file) => parseAllDocuments(textOf(file)).map((document) => document.toJS()))
      .map((one) => `${one?.kind}/${one?.metadata?.name}`),
  );
}

function kubectl(words: readonly string[]): void {
  const [verb, ...named] = argumentsOf(words, ['--tail', '--replicas']);
  known(verb, KUBECTL, 'command of kubectl');
  const all = resources();
  for (const name of named) {
    const [kind = '', of] = name.split('/');
    if (of !== undefined) known(`${KINDS[kind]}/${of}`, all, 'resource');
    // A pod of a StatefulSet.
    else if (/-\d+$/.test(name)) known(`StatefulSet/${name.replace(/-\d+$/, '')}`, all, 'resource');
  }
}

function patronictl([command]: readonly string[]): void {
  const patroni = once('patronictl', () =>
    execFileSync('patronictl', ['--help'], { encoding: 'utf8' }),
  );
  const all = [...patroni.matchAll(/^ {2}([a-z-]+) {2}/gm)].map(([, name = '']) => name);
  known(command, all, 'command of patronictl');
}

function pgbackrest(words: readonly string[]): void {
  const [command = ''] = argumentsOf(words, []);
  if (command === '') throw new Error('no command of pgbackrest');
  const help = execFileSync('pgbackrest', ['help', command], { encoding: 'utf8', stdio: 'pipe' });
  for (const option of words.filter((word) => word.startsWith('--'))) {
    known(option.replace(/=.*$/, ''), help.match(/--[\w-]+/g) ?? [], `option of ${command}`);
  }
}

/** RabbitMQ's tools are archives of a module for each command. */
function rabbitmq(tool: string, [command = '']: readonly string[]): void {
  const [file = ''] = globSync(`${SCRIPTS}/${tool}`);
  const name = command.replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
  if (!readFileSync(file, 'latin1').includes(`.${name}Command.beam`)) {
    throw new Error(`no command ${command} of ${tool}`);
  }
}

const program = await createProgram({});

function flashsaleCommand(words: readonly string[]): void {
  let at = program;
  for (const word of words) {
    if (at.commands.length === 0) return;
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) throw new Error(`no command flashsale ${words.join(' ')}`);
    at = next;
  }
}

/** @returns how it was checked; `not checked` if nothing is known of such a command */
export function check(command: string): string {
  const [tool = '', ...words] = command.replace(/\s+#.*$/, '').split(' ');
  if (tool === 'systemctl') {
    known(words[0], SYSTEMCTL, 'command of systemctl');
    for (const name of words.slice(1)) unit(name);
  } else if (tool === 'journalctl') unit(words[words.indexOf('-u') + 1] ?? '');
  else if (tool === 'docker') compose(words);
  else if (tool === 'kubectl') kubectl(words);
  else if (tool === 'patronictl') patronictl(words);
  else if (tool === 'pgbackrest') pgbackrest(words);
  else if (tool.startsWith('rabbitmq')) rabbitmq(tool, words);
  else if (tool === 'ssh') return check(words.slice(1).join(' ').replace(/ >.*$/, ''));
  else if (tool === 'npx') flashsaleCommand(words.slice(1).filter((word) => !word.startsWith('-')));
  else return 'not checked';
  return tool;
}
