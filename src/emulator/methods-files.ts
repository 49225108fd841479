/** files.*: the three steps of an upload. */
import { recordsOf, stringOf } from './json.ts';
import { fileJson } from './message-json.ts';
import { addMessage, isThread, readBlocks } from './methods-chat.ts';
import { type Args, invalidArguments, type Method, requiredText, SlackRefusal } from './web-api.ts';
import type { FileRecord, Workspace } from './workspace.ts';

/** Slack's limit for a file that is to be a snippet. */
const MAX_SNIPPET_BYTES = 1024 * 1024;

/** Of Slack's file types the ones that are text. */
const SNIPPET_TYPES = new Set(
  (
    'auto text applescript boxnote c csharp cpp css csv clojure coffeescript cfm d dart diff dockerfile erlang fsharp ' +
    'fortran go groovy handlebars haskell haxe html java javascript json kotlin latex lisp lua markdown matlab mumps ' +
    'objc ocaml pascal perl php pig powershell puppet python r ruby rust sass scala scheme shell smalltalk sql swift ' +
    'tsv typescript vb vbscript velocity verilog xml yaml'
  ).split(' '),
);

/** `uploadUrl` makes the address that takes the bytes of a file. */
export function fileMethods(workspace: Workspace, uploadUrl: (fileId: string) => string): Record<string, Method> {
  const method = (scope: string, run: Method['run']): Method => ({ token: 'bot', scopes: [scope], run });
  return {
    'files.getUploadURLExternal': method('files:write', (args) => {
      const file = announcedFile(workspace.newId('F'), args);
      workspace.files.set(file.id, file);
      return { upload_url: uploadUrl(file.id), file_id: file.id };
    }),
    'files.completeUploadExternal': method('files:write', (args) => completeUpload(workspace, args)),
    'files.info': method('files:read', (args) => {
      const file = workspace.files.get(requiredText(args, 'file'));
      if (file === undefined || !file.isComplete) throw new SlackRefusal('file_not_found');
      return { file: fileJson(workspace, file), content: file.content, is_truncated: false, comments: [] };
    }),
  };
}

function announcedFile(id: string, args: Args): FileRecord {
  const name = requiredText(args, 'filename');
  const length = Number(args.length);
  if (args.length === undefined || length === 0) throw new SlackRefusal('missing_argument');
  if (!Number.isInteger(length) || length < 0) throw invalidArguments('must be greater than 0: length');
  const snippetType = stringOf(args.snippet_type);
  if (snippetType !== undefined && !SNIPPET_TYPES.has(snippetType)) throw new SlackRefusal('unknown_snippet_type');
  if (snippetType !== undefined && length > MAX_SNIPPET_BYTES) throw new SlackRefusal('snippet_too_large');
  return {
    id,
    name,
    title: name,
    content: '',
    length,
    ...(snippetType === undefined ? {} : { snippetType }),
    createdAt: Math.floor(Date.now() / 1000),
    uploaded: false,
    isComplete: false,
    shares: [],
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
  if (channel !== undefined && !workspace.isConversation(channel)) throw new SlackRefusal('channel_not_found');
  const text = stringOf(args.initial_comment) ?? '';
  // Slack takes no notice of blocks beside a comment.
  const blocks = text === '' ? readBlocks(args.blocks) : [];
  const threadTs = stringOf(args.thread_ts);
  if (channel !== undefined && threadTs !== undefined && !isThread(workspace, channel, threadTs)) {
    throw invalidArguments('must be the message that a thread begins with: thread_ts');
  }
  for (const file of files) file.isComplete = true;
  if (channel !== undefined) {
    const thread = threadTs === undefined ? {} : { threadTs };
    const { ts } = addMessage(workspace, { channel, author: workspace.botUser.id, text, blocks, files, ...thread });
    for (const file of files) file.shares.push({ channel, ts });
  }
  return { files: files.map((file) => fileJson(workspace, file)) };
}

function uploadedFile(workspace: Workspace, entry: Record<string, unknown>): FileRecord {
  const file = workspace.files.get(stringOf(entry.id) ?? '');
  if (file === undefined || !file.uploaded || file.isComplete) throw new SlackRefusal('file_not_found');
  file.title = stringOf(entry.title) ?? file.title;
  return file;
}
