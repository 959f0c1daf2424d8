import type { AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';

/** A mail server on loopback that keeps what it accepts, and answers as the test says. */
export interface Mailbox {
  readonly url: string;
  /** Accepted messages, in the order of arrival, copies included. */
  readonly mails: Received[];
  /** Recipients that were named, accepted or not. */
  readonly recipients: string[];
  /** The next answers to recipients and messages: a code that refuses, or undefined to accept. */
  onRecipient: (address: string) => number | undefined;
  onMessage: (mail: Received) => Promise<number | undefined> | number | undefined;
  /** Messages to one address. */
  to(address: string): Received[];
  close(): Promise<void>;
}

export interface Received extends ParsedMail {
  readonly recipient: string;
}

function refusal(responseCode: number, address: string): Error {
  // As real servers do, the answer repeats the address.
  return Object.assign(new Error(`<${address}>: not now`), { responseCode });
}

/** @param port 0 uses any free port */
export async function startMailbox(port = 0): Promise<Mailbox> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo({ address }, _session, done) {
      mailbox.recipients.push(address);
      const code = mailbox.onRecipient(address);
      done(code === undefined ? null : refusal(code, address));
    },
    onData(stream, session, done) {
      receive(stream, session).then(
        () => done(),
        (error: Error) => done(error),
      );
    },
  });
  async function receive(
    stream: Parameters<typeof simpleParser>[0],
    { envelope }: SMTPServerSession,
  ): Promise<void> {
    const recipient = envelope.rcptTo[0]?.address ?? '';
    const mail = Object.assign(await simpleParser(stream), { recipient });
    const code = await mailbox.onMessage(mail);
    if (code !== undefined) throw refusal(code, recipient);
    mailbox.mails.push(mail);
  }
  server.on('error', () => {}); // A client that is killed breaks its connection.
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: listening } = server.server.address() as AddressInfo;
  const mailbox: Mailbox = {
    url: `smtp://127.0.0.1:${listening}`,
    mails: [],
    recipients: [],
    onRecipient: () => undefined,
    onMessage: () => undefined,
    to: (address) => mailbox.mails.filter(({ recipient }) => recipient === address),
    close: () =>
      new Promise((resolve) => {
        for (const connection of server.connections) connection.close();
        server.close(() => resolve());
      }),
  };
  return mailbox;
}
