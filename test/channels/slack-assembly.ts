/** The approvals and the real pieces of the Slack adapter, put together as slack.ts and server.ts do it, over calls that are a value. */
import { type Approvals, type ApprovalsOptions, createApprovals } from '../../src/approvals.ts';
import type { SlackCalls } from '../../src/channels/slack-calls.ts';
import type { Click } from '../../src/channels/slack-clicks.ts';
import { createEditor } from '../../src/channels/slack-editor.ts';
import { createMessages } from '../../src/channels/slack-messages.ts';
import { connectPresses, createNotify, orderPresses } from '../../src/channels/slack-presses.ts';
import { createThreads } from '../../src/channels/slack-threads.ts';
import { createGrants } from '../../src/grants.ts';
import type { Answer, Channel, Core, Receipt, StoreRecord, Verdict } from '../../src/types.ts';
import { HOST, INSTANCE } from './requests.ts';

/** An answer that a press has given. */
export interface Given {
  readonly answer: Answer;
  verdict: Verdict;
  /** What `pending` came to, when it did not count. */
  later: Verdict | undefined;
}

/** Is told what passes between the pieces, as it happens. */
export interface Witness {
  readonly onShown: (id: string, receipt: Receipt) => void;
  /** No further message is to come. */
  readonly onAllShown: (id: string) => void;
  readonly onRecord: (record: StoreRecord) => void;
  readonly onOutcome: ApprovalsOptions['onOutcome'];
  /** A press has come to the click handler, which has done nothing yet. */
  readonly onHandled: (click: Click) => void;
  /** `click`: the one that is being handled. */
  readonly onAnswer: (click: Click | undefined, given: Given) => void;
}

export interface AssemblyOptions extends Pick<ApprovalsOptions, 'mayAnswer'> {
  readonly witness: Witness;
  readonly calls: SlackCalls;
  readonly threads: boolean;
  readonly noticeMs: number;
  readonly now: () => number;
  /** Default: none. */
  readonly logger?: ApprovalsOptions['logger'];
}

export interface Assembly {
  readonly approvals: Approvals;
  /** What Bolt hands over for a press. */
  readonly onClick: (click: Click, respond: (text: string) => Promise<void>) => void;
  /** Ends whatever waits for a time. */
  end(): void;
}

export function createAssembly(options: AssemblyOptions): Assembly {
  const { calls, now, noticeMs, witness } = options;
  const stopping = new AbortController();
  const shared = { calls, now, stopping: stopping.signal };
  const editor = createEditor(shared);
  const places = { editor, host: HOST, instanceId: INSTANCE, maskRules: () => [] };
  const messages = createMessages({
    ...{ ...shared, ...places },
    threads: createThreads({ ...shared, ...places, isOn: options.threads }),
    broadcast: true,
    ready: async () => {},
    lookAround: async () => ({}),
    dangerOf: () => undefined,
    onPosted: () => {},
  });

  const notify = createNotify({ ...shared, logger: { debug: () => {} } });

  let handling: Click | undefined;
  const witnessed = (core: Core): Core => ({
    ...core,
    answer: (answer, onLater) => {
      const given: Given = { answer, verdict: 'pending', later: undefined };
      given.verdict = core.answer(answer, (verdict) => {
        given.later = verdict;
        onLater(verdict);
      });
      witness.onAnswer(handling, given);
      return given.verdict;
    },
  });

  const connect = (core: Core): Assembly['onClick'] => {
    const { handle } = connectPresses({
      ...{ ...shared, core, messages, instanceId: INSTANCE, notify, noticeMs },
      onForeign: () => {},
    });
    const handled: typeof handle = (click, respond) => {
      witness.onHandled(click);
      handling = click;
      try {
        handle(click, respond);
      } finally {
        handling = undefined;
      }
    };
    return orderPresses(handled, messages);
  };

  const channel: Channel = {
    name: 'Slack',
    start: async (core) => {
      onClick = connect(witnessed(core));
    },
    ask: async (request, signal, onShown) => {
      const witnessedShown = (receipt: Receipt): void => {
        witness.onShown(request.id, receipt);
        onShown(receipt);
      };
      await messages.ask(request, signal, witnessedShown).finally(() => witness.onAllShown(request.id));
    },
    adopt: messages.adopt,
    close: messages.close,
    tell: async (news) => {
      if (news.type === 'counted') await messages.counted(news.request, news.by);
      if (news.type === 'ran') await messages.ran(news.request, news.run);
    },
    stop: async () => stopping.abort(),
  };
  let onClick: Assembly['onClick'] = () => {
    throw new Error('Expected the channel to be started before a press comes');
  };
  const approvals = createApprovals({
    channel,
    grants: createGrants({ newId: () => 'G', matches: () => false }),
    store: { append: witness.onRecord },
    now,
    elapsed: now,
    logger: options.logger ?? { info: () => {}, warn: () => {}, error: () => {} },
    onOutcome: witness.onOutcome,
    onGrants: () => {},
    maskRules: () => [],
    mayAnswer: options.mayAnswer,
    mayRun: () => true,
    candidates: () => [],
  });
  return {
    approvals,
    onClick: (click, respond) => onClick(click, respond),
    end: () => {
      stopping.abort();
      void approvals.stop({ reason: 'The test is over.' });
    },
  };
}
