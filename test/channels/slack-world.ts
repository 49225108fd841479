/** An emulated Slack, a channel that is connected to it, and what the core would have seen. */
import { createSlackChannel, type SlackChannelOptions } from '../../src/channels/slack.ts';
import type { SlackHealth } from '../../src/channels/slack-health.ts';
import { createEmulator } from '../../src/emulator/emulator.ts';
import type { EmulatedMessage, EmulatedView, Emulator, EmulatorOptions } from '../../src/emulator/emulator-types.ts';
import type {
  Answer,
  ApprovalRequest,
  Candidate,
  Channel,
  Core,
  HookInput,
  Receipt,
  Verdict,
} from '../../src/types.ts';
import { bash, HOST, INSTANCE, makeRequest } from './requests.ts';

export interface World {
  readonly slack: Emulator;
  readonly channel: Channel;
  /** What the core was asked, oldest first. */
  readonly answers: Answer[];
  readonly log: string[];
  health(): SlackHealth;
  /** Resolves when the health (now or later) passes the test. */
  healthy(test: (health: SlackHealth) => boolean): Promise<SlackHealth>;
  /** Resolves when the core has been asked `count` times. */
  answered(count: number): Promise<void>;
  /** What the core says to the next answers. */
  verdict: Verdict | ((answer: Answer) => Verdict);
  /** The rules that the core offers. */
  candidates: readonly Candidate[];
  /** Grant and person of each revocation, and whether the core does it. */
  readonly revoked: string[];
  revokes: boolean;
  /** Presses that never came to be an answer, and why. */
  readonly refused: { readonly requestId: string; readonly decision: string | undefined; readonly why: string }[];
  /** Every place that was said to show a request, oldest first. */
  readonly receipts: Receipt[];
  /** For each answer, what tells the channel later that it did not count. */
  readonly later: ((verdict: Verdict) => void)[];
  /** What the channel may ask of. */
  readonly core: Core;
  start(): Promise<void>;
  request(input?: HookInput, more?: Partial<ApprovalRequest>): ApprovalRequest;
  /** Resolves with the first message that shows the request, once nothing more is to come. */
  ask(request: ApprovalRequest, signal?: AbortSignal): Promise<Receipt>;
  message(receipt: Receipt): EmulatedMessage;
  notices(): readonly EmulatedMessage[];
  end(): Promise<void>;
}

export async function createWorld(
  options: Partial<SlackChannelOptions> = {},
  emulatorOptions: EmulatorOptions = {},
): Promise<World> {
  const slack = await createEmulator(emulatorOptions);
  const answers: Answer[] = [];
  const log: string[] = [];
  let health: SlackHealth = { state: 'connecting', connections: 0, isFatal: false, isShared: false };
  const waiters = new Set<() => void>();
  const changed = (): void => {
    for (const waiter of [...waiters]) waiter();
  };
  const until = (test: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!test()) return;
        waiters.delete(look);
        resolve();
      };
      waiters.add(look);
      look();
    });
  const write = (level: string) => (fields: object, message: string) =>
    void log.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const channel = createSlackChannel({
    botToken: slack.botToken,
    appToken: slack.appToken,
    apiUrl: slack.apiUrl,
    instanceId: INSTANCE,
    host: HOST,
    logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    lookAround: async () => ({}),
    threads: false,
    onHealth: (next) => {
      health = next;
      changed();
    },
    ...options,
  });
  const world: World = {
    slack,
    channel,
    answers,
    log,
    health: () => health,
    healthy: async (test) => {
      await until(() => test(health));
      return health;
    },
    answered: (count) => until(() => answers.length >= count),
    verdict: 'accepted',
    candidates: [],
    revoked: [],
    revokes: true,
    refused: [],
    receipts: [],
    later: [],
    core: {
      answer: (answer, onLater) => {
        answers.push(answer);
        world.later.push(onLater);
        queueMicrotask(changed);
        return typeof world.verdict === 'function' ? world.verdict(answer) : world.verdict;
      },
      judge: (answer) => (typeof world.verdict === 'function' ? world.verdict(answer) : world.verdict),
      candidates: () => world.candidates,
      revoke: (grantId, by) => {
        world.revoked.push(`${grantId} ${by}`);
        return world.revokes ? 'accepted' : 'not-approver';
      },
      refused: ({ requestId, decision }, why) => void world.refused.push({ requestId, decision, why }),
    },
    start: () => channel.start(world.core),
    request: (input = bash('make deploy'), more = {}) => makeRequest(input, { approvers: [slack.user.id], ...more }),
    ask: async (request, signal = new AbortController().signal) => {
      const receipts: Receipt[] = [];
      await channel.ask(request, signal, (receipt) => {
        receipts.push(receipt);
        world.receipts.push(receipt);
      });
      const [first] = receipts;
      if (first === undefined) throw new Error('Expected the request to be shown');
      return receipts.findLast(({ message }) => message === first.message) ?? first;
    },
    message: ({ conversation, message }) => {
      const found = slack.messages().find((item) => item.channel === conversation && item.ts === message);
      if (found === undefined) throw new Error(`Expected a message ${message}`);
      return found;
    },
    notices: () => slack.messages().filter((message) => message.ephemeralFor !== undefined),
    end: async () => {
      await channel.stop();
      await slack.stop();
    },
  };
  return world;
}

/** Runs a test in a world of its own, connected, and takes it down whatever happens. */
export async function inWorld(
  run: (world: World) => Promise<void>,
  options: Partial<SlackChannelOptions> = {},
  emulatorOptions: EmulatorOptions = {},
): Promise<void> {
  const world = await createWorld(options, emulatorOptions);
  try {
    await world.start();
    await run(world);
  } finally {
    await world.end();
  }
}

export function press(receipt: Receipt, actionId: 'csh_approve' | 'csh_deny' = 'csh_approve') {
  return { channel: receipt.conversation, ts: receipt.message, actionId };
}

/** Presses a button that opens a form, and waits for the form. */
export async function openForm(
  { slack }: World,
  { conversation, message }: Receipt,
  actionId: string,
): Promise<EmulatedView> {
  const known = new Set(slack.views().map(({ id }) => id));
  await slack.click({ channel: conversation, ts: message, actionId });
  return slack.waitForView(({ id }) => !known.has(id));
}

/** What is entered in an input of ours. */
export function typed(value: string | null) {
  return { csh_input: { value } };
}

export function chose(value: string) {
  return { csh_input: { selected_option: { value } } };
}

export function ticked(...values: readonly string[]) {
  return { csh_input: { selected_options: values.map((value) => ({ value })) } };
}

/** Everything that went to Slack: the arguments of all calls, and the files. */
export function sentToSlack({ slack }: World): string {
  const files = slack.messages().flatMap((message) => message.files);
  return JSON.stringify([slack.calls().map(({ method, args }) => [method, args]), files]);
}
