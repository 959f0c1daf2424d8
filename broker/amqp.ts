import type { ConfirmChannel, ConsumeMessage, GetMessage } from 'amqplib';

/** The client library, under the names of this folder. The only file that imports amqplib. */

export { type ChannelModel, connect, type RecoveringChannelModel } from 'amqplib';

export type Channel = ConfirmChannel;
export type ReceivedMessage = ConsumeMessage;
export type FetchedMessage = GetMessage;
