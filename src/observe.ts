/** Events that ask nothing but may tell what became of a request. */
import { meet, type Wanted } from './daemon.ts';
import { secretsIn } from './environment-secrets.ts';
import { encodeEvent } from './protocol-daemon.ts';
import type { AgentName, HookInput } from './types.ts';

/** An event waits no longer than this for a busy daemon. */
const OBSERVE_MS = 300;
/** Of a failure the first words are shown. */
const MAX_ERROR = 500;

/**
 * Tells a running daemon of an event that may end a pending request. Never starts one, never fails, and waits only for
 * the daemon's word that it has read the line. The tool's response stays here: it may be large and is nobody's business.
 */
export async function observe(
  agent: AgentName,
  input: HookInput,
  wanted: Wanted,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const heard = Promise.withResolvers<void>();
  try {
    const events = { onLine: () => heard.resolve(), onBroken: () => heard.resolve(), onClose: heard.resolve };
    const late = Bun.sleep(OBSERVE_MS).then(() => undefined);
    const until = performance.now() + OBSERVE_MS;
    const meeting = await Promise.race([meet(wanted, () => until - performance.now(), events), late]);
    if (meeting?.state !== 'ready') return;
    meeting.connection.send(encodeEvent(toldOf(input, secretsIn(undefined, env)), agent));
    await Promise.race([heard.promise, Bun.sleep(OBSERVE_MS)]);
  } catch {
    // An observer must not disturb the agent; the card stays until its deadline.
  }
}

/**
 * What the daemon is told of an event. What a failed command said is not part of any request, so the daemon does not know
 * what in it is secret.
 */
export function toldOf(input: HookInput, secrets: readonly string[]): HookInput {
  const { tool_response: _response, ...rest } = input;
  if (typeof input.error !== 'string') return rest;
  const masked = secrets.reduce((left, secret) => left.replaceAll(secret, '[masked]'), input.error);
  return { ...rest, error: masked.slice(0, MAX_ERROR) };
}
