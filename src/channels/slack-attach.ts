/** What does not fit into a message, as a file in its thread: every field, whole, written so that nothing hides. */
import type { ApprovalRequest } from '../types.ts';
import type { CardBody } from './slack-body.ts';
import type { SlackCalls } from './slack-calls.ts';
import type { Place } from './slack-editor.ts';
import { encodeInline } from './visible.ts';
import { attachmentTitle, LABELS, length } from './wording.ts';

/** Slack shows files up to this size as text (snippets: 1 MB); larger ones would have to be downloaded to be read. */
const MAX_FILE_BYTES = 1_000_000;

/** Rejects with an AppError when Slack did not take it, or when it is larger than people could read there. */
export async function attach(
  calls: SlackCalls,
  place: Place,
  request: ApprovalRequest,
  body: CardBody,
  signal: AbortSignal,
): Promise<void> {
  const content = fileOf(request, body);
  const name = `request-${request.digest.slice(0, 12)}.txt`;
  await calls.upload({ ...place, name, title: attachmentTitle(body.tool), content, maxBytes: MAX_FILE_BYTES }, signal);
}

export function fileOf(
  { input, digest }: ApprovalRequest,
  { tool, fields }: Pick<CardBody, 'tool' | 'fields'>,
): string {
  const head = [
    `${LABELS.tool}: ${tool}`,
    `${LABELS.session}: ${encodeInline(input.session_id)}`,
    `${LABELS.digest}: ${digest}`,
  ];
  const parts = fields.map(({ label, note, shown, length: characters, remark }) => {
    const about = note === undefined ? '' : ` (${note})`;
    return [`== ${label}${about}, ${length(characters)} ==`, shown, ...(remark === undefined ? [] : [remark])].join(
      '\n',
    );
  });
  return `${[head.join('\n'), ...parts].join('\n\n')}\n`;
}
