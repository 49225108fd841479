/** The vocabulary of the project: types only, no code. Everything here may be imported by everyone. */

/** One JSON object that an agent writes to a hook's stdin. Keys that we do not know are kept. */
export interface HookInput {
  readonly hook_event_name: string;
  readonly session_id: string;
  readonly cwd: string;
  readonly tool_name?: string;
  readonly tool_input?: Readonly<Record<string, unknown>>;
  readonly permission_mode?: string;
  readonly [key: string]: unknown;
}

/** One JSON object that an agent reads from a hook's stdout, in that agent's dialect. */
export type HookOutput = Readonly<Record<string, unknown>>;

/** The agents whose dialect we speak. */
export type AgentName = 'claude';

/** What the hook does when nobody could decide: hand back to the agent's own prompt, or deny. */
export type FailurePolicy = 'ask' | 'deny';

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
  /** People who may answer, as Slack user ids. The first one is sent the card. Never empty. */
  readonly approvers: readonly [string, ...string[]];
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  /** Milliseconds since the epoch; an answer at or after this time does not count. */
  readonly expiresAt: number;
}

/** A person's decision. */
export interface Decided {
  readonly kind: 'allowed' | 'denied';
  /** The person, as the channel names people (a Slack user id). */
  readonly by: string;
  /** The channel's name. */
  readonly via: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** For the model, word for word. */
  readonly reason?: string;
  /** The person also wants the agent to stop its turn. */
  readonly interrupt?: boolean;
}

/** An end without a person's decision in a channel; `elsewhere` is one at the agent's own prompt, as far as its events tell. `reason` is a sentence for people; `code` is from errors.ts where one applies. */
export interface Undecided {
  readonly kind: 'expired' | 'withdrawn' | 'elsewhere' | 'stopped' | 'undeliverable';
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
}

/** One press of a button, as the channel saw it; nothing in it is trusted until the broker has checked it. */
export interface Answer {
  readonly requestId: string;
  readonly nonce: string;
  readonly decision: 'allow' | 'deny';
  /** Of a denial: what to tell the model, and whether to stop its turn. */
  readonly reason?: string;
  readonly interrupt?: boolean;
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
  | 'not-approver'
  | 'already-decided'
  | 'expired'
  | 'closed'
  | 'unknown-request'
  | 'forged'
  | 'not-shown';

/**
 * Takes an answer to the core and says at once what it came to. After `pending`, `onLater` is called when the answer
 * turned out not to count; nothing is called when it did.
 */
export type OnAnswer = (answer: Answer, onLater: (verdict: Verdict) => void) => Verdict;

/** A way to reach people. Owned by the core: a channel asks and reports, it never decides. */
export interface Channel {
  readonly name: string;
  /** Opens connections. Rejects with an AppError when it can never work (bad token); retries everything else by itself. */
  start(onAnswer: OnAnswer): Promise<void>;
  /** Shows a request. Rejects with an AppError when it could not be shown before `request.expiresAt` or `signal` aborts. */
  ask(request: ApprovalRequest, signal: AbortSignal): Promise<Receipt>;
  /** Makes the message say how it ended, without buttons. May be called before `ask` has resolved. */
  close(request: ApprovalRequest, outcome: Outcome): Promise<void>;
  stop(): Promise<void>;
}

/** One line of the audit log. */
export type StoreRecord = Readonly<Record<string, unknown>> & { readonly type: string; readonly at: number };

/** Where records go. `append` returns only when the record is on disk; it throws when it is not. */
export interface Store {
  append(record: StoreRecord): void;
  close(): void;
}

/** What an event of an agent says about requests that may still be pending. */
export interface Evidence {
  readonly sessionId: string;
  /** The subagent, or undefined for the main agent; `all` for every agent of the session. */
  readonly agentId: string | undefined | 'all';
  /** The tool call that it is about; absent when every pending one of the agent is over. */
  readonly call?: Pick<HookInput, 'tool_name' | 'tool_input'>;
  /** A sentence for people. */
  readonly reason: string;
}

/** What a hook process must print and how it must end. */
export interface Said {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** A dialect: two pure functions between an agent's JSON and ours. */
export interface Agent {
  readonly name: AgentName;
  /** Checks and types what the agent wrote. Throws AppError('bad-input'). */
  read(raw: unknown): HookInput;
  /** True when this event asks for a decision that this gate can give. */
  asks(input: HookInput): boolean;
  /** What this event tells about requests that were answered elsewhere; undefined for nothing. */
  evidence(input: HookInput): Evidence | undefined;
  /** What to print for an outcome; `onFailure` matters only when the outcome is no decision. */
  say(input: HookInput, outcome: Outcome, onFailure: FailurePolicy): Said;
}
