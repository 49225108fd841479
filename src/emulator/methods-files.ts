/** files.*: the three steps of an upload. */
import { recordsOf, stringOf } from './json.ts';
import { addMessage } from './methods-chat.ts';
import { type Args, invalidArguments, type Method, requiredText, SlackRefusal } from './web-api.ts';
import { type FileRecord, fileJson, type Workspace } from './workspace.ts';

/** `uploadUrl` makes the address that takes the bytes of a file. */
export function fileMethods(workspace: Workspace, uploadUrl: (fileId: string) => string): Record<string, Method> {
  const method = (run: Method['run']): Method => ({ token: 'bot', scopes: ['files:write'], run });
  return {
    'files.getUploadURLExternal': method((args) => {
      const name = requiredText(args, 'filename');
      const length = Number(args.length);
      if (!Number.isInteger(length) || length <= 0) throw invalidArguments('must be greater than 0: length');
      const id = workspace.newId('F');
      workspace.files.set(id, { id, name, title: name, content: '', length, uploaded: false, shared: false });
      return { upload_url: uploadUrl(id), file_id: id };
    }),
    'files.completeUploadExternal': method((args) => completeUpload(workspace, args)),
  };
}

/** Takes the bytes of a file, raw or as a form; the HTTP status and text that Slack's upload server answers. */
export async function receiveUpload(
  workspace: Workspace,
  fileId: string,
  contentType: string,
  raw: Buffer,
): Promise<{ status: number; body: string }> {
  const file = workspace.files.get(fileId);
  if (file === undefined || file.uploaded) return { status: 404, body: 'Not found' };
  const body = contentType.startsWith('multipart/form-data') ? await fileOfForm(contentType, raw) : raw;
  if (body.length !== file.length) return { status: 400, body: `Expected ${file.length} bytes, got ${body.length}` };
  file.content = body.toString('utf8');
  file.uploaded = true;
  return { status: 200, body: `OK - ${body.length}` };
}

/** The first part of a form: the library sends the file as its only one. */
async function fileOfForm(contentType: string, raw: Buffer): Promise<Buffer> {
  const form = await new Response(new Uint8Array(raw), { headers: { 'content-type': contentType } }).formData();
  const [part] = [...form.values()];
  if (part === undefined) return Buffer.alloc(0);
  return typeof part === 'string' ? Buffer.from(part) : Buffer.from(await part.arrayBuffer());
}

function completeUpload(workspace: Workspace, args: Args): Record<string, unknown> {
  const entries = recordsOf(args.files);
  if (entries.length === 0) throw invalidArguments('missing required field: files');
  const files = entries.map((entry) => uploadedFile(workspace, entry));
  const channel = stringOf(args.channel_id);
  if (channel !== undefined && workspace.personOfDm(channel) === undefined) throw new SlackRefusal('channel_not_found');
  for (const file of files) file.shared = true;
  if (channel !== undefined) {
    const threadTs = stringOf(args.thread_ts);
    addMessage(workspace, {
      channel,
      author: workspace.botUser.id,
      text: stringOf(args.initial_comment) ?? '',
      blocks: [],
      files,
      ...(threadTs === undefined ? {} : { threadTs }),
    });
  }
  return { files: files.map(fileJson) };
}

function uploadedFile(workspace: Workspace, entry: Record<string, unknown>): FileRecord {
  const file = workspace.files.get(stringOf(entry.id) ?? '');
  if (file === undefined || !file.uploaded || file.shared) throw new SlackRefusal('file_not_found');
  file.title = stringOf(entry.title) ?? file.title;
  return file;
}
