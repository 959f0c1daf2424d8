import { InvalidArgumentError } from 'commander';
import {
  CONSOLE_ROLES,
  type ConsoleRole,
  hashOfToken,
  isLogin,
  LOGIN_FORM,
  newToken,
  rolesOf,
  tokenEntry,
} from '../../contracts/console.ts';
import type { AddCommand } from './command.ts';

/** `flashsale console token`: makes a token to sign in to the console with. */

function parseLogin(value: string): string {
  if (!isLogin(value)) throw new InvalidArgumentError(`It has ${LOGIN_FORM}.`);
  return value;
}

function parseRoles(value: string): ConsoleRole[] {
  const roles = rolesOf(value.replaceAll(',', '+'));
  if (roles === undefined) {
    throw new InvalidArgumentError(`They are ${CONSOLE_ROLES.join(', ')}, joined by commas.`);
  }
  return roles;
}

interface Options {
  readonly login: string;
  readonly role: ConsoleRole[];
  readonly json?: boolean;
}

export const addConsole: AddCommand = (program) => {
  const command = program.command('console').description('prepare sign-ins to the console');
  command
    .command('token')
    .description('make a token and the entry of CONSOLE_TOKENS that lets it in')
    .requiredOption('--login <name>', `the name in histories: ${LOGIN_FORM}`, parseLogin)
    .requiredOption('--role <roles>', CONSOLE_ROLES.join(', '), parseRoles)
    .option('--json', 'print both as one JSON object')
    .action(({ login, role: roles, json }: Options) => {
      const token = newToken();
      const entry = tokenEntry({ login, roles, sha256: hashOfToken(token) });
      if (json) return console.log(JSON.stringify({ login, roles, token, entry }));
      console.log(`token, for ${login} alone, shown only now:\n  ${token}`);
      console.log(`entry, for CONSOLE_TOKENS or a line of its file:\n  ${entry}`);
    });
};
