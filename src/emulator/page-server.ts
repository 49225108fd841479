/** The page's HTTP side: its files, the event stream of what there is, and what people do on it. */
import type { ServerResponse } from 'node:http';
import blocks from './blocks.client.js' with { type: 'text' };
import dialogs from './dialogs.client.js' with { type: 'text' };
import dom from './dom.client.js' with { type: 'text' };
import elements from './elements.client.js' with { type: 'text' };
import type { HttpOutcome, HttpReply, HttpRequest } from './http-server.ts';
import type { Interactions, Press } from './interactions.ts';
import { isRecord, parseJson, recordOf, stringOf } from './json.ts';
import message from './message.client.js' with { type: 'text' };
import mrkdwn from './mrkdwn.client.js' with { type: 'text' };
import page from './page.client.js' with { type: 'text' };
import css from './page.css' with { type: 'text' };
import richText from './rich-text.client.js' with { type: 'text' };
import snippet from './snippet.client.js' with { type: 'text' };
import type { SocketMode } from './socket-mode.ts';
import type { Talk } from './talk.ts';
import { messageView, viewView, type Workspace } from './workspace.ts';

const SCRIPT = 'text/javascript; charset=utf-8';
const SCRIPTS = { page, message, snippet, blocks, dialogs, dom, elements, mrkdwn, 'rich-text': richText };
const FILES: ReadonlyMap<string, { readonly type: string; readonly body: string }> = new Map([
  ...Object.entries(SCRIPTS).map(([name, body]) => [`/assets/${name}.client.js`, { type: SCRIPT, body }] as const),
  ['/assets/page.css', { type: 'text/css; charset=utf-8', body: css }],
]);

const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slack emulator</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/page.css">
<script type="module" src="/assets/page.client.js"></script>
</head>
<body>
<header>
<h1>Slack emulator</h1>
<label>Conversation <select id="channel"></select></label>
<label>Act as <select id="actor"></select></label>
<span id="connections" role="status"></span>
</header>
<p id="stranger" hidden></p>
<p id="notice" role="status"></p>
<main id="messages" aria-label="Messages" tabindex="0"></main>
<p id="empty">No messages yet.</p>
<form id="composer">
<p id="thread" hidden>
<span>Replying in a thread</span>
<label><input id="broadcast" type="checkbox"> Also send to the conversation</label>
<button id="leave" type="button" class="plain">Leave thread</button>
</p>
<div class="entry">
<input id="text" type="text" aria-label="Message" placeholder="Message the app" autocomplete="off">
<button type="submit" class="button primary">Send</button>
</div>
</form>
</body>
</html>
`;

/** Nothing from elsewhere, no inline script, nobody may frame it: what messages say must not become more than text. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** Creates the handler of everything that is not the app's side. `port` is asked at each request. */
export function createPage(
  workspace: Workspace,
  socketMode: SocketMode,
  interactions: Interactions,
  talk: Talk,
  port: () => number,
): (request: HttpRequest) => Promise<HttpOutcome> {
  return async (request) => {
    const host = request.headers.host ?? '';
    // Another name for 127.0.0.1 would be a web site that rebinds its name to this port.
    if (host !== `127.0.0.1:${port()}` && host !== `localhost:${port()}`) return reply(403, { error: 'Wrong host' });
    if (request.method === 'GET') return get(request.path);
    if (request.method !== 'POST' || !request.path.startsWith('/do/')) return reply(404, { error: 'Not found' });
    if (request.headers.origin !== `http://${host}`) return reply(403, { error: 'Wrong origin' });
    if (!request.headers['content-type']?.startsWith('application/json')) return reply(415, { error: 'Expected JSON' });
    const body = parseJson(request.body.toString('utf8'));
    if (!isRecord(body)) return reply(400, { error: 'Expected a JSON object' });
    try {
      const result = await act(request.path.slice('/do/'.length), body);
      return result === undefined ? reply(404, { error: 'Not found' }) : reply(200, result);
    } catch (error) {
      // A press on what is gone, for example.
      return reply(409, { error: error instanceof Error ? error.message : String(error) });
    }
  };

  function get(path: string): HttpOutcome {
    if (path === '/')
      return { status: 200, headers: { ...HEADERS, 'content-type': 'text/html; charset=utf-8' }, body: HTML };
    if (path === '/events') return stream;
    const file = FILES.get(path);
    if (file === undefined) return reply(404, { error: 'Not found' });
    return { status: 200, headers: { ...HEADERS, 'content-type': file.type }, body: file.body };
  }

  function stream(response: ServerResponse): void {
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    let scheduled = false;
    const send = () => {
      scheduled = false;
      if (!response.destroyed) response.write(`data: ${JSON.stringify(snapshot())}\n\n`);
    };
    const unlisten = workspace.changes.listen(() => {
      // Many changes of one turn are one picture.
      if (!scheduled) setImmediate(send);
      scheduled = true;
    });
    response.on('close', unlisten);
    send();
  }

  function snapshot(): Record<string, unknown> {
    const people = [workspace.user, workspace.otherUser].map((person) => ({
      ...person,
      channel: workspace.dmOf(person.id),
    }));
    return {
      bot: workspace.botUser,
      people,
      connections: socketMode.count(),
      messages: workspace.messages.map(messageView),
      views: workspace.views.map(viewView),
    };
  }

  async function act(action: string, body: Record<string, unknown>): Promise<unknown> {
    const text = (name: string) => stringOf(body[name]) ?? '';
    const userId = text('userId') || workspace.user.id;
    if (action === 'press') return interactions.pressOnMessage(text('channel'), text('ts'), pressOf(body, userId));
    if (action === 'press-view') return interactions.pressOnView(text('viewId'), pressOf(body, userId));
    if (action === 'submit') return interactions.submitView(text('viewId'), stateOf(body.values));
    if (action === 'close') return interactions.closeView(text('viewId'), body.all === true);
    if (action === 'react' || action === 'unreact') {
      return talk[action]({ channel: text('channel'), ts: text('ts'), emoji: text('emoji'), userId });
    }
    if (action !== 'say') return undefined;
    const threadTs = stringOf(body.threadTs);
    return talk.say({
      channel: text('channel'),
      text: text('text'),
      userId,
      ...(threadTs === undefined ? {} : { threadTs, broadcast: body.broadcast === true }),
    });
  }
}

function pressOf(body: Record<string, unknown>, userId: string): Press {
  const blockId = stringOf(body.blockId);
  return {
    actionId: stringOf(body.actionId) ?? '',
    userId,
    entered: recordOf(body.entered),
    state: stateOf(body.state),
    ...(blockId === undefined ? {} : { blockId }),
  };
}

function stateOf(value: unknown): Record<string, Record<string, unknown>> {
  return Object.fromEntries(Object.entries(recordOf(value)).map(([block, actions]) => [block, recordOf(actions)]));
}

function reply(status: number, body: unknown): HttpReply {
  return { status, headers: { ...HEADERS, 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
