/** The vocabulary of the project: types only, no code. Everything here may be imported by everyone. */

/** One JSON object that an agent writes to a hook's stdin. Keys that we do not know are kept. */
export interface HookInput {
  readonly hook_event_name: string;
  readonly session_id: string;
  readonly cwd: string;
  readonly tool_name?: string;
  readonly tool_input?: ToolInput;
  readonly permission_mode?: string;
  readonly [key: string]: unknown;
}

/** The arguments of a tool call. */
export type ToolInput = Readonly<Record<string, unknown>>;

/** One JSON object that an agent reads from a hook's stdout, in that agent's dialect. */
export type HookOutput = Readonly<Record<string, unknown>>;

/** The agents whose dialect we speak. */
export type AgentName = 'claude' | 'codex' | 'cursor' | 'gemini' | 'opencode';

/** What the hook does when nobody could decide: hand back to the agent's own prompt, or deny. */
export type FailurePolicy = 'ask' | 'deny';

/** One of the agent's own permission rules, as Claude Code writes them: `Bash(npm test *)` has `npm test *` as content. */
export interface PermissionRule {
  readonly toolName: string;
  readonly ruleContent?: string;
}

/** Where an agent keeps a rule: for this session, for this person in this project, for the project, for this person. */
export type PermissionScope = 'session' | 'localSettings' | 'projectSettings' | 'userSettings';

/** A change of the agent's own permissions, in Claude Code's shape (its PermissionUpdate). */
export type PermissionUpdate =
  | {
      readonly type: 'addRules';
      readonly rules: readonly PermissionRule[];
      readonly behavior: 'allow';
      readonly destination: PermissionScope;
    }
  | { readonly type: 'setMode'; readonly mode: 'acceptEdits'; readonly destination: PermissionScope };

/** Which calls a rule is about. */
export type CallRule =
  /** This call and no other: tool name and input. */
  | { readonly kind: 'exact'; readonly digest: string }
  /** What the agent's own rules of this text match; a call must match one of them, or each part of a command one of them. */
  | { readonly kind: 'permission'; readonly rules: readonly PermissionRule[] }
  /** A tool in a directory and below; of tools that change a file the file must be there, too. */
  | { readonly kind: 'directory'; readonly tool: string; readonly directory: string };

/** A rule that a person may choose instead of being asked again, with what the record says about it. */
export interface Candidate {
  /** Stays the same for the same rule and request. */
  readonly id: string;
  readonly rule: CallRule;
  /** The text of the rule, as the agent would write it; not encoded. */
  readonly text: string;
  /** Whether it can become a rule of the agent's own; otherwise only a grant that ends by itself. */
  readonly isPermanent: boolean;
  /** How many of the recorded requests it would have matched, and out of how many. */
  readonly matched: number;
  readonly outOf: number;
  /** The calls among those that were denied, latest first; the first line of each, at most five. */
  readonly denied: readonly string[];
}

/** Which answers an agent can be given, beside yes and no. */
export interface Offers {
  /** What is asked: leave to run a tool, answers to questions, a plan's approval, or whether the agent may stop. */
  readonly form: 'permission' | 'questions' | 'plan' | 'stop';
  /** Another input instead of the one that was asked for. */
  readonly edit: boolean;
  /** Rules of the agent's own, so that it does not ask again. */
  readonly always: boolean;
  /** The mode that accepts edits without asking. */
  readonly acceptEdits: boolean;
  /** The end of the agent's turn. */
  readonly interrupt: boolean;
  /** A grant for a limited time, kept by the daemon. */
  readonly grant: boolean;
  /** The agent's own prompt is open meanwhile, and may be answered instead. */
  readonly prompt?: true;
}

/** When people are asked in a channel, as the config file says it. */
export interface PresenceRules {
  /** How long a request waits before anybody is pinged. */
  readonly delayMs: number;
  readonly escalate?: {
    /** How long nobody has answered then. */
    readonly afterMs: number;
    /** Who is asked too: Slack user ids, and at most one channel. */
    readonly to: readonly string[];
  };
  readonly quietHours?: QuietHours;
}

/** A part of the day in which nobody is pinged; it may go over midnight. */
export interface QuietHours {
  /** Minutes of the day, 0 to 1439. */
  readonly from: number;
  readonly to: number;
  /** Whether a request waits for their end; else the failure answer is given at once. */
  readonly isHeld: boolean;
  /** An IANA name; without it the machine's own. */
  readonly timeZone?: string;
}

/** One question put to a person. Immutable from the moment it is asked. */
export interface ApprovalRequest {
  /** Unique for this request; not a secret. */
  readonly id: string;
  /** Proof that a click comes from this request's own buttons: 128 random bits, base64url. Never logged. */
  readonly nonce: string;
  readonly agent: AgentName;
  readonly input: HookInput;
  /** SHA-256 (hex) of the canonical tool name and tool input. */
  readonly digest: string;
  /** People who may answer, as Slack user ids. Each is sent the card. Never empty. */
  readonly approvers: readonly [string, ...string[]];
  /** Who was asked beside them because nobody answered: people, who are approvers then, and channels. */
  readonly escalatedTo?: readonly string[];
  /** Whether they are listed in the config file, which is looked into again at each answer. */
  readonly fromConfig: boolean;
  /** How many different people must approve; one of them is enough to deny. */
  readonly needed: number;
  readonly offers: Offers;
  /** Values in the input that are secrets, because variables of the agent's environment with telling names hold them. Never shown, never recorded. */
  readonly secrets: readonly string[];
  /** Of a stop: how many replies in a row the agent has gone on with, and how many more it takes. */
  readonly replies?: { readonly inARow: number; readonly left: number };
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  /** Milliseconds since the epoch; an answer at or after this time does not count. */
  readonly expiresAt: number;
}

/** A time-boxed permission that an approval can also give. */
export interface GrantWish {
  readonly rule: CallRule;
  /** The rule's text; see `Candidate`. */
  readonly text: string;
  readonly forMs: number;
}

/** A time-boxed permission, kept by the daemon. */
export interface Grant extends GrantWish {
  readonly id: string;
  readonly agent: AgentName;
  /** The person who gave it. */
  readonly by: string;
  /** The session that it was given in; it covers others, too. */
  readonly sessionId: string;
  /** The directory that it was given in: it holds there and below. */
  readonly cwd: string;
  /** The agent's mode then: what was allowed in another one is asked again while the agent plans. */
  readonly mode: string | undefined;
  /** Who may end it. */
  readonly approvers: readonly string[];
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
  /** How often it was used. */
  readonly used: number;
  /** The last calls that ran because of it, oldest first, in words; secrets are masked. */
  readonly uses: readonly { readonly at: number; readonly call: string }[];
  readonly ended?: { readonly how: 'expired' | 'revoked' | 'stopped'; readonly at: number; readonly by?: string };
}

/** A decision: a person's, or one that a rule or a grant of a person's made beforehand. */
export interface Decided {
  readonly kind: 'allowed' | 'denied';
  /** The person, as the channel names people (a Slack user id); `policy` for a rule of the config. */
  readonly by: string;
  /** The channel's name, or what decided without asking. */
  readonly via: string;
  /** The rule or grant that decided without asking. */
  readonly rule?: string;
  /** The others who approved, when more than one had to. */
  readonly also?: readonly string[];
  /** What is to run instead of what was asked. */
  readonly updatedInput?: ToolInput;
  /** What the person told the agent not to ask again. */
  readonly updatedPermissions?: readonly PermissionUpdate[];
  readonly grant?: GrantWish;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** For the model, word for word. */
  readonly reason?: string;
  /** The person also wants the agent to stop its turn. */
  readonly interrupt?: boolean;
}

/** An end without a person's decision in a channel; `elsewhere` is one at the agent's own prompt, `unknown` that the agent went on and nothing tells why. `reason` is a sentence for people; `code` is from errors.ts where one applies. */
export interface Undecided {
  readonly kind: 'expired' | 'withdrawn' | 'elsewhere' | 'unknown' | 'stopped' | 'undeliverable';
  readonly reason: string;
  readonly at: number;
  readonly code?: string;
}

/** How a request ended. Each request has exactly one. */
export type Outcome = Decided | Undecided;

/** Where a channel put a request, and whether it showed the whole of it. */
export interface Receipt {
  /** The conversation that holds the message (Slack: the `channel` of the post's reply). */
  readonly conversation: string;
  /** The message (Slack: `ts`). */
  readonly message: string;
  /** False when something was left out: then an approval must not count. */
  readonly complete: boolean;
  /** What a later daemon needs to go on with the message: whom it was sent to, the thread it is in, and that it shows others, too. */
  readonly approver?: string;
  readonly thread?: string;
  readonly isList?: boolean;
}

/** A request whose messages the daemon that showed them could not bring to their end. */
export interface LeftBehind {
  /** As it was recorded: secrets in the input are masked. */
  readonly request: ApprovalRequest;
  readonly receipts: readonly Receipt[];
  /** When the first of its messages was there, milliseconds since the epoch. */
  readonly shownAt?: number;
  readonly approvedBy: readonly string[];
  /** Of one that was decided, as it was recorded. */
  readonly outcome?: Outcome;
  /** Whether that is exactly what was decided, with nothing masked. */
  readonly isExact: boolean;
  /** Everything was done: it shares a message with one that is left, or its client might not have heard of it. */
  readonly isAtEnd: boolean;
}

/** One press of a button, as the channel saw it; nothing in it is trusted until the broker has checked it. */
export interface Answer {
  readonly requestId: string;
  readonly nonce: string;
  readonly decision: 'allow' | 'deny';
  /** Of a denial: what to tell the model, and whether to stop its turn. */
  readonly reason?: string;
  readonly interrupt?: boolean;
  /** Of an approval: see `Decided`. */
  readonly updatedInput?: ToolInput;
  readonly updatedPermissions?: readonly PermissionUpdate[];
  readonly grant?: GrantWish;
  readonly by: string;
  readonly conversation: string;
  readonly message: string;
  /** When the daemon received it, milliseconds since the epoch. */
  readonly at: number;
}

/** Why an answer did not count. `pending` = too early: the post's receipt has not come back yet, and the answer is kept. */
export type Verdict =
  | 'accepted'
  | 'pending'
  /** It counts, and somebody else has to approve as well. */
  | 'counted'
  | 'already-approved'
  /** The agent cannot be given this answer, or not for this request. */
  | 'not-offered'
  /** A rule of the config forbids what the person wrote instead, or leaves it to two people. */
  | 'ruled-out'
  /** The config file, which says who may answer, cannot be read. */
  | 'misconfigured'
  | 'not-approver'
  | 'already-decided'
  | 'expired'
  | 'closed'
  | 'unknown-request'
  | 'forged'
  | 'not-shown';

/** Why an answer did not count: also a press that was meant for another daemon, or whose value is none of ours. */
export type Refusal = Verdict | 'elsewhere' | 'unreadable';

/** An answer, or a press that could have led to one; `requestId` is what it claims to be about. */
export type Attempt = Pick<Answer, 'requestId' | 'by' | 'at'> & Partial<Pick<Answer, 'decision'>>;

/**
 * Takes an answer to the core and says at once what it came to. After `pending`, `onLater` is called when the answer
 * turned out not to count; nothing is called when it did.
 */
export type OnAnswer = (answer: Answer, onLater: (verdict: Verdict) => void) => Verdict;

/** What a channel may ask of the core. Everything here is synchronous: no call of a channel's stands between a person and the decision. */
export interface Core {
  readonly answer: OnAnswer;
  /** What an answer would come to, without giving it. */
  judge(answer: Answer): Verdict;
  /** Rules that a person may choose for a pending request, narrow ones first. */
  candidates(requestId: string): readonly Candidate[];
  /** Ends a grant: `unknown-request` when there is none of this id any more. */
  revoke(grantId: string, by: string): 'accepted' | 'unknown-request' | 'not-approver';
  /** Takes note of a press that the channel turned away by itself. */
  refused(attempt: Attempt, why: Refusal): void;
}

/** What became of a tool call that was approved. */
export interface Run {
  readonly isOk: boolean;
  readonly tookMs?: number;
  /** The first words of the failure; the agent's text. */
  readonly error?: string;
}

/** How often a session asked, and how that ended. */
export interface SessionSummary {
  readonly sessionId: string;
  readonly asked: number;
  readonly approved: number;
  readonly denied: number;
  /** At the agent's own prompt. */
  readonly elsewhere: number;
  /** Without anybody's decision. */
  readonly unanswered: number;
  /** By a rule or a grant. */
  readonly automatic: number;
  /** Milliseconds that people let the session wait, all together. */
  readonly waitedMs: number;
}

/** A request that ended in quiet hours without a card. */
export interface NightItem {
  /** When it ended, milliseconds since the epoch. */
  readonly at: number;
  readonly tool: string;
  /** The agent's text, with secrets masked; one of the arguments, or nothing. */
  readonly call: string;
  readonly kind: Outcome['kind'];
  /** The rule or grant that decided it. */
  readonly rule?: string;
}

/** What the core tells a channel that changes no decision. */
export type News =
  /** An approved call has run. */
  | { readonly type: 'ran'; readonly request: ApprovalRequest; readonly outcome: Outcome; readonly run: Run }
  /** Some have approved, and others must, too. */
  | { readonly type: 'counted'; readonly request: ApprovalRequest; readonly by: readonly string[] }
  /** A grant was given, used or has ended. */
  | { readonly type: 'grant'; readonly grant: Grant }
  | { readonly type: 'session-ended'; readonly summary: SessionSummary }
  /** What one person was not pinged about in quiet hours, oldest first. */
  | { readonly type: 'night'; readonly approver: string; readonly items: readonly NightItem[] };

/** A way to reach people. Owned by the core: a channel asks and reports, it never decides. */
export interface Channel {
  readonly name: string;
  /** Opens connections. Rejects with an AppError when it can never work (bad token); retries everything else by itself. */
  start(core: Core): Promise<void>;
  /**
   * Shows a request to every approver and calls `onShown` for each message that does, again when a message has come to
   * show all of it. Resolves when nothing more is to come; rejects with an AppError when it could be shown to nobody
   * before `request.expiresAt` or `signal` aborts.
   */
  ask(request: ApprovalRequest, signal: AbortSignal, onShown: (receipt: Receipt) => void): Promise<void>;
  /**
   * Takes over messages that an earlier daemon has posted, so that they can be closed, and `ask` brings the request only to
   * those who have none. All that an earlier daemon has left come at once: some share a message.
   */
  adopt(left: readonly LeftBehind[]): void;
  /** Makes the messages say how it ended, without buttons. May be called before `ask` has resolved, and without it for what was decided without asking. */
  close(request: ApprovalRequest, outcome: Outcome): Promise<void>;
  tell(news: News): Promise<void>;
  stop(): Promise<void>;
}

/** One line of the audit log. */
export type StoreRecord = Readonly<Record<string, unknown>> & { readonly type: string; readonly at: number };

/** Where records go. `append` returns only when the record is on disk; it throws when it is not. */
export interface Store {
  append(record: StoreRecord): void;
  /** The last records, oldest first: at most `limit`, and no more than a few megabytes. What cannot be read is left out. */
  recent(limit: number): readonly StoreRecord[];
  close(): void;
}

/** What an event of an agent says about requests that may still be pending. */
export interface Evidence {
  readonly sessionId: string;
  /** The subagent, or undefined for the main agent; `all` for every agent of the session. */
  readonly agentId: string | undefined | 'all';
  /** The tool call that it is about; absent when every pending one of the agent is over. */
  readonly call?: Pick<HookInput, 'tool_name' | 'tool_input'>;
  /** The only tools whose calls it can be about, when it is not about all: calls of others may be pending beside what the agent does next. */
  readonly tools?: ReadonlySet<string>;
  /** What became of the call, when it has run. */
  readonly run?: Run;
  /** What the end of a pending request is called. */
  readonly kind: 'elsewhere' | 'unknown';
  /** The session is over. */
  readonly isLast?: true;
  /** A person has spoken, or the agent has stopped of itself. */
  readonly isNewTurn?: true;
  /** A sentence for people. */
  readonly reason: string;
}

/** What a hook process must print and how it must end. */
export interface Said {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** What an agent's events tell of requests that it no longer waits for. */
export interface Witness {
  /** What an event tells about requests that were answered elsewhere; undefined for nothing. */
  evidence(input: HookInput): Evidence | undefined;
  /** How many replies in a row the agent goes on with when it has stopped. */
  readonly maxReplies: number;
}

/** A dialect: pure functions between an agent's JSON and ours. */
export interface Agent {
  readonly name: AgentName;
  /** Checks and types what the agent wrote. Throws AppError('bad-input'). */
  read(raw: unknown): HookInput;
  /** What the event asks for, and which answers it takes; undefined when it asks for nothing that this gate decides. */
  offers(input: HookInput): Offers | undefined;
  /** What to print for an outcome; `onFailure` matters only when the outcome is no decision. */
  say(input: HookInput, outcome: Outcome, onFailure: FailurePolicy): Said;
}
