/** `demo`: the whole loop on one machine. Everything but Slack's side is the real thing: this binary, its daemon, Slack's libraries. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import bashPayload from '../../test/fixtures/claude-code/PermissionRequest.Bash.json' with { type: 'json' };
import planPayload from '../../test/fixtures/claude-code/PermissionRequest.ExitPlanMode.json' with { type: 'json' };
import editPayload from '../../test/fixtures/claude-code/PreToolUse.Edit.json' with { type: 'json' };
import { selfCommand } from '../daemon-start.ts';
import { createEmulator } from '../emulator/emulator.ts';
import type { EmulatedMessage, Emulator } from '../emulator/emulator-types.ts';
import { AppError } from '../errors.ts';
import type { Said } from '../types.ts';

export interface DemoOptions {
  /** Clicks by itself and checks every answer. */
  readonly isAuto: boolean;
  /** Port of the page, as given; without one a free one is taken. */
  readonly port: string | true | undefined;
  readonly print: (text: string) => void;
}

interface Scene {
  readonly title: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** What --auto presses. */
  readonly press: 'csh_approve' | 'csh_deny';
  /** The decision that must come back then. */
  readonly expected: string;
}

/** Payloads recorded from Claude Code 2.1.197, one of each output shape and both decisions. */
const SCENES: readonly Scene[] = [
  { title: 'Bash command, PermissionRequest', payload: bashPayload, press: 'csh_approve', expected: 'allow' },
  { title: 'Edit, PreToolUse', payload: editPayload, press: 'csh_deny', expected: 'deny' },
  { title: 'Plan, PermissionRequest', payload: planPayload, press: 'csh_approve', expected: 'allow' },
];

/** Resolves when every scene is played, and throws AppError('usage') for a port that is none; exit code 0 only if each decision that --auto expects came back. */
export async function runDemo({ isAuto, port, print }: DemoOptions): Promise<Said> {
  const pagePort = portOf(port);
  const home = mkdtempSync(join(tmpdir(), 'csh-demo-'));
  const emulator = await createEmulator({ port: pagePort });
  const env = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: home,
    TMPDIR: home,
    SLACK_API_URL: emulator.apiUrl,
    SLACK_BOT_TOKEN: emulator.botToken,
    SLACK_APP_TOKEN: emulator.appToken,
    SLACK_USER_ID: emulator.user.id,
  };
  const cleanUp = async (): Promise<void> => {
    await Bun.spawn([...selfCommand(), '--stop'], { env, stdio: ['ignore', 'ignore', 'ignore'] }).exited;
    await emulator.stop();
    rmSync(home, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void cleanUp().finally(() => process.exit(130)));
  try {
    print(`A local Slack is at ${emulator.url}\n`);
    print(
      isAuto
        ? 'Buttons are pressed by themselves.\n'
        : 'Open that page and press the buttons; each hook waits for you.\n',
    );
    let failures = 0;
    for (const [index, scene] of SCENES.entries()) {
      print(`\n${index + 1}/${SCENES.length} ${scene.title}\n`);
      const { decision, stdout } = await play(scene, emulator, env, isAuto);
      print(`   the hook printed ${stdout.trim() || 'nothing'}\n   decision: ${decision}\n`);
      if (isAuto && decision !== scene.expected) {
        failures += 1;
        print(`   expected: ${scene.expected}\n`);
      }
    }
    if (!isAuto) await waitForEnter(print);
    print(failures === 0 ? '\nDone.\n' : `\n${failures} of ${SCENES.length} decisions came back wrong.\n`);
    return { stdout: '', stderr: '', exitCode: failures === 0 ? 0 : 70 };
  } finally {
    await cleanUp();
  }
}

/** The page is gone with the demo; who is looking at it says when. Without a terminal nobody could. */
async function waitForEnter(print: (text: string) => void): Promise<void> {
  if (!process.stdin.isTTY) return;
  print('\nThat was all. Press Enter to take the local Slack away.\n');
  for await (const _line of console) return;
}

async function play(
  { payload, press }: Scene,
  emulator: Emulator,
  env: Readonly<Record<string, string>>,
  isAuto: boolean,
): Promise<{ readonly decision: string; readonly stdout: string }> {
  const known = new Set(emulator.messages().map(({ ts }) => ts));
  const hook = Bun.spawn([...selfCommand()], {
    env,
    stdin: new Blob([JSON.stringify(payload)]),
    stdout: 'pipe',
    stderr: 'inherit',
  });
  if (isAuto) {
    const card = await emulator.waitForMessage((message) => !known.has(message.ts) && hasButtons(message));
    await emulator.click({ channel: card.channel, ts: card.ts, actionId: press });
  }
  const stdout = await hook.stdout.text();
  await hook.exited;
  // The message follows the decision, never the other way round; give the page its last word before the next scene.
  if (isAuto) await emulator.waitForMessage((message) => !known.has(message.ts) && !hasButtons(message));
  return { decision: decisionIn(stdout), stdout };
}

function hasButtons({ blocks }: EmulatedMessage): boolean {
  return blocks.some((block) => block.type === 'actions');
}

/** The decision in either of Claude Code's two output shapes. */
function decisionIn(stdout: string): string {
  try {
    const output = (
      JSON.parse(stdout) as { hookSpecificOutput?: { permissionDecision?: string; decision?: { behavior?: string } } }
    ).hookSpecificOutput;
    return output?.permissionDecision ?? output?.decision?.behavior ?? 'none';
  } catch {
    return 'none';
  }
}

function portOf(flag: DemoOptions['port']): number {
  const port = Number(flag ?? 0);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new AppError('usage', `Expected --port to be a port number, got ${JSON.stringify(flag)}`);
}
