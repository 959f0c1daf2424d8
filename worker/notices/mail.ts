import nodemailer from 'nodemailer';
import type { DueNotice } from '../../db/calls.ts';
import type { Message } from './message.ts';
import type { Sender, SendResult } from './round.ts';

/** Sends notices by SMTP. The only file that imports nodemailer. */

const CONNECT_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 20_000;
/** Messages over one connection, after which it is opened again. */
const MESSAGES_MAX = 100;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Errors of the connection or the login, and silence: no other message would do better now. */
const AWAY_CODES = new Set([
  'EABORT',
  'EAUTH',
  'ECONNECTION',
  'ECONNREFUSED',
  'ECONNRESET',
  'EDNS',
  'EPROTOCOL',
  'ESOCKET',
  'ETIMEDOUT',
  'ENOAUTH',
  'ETLS',
]);
/** The server closes the connection. */
const CLOSING = 421;

interface SmtpError {
  readonly code?: string;
  readonly command?: string;
  readonly responseCode?: number;
}

/** @param smtpUrl TLS is required, except on this machine */
export function createMailer(
  { smtpUrl, from }: { readonly smtpUrl: string; readonly from: string },
  connectionsMax: number,
): Sender {
  const { protocol, hostname, port, username, password } = new URL(smtpUrl);
  const isSecure = protocol === 'smtps:';
  const isLocal = LOOPBACK.test(hostname);
  const domain = from.replace(/^.*@([^>]+)>?$/, '$1');
  const transport = nodemailer.createTransport({
    pool: true,
    maxConnections: connectionsMax,
    maxMessages: MESSAGES_MAX,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (isSecure ? 465 : 587),
    secure: isSecure,
    requireTLS: !isSecure && !isLocal,
    ...(username !== '' && {
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
    }),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    // A message never has content from a file or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    channel: 'email',
    async send(notice, message, signal) {
      try {
        await transport.sendMail({ ...mailOf(notice, message, from, domain), signal });
        return { result: 'sent' };
      } catch (error) {
        return failureOf(error as SmtpError);
      }
    },
    close: () => transport.close(),
  };
}

function mailOf({ address }: DueNotice, message: Message, from: string, domain: string) {
  const { id, subject, text, html, language, unsubscribeUrl } = message;
  return {
    messageId: `<${id}@${domain}>`,
    from,
    // As an object, the address is never parsed as a list.
    to: { name: '', address },
    subject,
    text,
    html,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'Content-Language': language,
      'List-Unsubscribe': `<${unsubscribeUrl}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    },
  };
}

/** The words of the server are left out, because they may have the address. */
function failureOf({ code = 'error', command, responseCode }: SmtpError): SendResult {
  const error = [code, command?.split(' ')[0], responseCode].filter(Boolean).join(' ');
  if (responseCode === CLOSING) return { result: 'away', error };
  // An answer of the server to the recipient or the message is about this notice alone.
  if (responseCode !== undefined && /^(RCPT|DATA)/.test(command ?? '')) {
    return { result: responseCode >= 500 ? 'refused' : 'later', error };
  }
  return { result: AWAY_CODES.has(code) ? 'away' : 'later', error };
}
