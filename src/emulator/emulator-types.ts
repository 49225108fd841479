/** What a caller sees of the local Slack. Its types are its own on purpose: a fake that shared the product's could not catch the product's mistakes. */

/** A person of the emulated workspace. */
export interface EmulatedUser {
  /** Slack user id: `U` and upper-case letters and digits. */
  readonly id: string;
  readonly name: string;
  readonly realName: string;
}

/** One message as Slack keeps it. */
export interface EmulatedMessage {
  readonly channel: string;
  readonly ts: string;
  readonly threadTs?: string;
  /** A reply that also stands in the conversation. */
  readonly isBroadcast?: true;
  /** User id of who wrote it: the app's bot user or a person. */
  readonly author: string;
  readonly text: string;
  readonly blocks: readonly Record<string, unknown>[];
  /** `ts` of the latest edit, absent when never edited. */
  readonly editedTs?: string;
  /** Set for ephemeral messages: the only person who sees it. */
  readonly ephemeralFor?: string;
  /** The button whose last press nobody acknowledged: Slack shows a warning sign next to it. */
  readonly notAckedActionId?: string;
  readonly files: readonly {
    readonly id: string;
    readonly name: string;
    readonly title: string;
    readonly content: string;
    /** Bytes. */
    readonly size: number;
    readonly snippetType?: string;
  }[];
  /** Emoji name -> user ids. */
  readonly reactions: Readonly<Record<string, readonly string[]>>;
}

/** A modal that is open for one person. */
export interface EmulatedView {
  readonly id: string;
  readonly userId: string;
  readonly view: Readonly<Record<string, unknown>>;
  /** Block id -> message, from the app's last `response_action: errors`, or from the client that did not send the form. */
  readonly errors: Readonly<Record<string, string>>;
  /** Set when the last submission was not acknowledged: Slack says that it had trouble connecting. */
  readonly troubled?: true;
}

/** One Web API call as it arrived. Tokens are not kept, only their kind. */
export interface EmulatedCall {
  readonly method: string;
  readonly tokenKind: 'bot' | 'app' | 'none' | 'unknown';
  readonly args: Readonly<Record<string, unknown>>;
  readonly at: number;
  /** What was answered; empty when there was no answer in Slack's form (hang, drop, an HTTP status) or not yet (delay). */
  readonly response: Readonly<Record<string, unknown>>;
}

/** An acknowledgement as it came in, whether anybody waited for it or not. */
export interface EmulatedAck {
  readonly envelopeId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * Trouble on command for one Web API method ('*' = every method), or for the address that takes the bytes of files ('upload'). It applies to the next `times` calls (default 1; Infinity = until removed).
 * - error: a normal 200 answer `{ok:false, error, ...extra}`
 * - rate-limit: HTTP 429 with `Retry-After: seconds`
 * - status: an HTTP status with a body (default an HTML page of a proxy)
 * - delay: answer as usual after `ms`. before/after: whether the call takes effect before or after the wait (default before)
 * - hang: never answer (the call takes effect when `effect` is true)
 * - drop: close the TCP connection without an answer
 */
export type Fault =
  | { readonly kind: 'error'; readonly error: string; readonly extra?: Record<string, unknown> }
  | { readonly kind: 'rate-limit'; readonly seconds: number }
  | { readonly kind: 'status'; readonly status: number; readonly body?: string }
  | { readonly kind: 'delay'; readonly ms: number; readonly effect?: 'before' | 'after' }
  | { readonly kind: 'hang'; readonly effect?: boolean }
  | { readonly kind: 'drop' };

/** What a press of a button came to, from the person's side. */
export interface ClickResult {
  /**
   * 'acked' in time; 'no-connection' = nobody was connected; 'not-acked' = Slack shows its warning sign;
   * 'not-sent' = Slack's client keeps it: a form that is not complete, or an input that does not report its changes.
   */
  readonly delivery: 'acked' | 'no-connection' | 'not-acked' | 'not-sent';
  readonly envelopeId?: string;
  /** The `payload` of the ack, when there was one. */
  readonly ackPayload?: unknown;
}

/** `{block id: {action id: value}}`. */
type Values = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** One person's reaction on one message. */
interface Reaction {
  readonly channel: string;
  readonly ts: string;
  readonly emoji: string;
  readonly userId?: string;
}

export interface EmulatorOptions {
  /** 0 (the default) takes a free port. The emulator only ever listens on 127.0.0.1. */
  readonly port?: number;
  /** Bot scopes of the app. Default: chat:write, im:write, im:history, files:write, users:read, reactions:read. */
  readonly scopes?: readonly string[];
  /** How long a closed WebSocket's TCP connection lingers, as real Slack's does. Default 0 ms. */
  readonly tcpLingerMs?: number;
  /** Time for an ack before a click counts as 'not-acked'. Default 3000 ms, as Slack's. */
  readonly ackTimeoutMs?: number;
  readonly socketModeEnabled?: boolean;
  readonly messagesTabEnabled?: boolean;
}

export interface Emulator {
  /** The page: http://127.0.0.1:PORT/ */
  readonly url: string;
  /** What SLACK_API_URL is set to: http://127.0.0.1:PORT/api/ */
  readonly apiUrl: string;
  readonly botToken: string;
  readonly appToken: string;
  readonly appId: string;
  readonly teamId: string;
  /** The person who is to approve. */
  readonly user: EmulatedUser;
  /** A second member of the workspace. */
  readonly otherUser: EmulatedUser;
  /** The id of a channel that everybody is in, the app too. */
  readonly channel: string;

  /** Every message that exists now, oldest first, ephemeral ones included. */
  messages(): readonly EmulatedMessage[];
  views(): readonly EmulatedView[];
  calls(method?: string): readonly EmulatedCall[];
  /** Calls back for every call from now on, as it enters the log: with its answer, unless that is delayed until after its effect. The returned function ends that. */
  onCall(listener: (call: EmulatedCall) => void): () => void;
  /** Resolves with the first message (present or future version) for which `test` is true; rejects after `timeoutMs` (default 10 s), naming what there is. */
  waitForMessage(test: (message: EmulatedMessage) => boolean, timeoutMs?: number): Promise<EmulatedMessage>;
  waitForView(test: (view: EmulatedView) => boolean, timeoutMs?: number): Promise<EmulatedView>;
  waitForCall(test: (call: EmulatedCall) => boolean, timeoutMs?: number): Promise<EmulatedCall>;
  /** Resolves when exactly `count` Socket Mode connections have had their hello and are open. */
  waitForConnections(count: number, timeoutMs?: number): Promise<void>;

  /** Presses the button with `actionId` on a message, as a person does. `override` forges parts of the payload for attack tests. */
  click(target: {
    readonly channel: string;
    readonly ts: string;
    readonly actionId: string;
    readonly blockId?: string;
    readonly userId?: string;
    /** What is chosen with this press, e.g. `{selected_option: {value: 'a'}}`; an option is filled in from the message. */
    readonly entered?: Readonly<Record<string, unknown>>;
    /** What stands in other inputs of the message: `{block: {action: {value}}}`. What was entered before is remembered. */
    readonly state?: Values;
    /** Also finds the button in earlier versions of the message: a client that has not redrawn yet. */
    readonly stale?: boolean;
    readonly override?: { readonly value?: string; readonly ts?: string; readonly channel?: string };
  }): Promise<ClickResult>;
  /** Presses or changes an element of the modal on top, as the person whose modal it is; see `click`. */
  clickView(target: {
    readonly viewId: string;
    readonly actionId: string;
    readonly blockId?: string;
    readonly entered?: Readonly<Record<string, unknown>>;
    readonly state?: Values;
    readonly override?: { readonly value?: string };
  }): Promise<ClickResult>;
  /**
   * Submits the modal on top with `state.values`; what is not in `values` was entered before, or has its initial value.
   * A form that is not complete is 'not-sent', and the view's `errors` say why. Throws for values that nobody could enter.
   */
  submitView(target: { readonly viewId: string; readonly values: Values }): Promise<ClickResult>;
  /**
   * Closes the modal on top, with `all` (the cross) every one below it, too. The app is told only of those with
   * `notify_on_close`; when there is none the result is 'no-connection'.
   */
  closeView(viewId: string, all?: boolean): Promise<ClickResult>;
  /**
   * A person writes in a DM or thread with the app: a `message` event (needs im:history).
   * Without the scope nobody is told: 'no-connection'. The result is that of the first attempt; Slack's three retries go on behind it.
   */
  say(target: {
    readonly channel: string;
    readonly text: string;
    readonly threadTs?: string;
    /** "Also send to the conversation", of a reply. */
    readonly broadcast?: boolean;
    readonly userId?: string;
  }): Promise<ClickResult>;
  /** A person opens the app's messages: an `app_home_opened` event, which needs no scope. */
  openMessages(userId?: string): Promise<ClickResult>;
  /** A person reacts: a `reaction_added` event (needs reactions:read). `emoji` may have a skin tone: `+1::skin-tone-3`. */
  react(target: Reaction): Promise<ClickResult>;
  /** A person takes a reaction back: a `reaction_removed` event. */
  unreact(target: Reaction): Promise<ClickResult>;

  /** Adds trouble; the returned function takes it away. */
  fault(method: string, fault: Fault, times?: number): () => void;
  /** Open Socket Mode connections now, without frozen ones. */
  connections(): number;
  /** Socket Mode connections ever opened (hello sent). */
  connectionsEver(): number;
  /** Every acknowledgement so far, oldest first, also of frames sent with `sendFrame`. */
  acks(): readonly EmulatedAck[];
  /** Another daemon's connections for hello.num_connections: added to the true count. */
  setForeignConnections(count: number): void;
  /** Sends a `disconnect` frame with this reason to every connection, then closes it as Slack does (`warning` closes after 10 s). */
  disconnect(reason: 'warning' | 'refresh_requested' | 'link_disabled' | 'too_many_websockets'): void;
  /** Cuts every WebSocket's TCP connection without a close frame. */
  dropConnections(): void;
  /**
   * Frozen: frames are neither read nor written and pings not answered, TCP stays open. Freezes the connections that are open now;
   * later ones work, and clicks go to a frozen one only when there is no other. Thawed, they catch up.
   */
  freeze(frozen: boolean): void;
  /** Refuses WebSocket handshakes and API calls at TCP level until called with false (the port stays the same). */
  refuse(refused: boolean): Promise<void>;
  /** Makes a token invalid (invalid_auth), or valid again. */
  revoke(token: 'bot' | 'app', revoked: boolean): void;
  /** Makes another app-level token of the same app; those that there are stay valid. */
  newAppToken(): string;
  /** Delivers each of the next `times` envelopes twice, the second time on another connection where there is one; the first ack counts. */
  duplicate(times: number): void;
  /** Sends a raw envelope on one open connection (the newest by default), for duplicate and malformed frames. */
  sendFrame(frame: string, connection?: number): void;
  /** Turns Socket Mode of the app off or on: apps.connections.open answers `link_disabled` while it is off. */
  setSocketMode(enabled: boolean): void;
  stop(): Promise<void>;
}
