/** The detector of macOS: what the I/O registry says about the users of the console. */
import type { Detector, Environment, Finding, Run } from './detector.ts';

export interface MacOptions {
  readonly env: Environment;
  readonly uid: number;
  readonly run: Run;
}

export function macDetectors({ env, uid, run }: MacOptions): readonly Detector[] {
  const look = async (signal: AbortSignal): Promise<Finding> => {
    const command = ['/usr/sbin/ioreg', '-n', 'Root', '-d1', '-a'] as const;
    const { stdout } = await run(command, { env, signal, wantsOutput: true });
    return readConsoleUsers(stdout, uid);
  };
  return [{ name: 'ioreg', look }];
}

/**
 * What `ioreg -n Root -d1 -a` says about one user. CGSSessionScreenIsLocked is there, and true, only while that user's
 * screen is locked. A user who is logged in but not on the console has been switched away from: that is locked for our
 * purpose. The registry lists every user with a session, so the first entry may be somebody else's.
 */
export function readConsoleUsers(plist: string, uid: number): Finding {
  const detector = 'ioreg';
  const root = readPlist(plist);
  const users = root instanceof Map ? root.get('IOConsoleUsers') : undefined;
  if (!Array.isArray(users)) return { detector, verdict: 'unknown', reason: 'no IOConsoleUsers in its answer' };
  const sessions = users.filter((user): user is PlistDict => user instanceof Map && user.get(USER_ID) === uid);
  if (sessions.length === 0) return { detector, verdict: 'unknown', reason: `no graphical session of user ${uid}` };
  const session = sessions.find((each) => isTrue(each.get(ON_CONSOLE)));
  if (session === undefined) return { detector, verdict: 'yes', reason: 'another user is on the console' };
  if (isTrue(session.get('CGSSessionScreenIsLocked')))
    return { detector, verdict: 'yes', reason: 'the screen is locked' };
  return { detector, verdict: 'no', reason: 'the screen is not locked' };
}

const USER_ID = 'kCGSSessionUserIDKey';
const ON_CONSOLE = 'kCGSSessionOnConsoleKey';

function isTrue(value: PlistValue | undefined): boolean {
  return value === true || value === 1;
}

type PlistValue = string | number | boolean | readonly PlistValue[] | PlistDict;
type PlistDict = ReadonlyMap<string, PlistValue>;

/** The registry's answer is five levels deep. */
const MAX_DEPTH = 32;

/** The value of an XML property list, or undefined when it is not one. Linear in the text; never throws. */
function readPlist(text: string): PlistValue | undefined {
  // An opening, closing or empty element, and the text that follows an opening one.
  const tags = text.matchAll(/<(\/?)(dict|array|key|string|integer|real|true|false|data|date)(\/?)>([^<]*)/g);
  const next = (): Tag | undefined => {
    const { value } = tags.next();
    if (value === undefined) return undefined;
    const [, slash, name = '', empty, content = ''] = value as RegExpExecArray;
    return { name, content, isClosing: slash === '/', isEmpty: empty === '/' };
  };
  const first = next();
  return first === undefined ? undefined : readElement(first, next, 0);
}

interface Tag {
  readonly name: string;
  readonly content: string;
  readonly isClosing: boolean;
  readonly isEmpty: boolean;
}

function readElement(tag: Tag, next: () => Tag | undefined, depth: number): PlistValue | undefined {
  if (tag.isClosing || depth > MAX_DEPTH) return undefined;
  if (tag.name === 'true' || tag.name === 'false') {
    if (!tag.isEmpty) next();
    return tag.name === 'true';
  }
  if (tag.name !== 'dict' && tag.name !== 'array') {
    if (!tag.isEmpty) next();
    return tag.name === 'integer' || tag.name === 'real' ? Number(tag.content) : tag.content;
  }
  const items: PlistValue[] = [];
  for (let inner = tag.isEmpty ? undefined : next(); inner !== undefined && !inner.isClosing; inner = next()) {
    const item = readElement(inner, next, depth + 1);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return tag.name === 'array' ? items : pairs(items);
}

/** A dict's keys and values alternate. */
function pairs(items: readonly PlistValue[]): PlistDict {
  const dict = new Map<string, PlistValue>();
  for (let at = 0; at + 1 < items.length; at += 2) {
    const value = items[at + 1];
    if (value !== undefined) dict.set(String(items[at]), value);
  }
  return dict;
}
