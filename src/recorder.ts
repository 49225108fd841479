/** What goes into the audit log, and how: secrets are masked first, and a record that cannot be written is told. */
import { oneLine } from './errors.ts';
import type { Logger } from './logger.ts';
import { createMasker, type Masker, type SecretRule } from './secrets.ts';
import type { Ran } from './sessions.ts';
import type {
  Answer,
  ApprovalRequest,
  Attempt,
  Grant,
  Outcome,
  Receipt,
  Refusal,
  Store,
  StoreRecord,
  ToolInput,
} from './types.ts';

export interface RecorderOptions {
  readonly store: Pick<Store, 'append'>;
  readonly logger: Pick<Logger, 'error'>;
  /** The user's own rules for what is secret; throws when they cannot be read. */
  readonly maskRules: () => readonly SecretRule[];
}

/** Each method returns whether the record is on disk. */
export interface Recorder {
  asked(request: ApprovalRequest): boolean;
  /** A message shows it. */
  posted(request: ApprovalRequest, receipt: Receipt, at: number): boolean;
  ended(request: ApprovalRequest, outcome: Outcome): boolean;
  /** The client was told, or was not there any more. */
  delivered(id: string, at: number, isThere: boolean): boolean;
  /** Every message says how it ended. */
  closed(id: string, at: number): boolean;
  counted(request: ApprovalRequest, answer: Answer): boolean;
  /** Others are asked, too: people, who may answer from now on, and channels. */
  escalated(request: ApprovalRequest, to: readonly string[], at: number): boolean;
  refused(attempt: Attempt, verdict: Refusal): boolean;
  ran(ran: Ran, at: number): boolean;
  /** `request`: the one that it was given with; its secrets may stand in the rule. */
  grant(type: 'granted' | 'grant-ended', grant: Grant, at: number, request?: ApprovalRequest): boolean;
  /** A call in one line, without its secrets, for lists. */
  inWords(request: ApprovalRequest): string;
  /** Why the last record that could not be written could not. */
  trouble(): string;
}

const MAX_WORDS = 200;
/** UTF-16 units; what is longer is no password. */
const MAX_NAMED = 10_000;

export function createRecorder({ store, logger, maskRules }: RecorderOptions): Recorder {
  let trouble = '';
  const append = (record: () => StoreRecord): boolean => {
    try {
      store.append(record());
      return true;
    } catch (error) {
      logger.error({ err: error }, 'record not written');
      trouble = oneLine((error as Error).message);
      return false;
    }
  };
  const maskerFor = (request: ApprovalRequest): Masker => createMasker({ known: request.secrets, rules: maskRules() });

  return {
    trouble: () => trouble,
    asked: (request) =>
      append(() => {
        const { id, agent, digest, approvers, needed, askedAt, expiresAt, input, offers, fromConfig, replies } =
          request;
        const masked = maskDeep(input, maskerFor(request));
        return {
          ...{ type: 'asked', at: askedAt, id, agent, digest, approvers, needed, expiresAt, input: masked },
          ...{ offers, fromConfig, replies },
        };
      }),
    posted: ({ id }, receipt, at) => append(() => ({ ...receipt, type: 'posted', at, id })),
    ended: (request, outcome) =>
      append(() => {
        const masked = maskDeep(outcome, maskerFor(request)) as Outcome;
        const isExact = JSON.stringify(masked) === JSON.stringify(outcome);
        return {
          ...masked,
          type: 'ended',
          id: request.id,
          digest: request.digest,
          ...(isExact ? {} : { masked: true }),
        };
      }),
    delivered: (id, at, isThere) =>
      append(() => ({ type: 'delivered', at, id, ...(isThere ? {} : { client: 'gone' }) })),
    closed: (id, at) => append(() => ({ type: 'closed', at, id })),
    counted: ({ id, digest }, { by, at }) => append(() => ({ type: 'approved', at, id, digest, by })),
    escalated: ({ id, digest }, to, at) => append(() => ({ type: 'escalated', at, id, digest, to })),
    refused: ({ requestId, by, decision, at }, verdict) =>
      append(() => ({ type: 'refused', at, id: requestId, by, decision, verdict })),
    ran: ({ request, run }, at) =>
      append(() => {
        const { isOk, tookMs, error } = maskDeep(run, maskerFor(request)) as Ran['run'];
        return { type: 'ran', at, id: request.id, digest: request.digest, isOk, tookMs, error };
      }),
    grant: (type, { id, rule, text, by, cwd, since, until, used, ended }, at, request) =>
      append(() => {
        // Of the rule itself the end needs to say nothing; what is secret in it only the request knows.
        const what =
          request === undefined
            ? maskDeep({ text }, createMasker({ known: [], rules: maskRules() }))
            : maskDeep({ rule, text, cwd }, maskerFor(request));
        return { ...(what as Partial<Grant>), type, at, grant: id, by, since, until, used, ended };
      }),
    inWords: (request) => {
      const { tool_name = '', tool_input = {} } = request.input;
      const masker = maskerFor(request);
      const input = maskDeep(tool_input, masker) as ToolInput;
      const main = Object.values(input).find((value) => typeof value === 'string');
      const words = `${tool_name} ${typeof main === 'string' ? main : JSON.stringify(input)}`;
      return masker.mask(words).text.replaceAll(/\s+/g, ' ').slice(0, MAX_WORDS);
    },
  };
}

/** The same value with every text in it masked; keys stay. */
export function maskDeep(value: unknown, masker: Masker): unknown {
  if (typeof value === 'string') return masker.mask(value).text;
  if (Array.isArray(value)) {
    const items = value.map((item) => maskDeep(item, masker));
    return maskInPlace(items, masker);
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, maskInPlace([maskDeep(item, masker)], masker, key)[0]]),
  );
}

/** Some texts are secrets only because of the name that they stand beside, or of the argument before them. */
function maskInPlace(items: readonly unknown[], masker: Masker, name?: string): readonly unknown[] {
  if (!areTexts(items) || items.join('').length > MAX_NAMED) return items;
  const shown = masker.mask(JSON.stringify(name === undefined ? items : { [name]: items[0] })).text;
  const masked = parsed(shown);
  return areTexts(masked) && masked.length === items.length ? masked : items;
}

function parsed(json: string): readonly unknown[] {
  try {
    return Object.values(JSON.parse(json) as object);
  } catch {
    return [];
  }
}

function areTexts(items: readonly unknown[]): items is readonly string[] {
  return items.every((item) => typeof item === 'string');
}
