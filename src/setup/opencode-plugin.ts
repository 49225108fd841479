/** The plugin by which opencode asks: it has no hook commands, but plugins hear its events and may answer them. */

/** `$XDG_CONFIG_HOME/opencode/plugin/claude-slack-hook.js`, or the project's. */
export function opencodePluginPath(
  scope: 'user' | 'project' | 'local',
  {
    home,
    project,
    env,
  }: { readonly home: string; readonly project: string; readonly env: Readonly<Record<string, string | undefined>> },
): string {
  const config = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : `${home}/.config`;
  const folder = scope === 'user' ? `${config}/opencode` : `${project}/.opencode`;
  return `${folder}/plugin/claude-slack-hook.js`;
}

const HEAD = '// Written by claude-slack-hook setup.';

/** Whether a file is a plugin that setup has written, of any version. */
export function isOpencodePlugin(text: string): boolean {
  return text.startsWith(HEAD);
}

/**
 * The file's text. Each event of interest is one call of the program, as a hook of another agent; its answer goes to
 * opencode's reply API. Whatever goes wrong leaves the question at opencode's own prompt.
 * @param command program and arguments
 */
export function opencodePlugin(command: readonly string[]): string {
  return `${HEAD} Asks in Slack beside opencode's own prompt; the first answer counts.
import { spawn } from 'node:child_process';

const COMMAND = ${JSON.stringify(command)};
const WATCHED = new Set(['permission.asked', 'permission.updated', 'permission.replied', 'session.idle', 'session.deleted']);

function run(event, args) {
  return new Promise((resolve) => {
    const child = spawn(COMMAND[0], [...COMMAND.slice(1), ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', () => resolve(undefined));
    child.on('close', () => {
      try {
        resolve(JSON.parse(output));
      } catch {
        resolve(undefined);
      }
    });
    child.stdin.on('error', () => {});
    child.stdin.end(JSON.stringify(event));
  });
}

export const ClaudeSlackHook = async ({ client, directory }) => {
  /** What each permission was asked for: the reply to it does not say. */
  const asked = new Map();
  return {
    event: async ({ event }) => {
      if (!WATCHED.has(event.type)) return;
      const properties = event.properties ?? {};
      const session_id = properties.sessionID ?? properties.info?.id ?? 'unknown';
      if (event.type === 'permission.asked' || event.type === 'permission.updated') {
        // Not awaited: opencode's own prompt stays usable meanwhile.
        if (asked.has(properties.id)) return;
        // Older versions say type and pattern.
        const { permission: name = properties.type, patterns = properties.pattern } = properties;
        const permission = { ...properties, permission: name, patterns };
        asked.set(properties.id, permission);
        void run({ hook_event_name: 'permission.asked', session_id, cwd: directory, permission }, []).then(async (answer) => {
          asked.delete(properties.id);
          if (answer?.reply === undefined) return;
          await reply(client, session_id, properties.id, answer);
        });
        return;
      }
      const permission = asked.get(properties.requestID ?? properties.permissionID);
      if (event.type === 'permission.replied' && permission === undefined) return;
      await run({ hook_event_name: event.type, session_id, cwd: directory, permission, reply: properties.reply ?? properties.response }, ['--observe']);
    },
  };
};

/** The newer route takes the words of a denial to the model; the older one is there in every version. */
async function reply(client, sessionID, id, { reply: response, message }) {
  const body = { reply: response, ...(message === undefined ? {} : { message }) };
  const headers = { 'Content-Type': 'application/json' };
  try {
    const answered = await client._client.post({ url: '/permission/{requestID}/reply', path: { requestID: id }, body, headers });
    if (answered.error === undefined) return;
  } catch {
    // Falls through to the older one.
  }
  try {
    await client.postSessionIdPermissionsPermissionId({ path: { id: sessionID, permissionID: id }, body: { response } });
  } catch {
    // It was answered at opencode's own prompt.
  }
}
`;
}
