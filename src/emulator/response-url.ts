/** response_url: an answer to one interaction without a token, five times within half an hour. */
import { isRecord, isTrue, parseJson, stringOf } from './json.ts';
import { addMessage, editMessage, readContent, removeMessage } from './methods-chat.ts';
import { refusalText, SlackRefusal } from './web-api.ts';
import type { MessageRecord, ResponseUrlRecord, Workspace } from './workspace.ts';

const MAX_USES = 5;
const LIFE_MS = 30 * 60_000;

/** Hands out the secret part of a new response_url. */
export function newResponseUrl(workspace: Workspace, message: MessageRecord, userId: string): string {
  const id = workspace.newId('R') + crypto.randomUUID().replaceAll('-', '');
  workspace.responseUrls.set(id, { channel: message.channel, ts: message.ts, userId, at: Date.now(), uses: 0 });
  return id;
}

/** Does what was posted to a response_url; the HTTP answer. */
export function useResponseUrl(workspace: Workspace, id: string, body: string): { status: number; body: string } {
  const record = workspace.responseUrls.get(id);
  if (record === undefined) return { status: 404, body: 'no_response_url' };
  if (Date.now() - record.at > LIFE_MS) return { status: 404, body: 'expired_url' };
  if (record.uses >= MAX_USES) return { status: 404, body: 'used_url' };
  const payload = parseJson(body);
  if (!isRecord(payload)) return { status: 400, body: 'invalid_payload' };
  record.uses += 1;
  try {
    respond(workspace, record, payload);
    return { status: 200, body: 'ok' };
  } catch (error) {
    if (!(error instanceof SlackRefusal)) throw error;
    return { status: 400, body: refusalText(error) };
  }
}

function respond(workspace: Workspace, record: ResponseUrlRecord, payload: Record<string, unknown>): void {
  const original = workspace.find(record.channel, record.ts);
  if (isTrue(payload.delete_original)) {
    if (original === undefined) throw new SlackRefusal('message_not_found');
    removeMessage(workspace, original);
    return;
  }
  const content = readContent(payload);
  if (isTrue(payload.replace_original)) {
    if (original === undefined) throw new SlackRefusal('message_not_found');
    editMessage(workspace, original, content);
    return;
  }
  const threadTs = stringOf(payload.thread_ts);
  addMessage(workspace, {
    channel: record.channel,
    author: workspace.botUser.id,
    ...content,
    ...(payload.response_type === 'in_channel' ? {} : { ephemeralFor: record.userId }),
    ...(threadTs === undefined ? {} : { threadTs }),
  });
}
