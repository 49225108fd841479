/** A local Slack: Web API, Socket Mode and a page, for the demo and for tests. Speaks the wire protocol, shares nothing with the product. */
import type { Emulator, EmulatorOptions } from './emulator-types.ts';
import { createEvents } from './events.ts';
import { createFaults } from './faults.ts';
import { createHttpServer, type HttpServer } from './http-server.ts';
import { createInteractions } from './interactions.ts';
import { appMethods } from './methods-app.ts';
import { chatMethods } from './methods-chat.ts';
import { fileMethods } from './methods-files.ts';
import { reactionMethods } from './methods-reactions.ts';
import { viewMethods } from './methods-views.ts';
import { createPage } from './page-server.ts';
import { newResponseUrl } from './response-url.ts';
import { createRouter, PATHS } from './router.ts';
import { createSocketMode } from './socket-mode.ts';
import { createTalk } from './talk.ts';
import { createWorkspace, messageView, newAppToken, viewView } from './workspace.ts';

const DEFAULT_ACK_TIMEOUT_MS = 3_000;
const DEFAULT_WAIT_MS = 10_000;

/**
 * Starts the emulator; it listens when the promise resolves.
 * Rejects when `options.port` is taken.
 */
export async function createEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const workspace = createWorkspace(options);
  const { changes } = workspace;
  const faults = createFaults();
  const socketMode = createSocketMode(workspace, {
    ackTimeoutMs: options.ackTimeoutMs ?? DEFAULT_ACK_TIMEOUT_MS,
    tcpLingerMs: options.tcpLingerMs ?? 0,
  });
  // Addresses are first asked for by a request, when the server and its port are known.
  const origin = (scheme: 'http' | 'ws') => `${scheme}://127.0.0.1:${server.port()}`;
  const interactions = createInteractions(
    workspace,
    socketMode,
    (message, userId) => `${origin('http')}${PATHS.response}${newResponseUrl(workspace, message, userId)}`,
  );
  const events = createEvents(workspace, socketMode);
  const talk = createTalk(workspace, events);
  const methods = new Map(
    Object.entries({
      ...appMethods(workspace, socketMode, {
        page: () => `${origin('http')}/`,
        socket: (ticket) => `${origin('ws')}${PATHS.socket}?ticket=${ticket}&app_id=${workspace.appId}`,
      }),
      ...chatMethods(workspace),
      ...reactionMethods(workspace),
      ...viewMethods(workspace),
      ...fileMethods(workspace, (fileId) => `${origin('http')}${PATHS.upload}${fileId}`),
    }),
  );
  const server: HttpServer = await createHttpServer(
    options.port ?? 0,
    createRouter(
      workspace,
      methods,
      faults,
      createPage(workspace, socketMode, interactions, talk, () => server.port()),
    ),
    (path, key, socket, head) => {
      const url = new URL(path, 'http://127.0.0.1');
      const ticket = url.searchParams.get('ticket') ?? '';
      if (url.pathname === PATHS.socket && key !== '' && socketMode.accept(ticket, socket, head, key)) return;
      socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    },
  );

  const describe = (items: readonly unknown[]) => {
    const lines = items.slice(-5).map((item) => JSON.stringify(item).slice(0, 500));
    return `${items.length}${lines.length === 0 ? '' : `, the last ones: ${lines.join(' ')}`}`;
  };
  const wait = <T>(what: string, list: () => readonly T[], test: (item: T) => boolean, timeoutMs = DEFAULT_WAIT_MS) =>
    changes.until(
      what,
      () => list().find(test),
      () => describe(list()),
      timeoutMs,
    );
  const messages = () => workspace.messages.map(messageView);
  const views = () => workspace.views.map(viewView);

  return {
    url: `${origin('http')}/`,
    apiUrl: `${origin('http')}${PATHS.api}`,
    botToken: workspace.botToken,
    appToken: workspace.appTokens[0],
    appId: workspace.appId,
    teamId: workspace.teamId,
    user: workspace.user,
    otherUser: workspace.otherUser,
    channel: workspace.channel,

    messages,
    views,
    onCall: (listener) => {
      let seen = workspace.calls.length;
      return changes.listen(() => {
        for (let call = workspace.calls[seen]; call !== undefined; call = workspace.calls[seen]) {
          seen += 1;
          listener(call);
        }
      });
    },
    calls: (method) => workspace.calls.filter((call) => method === undefined || call.method === method),
    waitForMessage: (test, timeoutMs) => wait('a message that fits', messages, test, timeoutMs),
    waitForView: (test, timeoutMs) => wait('a modal that fits', views, test, timeoutMs),
    waitForCall: (test, timeoutMs) => wait('a call that fits', () => workspace.calls, test, timeoutMs),
    waitForConnections: (count, timeoutMs = DEFAULT_WAIT_MS) =>
      changes
        .until(
          `${count} open connections`,
          () => (socketMode.count() === count ? true : undefined),
          () => String(socketMode.count()),
          timeoutMs,
        )
        .then(() => undefined),

    click: ({ channel, ts, ...press }) => interactions.pressOnMessage(channel, ts, press),
    clickView: ({ viewId, ...press }) => interactions.pressOnView(viewId, press),
    submitView: ({ viewId, values }) => interactions.submitView(viewId, values),
    closeView: interactions.closeView,
    ...talk,

    fault: (method, fault, times = 1) => faults.add(method, fault, times),
    connections: socketMode.count,
    connectionsEver: socketMode.ever,
    acks: socketMode.acks,
    setForeignConnections: socketMode.setForeign,
    disconnect: socketMode.disconnect,
    dropConnections: socketMode.drop,
    freeze: socketMode.freeze,
    duplicate: socketMode.duplicate,
    refuse: server.refuse,
    newAppToken: () => {
      const token = newAppToken(workspace.appId);
      workspace.appTokens.push(token);
      return token;
    },
    revoke: (token, revoked) => {
      if (revoked) workspace.revoked.add(token);
      else workspace.revoked.delete(token);
    },
    sendFrame: socketMode.sendFrame,
    setSocketMode: (enabled) => {
      workspace.settings.socketModeEnabled = enabled;
    },
    stop: async () => {
      events.stop();
      socketMode.drop();
      await server.stop();
      changes.end();
    },
  };
}
