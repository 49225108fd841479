/** What the emulated Slack knows: people, the app, messages, modals. It has no idea of HTTP. */
import { randomBytes, randomInt } from 'node:crypto';
import { type Changes, createChanges } from './changes.ts';
import type { EmulatedCall, EmulatedMessage, EmulatedUser, EmulatedView, EmulatorOptions } from './emulator-types.ts';
import type { StateValues } from './values.ts';

/** A file attached to a message. */
export interface FileRecord {
  readonly id: string;
  readonly name: string;
  title: string;
  content: string;
  /** Bytes, as announced. */
  readonly length: number;
  readonly snippetType?: string;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  uploaded: boolean;
  /** The upload was completed: it cannot be again. */
  isComplete: boolean;
  readonly shares: { readonly channel: string; readonly ts: string }[];
}

/** A message with what people do not see. Blocks are replaced, never changed in place, so snapshots may share them. */
export interface MessageRecord {
  readonly channel: string;
  readonly ts: string;
  readonly threadTs?: string;
  /** User id of the writer: the bot's own or a person's. */
  readonly author: string;
  readonly ephemeralFor?: string;
  /** What a client calls a message that a person wrote. */
  readonly clientMsgId?: string;
  /** A reply that also stands in the conversation. */
  isBroadcast: boolean;
  text: string;
  blocks: readonly Record<string, unknown>[];
  /** Blocks of earlier versions: a person may still have them on the screen. */
  readonly earlier: (readonly Record<string, unknown>[])[];
  editedTs?: string;
  notAckedActionId?: string;
  readonly files: FileRecord[];
  readonly reactions: Map<string, Set<string>>;
  /** User id -> what this person has entered into the message. */
  readonly entered: Map<string, StateValues>;
}

/** An open modal; modals of one person form a stack in the order of `views`. */
export interface ViewRecord {
  readonly id: string;
  readonly userId: string;
  view: Record<string, unknown>;
  /** What the person has entered; it outlives updates. */
  entered: StateValues;
  /** Block id -> message, from the last `response_action: errors` or from the client that did not send the form. */
  errors: Readonly<Record<string, string>>;
  /** The last submission was not acknowledged in time. */
  troubled: boolean;
}

/** A right to open one modal, handed out with every interaction. */
export interface TriggerRecord {
  readonly userId: string;
  readonly at: number;
  /** The modal from which it came: views.push goes on top of it. */
  readonly viewId?: string;
  used: boolean;
}

/** A right to answer one interaction without a token. */
export interface ResponseUrlRecord {
  readonly channel: string;
  readonly ts: string;
  readonly userId: string;
  readonly at: number;
  uses: number;
}

export interface Workspace {
  readonly appId: string;
  readonly teamId: string;
  readonly botId: string;
  readonly botUser: EmulatedUser;
  readonly user: EmulatedUser;
  readonly otherUser: EmulatedUser;
  readonly botToken: string;
  /** App-level tokens of the app: it may have several. */
  readonly appTokens: [string, ...string[]];
  /** The old verification token that Slack still puts into payloads. */
  readonly verificationToken: string;
  readonly scopes: readonly string[];
  readonly settings: { socketModeEnabled: boolean; readonly messagesTabEnabled: boolean };
  readonly revoked: Set<'bot' | 'app'>;
  readonly messages: MessageRecord[];
  readonly views: ViewRecord[];
  readonly homes: Map<string, Record<string, unknown>>;
  readonly files: Map<string, FileRecord>;
  readonly triggers: Map<string, TriggerRecord>;
  readonly responseUrls: Map<string, ResponseUrlRecord>;
  readonly calls: EmulatedCall[];
  readonly changes: Changes;
  /** A new message time stamp: unique, increasing, from the real clock. */
  nextTs(): string;
  /** A new id in Slack's form: a letter and ten upper-case letters or digits. */
  newId(prefix: string): string;
  person(userId: string): EmulatedUser | undefined;
  /** The id of the conversation between the app and this person. */
  dmOf(userId: string): string | undefined;
  /** The person of a conversation; undefined when there is no such conversation. */
  personOfDm(channel: string): EmulatedUser | undefined;
  /** A channel that everybody is in, the app too. */
  readonly channel: string;
  /** Whether the app can write there: a conversation with a person, or the channel. */
  isConversation(channel: string): boolean;
  find(channel: string, ts: string): MessageRecord | undefined;
  /** The messages in the thread below this one that everybody sees, oldest first. */
  repliesTo(parent: MessageRecord): MessageRecord[];
  newTrigger(userId: string, viewId?: string): string;
}

const CHANNEL = 'C0OPS00001';
const DEFAULT_SCOPES = ['chat:write', 'im:write', 'im:history', 'files:write', 'users:read', 'reactions:read'];

/** Creates an empty workspace with one app, two people and fresh tokens. */
export function createWorkspace(options: EmulatorOptions): Workspace {
  const user: EmulatedUser = { id: 'U0ADA00001', name: 'ada', realName: 'Ada Approver' };
  const otherUser: EmulatedUser = { id: 'U0BEN00002', name: 'ben', realName: 'Ben Bystander' };
  const botUser: EmulatedUser = { id: 'U0BOT00003', name: 'claude-approval', realName: 'Claude Approval' };
  const people = [user, otherUser];
  const appId = 'A0EMU00001';
  const messages: MessageRecord[] = [];
  const triggers = new Map<string, TriggerRecord>();
  const dms = new Map(people.map((person) => [`D${person.id.slice(1)}`, person]));
  let lastMicros = 0;

  return {
    appId,
    teamId: 'T0EMU00001',
    botId: 'B0EMU00001',
    botUser,
    user,
    otherUser,
    // No run of digits and dashes as in real tokens: secret scanners have no reason to look at them.
    botToken: `xoxb-emulated-${randomBytes(12).toString('hex')}`,
    appTokens: [newAppToken(appId)],
    verificationToken: randomBytes(12).toString('hex'),
    scopes: options.scopes ?? DEFAULT_SCOPES,
    settings: {
      socketModeEnabled: options.socketModeEnabled ?? true,
      messagesTabEnabled: options.messagesTabEnabled ?? true,
    },
    revoked: new Set(),
    messages,
    views: [],
    homes: new Map(),
    files: new Map(),
    triggers,
    responseUrls: new Map(),
    calls: [],
    changes: createChanges(),
    nextTs: () => {
      lastMicros = Math.max(Date.now() * 1000, lastMicros + 100);
      return `${Math.floor(lastMicros / 1e6)}.${String(lastMicros % 1e6).padStart(6, '0')}`;
    },
    newId,
    person: (userId) => people.find((person) => person.id === userId),
    dmOf: (userId) => [...dms].find(([, person]) => person.id === userId)?.[0],
    personOfDm: (channel) => dms.get(channel),
    channel: CHANNEL,
    isConversation: (channel) => dms.has(channel) || channel === CHANNEL,
    find: (channel, ts) => messages.find((message) => message.channel === channel && message.ts === ts),
    repliesTo: ({ channel, ts }) =>
      messages.filter(
        (message) => message.channel === channel && message.threadTs === ts && message.ephemeralFor === undefined,
      ),
    newTrigger: (userId, viewId) => {
      const id = `${randomInt(1e9)}.${randomInt(1e9)}.${randomBytes(16).toString('hex')}`;
      triggers.set(id, { userId, at: Date.now(), used: false, ...(viewId === undefined ? {} : { viewId }) });
      return id;
    },
  };
}

function newId(prefix: string): string {
  const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
  return `${prefix}0${Array.from({ length: 9 }, () => letters[randomInt(letters.length)]).join('')}`;
}

/** Throws when there is no such message: people only reach for what is there. */
export function existingMessage(workspace: Workspace, channel: string, ts: string): MessageRecord {
  const message = workspace.find(channel, ts);
  if (message === undefined) throw new Error(`Expected a message ${ts} in ${channel}, there is none`);
  return message;
}

/** A message as callers of the emulator see it. */
export function messageView(record: MessageRecord): EmulatedMessage {
  return {
    channel: record.channel,
    ts: record.ts,
    ...(record.threadTs === undefined ? {} : { threadTs: record.threadTs }),
    ...(record.isBroadcast ? { isBroadcast: true } : {}),
    author: record.author,
    text: record.text,
    blocks: record.blocks,
    ...(record.editedTs === undefined ? {} : { editedTs: record.editedTs }),
    ...(record.ephemeralFor === undefined ? {} : { ephemeralFor: record.ephemeralFor }),
    ...(record.notAckedActionId === undefined ? {} : { notAckedActionId: record.notAckedActionId }),
    files: record.files.map(({ id, name, title, content, length, snippetType }) => ({
      id,
      name,
      title,
      content,
      size: length,
      ...(snippetType === undefined ? {} : { snippetType }),
    })),
    reactions: Object.fromEntries([...record.reactions].map(([name, users]) => [name, [...users]])),
  };
}

/** A modal as callers of the emulator see it. */
export function viewView(record: ViewRecord): EmulatedView {
  return {
    id: record.id,
    userId: record.userId,
    view: record.view,
    errors: record.errors,
    ...(record.troubled ? { troubled: true } : {}),
  };
}

/** The id of the app stands in its tokens, as in Slack's. */
export function newAppToken(appId: string): string {
  return `xapp-1-${appId}-emulated-${randomBytes(12).toString('hex')}`;
}
