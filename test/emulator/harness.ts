/** The emulator and the real libraries, put together and taken apart. */
import { SocketModeClient } from '@slack/socket-mode';
import { LogLevel, WebClient } from '@slack/web-api';
import { createEmulator } from '../../src/emulator/emulator.ts';
import type { Emulator, EmulatorOptions } from '../../src/emulator/emulator-types.ts';

export interface Envelope {
  readonly ack: (payload?: Record<string, unknown>) => Promise<void>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly type: string;
  readonly retry_num?: number;
  readonly retry_reason?: string;
}

/** Runs a test body with an emulator that ends with it. */
export function withEmulator(
  options: EmulatorOptions,
  body: (emulator: Emulator, tools: Tools) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const emulator = await createEmulator(options);
    const clients: SocketModeClient[] = [];
    try {
      await body(emulator, createTools(emulator, clients));
    } finally {
      await emulator.stop();
      await Promise.all(clients.map((client) => client.disconnect().catch(() => undefined)));
    }
  };
}

export interface Tools {
  readonly web: WebClient;
  readonly appWeb: WebClient;
  /** A connected client that hands every envelope to `onEnvelope`. */
  connect(onEnvelope?: (envelope: Envelope) => void | Promise<void>): Promise<SocketModeClient>;
  /** An approval card; the reply's channel and ts. */
  postCard(): Promise<{ channel: string; ts: string }>;
}

function createTools(emulator: Emulator, clients: SocketModeClient[]): Tools {
  const web = createWeb(emulator, emulator.botToken);
  return {
    web,
    appWeb: createWeb(emulator, emulator.appToken),
    connect: async (onEnvelope = (envelope) => envelope.ack()) => {
      const client = new SocketModeClient({
        appToken: emulator.appToken,
        autoReconnectEnabled: false,
        logLevel: LogLevel.ERROR,
        clientOptions: { slackApiUrl: emulator.apiUrl, retryConfig: { retries: 0 }, timeout: 2_000 },
      });
      clients.push(client);
      client.on('slack_event', (envelope: Envelope) => void onEnvelope(envelope));
      await client.start();
      return client;
    },
    postCard: async () => {
      const reply = await web.chat.postMessage({ channel: emulator.user.id, text: 'A request', blocks: CARD });
      return { channel: String(reply.channel), ts: String(reply.ts) };
    },
  };
}

export function createWeb(emulator: Emulator, token: string, timeout = 5_000): WebClient {
  return new WebClient(token, {
    slackApiUrl: emulator.apiUrl,
    logLevel: LogLevel.ERROR,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout,
  });
}

export const CARD = [
  { type: 'header' as const, text: { type: 'plain_text' as const, text: 'Bash' } },
  {
    type: 'actions' as const,
    block_id: 'decision',
    elements: [
      {
        type: 'button' as const,
        action_id: 'allow',
        style: 'primary' as const,
        text: { type: 'plain_text' as const, text: 'Approve' },
        value: 'yes',
      },
      {
        type: 'button' as const,
        action_id: 'deny',
        style: 'danger' as const,
        text: { type: 'plain_text' as const, text: 'Deny' },
        value: 'no',
      },
    ],
  },
];

export interface Refusal {
  readonly error: string;
  readonly errors?: readonly string[];
  readonly needed?: string;
  readonly provided?: string;
  readonly response_metadata?: { readonly messages?: readonly string[] };
}

/** The Slack error data that a call was refused with. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error && 'data' in error) return error.data as Refusal;
    throw error;
  }
  throw new Error('Expected the call to be refused, it went through');
}
